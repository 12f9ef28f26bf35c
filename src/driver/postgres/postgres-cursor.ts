/**
 * The rows of a statement page by page, through a portal (PostgreSQL manual, 54.2.3): Execute takes a number of rows, and
 * the server stops there until it is asked again. Opened by postgres-connection.ts.
 *
 *     outside a transaction     Parse Bind Describe Execute Flush │ Execute Flush │ … │ Sync, or Close Sync to end it early
 *     inside one                Parse Bind Describe Execute Sync  │ Execute Sync  │ … │ Close Sync to end it early
 *
 * Outside, everything up to the one Sync is one implicit transaction: no BEGIN, one pooled connection behind PgBouncer, and
 * nothing else can be sent meanwhile. Inside, the portal has a name and lives to the transaction's end, and the session is
 * ready after each page.
 * Invariants: at most one page is on its way; outside a transaction exactly one Sync is sent, whatever happens.
 */
import type { CursorPage, DriverCursor, DriverQuery, Field } from '../query.js';
import type { PgSubmittable, PgWire } from './postgres-module.js';
import type { WireField, WireRow } from './postgres-rows.js';
import { RowReader } from './postgres-rows.js';
import type { StatementSession } from './postgres-statement.js';
import { CHANGING_COMMANDS, commandOf, countOf } from './postgres-statement.js';
import { encodeValue } from './postgres-types.js';

/** The session that a cursor reads from. */
export interface CursorSession extends StatementSession {
  readonly isInTransaction: () => boolean;
  /** A name that no open portal of this session has. */
  nextPortal(): string;
  /** Sends; the session is busy until the server says that it is ready. */
  submit(statement: PgSubmittable): void;
  untilReady(): Promise<void>;
}

interface Waiter {
  resolve(page: CursorPage): void;
  reject(error: unknown): void;
}

export class PostgresCursor implements DriverCursor, PgSubmittable {
  readonly #session: CursorSession;
  readonly #text: string;
  readonly #values: readonly (string | Buffer | null)[];
  readonly #isArray: boolean;
  #state: 'new' | 'open' | 'ended' = 'new';
  /** Inside a transaction: a name. Outside: the unnamed one, and no Sync before the end. */
  #portal = '';
  /** Where the pages after the first are asked for, outside a transaction. */
  #wire: PgWire | undefined;
  #hasSynced = false;
  #isClosing = false;
  #waiter: Waiter | undefined;
  #maxRows = 0;
  #reader: RowReader | undefined;
  #rows: unknown[] = [];
  #isDone = false;
  /** Rows that have come so far. */
  #read = 0;
  #rowsAffected = 0;
  /** The first value of a page that could not be read; what comes after it is dropped. */
  #unreadable: { readonly error: unknown } | undefined;
  /** Why it ended between two reads: the next one says so. */
  #failure: { readonly error: unknown } | undefined;

  /** @throws QueryError for a value that cannot be sent. */
  constructor(session: CursorSession, query: DriverQuery) {
    this.#session = session;
    this.#text = query.text;
    this.#values = query.values.map(encodeValue);
    this.#isArray = query.rowMode === 'array';
  }

  get fields(): readonly Field[] {
    return this.#reader?.fields ?? [];
  }

