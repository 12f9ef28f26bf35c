/**
 * The shape of the whole house: whatever runs statements (a runtime, a session, a transaction) has these methods and
 * behaves alike. Also the abstract class that derives all of them from one, so that they cannot drift apart.
 */
import type { DriverResult, Field, ResultSet } from '../driver/query.js';
import { ConfigError } from '../errors/config-error.js';
import type { ErrorContext } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Sql } from '../sql/fragment.js';
import type { StatementParams } from '../sql/statement-compiler.js';
import { CheckedSource } from './checked-source.js';
import type { BatchOptions, BatchResult, ParamSets } from './batch-options.js';
import type { QueryOptions, StreamOptions } from './query-options.js';
import type { SchemaOption, SchemaOutput, StandardSchema } from './row-schema.js';
import { isStandardSchema, parseOne, parseRows } from './row-schema.js';
import type { RowSource, RowStream } from './row-stream.js';
import { RowStreamHandle } from './row-stream.js';

export type { Field, ResultSet, StatementParams };

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
  /** The server's name for the transaction that the statement committed, where it tells (MySQL's and MariaDB's GTIDs). */
  readonly gtid?: string;
  /** Of a procedure that brings several results: all of them; the first is `rows` and `fields` as well. */
  readonly resultSets?: readonly ResultSet[];
  /**
   * Of a procedure: its OUT and INOUT parameters by their names, where placeholders were given for them (MySQL and MariaDB), or `out()` and
   * `inOut()` of `fluxor-db/oracle`, with RETURNING INTO too.
   * @example const { outBinds } = await db.execute('call add_user(?, ?)', ['Ann', null]);   // { new_id: 7 }
   */
  readonly outBinds?: Readonly<Record<string, unknown>>;
  /** What is wrong although the statement succeeded: Oracle keeps a procedure that does not compile, and refuses to run it. */
  readonly warning?: string;
  /** From the call to the result, waiting included. */
  readonly durationMs: number;
}

export interface ExecResult {
  readonly rowsAffected: number;
  readonly lastInsertId?: bigint | number | string;
  /** As in `QueryResult`. */
  readonly gtid?: string;
  /** As in `QueryResult`. */
  readonly outBinds?: Readonly<Record<string, unknown>>;
  /** As in `QueryResult`. */
  readonly warning?: string;
}

/**
 * Runs statements. Every method rejects with a FluxorError; see `docs/errors.md`.
 * `params`: an array binds the database's own placeholders (`$1`, `?`, `:1`), an object binds `:name` on every database.
 */
export interface Executor {
  /**
   * The rows.
   * @example
   * const users = await db.query<User>('select * from users where city = :city', { city });
   * const checked = await db.query('select * from users', [], { schema: z.object({ id: z.number() }) });   // typed by it
   */
  query<S extends StandardSchema>(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions & SchemaOption<S>,
  ): Promise<SchemaOutput<S>[]>;
  query<R extends readonly unknown[] = unknown[]>(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions & { readonly rowMode: 'array' },
  ): Promise<R[]>;
  query<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<R[]>;
  /**
   * The first row, or `undefined`.
   * @example const user = await db.queryRow<User>('select * from users where id = $1', [id]);
   */
  queryRow<S extends StandardSchema>(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions & SchemaOption<S>,
  ): Promise<SchemaOutput<S> | undefined>;
  queryRow<R extends readonly unknown[] = unknown[]>(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions & { readonly rowMode: 'array' },
  ): Promise<R | undefined>;
  queryRow<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<R | undefined>;
  /**
   * The first column of the first row, or `undefined`.
   * @example const count = await db.queryValue<bigint>('select count(*) from users');
   */
  queryValue<S extends StandardSchema>(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions & SchemaOption<S>,
  ): Promise<SchemaOutput<S> | undefined>;
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
  execute<S extends StandardSchema>(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions & SchemaOption<S>,
  ): Promise<QueryResult<SchemaOutput<S>>>;
  execute<R extends readonly unknown[] = unknown[]>(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions & { readonly rowMode: 'array' },
  ): Promise<QueryResult<R>>;
  execute<R = Row>(sql: Statement<R>, params?: StatementParams, options?: QueryOptions): Promise<QueryResult<R>>;
  /**
   * One statement with many sets of values, by the fastest way the database has; by default all of them or none. Each set is
   * an array (for the database's own placeholders) or an object (for `:name`); rows and results come in their order.
   * @throws QueryError, ConstraintError, … with the number of the set at fault in `context.paramSet`.
   * @example
   * const { rowsAffected } = await db.batch('insert into cities (id, name) values ($1, $2)', [[1, 'Ulm'], [2, 'Bern']]);
   */
  batch<R = Row>(sql: string, paramSets: ParamSets, options?: BatchOptions): Promise<BatchResult<R>>;
  /**
   * The rows one after the other, in constant memory: fetched page by page as they are consumed. One connection is in use
   * from the first row to the end of the loop; leaving it early closes the cursor. Can be iterated once. Never throws itself:
   * what is wrong is a rejection of the first row.
   * @example for await (const user of db.stream<User>('select * from users')) await send(user);
   */
  stream<S extends StandardSchema>(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: StreamOptions & SchemaOption<S>,
  ): RowStream<SchemaOutput<S>>;
  stream<R extends readonly unknown[] = unknown[]>(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: StreamOptions & { readonly rowMode: 'array' },
  ): RowStream<R>;
  stream<R = Row>(sql: Statement<R>, params?: StatementParams, options?: StreamOptions): RowStream<R>;
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
type Rare = 'lastInsertId' | 'gtid' | 'resultSets' | 'outBinds' | 'warning';
/** Lists made once: this is part of every call. */
const RARE: readonly Rare[] = ['lastInsertId', 'gtid', 'resultSets', 'outBinds', 'warning'];
const RARE_OF_CHANGES: readonly Rare[] = ['lastInsertId', 'gtid', 'outBinds', 'warning'];

const CHANGES: Take = {
  of: (result) => addRare({ rowsAffected: result.rowsAffected }, result, RARE_OF_CHANGES),
};
/** Written out: spreading an object costs more than the rest of the call. */
const EVERYTHING: Take = {
  of: (result, durationMs) => {
    const { rows, fields, rowsAffected, command } = result;
    return addRare({ rows, fields, rowsAffected, command, durationMs }, result, RARE);
  },
};

/** What most results do not have is not there at all. */
function addRare<T extends object>(taken: T, result: DriverResult, names: readonly Rare[]): T {
  for (const name of names) {
    const value = result[name];
    if (value !== undefined) (taken as Record<string, unknown>)[name] = value;
  }
  return taken;
}

/** Its promise to the types is made by the overloads of `Executor`. */
type CheckedOptions = QueryOptions & { readonly schema?: StandardSchema };

async function checkAnswer(schema: StandardSchema, answer: Promise<unknown>, take: Take): Promise<unknown> {
  const got = await answer;
  if (take === ROWS) return parseRows(schema, got as readonly unknown[]);
  if (take === EVERYTHING) {
    const result = got as QueryResult<unknown>;
    return { ...result, rows: await parseRows(schema, result.rows) };
  }
  // No row is no misfit: its absence is in the type.
  if (got === undefined) return got;
  return parseOne(schema, got, take === FIRST_VALUE ? 'the value' : 'row 0');
}

export abstract class StatementExecutor implements Executor {
  /** Brings one statement to the database, and back what `take` makes of its result. May throw where nothing was sent. */
  protected abstract send(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions | undefined,
    take: Take,
  ): Promise<unknown>;

