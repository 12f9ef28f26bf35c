/**
 * One statement on the wire, as an object that `pg` submits and then feeds with the server's answers (`client.query` takes
 * any object with a `submit`). Written in the place of `pg`'s own Query, which emits an event for every row, asks for the
 * columns of a prepared statement every time, and forgets none of them.
 *
 *     unnamed            Parse, Bind, Describe portal, Execute, Sync
 *     prepared now       Close, Parse, Describe statement, Bind, Execute, Sync
 *     prepared before    Bind, Execute, Sync                            (PostgreSQL manual, 54.2.3)
 *
 * Close comes first because closing a name that is not there is no error, while preparing one that is there would be.
 * Invariant: settles once, with the result when the server is ready, or with the error before that.
 */
import { QueryError } from '../../errors/query-error.js';
import type { DriverQuery, DriverResult } from '../query.js';
import type { PgSubmittable, PgWire } from './postgres-module.js';
import type { Decoders, WireField, WireRow } from './postgres-rows.js';
import { noColumns, RowReader } from './postgres-rows.js';
import { encodeValue } from './postgres-types.js';

/** A statement that the session has, or had, under a name. */
export interface PreparedStatement {
  readonly name: string;
  /** What its columns were when it was prepared; `undefined` when it has to be prepared (again). */
  reader: RowReader | undefined;
}

/** What the session does for each of its statements. */
export interface StatementSession {
  readonly decoders: Decoders;
  /** Names to be closed with the next thing that is sent. */
  takeForgotten(): readonly string[];
  /** What is really behind an error, where the connection was lost for a reason that the server gave. */
  explain(error: unknown): unknown;
}

/** The verbs whose row count says how many rows changed; `SELECT 5` counts rows read. */
export const CHANGING_COMMANDS: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COPY']);

export class PostgresStatement implements PgSubmittable {
  readonly #session: StatementSession;
  readonly #text: string;
  readonly #values: readonly (string | Buffer | null)[];
  readonly #isArray: boolean;
  readonly #prepared: PreparedStatement | undefined;
  readonly #resolve: (result: DriverResult) => void;
  readonly #reject: (error: unknown) => void;
  #reader: RowReader | undefined;
  #command = '';
  #count = 0;
  readonly #rows: unknown[] = [];
  /** The server waits for data that nobody has. */
  #isCopy = false;
  /** The first value that could not be read. What comes after it is dropped, and the statement fails when it has ended. */
  #unreadable: { readonly error: unknown } | undefined;

  /** @throws QueryError for a value that cannot be sent; nothing has been sent then. */
  constructor(
    session: StatementSession,
    query: DriverQuery,
    prepared: PreparedStatement | undefined,
    resolve: (result: DriverResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.#session = session;
    this.#text = query.text;
    this.#values = query.values.map(encodeValue);
    this.#isArray = query.rowMode === 'array';
    this.#prepared = prepared;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(wire: PgWire): undefined {
    wire.stream.cork();
    try {
      for (const name of this.#session.takeForgotten()) wire.close({ type: 'S', name });
      const name = this.#prepared?.name ?? '';
      this.#reader = this.#prepared?.reader;
      if (this.#reader === undefined) this.#prepare(wire, name);
      wire.bind({ statement: name, values: this.#values });
      if (name === '') wire.describe({ type: 'P' });
      wire.execute();
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
  }

  #prepare(wire: PgWire, name: string): void {
    if (name === '') return wire.parse({ text: this.#text });
    wire.close({ type: 'S', name });
    wire.parse({ name, text: this.#text });
    wire.describe({ type: 'S', name });
  }

  handleRowDescription({ fields }: { readonly fields: readonly WireField[] }): void {
    this.#reader = new RowReader(fields, this.#session.decoders);
  }

  handleDataRow({ fields }: { readonly fields: WireRow }): void {
    if (this.#unreadable !== undefined || this.#reader === undefined) return;
    try {
      this.#rows.push(this.#isArray ? this.#reader.toArray(fields) : this.#reader.toObject(fields));
    } catch (error) {
      this.#unreadable = { error };
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#command = commandOf(text);
    this.#count = countOf(text);
  }

  handleEmptyQuery(): void {
    // Ends like any other, without a command.
  }

  handlePortalSuspended(): void {
    // Every row was asked for.
  }

  /** A COPY written as a statement has nobody to bring the data. The server has passed over the Sync that was sent before. */
  handleCopyInResponse(wire: PgWire): void {
    this.#isCopy = true;
    wire.sendCopyFail('no data');
    wire.sync();
  }

  handleCopyData(): void {
    // COPY … TO STDOUT as a statement: its data has nowhere to go.
  }

  handleReadyForQuery(): void {
    if (this.#unreadable !== undefined) return this.#reject(this.#unreadable.error);
    const reader = this.#reader ?? noColumns();
    // Kept only now: a statement that failed may have been prepared, and may not.
    if (this.#prepared !== undefined) this.#prepared.reader ??= reader;
    const rowsAffected = CHANGING_COMMANDS.has(this.#command) ? this.#count : 0;
    this.#resolve({ rows: this.#rows, fields: reader.fields, rowsAffected, command: this.#command });
  }

  handleError(error: unknown): void {
    this.#reject(this.#isCopy ? copyError(error) : this.#session.explain(error));
  }
}

function copyError(cause: unknown): QueryError {
  const text = 'COPY … FROM STDIN cannot be run as a statement, because nobody brings its data; use batch()';
  return new QueryError('statement-invalid', text, { outcome: 'not-applied', breaker: 'success', cause });
}

/** `INSERT 0 5` → `INSERT`; `CREATE TABLE` → `CREATE`. */
export function commandOf(tag: string): string {
  const end = tag.indexOf(' ');
  return end === -1 ? tag : tag.slice(0, end);
}

/** `INSERT 0 5` → 5; `CREATE TABLE` → 0. */
export function countOf(tag: string): number {
  const count = Number(tag.slice(tag.lastIndexOf(' ') + 1));
  return Number.isNaN(count) ? 0 : count;
}
