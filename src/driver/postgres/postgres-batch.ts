/**
 * A batch on the wire, in one of two ways (postgres-statement-batch.ts, postgres-copy-batch.ts), each with one Sync at its
 * end: so it is one implicit transaction, and is applied as a whole or not at all, without BEGIN (PostgreSQL manual, 54.2.4
 * "Pipelining").
 *
 * Sets are drawn as fast as the socket takes them: a piece of 64 KiB that waits in memory is waited for before the next.
 * Invariants: exactly one Sync is written, whatever happens; an answer or an error settles it once; after an error nothing
 * more is drawn. A server that waits for data does not look at a cancel, so `stop` ends the data.
 */
import { nextTurn } from '../../kernel/next-turn.js';
import type { DriverBatch, DriverBatchResult } from '../batch.js';
import { BatchWriter } from './postgres-batch-writer.js';
import type { PgSubmittable, PgWire } from './postgres-module.js';
import type { WireField, WireRow } from './postgres-rows.js';
import { isFatal, isServerError } from './postgres-server-error.js';
import type { StatementSession } from './postgres-statement.js';

/** A fast socket never makes a writer wait; after so many pieces (1 MiB) everybody else gets a turn all the same. */
const PIECES_PER_TURN = 16;

/** What the two ways have in common: drawing, back-pressure, the one Sync, and the end. */
export abstract class PostgresBatch implements PgSubmittable {
  protected readonly session: StatementSession;
  protected readonly batch: DriverBatch;
  protected readonly writer = new BatchWriter();
  /** Sets drawn and written. */
  protected written = 0;
  readonly #resolve: (result: DriverBatchResult) => void;
  readonly #reject: (error: unknown) => void;
  #wire: PgWire | undefined;
  #hasSynced = false;
  /** Why it was given up on this side: what the server says to that is no news. */
  #givenUp: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #pieces = 0;

  constructor(
    session: StatementSession,
    batch: DriverBatch,
    resolve: (result: DriverBatchResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.session = session;
    this.batch = batch;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(wire: PgWire): undefined {
    this.#wire = wire;
    wire.stream.cork();
    for (const name of this.session.takeForgotten()) wire.close({ type: 'S', name });
    this.open(wire);
    wire.stream.uncork();
  }

  /** Draws no more, and makes the server fail what it has. Does nothing when all has been written. */
  stop(): void {
    if (this.#wire !== undefined && !this.#hasSynced) this.#giveUp(this.#wire);
  }

  handleReadyForQuery(): void {
    if (this.#givenUp !== undefined) return this.#reject(this.#givenUp.error);
    const unreadable = this.unreadable();
    if (unreadable === undefined) this.#resolve(this.result());
    else this.#reject(unreadable.error);
  }

  handleError(error: unknown, wire: PgWire): void {
    this.#end(wire);
    const { report } = this.batch;
    if (this.#givenUp !== undefined) return this.#reject(this.#givenUp.error);
    if (isServerError(error) && !isFatal(error)) this.locate(error, error.code);
    else report.failedSet = undefined;
    this.#reject(this.session.explain(error));
  }

  handleEmptyQuery(): void {
    // Ends like any other, without a command.
  }

  handlePortalSuspended(): void {
    // Every row was asked for.
  }

  handleCopyData(): void {
    // COPY … TO STDOUT as a statement: its data has nowhere to go.
  }

  abstract handleCopyInResponse(wire: PgWire): void;
  abstract handleRowDescription(message: { readonly fields: readonly WireField[] }): void;
  abstract handleDataRow(message: { readonly fields: WireRow }): void;
  abstract handleCommandComplete(message: { readonly text: string }): void;
  /** Everything that comes before the sets. */
  protected abstract open(wire: PgWire): void;
  /** Puts one set into the writer. @throws QueryError for a value that cannot be sent. */
  protected abstract add(values: readonly unknown[]): void;
  /** Everything that comes after them, but for the Sync. */
  protected abstract complete(wire: PgWire): void;
  /** Makes the server undo what it has. */
  protected abstract fail(wire: PgWire): void;
  /** Says in the report which set an error of the server is about. */
  protected abstract locate(error: unknown, code: string): void;
  protected abstract unreadable(): { readonly error: unknown } | undefined;
  protected abstract result(): DriverBatchResult;

  /** Never rejects. */
  protected async pump(wire: PgWire): Promise<void> {
    const { source, report } = this.batch;
    try {
      while (!this.#hasSynced) {
        const drawn = source.next();
        const values = drawn instanceof Promise ? await drawn : drawn;
        if (this.#hasSynced) return;
        if (values === undefined) break;
        this.add(values);
        this.written += 1;
        if (!this.writer.isFull) continue;
        await this.#send(wire);
      }
      if (this.#hasSynced) return;
      wire.stream.cork();
      report.isEnding = true;
      this.#write(wire);
      this.complete(wire);
      this.#end(wire);
      wire.stream.uncork();
    } catch (error) {
      if (this.#hasSynced) return;
      report.failedSet = this.written;
      this.#givenUp = { error };
      this.#giveUp(wire);
    }
  }

  #giveUp(wire: PgWire): void {
    this.writer.clear();
    wire.stream.cork();
    this.fail(wire);
    this.#end(wire);
    wire.stream.uncork();
  }

  /** The server is ready after this, also after an error. */
  #end(wire: PgWire): void {
    if (!this.#hasSynced) wire.sync();
    this.#hasSynced = true;
    this.#wake?.();
  }

  /** Resolves when the next piece may be made. */
  #send(wire: PgWire): Promise<void> | undefined {
    this.#write(wire);
    this.#pieces += 1;
    if (wire.stream.writableNeedDrain) return this.#drained(wire);
    return this.#pieces % PIECES_PER_TURN === 0 ? nextTurn() : undefined;
  }

  #write({ stream }: PgWire): void {
    const piece = this.writer.take();
    if (piece.length > 0 && stream.writable) stream.write(piece);
  }

  async #drained({ stream }: PgWire): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      stream.once('drain', resolve);
    });
    if (this.#wake !== undefined) stream.off('drain', this.#wake);
    this.#wake = undefined;
  }
}
