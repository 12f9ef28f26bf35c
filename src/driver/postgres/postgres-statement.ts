/**
 * One statement on the wire, as an object that `pg` submits and then feeds with the server's answers (`client.query` takes
 * any object with a `submit`). Written in the place of `pg`'s own Query, which emits an event for every row, asks for the
 * columns of a prepared statement every time, and forgets none of them.
 *
 *     unnamed            Parse, Bind, Describe portal, Execute, Sync
 *     prepared now       Close, Parse, Describe statement, Bind, Execute, Sync
 *     being prepared     Bind, Describe portal, Execute, Sync
 *     prepared before    Bind, Execute, Sync                            (PostgreSQL manual, 54.2.3)
 *
 * Close comes first because closing a name that is not there is no error, while preparing one that is there would be.
 * Several can be in flight (postgres-pipeline.ts). One that comes while another prepares its name relies on that, and asks for
 * its columns itself, since they are not known yet. (If each prepared for itself, a text that is always in flight somewhere
 * would be prepared anew by every run: none would be the last when its answer comes.) If the preparing fails, it is stale.
 * A stale prepared statement is sent anew once, where its error has undone nothing: nothing of it was carried out, it is still
 * wanted, and there is no transaction, which the error would have ended. Then it prepares for itself.
 * Invariant: settles once, with the result when the server is ready, or with the error before that.
 */
import { QueryError } from '../../errors/query-error.js';
import type { InFlight } from '../driver.js';
import type { DriverQuery, DriverResult } from '../query.js';
import type { PgWire } from './postgres-module.js';
import type { PipelinedStatement } from './postgres-pipeline.js';
import type { Decoders, WireField, WireRow } from './postgres-rows.js';
import { noColumns, RowReader } from './postgres-rows.js';
import { isStaleStatement } from './postgres-stale.js';
import { encodeValue } from './postgres-types.js';
import type { WireWriter } from './postgres-wire-writer.js';

/** A statement that the session has, or had, under a name. */
export interface PreparedStatement {
  readonly name: string;
  /** The last one that was sent: those before it are gone by the time of the next run. `undefined` when it is of no use. */
  preparation: Preparation | undefined;
}

/** One Parse. Whatever the tables look like later, its columns stay as they are, or its runs fail. */
interface Preparation {
  /** `undefined` while the server has not said what the columns are. */
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

/** The session of single statements, some of them in flight together. */
export interface PipelineSession extends StatementSession {
  /** Cancels asked for so far. */
  countCancels(): number;
  /** Sends it once more, behind whatever is in flight. */
  resend(statement: PostgresStatement): void;
  /** A stale statement was prepared anew, and has succeeded. */
  healed(): void;
  /** The server waits for data that nobody has. Answers whether nothing was sent behind, which it would take for that data. */
  isLastSent(): boolean;
  /** What comes next cannot be told from what does not. */
  abandon(): void;
}

/** The verbs whose row count says how many rows changed; `SELECT 5` counts rows read. */
export const CHANGING_COMMANDS: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COPY']);

export class PostgresStatement implements PipelinedStatement {
  isBound = false;
  readonly #session: PipelineSession;
  readonly #text: string;
  readonly #values: readonly (string | Buffer | null)[];
  readonly #isArray: boolean;
  readonly #prepared: PreparedStatement | undefined;
  readonly #inFlight: InFlight | undefined;
  readonly #resolve: (result: DriverResult) => void;
  readonly #reject: (error: unknown) => void;
  /** Of an unnamed one its own; otherwise the one that it makes, or relies on. */
  #preparation: Preparation = { reader: undefined };
  #command = '';
  #count = 0;
  readonly #rows: unknown[] = [];
  /** The server waits for data that nobody has. */
  #isCopy = false;
  /** The first value that could not be read. What comes after it is dropped, and the statement fails when it has ended. */
  #unreadable: { readonly error: unknown } | undefined;
  #isPreparing = false;
  /** Of the session's count, before it was sent. */
  readonly #cancels: number;
  /** The error that says so, until the server is ready. */
  #stale: { readonly error: unknown } | undefined;
  #isHealing = false;

