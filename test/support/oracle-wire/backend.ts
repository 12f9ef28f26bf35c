/**
 * What the wire server asks of whoever answers SQL: the scripted backend, or an engine with a database behind it. Values
 * are plain JavaScript on this side of the line; the wire's own bytes never reach a backend.
 */
import type { VectorValue } from './codec/vector.js';
import type { ParsedStatement } from './sql-scan.js';
import type { DateParts, IntervalDS, IntervalYM } from './values.js';

/** An error as the client will read it: the ORA number, the whole text, and the offset in the SQL where there is one. */
export class OraError extends Error {
  readonly code: number;
  readonly position: number;

  constructor(code: number, message: string, position = 0) {
    super(message.startsWith('ORA-') ? message : `ORA-${String(code).padStart(5, '0')}: ${message}`);
    this.name = 'OraError';
    this.code = code;
    this.position = position;
  }
}

/** A JSON value. Its numbers may be `JsonNumber` where their digits matter; its text is what a client gets that asks for one. */
export class SqlJson {
  readonly value: unknown;
  readonly text: string | undefined;

  constructor(value: unknown, text?: string) {
    this.value = value;
    this.text = text;
  }
}

/**
 * Numbers that need their digits are strings; LOBs are strings and Buffers; a cursor is a REF CURSOR; vectors are typed
 * arrays, or a Buffer with the bytes of their image.
 */
export type SqlValue =
  | null
  | string
  | number
  | bigint
  | boolean
  | Buffer
  | DateParts
  | IntervalDS
  | IntervalYM
  | SqlCursor
  | SqlJson
  | VectorValue;

export type SqlRow = readonly SqlValue[];

/** Rows may be made as they are asked for: an iterable is only read as far as the client fetches. */
export type RowSource = Iterable<SqlRow> | AsyncIterable<SqlRow>;

export interface Column {
  readonly name: string;
  /** One of `T` in values.ts. */
  readonly type: number;
  readonly precision?: number;
  readonly scale?: number;
  /** Bytes, for character and RAW columns: 4,000 by default. Zero means that the row carries no bytes for it at all. */
  readonly size?: number;
  /** 1 is the database's character set, 2 the national one. */
  readonly csfrm?: number;
  readonly nullable?: boolean;
  /** IS JSON on a character or LOB column. */
  readonly json?: boolean;
  /** VECTOR: absent dimensions are any; formats 2 (float32), 3 (float64), 4 (int8), 5 (binary), 0 for any. */
  readonly vector?: { readonly dimensions?: number; readonly format?: number };
}

export interface SqlCursor {
  readonly columns: Column[];
  readonly rows: RowSource;
}

export interface BatchError {
  readonly code: number;
  /** The iteration that failed, from 0. */
  readonly offset: number;
  readonly message: string;
}

export interface BindSpec {
  readonly name: string;
  readonly type: number;
  readonly maxSize: number;
  readonly csfrm: number;
  readonly isArray: boolean;
  /** It receives values of a RETURNING clause: no value came with it. */
  readonly isReturn: boolean;
}

export interface SqlRequest {
  readonly statement: ParsedStatement;
  readonly binds: BindSpec[];
  /** One row of values per iteration: at least one, possibly an empty one. */
  readonly rows: (SqlValue | SqlValue[])[][];
  readonly autoCommit: boolean;
  /** Failing iterations are collected in `batchErrors` instead of ending the statement. */
  readonly batchErrors: boolean;
}

export interface SqlResult {
  columns?: Column[];
  rows?: RowSource;
  /** Affected rows of each iteration. */
  rowCounts?: number[];
  /** PL/SQL: the direction of each bind, and their values of each iteration. */
  outDirs?: ('in' | 'out' | 'inout')[];
  outValues?: (SqlValue | SqlValue[])[][];
  /** DML RETURNING: [iteration][return bind][row]. */
  returning?: SqlValue[][][];
  batchErrors?: BatchError[];
  implicitResults?: SqlCursor[];
  /** The first failing iteration of an array DML without `batchErrors`: what came before it stays. */
  partial?: { rowCount: number; error: OraError };
  warning?: { code: number; message: string };
  currentSchema?: string;
  /** The row last touched, for `lastRowid`. */
  rowid?: string;
}

export interface SessionInfo {
  readonly sid: number;
  readonly serial: number;
  readonly user: string;
  readonly schema: string;
  readonly service: string;
}

export interface SqlSession {
  /** A transaction is open: every answer tells the client so. */
  readonly inTransaction: boolean;
  execute(request: SqlRequest): Promise<SqlResult>;
  /** The columns of a statement that is not run. */
  describe(statement: ParsedStatement): Promise<Column[]>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Ends the running statement: its `execute` must reject, with ORA-01013 where it can choose. */
  cancel(): Promise<void>;
  setReadOnly(on: boolean): Promise<void>;
  setTimeZone?(zone: string): void;
  /** What tracing is told with a call: `module`, `action`, `clientId`, `clientInfo`; an empty text takes it back. */
  setTracing?(values: Readonly<Record<string, string>>): Promise<void>;
  /** Rolls back and lets go of everything. */
  close(): Promise<void>;
}

export interface SqlBackend {
  openSession(info: SessionInfo): Promise<SqlSession>;
  /** Called once by the server: `cut` ends the connection of a session that SQL has disconnected. */
  attach?(server: { cut(sid: number): void }): void;
  close(): Promise<void>;
}
