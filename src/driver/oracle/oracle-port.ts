/**
 * What the value side of this room (results, cursors, batches, LOBs) asks of the connection that it works on. Implemented by
 * oracle-connection.ts, which alone knows states, deadlines and how a connection is lost.
 */
import type { Field, TypeConfig } from '../query.js';
import type { OracleAttachments } from './oracle-attachments.js';
import type { OracleClientConnection, OracleMetadata, OracleModule } from './oracle-module.js';

/** How values come back from Oracle: the runtime's choices, and those of the driver's options. */
export interface OracleTypeConfig extends TypeConfig {
  /**
   * NUMBER of 16 to 38 digits without a scale: a decimal like every other NUMBER that fits no JavaScript number
   * (`types.decimal`), or an integer (`types.bigint`). Default `'decimal'`.
   */
  readonly integers: 'decimal' | 'bigint';
  /** `'lower'`: names that are all upper case, as Oracle makes them of names without quotes, in lower case. Default `'exact'`. */
  readonly columnNames: 'exact' | 'lower';
  /**
   * Longest LOB, in bytes of a BLOB and UTF-16 units of a CLOB, that comes as a Buffer or a string; each such costs a round trip.
   * Infinity: all do, with their rows and without a round trip of their own. Default 1,048,576.
   */
  readonly lobLimit: number;
  /** Rows of a REF CURSOR or an implicit result that are read ahead; one that has no more needs its session no longer. Default 1,000. */
  readonly readAhead: number;
}

export const DEFAULT_ORACLE_TYPES = {
  integers: 'decimal',
  columnNames: 'exact',
  lobLimit: 1_048_576,
  readAhead: 1_000,
} as const satisfies Omit<OracleTypeConfig, keyof TypeConfig>;

/** Makes rows out of the raw ones of one result. */
export interface RowReader {
  readonly fields: readonly Field[];
  /** Columns whose values may be LOBs of the library. */
  readonly lobs: readonly number[];
  /** Columns whose values are result sets of the library, or their rows. */
  readonly cursors: readonly number[];
  read(raw: unknown[], rowMode: 'object' | 'array'): unknown;
}

export interface RowReaders {
  /** Its last result had no more than `SMALL_RESULT` rows. */
  isSmall(text: string): boolean;
  note(text: string, rows: number): void;
  readerOf(text: string, columns: readonly OracleMetadata[]): RowReader;
}

export interface OraclePort {
  readonly module: OracleModule;
  readonly client: OracleClientConnection;
  readonly types: OracleTypeConfig;
  /** What `readUtc(client)` of oracle-dates.ts has answered for this connection. */
  readonly readsUtc: boolean;
  /** SQL knows BOOLEAN: from 23 on. Before, only PL/SQL does. */
  readonly hasSqlBoolean: boolean;
  /** How the rows of statements were read that have run on this connection. */
  readonly readers: RowReaders;
  /** What is open on the session and belongs to results that have been given out. Ended by `reset`, `close` and `destroy`. */
  readonly attachments: OracleAttachments;
  /**
   * One call to the library, or several that belong together. Rejects at once when the connection is destroyed, whatever the
   * library does; nothing of it becomes an unhandled rejection.
   */
  call<T>(work: (client: OracleClientConnection) => Promise<T>): Promise<T>;
}

/** The session that a cursor reads from. */
export interface OracleCursorPort extends OraclePort {
  isInTransaction(): boolean;
  /** Outside a transaction: the session is busy from here to `release`. */
  hold(): void;
  release(): void;
  untilReady(): Promise<void>;
}

/** The session that a batch runs on. */
export interface OracleBatchPort extends OraclePort {
  isInTransaction(): boolean;
  untilReady(): Promise<void>;
}
