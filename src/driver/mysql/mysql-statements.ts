/**
 * What one `mysql2` connection has prepared, run by the binary protocol. mysql2's own cache keeps one statement of each text,
 * where MySQL needs one for each kind of value (mysql-server/mysql-prepared.ts), so it is put out of use.
 *
 * Invariant: one run at a time, and `endRun` before the next.
 * Refuses to know: results. How its rows were read is kept with each statement for whoever reads them.
 */
import type { Flavour } from '../mysql-server/mysql-flavour.js';
import { PreparedStatements, kindsOf, wrongCountError } from '../mysql-server/mysql-prepared.js';
import type { MysqlParameter } from '../mysql-server/mysql-values.js';
import { MAX_INT64 } from '../mysql-server/mysql-values.js';
import type {
  Mysql2Command,
  Mysql2Connection,
  Mysql2Module,
  Mysql2Statement,
  Mysql2StatementCache,
} from './mysql-module.js';
import { ReaderMemory } from './mysql-readers.js';

/** Keeps nothing. */
const NO_CACHE: Mysql2StatementCache = { get: () => undefined, set: () => undefined, clear: () => undefined };

class KeptStatement {
  readonly prepared: Mysql2Statement;
  readonly readers = new ReaderMemory();

  constructor(prepared: Mysql2Statement) {
    this.prepared = prepared;
  }

  close(): void {
    this.prepared.close();
  }
}

/** What is to be run, and under which key it is kept prepared. */
export interface PreparedRun {
  readonly text: string;
  readonly key: string;
  readonly values: readonly MysqlParameter[];
}

export class MysqlStatements {
  readonly #client: Mysql2Connection;
  readonly #typedParameter: Mysql2Module['TypedParameter'];
  readonly #kept: PreparedStatements<KeptStatement>;
  #running: KeptStatement | undefined;

  /** `limit`: how many are kept; 0 for none. */
  constructor(client: Mysql2Connection, { TypedParameter }: Mysql2Module, limit: number) {
    client._statements = NO_CACHE;
    this.#client = client;
    this.#typedParameter = TypedParameter;
    this.#kept = new PreparedStatements(limit);
  }

  /** Either `started` or `failed` is called, once. */
  run(
    { text, key, values }: PreparedRun,
    flavour: Flavour,
    started: (command: Mysql2Command, readers: ReaderMemory) => void,
    failed: (error: unknown) => void,
  ): void {
    const kinds = kindsOf(flavour, text, values);
    const known = this.#kept.get(key, kinds);
    if (known !== undefined) return this.#execute(known, values, started, failed);
    this.#client.prepare({ sql: text }, (error, prepared) => {
      if (error !== null && error !== undefined) return failed(error);
      const kept = new KeptStatement(prepared);
      this.#kept.add(key, kept, kinds);
      this.#execute(kept, values, started, failed);
    });
  }

  #execute(
    kept: KeptStatement,
    values: readonly MysqlParameter[],
    started: (command: Mysql2Command, readers: ReaderMemory) => void,
    failed: (error: unknown) => void,
  ): void {
    this.#running = kept;
    const wanted = kept.prepared.parameters.length;
    if (wanted !== values.length) return failed(wrongCountError(values.length, wanted));
    started(kept.prepared.execute(values.map((value) => this.#typed(value))), kept.readers);
  }

  endRun(): void {
    if (this.#running !== undefined) this.#kept.release(this.#running);
    this.#running = undefined;
  }

  /** What the error of a run says is in the way of the next one is cleared away. */
  clearAfter(key: string, error: unknown): void {
    this.#kept.clearAfter(key, error);
  }

  /** The server has forgotten them already. */
  forgetAll(): void {
    this.#kept.forgetAll();
  }

  /**
   * mysql2 would send a bigint as text, which servers compute with as DOUBLE. Beyond 2^63 it goes as DECIMAL: MySQL 9.7 takes a
   * placeholder for signed, and cuts an unsigned one to the largest signed number.
   */
  #typed(value: MysqlParameter): unknown {
    if (typeof value !== 'bigint') return value;
    return value > MAX_INT64 ? this.#typedParameter.NEWDECIMAL(String(value)) : this.#typedParameter.LONGLONG(value);
  }
}
