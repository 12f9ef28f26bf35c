/**
 * What one `mysql2` connection has prepared, run by the binary protocol. mysql2's own cache keeps one statement of each text,
 * where MySQL needs one for each kind of value (mysql-server/mysql-prepared.ts), so it is put out of use.
 *
 * Invariant: one run at a time, and `endRun` before the next.
 * Refuses to know: results.
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

/** Keeps nothing. */
const NO_CACHE: Mysql2StatementCache = { get: () => undefined, set: () => undefined, clear: () => undefined };

export class MysqlStatements {
  readonly #client: Mysql2Connection;
  readonly #typedParameter: Mysql2Module['TypedParameter'];
  readonly #kept: PreparedStatements<Mysql2Statement>;
  #running: Mysql2Statement | undefined;

  /** `limit`: how many are kept; 0 for none. */
  constructor(client: Mysql2Connection, { TypedParameter }: Mysql2Module, limit: number) {
    client._statements = NO_CACHE;
    this.#client = client;
    this.#typedParameter = TypedParameter;
    this.#kept = new PreparedStatements(limit);
  }

  /** Either `started` or `failed` is called, once. */
  run(
    sql: string,
    values: readonly MysqlParameter[],
    session: { readonly flavour: Flavour; readonly database: string | undefined },
    started: (command: Mysql2Command) => void,
    failed: (error: unknown) => void,
  ): void {
    const key = PreparedStatements.keyOf(session.database, sql);
    const kinds = kindsOf(session.flavour, sql, values);
    const execute = (statement: Mysql2Statement): void => {
      this.#running = statement;
      const wanted = statement.parameters.length;
      if (wanted !== values.length) return failed(wrongCountError(values.length, wanted));
      started(statement.execute(values.map((value) => this.#typed(value))));
    };
    const kept = this.#kept.get(key, kinds);
    if (kept !== undefined) return execute(kept);
    this.#client.prepare({ sql }, (error, statement) => {
      if (error !== null && error !== undefined) return failed(error);
      this.#kept.add(key, statement, kinds);
      execute(statement);
    });
  }

  endRun(): void {
    if (this.#running !== undefined) this.#kept.release(this.#running);
    this.#running = undefined;
  }

  /** What the error of a run says is in the way of the next one is cleared away. */
  clearAfter(sql: string, database: string | undefined, error: unknown): void {
    this.#kept.clearAfter(PreparedStatements.keyOf(database, sql), error);
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
