/**
 * REF CURSORs (OUT binds of type `cursor`) and implicit results (DBMS_SQL.RETURN_RESULT), as callers get them.
 *
 * Of a REF CURSOR some rows are read ahead: one that has no more needs its session no longer, and can be read anywhere and at any time. Of one that
 * has more, the rest is read through the session that it came from, as long as its caller has that.
 */
import type { Field, ResultSet } from '../query.js';
import type { Attached } from './oracle-attachments.js';
import { detachedError } from './oracle-attachments.js';
import type { OracleResultSet } from './oracle-module.js';
import type { OraclePort } from './oracle-port.js';
import { OracleRowSource } from './oracle-row-source.js';

/** Rows of one round trip behind those that were read ahead. */
const ROWS_AT_ONCE = 500;

/**
 * The rows of a REF CURSOR: iterate them once (`for await`), or have them all by `toArray()`. Rows beyond the driver's option
 * `readAhead` (1,000) are read through the session that the cursor came from: inside `db.use()` or a transaction, as long as it lasts.
 *
 * @example
 * await db.use(async (session) => {
 *   const { outBinds } = await session.execute('begin open_orders(:orders); end;', { orders: out('cursor') });
 *   for await (const order of outBinds?.['orders'] as OracleRefCursor<Order>) console.log(order);
 * });
 */
export class OracleRefCursor<Row = Record<string, unknown>> implements AsyncIterable<Row>, Attached {
  readonly fields: readonly Field[];
  readonly #port: OraclePort;
  readonly #source: OracleRowSource;
  #ahead: Row[];
  /** `done`: no more at the server. `closed`: by its caller, or with the session. */
  #state: 'open' | 'done' | 'closed';

  private constructor(port: OraclePort, source: OracleRowSource, ahead: Row[], isDone: boolean) {
    this.fields = source.fields;
    this.#port = port;
    this.#source = source;
    this.#ahead = ahead;
    this.#state = isDone ? 'done' : 'open';
    if (!isDone) port.attachments.add(this);
  }

  /** @internal */
  static async open(
    port: OraclePort,
    native: OracleResultSet,
    rowMode: 'object' | 'array',
    readAhead: number,
  ): Promise<OracleRefCursor> {
    const source = new OracleRowSource(port, native, rowMode);
    const { rows, isDone } = await source.readAll(readAhead);
    return new OracleRefCursor(port, source, rows as Record<string, unknown>[], isDone);
  }

  /** Those that have been read ahead and not yet been taken. */
  get rows(): readonly Row[] {
    return this.#ahead;
  }

  /** Nothing has to be read any more: it is good without its session. */
  get isComplete(): boolean {
    return this.#state === 'done';
  }

  /**
   * The rows that have not been taken yet.
   *
   * @throws UsageError `LEASE_RELEASED` when there are more, and its session has been given back or it was closed.
   */
  async toArray(): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const row of this) rows.push(row);
    return rows;
  }

  /** Leaving the loop closes it. @throws UsageError `LEASE_RELEASED` as {@link toArray} does. */
  async *[Symbol.asyncIterator](): AsyncIterator<Row, undefined> {
    try {
      for (;;) {
        const rows = this.#ahead;
        this.#ahead = [];
        yield* rows;
        if (this.#state === 'done') return undefined;
        if (this.#state === 'closed') throw detachedError('The cursor');
        const page = await this.#port.attachments.read(() => this.#source.read(ROWS_AT_ONCE));
        this.#ahead = page.rows as Row[];
        if (page.isDone) this.#end('done');
      }
    } finally {
      this.close();
    }
  }

  /** Ends it early, with whatever is sent next. */
  close(): void {
    if (this.#state !== 'open') return;
    this.#end('closed');
    this.#source.close();
  }

  /** @internal */
  detach(): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #end(state: 'done' | 'closed'): void {
    this.#state = state;
    this.#port.attachments.delete(this);
  }
}

/** Rows of DBMS_SQL.RETURN_RESULT, all of them: whoever takes `rows` must not miss any. To be iterated as well, as often as you like. */
export class OracleImplicitResult implements ResultSet, AsyncIterable<unknown> {
  readonly rows: readonly unknown[];
  readonly fields: readonly Field[];

  private constructor(rows: readonly unknown[], fields: readonly Field[]) {
    this.rows = rows;
    this.fields = fields;
  }

  static async read(
    port: OraclePort,
    native: OracleResultSet,
    rowMode: 'object' | 'array',
  ): Promise<OracleImplicitResult> {
    const source = new OracleRowSource(port, native, rowMode);
    const { rows } = await source.readAll();
    return new OracleImplicitResult(rows, source.fields);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<unknown, undefined> {
    yield* this.rows;
    return Promise.resolve(undefined);
  }
}
