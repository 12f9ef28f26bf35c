/**
 * A batch that skips the sets that fail and keeps everything else (`onError: 'collect'`). Called by batch.ts.
 *
 * Each chunk of `batchSize` sets goes in pieces, and a piece is one unit: outside a transaction one implicit transaction,
 * inside one a savepoint. When a set of a piece fails, nothing of the piece remains; the sets before it are sent again, and
 * it is skipped. Pieces get smaller after a failure and larger after a success, so that many wrong sets cost about as many
 * round trips as there are of them, and not the square.
 * Invariants: a set is applied or is in `errors`, exactly one of the two; `errors` is in order; what is not a set's own fault
 * stops the batch and says how far it got.
 */
import type { BatchReport, DriverBatchResult } from '../driver/batch.js';
import type { FluxorError, SetError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import { refusedSets } from '../sql/batch-text.js';
import type { Batch } from './batch-call.js';
import { assertWanted, sendCall } from './batch-call.js';
import type { BatchResult } from './batch-options.js';
import { ArraySource } from './batch-source.js';
import type { Call, OuterLimit } from './call.js';

/** A set whose values can be bound. */
interface ReadySet {
  readonly index: number;
  readonly values: readonly unknown[];
}

export async function collect<R>(batch: Batch): Promise<BatchResult<R>> {
  const collector = new Collector(batch);
  await collector.run();
  const { rows, errors, rowsAffected, affected, mode } = collector;
  const durationMs = batch.house.parts.config.clock.now() - batch.time.startedAt;
  return { rows: rows as R[], errors, rowsAffected, affected, mode, durationMs };
}

class Collector {
  readonly rows: unknown[] = [];
  readonly errors: SetError[] = [];
  rowsAffected = 0;
  /** By the number of the set; a chunk's unbindable ones are known before its others are sent. */
  affected: number[] | undefined = [];
  #isAllCopied = true;
  readonly #batch: Batch;
  #size: number;
  #read = 0;
  /** All before this one have been dealt with. */
  #done = 0;
  /** Sets that were applied. */
  #kept = 0;
  /** They are part of a transaction that goes on. */
  #isInside = false;
  #lastCall: Call | undefined;
  #lastReport: BatchReport | undefined;

  constructor(batch: Batch) {
    this.#batch = batch;
    this.#size = batch.batchSize;
  }

  get mode(): DriverBatchResult['mode'] {
    return this.#isAllCopied ? 'copy' : 'statements';
  }

  async run(): Promise<void> {
    try {
      for (let chunk = await this.#readChunk(); chunk.length > 0; chunk = await this.#readChunk()) {
        await this.#sendChunk(chunk);
        this.#done = this.#read;
        this.#batch.progress.tell(this.#lastCall, this.#done);
      }
    } catch (error) {
      if (isFluxorError(error)) {
        error.fillContext({ setsDone: this.#done });
        error.fillSetErrors(this.#sortedErrors().filter(({ index }) => index < this.#done));
        this.#sayKept(error);
      }
      throw error;
    }
    this.#sortedErrors();
    // The last ones may have been sets that cannot be bound, for which nothing was sent.
    this.#batch.progress.tell(this.#lastCall, this.#read);
  }

  /** The sets of a chunk that can be bound. One that cannot is an error of its own; an array was checked before. */
  async #readChunk(): Promise<ReadySet[]> {
    const { text, batchSize, reader, ahead, time, house } = this.#batch;
    const from = house.parts.config.clock.now();
    const chunk: ReadySet[] = [];
    while (chunk.length < batchSize) {
      const set =
        reader.array === undefined
          ? this.#read < ahead.length
            ? ahead[this.#read]
            : await time.nextSet(reader, from)
          : reader.array[this.#read];
      if (set === undefined) break;
      const problem = reader.array === undefined ? text.problemOf(this.#read, set) : undefined;
      if (problem === undefined) chunk.push({ index: this.#read, values: text.valuesOf(set) });
      else this.#fail(this.#read, refusedSets([problem]));
      this.#read += 1;
    }
    return chunk;
  }

  async #sendChunk(chunk: readonly ReadySet[]): Promise<void> {
    /** Sets from here on have not been seen to fail; those before have been applied without this one in an attempt. */
    let known: { readonly at: number; readonly error: FluxorError } | undefined;
    // One for all of them: as many pieces as wrong sets can make would otherwise take as many times the limit.
    const limit = this.#batch.time.chunk;
    for (let from = 0; from < chunk.length;) {
      if (known !== undefined && known.at === from) {
        this.#skip(chunk[from] as ReadySet, known.error);
        known = undefined;
        from += 1;
        continue;
      }
      const to = Math.min(known?.at ?? chunk.length, from + this.#size);
      const piece = chunk.slice(from, to);
      const failed = await this.#sendPiece(piece, limit);
      if (failed === undefined) {
        this.#size = Math.min(this.#batch.batchSize, this.#size * 2);
        from = to;
        continue;
      }
      // Without a number: a piece of one set is that set; anything else is halved until it is.
      const at = failed.context.paramSet ?? (piece.length === 1 ? 0 : undefined);
      this.#size = Math.max(1, Math.floor(piece.length / (at === undefined ? 2 : 4)));
      if (at === undefined) known = undefined;
      else known = { at: from + at, error: failed };
    }
  }

  /** The error of one set, when there was one; nothing of the piece has remained then. */
  async #sendPiece(piece: readonly ReadySet[], limit: OuterLimit | undefined): Promise<FluxorError | undefined> {
    const { clock } = this.#batch.house.parts.config;
    const assert = () => this.#lastCall && assertWanted(this.#lastCall, this.#lastCall.deadlineAt, clock.now());
    const values = piece.map((set) => set.values);
    try {
      const result = await sendCall(this.#batch, {
        source: new ArraySource(values, assert),
        sets: piece.length,
        facts: { text: this.#batch.text.text, sets: piece.length },
        timeoutMs: this.#batch.time.timeoutMs,
        outer: limit,
        isProlonged: false,
        canRepeat: () => true,
        onBegun: (call, report) => {
          this.#lastCall = call;
          this.#lastReport = report;
        },
      });
      this.#keep(piece);
      this.#take(piece, result);
      return undefined;
    } catch (error) {
      if (isFluxorError(error) && isSetFault(error)) return error;
      // The number within the piece says nothing to anybody else.
      const at = isFluxorError(error) ? error.context.paramSet : undefined;
      if (isFluxorError(error) && at !== undefined) error.placeSet(piece[at]?.index);
      // Stopped too late: it stays all the same. What it answered is lost, as all results are with an error.
      if (isFluxorError(error) && error.outcome === 'applied') this.#keep(piece);
      throw error;
    }
  }

  /** It has been applied, and whatever comes now, its sets have been dealt with. */
  #keep(piece: readonly ReadySet[]): void {
    this.#kept += piece.length;
    this.#isInside = this.#lastReport?.isInside === true;
    this.#done = (piece.at(-1)?.index ?? 0) + 1;
  }

  #take(piece: readonly ReadySet[], { rows, rowsAffected, affected, mode }: DriverBatchResult): void {
    for (const row of rows) this.rows.push(row);
    this.rowsAffected += rowsAffected;
    if (mode !== 'copy') this.#isAllCopied = false;
    if (affected === undefined) this.affected = undefined;
    else for (const [at, { index }] of piece.entries()) this.#setAffected(index, affected[at] ?? 0);
  }

  #skip({ index }: ReadySet, error: FluxorError): void {
    error.placeSet(index);
    this.#fail(index, error);
  }

  #fail(index: number, error: FluxorError): void {
    this.errors.push({ index, error });
    this.#setAffected(index, 0);
  }

  #setAffected(index: number, count: number): void {
    if (this.affected !== undefined) this.affected[index] = count;
  }

  /** What stopped the batch speaks of its own piece; the batch as a whole has done what was done before. */
  #sayKept(error: FluxorError): void {
    if (this.#kept === 0) return;
    const sets = this.#kept === 1 ? 'one set' : `${this.#kept.toLocaleString('en-US')} sets`;
    if (!this.#isInside) {
      const { idempotent, readOnly } = this.#batch.options;
      const mayRepeat = idempotent === true || readOnly === true;
      return error.noteKept(`${sets} had been applied by then`, mayRepeat ? error.decision : 'never');
    }
    // The server has undone the transaction, and them with it.
    if (error.isConnectionFatal) return error.noteUndone();
    error.noteKept(`${sets} had been applied by then, and are part of the transaction`, error.decision);
  }

  /** Sets that could not be bound were found before those of their chunk that failed. */
  #sortedErrors(): readonly SetError[] {
    return this.errors.sort((a, b) => a.index - b.index);
  }
}

/** The values of the set, a constraint they violate, or the application's own code that refused them. */
function isSetFault(error: FluxorError): boolean {
  if (error.isConnectionFatal || error.outcome === 'unknown' || error.outcome === 'applied') return false;
  if (error.code === 'CONSTRAINT') return true;
  if (error.code !== 'QUERY') return false;
  const { reason } = error;
  if (reason === 'data' || reason === 'application') return true;
  // A code of the application's own, or a row that is too large for its page or its index.
  return (reason === 'internal' && error.breaker === 'success') || error.sqlState === '54000';
}