  /** What a caller is given passes here, whatever it is, and before it is given: a transaction minds what nobody awaits. */
  protected follow(answer: Promise<unknown>, _sql: Statement<unknown>): Promise<unknown> {
    return answer;
  }

  /** What every error of this executor's statements can say about where it happened. */
  protected abstract readonly whereabouts: ErrorContext;

  /** What a stream of this executor reads from. Sends nothing yet, and does not throw. */
  protected abstract openStream(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: StreamOptions | undefined,
  ): RowSource;

  query(sql: Statement<unknown>, params?: StatementParams, options?: CheckedOptions): Promise<never[]> {
    return this.#run(sql, params, options, ROWS) as Promise<never[]>;
  }

  queryRow(sql: Statement<unknown>, params?: StatementParams, options?: CheckedOptions): Promise<never> {
    return this.#run(sql, params, options, FIRST_ROW) as Promise<never>;
  }

  queryValue(sql: Statement<unknown>, params?: StatementParams, options?: CheckedOptions): Promise<never> {
    return this.#run(sql, params, options, FIRST_VALUE) as Promise<never>;
  }

  exec(sql: Statement<unknown>, params?: StatementParams, options?: QueryOptions): Promise<ExecResult> {
    return this.#run(sql, params, options, CHANGES) as Promise<ExecResult>;
  }

  execute(sql: Statement<unknown>, params?: StatementParams, options?: CheckedOptions): Promise<QueryResult<never>> {
    return this.#run(sql, params, options, EVERYTHING) as Promise<QueryResult<never>>;
  }

  stream(
    sql: Statement<unknown>,
    params?: StatementParams,
    options?: StreamOptions & CheckedOptions,
  ): RowStream<never> {
    const source = this.openStream(sql, params, options);
    const isChecked = isStandardSchema(options?.schema);
    return new RowStreamHandle<never>(isChecked ? new CheckedSource(source, options.schema, this.whereabouts) : source);
  }

  /** Never throws: what is wrong is a rejection. */
  abstract batch<R = Row>(sql: string, paramSets: ParamSets, options?: BatchOptions): Promise<BatchResult<R>>;

  /** Whatever is wrong is a rejection, also what is found before anything is sent. */
  #run(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: CheckedOptions | undefined,
    take: Take,
  ): Promise<unknown> {
    try {
      if (options?.schema !== undefined && take === CHANGES) throw noRowsError();
      const answer = this.send(sql, params, options, take);
      if (options?.schema === undefined) return this.follow(answer, sql);
      const checked = checkAnswer(options.schema, answer, take).catch((error: unknown) => {
        if (isFluxorError(error)) error.fillContext(this.whereabouts);
        throw error;
      });
      return this.follow(checked, sql);
    } catch (error) {
      return this.follow(Promise.reject(error), sql);
    }
  }
}

function noRowsError(): ConfigError {
  const expected = 'none for exec(), which gives no rows back';
  return ConfigError.fromIssues([{ path: 'schema', got: 'a schema', expected }]);
}