  /** @throws QueryError for a value that cannot be sent; nothing has been sent then. */
  constructor(
    session: PipelineSession,
    query: DriverQuery,
    prepared: PreparedStatement | undefined,
    resolve: (result: DriverResult) => void,
    reject: (error: unknown) => void,
    inFlight?: InFlight,
  ) {
    this.#session = session;
    this.#inFlight = inFlight;
    this.#text = query.text;
    this.#values = query.values.map(encodeValue);
    this.#isArray = query.rowMode === 'array';
    this.#prepared = prepared;
    this.#cancels = session.countCancels();
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** By the time that `pg` hears of it, it has been written. */
  submit(): undefined {
    return undefined;
  }

  write(writer: WireWriter): void {
    const prepared = this.#prepared;
    const name = prepared?.name ?? '';
    const made = this.#isHealing ? undefined : prepared?.preparation;
    this.#isPreparing = made === undefined;
    this.#preparation = made ?? { reader: undefined };
    const isDescribed = prepared !== undefined && (this.#isPreparing || this.#preparation.reader !== undefined);
    const forgotten = this.#session.takeForgotten();
    for (let at = 0; at < forgotten.length; at += 1) writer.closeStatement(forgotten[at] as string);
    const before = writer.size;
    try {
      if (this.#isPreparing) this.#prepare(writer, name);
      writer.bind(name, this.#values);
      if (!isDescribed) writer.describePortal();
      writer.executeAndSync();
    } catch (error) {
      // Half a message would be the end of whoever comes behind.
      writer.cutTo(before);
      throw error;
    }
    if (prepared !== undefined) prepared.preparation = this.#preparation;
  }

  #prepare(writer: WireWriter, name: string): void {
    if (name === '') return writer.parse('', this.#text);
    writer.closeStatement(name);
    writer.parse(name, this.#text);
    writer.describeStatement(name);
  }

  handleRowDescription({ fields }: { readonly fields: readonly WireField[] }): void {
    this.#preparation.reader = new RowReader(fields, this.#session.decoders);
  }

  handleDataRow({ fields }: { readonly fields: WireRow }): void {
    const { reader } = this.#preparation;
    if (this.#unreadable !== undefined || reader === undefined) return;
    try {
      this.#rows.push(this.#isArray ? reader.toArray(fields) : reader.toObject(fields));
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
    if (!this.#session.isLastSent()) return this.#session.abandon();
    wire.sendCopyFail('no data');
    wire.sync();
  }

  handleCopyData(): void {
    // COPY … TO STDOUT as a statement: its data has nowhere to go.
  }

  handleReadyForQuery(): void {
    // Without a word about columns there are none.
    const reader = (this.#preparation.reader ??= noColumns());
    if (this.#unreadable !== undefined) return this.#reject(this.#unreadable.error);
    if (this.#isHealing) this.#session.healed();
    const rowsAffected = CHANGING_COMMANDS.has(this.#command) ? this.#count : 0;
    this.#resolve({ rows: this.#rows, fields: reader.fields, rowsAffected, command: this.#command });
  }

  handleError(error: unknown): void {
    if (this.#isCopy) return this.#reject(copyError(error));
    const known = this.#session.explain(error);
    if (this.#prepared === undefined || this.isBound) return this.#reject(known);
    const isStale = isStaleStatement(known, !this.#isPreparing);
    // It failed before the columns were told: it may have been prepared, and may not.
    if (isStale || this.#preparation.reader === undefined) this.#drop(this.#prepared);
    if (!isStale || this.#isHealing) this.#reject(known);
    else this.#stale = { error: known };
  }

  /** Somebody may have prepared it anew by now. */
  #drop(prepared: PreparedStatement): void {
    if (prepared.preparation === this.#preparation) prepared.preparation = undefined;
  }

  handleEnd(isOutsideTransaction: boolean): void {
    if (this.#stale === undefined) return;
    const { error } = this.#stale;
    this.#stale = undefined;
    if (!isOutsideTransaction || !this.#isWanted()) return this.#reject(error);
    this.#isHealing = true;
    this.#session.resend(this);
  }

  /** Who has others in flight knows whom a cancel was meant for; otherwise it was meant for this one. */
  #isWanted(): boolean {
    return this.#inFlight?.goBehind() ?? this.#session.countCancels() === this.#cancels;
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
