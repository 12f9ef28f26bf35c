/**
 * The shape of the whole house: whatever runs statements (a runtime, a session, a transaction) has these methods and
 * behaves alike. Also the abstract class that derives all of them from one, so that they cannot drift apart.
 */
import type { DriverResult, Field } from '../driver/query.js';
import type { Sql } from '../sql/fragment.js';
import type { StatementParams } from '../sql/statement-compiler.js';
import type { QueryOptions } from './query-options.js';

export type { Field, StatementParams };

/** A row as an object by column name. */
export type Row = Record<string, unknown>;

/** SQL text in the database's own placeholders (with an array), with `:name` (with an object), or a `sql` template. */
export type Statement<R> = string | Sql<R>;

/** Everything a statement brought back. */
export interface QueryResult<R> {
  readonly rows: R[];
  readonly fields: readonly Field[];
  /** Rows inserted, updated, deleted or merged; 0 for statements that only read. */
  readonly rowsAffected: number;
  readonly lastInsertId?: bigint | number | string;
  /** The verb the database confirmed: `SELECT`, `INSERT`. */
  readonly command: string;
  /** From the call to the result, waiting included. */
  readonly durationMs: number;
}

export interface ExecResult {
  readonly rowsAffected: number;
  readonly lastInsertId?: bigint | number | string;
}

/**
 * Runs statements. Every method rejects with a FluxorError; see `docs/errors.md`.
 * `params`: an array binds the database's own placeholders (`$1`, `?`, `:1`), an object binds `:name` on every database.
 */
export interface Executor {
  /**
   * The rows.
   * @example const users = await db.query<User>('select * from users where city = :city', { city });
   */
  query<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<R[]>;
  /**
   * The first row, or `undefined`.
   * @example const user = await db.queryRow<User>('select * from users where id = $1', [id]);
   */
  queryRow<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<R | undefined>;
  /**
   * The first column of the first row, or `undefined`.
   * @example const count = await db.queryValue<bigint>('select count(*) from users');
   */
  queryValue<T = unknown>(
    sql: Statement<unknown>,
    params?: StatementParams,
    options?: QueryOptions,
  ): Promise<T | undefined>;
  /**
   * For statements that change something.
   * @example const { rowsAffected } = await db.exec(sql`delete from carts where age(touched) > ${maxAge}`);
   */
  exec(sql: Statement<unknown>, params?: StatementParams, options?: QueryOptions): Promise<ExecResult>;
  /** Everything: rows, fields, rows affected, duration. */
  execute<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<QueryResult<R>>;
}

export abstract class StatementExecutor implements Executor {
  /** Brings one statement to the database and back. `rowMode` wins over the options. May throw where nothing was sent. */
  protected abstract send(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions | undefined,
    rowMode?: 'array',
  ): Promise<DriverResult>;

  /** Monotonic milliseconds. */
  protected abstract now(): number;

  async query<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<R[]> {
    const { rows } = await this.send(sql, params, options);
    return rows as R[];
  }

  async queryRow<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<R | undefined> {
    const { rows } = await this.send(sql, params, options);
    return rows[0] as R | undefined;
  }

  async queryValue<T = unknown>(
    sql: Statement<unknown>,
    params?: StatementParams,
    options?: QueryOptions,
  ): Promise<T | undefined> {
    // By position, because two columns of one name would hide each other in an object.
    const { rows } = await this.send(sql, params, options, 'array');
    const first = rows[0] as readonly T[] | undefined;
    return first?.[0];
  }

  async exec(sql: Statement<unknown>, params?: StatementParams, options?: QueryOptions): Promise<ExecResult> {
    const { rowsAffected, lastInsertId } = await this.send(sql, params, options);
    return lastInsertId === undefined ? { rowsAffected } : { rowsAffected, lastInsertId };
  }

  async execute<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<QueryResult<R>> {
    const startedAt = this.now();
    const result = await this.send(sql, params, options);
    const { fields, rowsAffected, lastInsertId, command } = result;
    const rows = result.rows as R[];
    const durationMs = this.now() - startedAt;
    // Written out: spreading an object costs more than the rest of this method.
    if (lastInsertId === undefined) return { rows, fields, rowsAffected, command, durationMs };
    return { rows, fields, rowsAffected, lastInsertId, command, durationMs };
  }
}
