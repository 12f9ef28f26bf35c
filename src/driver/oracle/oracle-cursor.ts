/**
 * The rows of a statement page by page, through a result set of the library. Opened by oracle-connection.ts.
 *
 *     execute, with the rows of the first page │ fetch │ fetch │ … │ the cursor is closed with whatever is sent next
 *
 * An Oracle cursor needs no transaction, and hinders no other statement; outside a transaction the session is kept all the same, so
 * that streams mean the same on every database.
 * Invariants: at most one page is on its way, and memory holds one; its early end costs no round trip. LOBs above the limit are good
 * until the session is given back.
 */
import type { CursorPage, DriverCursor, DriverQuery, Field } from '../query.js';
import type { BindPlan } from './oracle-binds.js';
import { bindsOf } from './oracle-binds.js';
import type { OracleCursorPort } from './oracle-port.js';
import { bindFactsOf, executeOptionsFor, resultOf, sentText, verbOf } from './oracle-result.js';
import { OracleRowSource } from './oracle-row-source.js';

const NO_ROWS: CursorPage = { rows: [], isDone: true, rowsAffected: 0 };

/** They have nothing to commit; what they lock is let go by the connection. */
const QUERIES: ReadonlySet<string> = new Set(['SELECT', 'WITH']);

export class OracleCursor implements DriverCursor {
  readonly #port: OracleCursorPort;
  readonly #query: DriverQuery;
  readonly #verb: string;
  readonly #plan: BindPlan;
  #state: 'new' | 'open' | 'ended' = 'new';
  /** The session was outside a transaction when it began, and is kept busy. */
  #isHolding = false;
  #source: OracleRowSource | undefined;
  #fields: readonly Field[] = [];
  /** Why it ended: the next read says so again. */
  #failure: { readonly error: unknown } | undefined;

  /** @throws QueryError for a value that cannot be sent. */
  constructor(port: OracleCursorPort, query: DriverQuery) {
    this.#port = port;
    this.#query = query;
    this.#verb = verbOf(query.text);
    this.#plan = bindsOf(query.values, bindFactsOf(port, this.#verb));
  }

  get fields(): readonly Field[] {
    return this.#fields;
  }

  async read(maxRows: number): Promise<CursorPage> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#state === 'ended') return NO_ROWS;
    try {
      const page = this.#source === undefined ? await this.#open(maxRows) : await this.#read(this.#source, maxRows);
      if (page.isDone) await this.#end();
      return page;
    } catch (error) {
      this.#failure = { error };
      await this.#end().catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    const isOpen = this.#state === 'open';
    await this.#end();
    if (isOpen) await this.#port.untilReady();
  }

  async #open(maxRows: number): Promise<CursorPage> {
    this.#state = 'open';
    const isAlone = !this.#port.isInTransaction();
    if (isAlone) {
      this.#isHolding = true;
      this.#port.hold();
    }
    const options = executeOptionsFor(this.#port, isAlone && !QUERIES.has(this.#verb), maxRows);
    const { text, rowMode } = this.#query;
    const raw = await this.#port.call((client) => client.execute(sentText(text), this.#plan.binds, options));
    if (raw.resultSet === undefined) {
      const { rows, fields, rowsAffected } = await resultOf(this.#port, raw, this.#query, this.#plan, this.#verb);
      this.#fields = fields;
      return { rows, isDone: true, rowsAffected };
    }
    const source = (this.#source = new OracleRowSource(this.#port, raw.resultSet, rowMode));
    this.#fields = source.fields;
    return this.#read(source, maxRows);
  }

  async #read(source: OracleRowSource, maxRows: number): Promise<CursorPage> {
    const { rows, isDone } = await source.read(maxRows);
    return { rows, isDone, rowsAffected: 0 };
  }

  /**
   * Lets go of the session, and of what SELECT … FOR UPDATE has locked outside a transaction. What a statement that failed has left (a
   * program that committed midway goes on in a new transaction) is undone: nobody asked for half of it.
   */
  async #end(): Promise<void> {
    this.#state = 'ended';
    this.#source?.close();
    if (!this.#isHolding) return;
    this.#isHolding = false;
    try {
      if (!this.#port.isInTransaction()) return;
      const hasFailed = this.#failure !== undefined;
      await this.#port.call((client) => (hasFailed ? client.rollback() : client.commit()));
    } finally {
      this.#port.release();
    }
  }
}
