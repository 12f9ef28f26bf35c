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

/** What a method of the executor makes of a result, at the end of the road: no promise of its own is needed for that. */
export interface Take {
  /** Wins over the call's own. */
  readonly rowMode?: 'array';
  /** `durationMs` is the whole call's, waiting included. */
  of(result: DriverResult, durationMs: number): unknown;
}

const ROWS: Take = { of: ({ rows }) => rows };
const FIRST_ROW: Take = { of: ({ rows }) => rows[0] };
/** By position, because two columns of one name would hide each other in an object. */
const FIRST_VALUE: Take = { rowMode: 'array', of: ({ rows }) => (rows[0] as readonly unknown[] | undefined)?.[0] };
const CHANGES: Take = {
  of: ({ rowsAffected, lastInsertId }) =>
    lastInsertId === undefined ? { rowsAffected } : { rowsAffected, lastInsertId },
};
/** Written out: spreading an object costs more than the rest of the call. */
const EVERYTHING: Take = {
  of: ({ rows, fields, rowsAffected, lastInsertId, command }, durationMs) =>
    lastInsertId === undefined
      ? { rows, fields, rowsAffected, command, durationMs }
      : { rows, fields, rowsAffected, lastInsertId, command, durationMs },
};

export abstract class StatementExecutor implements Executor {
  /** Brings one statement to the database, and back what `take` makes of its result. May throw where nothing was sent. */
  protected abstract send(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions | undefined,
    take: Take,
  ): Promise<unknown>;

  query<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<R[]> {
    return this.#run(sql, params, options, ROWS) as Promise<R[]>;
  }

  queryRow<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<R | undefined> {
    return this.#run(sql, params, options, FIRST_ROW) as Promise<R | undefined>;
  }

  queryValue<T = unknown>(
    sql: Statement<unknown>,
    params?: StatementParams,
    options?: QueryOptions,
  ): Promise<T | undefined> {
    return this.#run(sql, params, options, FIRST_VALUE) as Promise<T | undefined>;
  }

  exec(sql: Statement<unknown>, params?: StatementParams, options?: QueryOptions): Promise<ExecResult> {
    return this.#run(sql, params, options, CHANGES) as Promise<ExecResult>;
  }

  execute<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<QueryResult<R>> {
    return this.#run(sql, params, options, EVERYTHING) as Promise<QueryResult<R>>;
  }

  /** Whatever is wrong is a rejection, also what is found before anything is sent. */
  #run(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions | undefined,
    take: Take,
  ): Promise<unknown> {
    try {
      return this.send(sql, params, options, take);
    } catch (error) {
      return Promise.reject(error);
    }
  }
}