  read(maxRows: number): Promise<CursorPage> {
    if (this.#failure !== undefined) return Promise.reject(this.#session.explain(this.#failure.error));
    if (this.#state === 'ended') return Promise.resolve({ rows: [], isDone: true, rowsAffected: 0 });
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      this.#maxRows = maxRows;
      this.#rows = [];
      if (this.#state === 'new' && this.#session.isInTransaction()) this.#portal = this.#session.nextPortal();
      if (this.#wire !== undefined && !this.#isInTransaction) this.#ask(this.#wire);
      else this.#session.submit(this);
    });
  }

  async close(): Promise<void> {
    const isOpen = this.#state === 'open';
    this.#state = 'ended';
    if (!isOpen) return;
    this.#isClosing = true;
    if (this.#isInTransaction) this.#session.submit(this);
    else if (this.#wire !== undefined) this.#endEarly(this.#wire);
    await this.#session.untilReady();
  }

  submit(wire: PgWire): undefined {
    this.#wire = wire;
    if (this.#isClosing) return this.#endEarly(wire);
    this.#ask(wire);
  }

  handleRowDescription({ fields }: { readonly fields: readonly WireField[] }): void {
    this.#reader = new RowReader(fields, this.#session.decoders);
  }

  handleDataRow({ fields }: { readonly fields: WireRow }): void {
    this.#read += 1;
    if (this.#unreadable !== undefined || this.#reader === undefined) return;
    try {
      this.#rows.push(this.#isArray ? this.#reader.toArray(fields) : this.#reader.toObject(fields));
    } catch (error) {
      this.#unreadable = { error };
    }
  }

  handlePortalSuspended(wire: PgWire): void {
    if (this.#isInTransaction || this.#hasSynced) return;
    // Nobody can go on after a value that cannot be read.
    if (this.#unreadable === undefined) this.#answer();
    else this.#endEarly(wire);
  }

  handleCommandComplete({ text }: { readonly text: string }, wire: PgWire): void {
    // What a change returns is one row for each; the count told at the end is that of the last page (PortalRun in pquery.c).
    if (CHANGING_COMMANDS.has(commandOf(text)))
      this.#rowsAffected = this.#reader === undefined ? countOf(text) : this.#read;
    this.#complete(wire);
  }

  handleEmptyQuery(wire: PgWire): void {
    this.#complete(wire);
  }

  /** Whatever was sent meanwhile, a Sync among it, the server has ignored (PostgreSQL manual, 54.2.6). */
  handleCopyInResponse(wire: PgWire): void {
    wire.sendCopyFail('COPY … FROM STDIN has no rows to stream');
    if (this.#isInTransaction || this.#hasSynced) wire.sync();
  }

  handleCopyData(): void {
    // COPY … TO STDOUT: its data are no rows.
  }

  handleReadyForQuery(): void {
    if (!this.#isInTransaction || this.#isDone) this.#state = 'ended';
    this.#answer();
  }

  /** The portal has gone with the error; outside a transaction the server skips everything up to a Sync. */
  handleError(error: unknown, wire: PgWire): void {
    this.#state = 'ended';
    if (!this.#isInTransaction) this.#sync(wire);
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter === undefined) this.#failure = { error };
    else waiter.reject(this.#session.explain(error));
  }

  get #isInTransaction(): boolean {
    return this.#portal !== '';
  }

  /** Asks for a page, the first time with everything that comes before it. */
  #ask(wire: PgWire): void {
    const portal = this.#portal;
    wire.stream.cork();
    try {
      if (this.#state === 'new') {
        for (const name of this.#session.takeForgotten()) wire.close({ type: 'S', name });
        wire.parse({ text: this.#text });
        wire.bind({ portal, values: this.#values });
        wire.describe({ type: 'P', name: portal });
        this.#state = 'open';
      }
      wire.execute({ portal, rows: this.#maxRows });
      if (this.#isInTransaction) wire.sync();
      else wire.flush();
    } finally {
      wire.stream.uncork();
    }
  }

  #endEarly(wire: PgWire): undefined {
    wire.close({ type: 'P', name: this.#portal });
    this.#sync(wire);
  }

  #complete(wire: PgWire): void {
    this.#isDone = true;
    if (!this.#isInTransaction) this.#sync(wire);
  }

  #sync(wire: PgWire): void {
    if (this.#hasSynced && !this.#isInTransaction) return;
    this.#hasSynced = true;
    wire.sync();
  }

  #answer(): void {
    const waiter = this.#waiter;
    const rows = this.#rows;
    const unreadable = this.#unreadable;
    this.#waiter = undefined;
    this.#rows = [];
    this.#unreadable = undefined;
    if (unreadable !== undefined) waiter?.reject(unreadable.error);
    else waiter?.resolve({ rows, isDone: this.#isDone, rowsAffected: this.#rowsAffected });
  }
}
