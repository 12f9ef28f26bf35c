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
import type { DriverBatchResult } from '../driver/batch.js';
import type { FluxorError, SetError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import { refusedSets } from '../sql/batch-text.js';
import type { StatementParams } from '../sql/statement-compiler.js';
import type { Batch } from './batch-call.js';
import { assertWanted, sendCall } from './batch-call.js';
import type { BatchResult } from './batch-options.js';
import { ArraySource } from './batch-source.js';
import type { Call, OuterLimit } from './call.js';
import { readTimeout } from './query-options.js';

/** A set whose values can be bound. */
interface ReadySet {
  readonly index: number;
  readonly values: readonly unknown[];
}

export async function collect<R>(batch: Batch): Promise<BatchResult<R>> {
  const collector = new Collector(batch);
  await collector.run();
  const { rows, errors, rowsAffected, affected, mode } = collector;
  const durationMs = batch.house.parts.config.clock.now() - batch.startedAt;
  return { rows: rows as R[], errors, rowsAffected, affected, mode, durationMs };
}

class Collector {
  readonly rows: unknown[] = [];
  readonly errors: SetError[] = [];
  rowsAffected = 0;
  affected: number[] | undefined = [];
  #isAllCopied = true;
  readonly #batch: Batch;
  readonly #timeoutMs: number;
  readonly #outer: OuterLimit | undefined;
  #size: number;
  #read = 0;
  /** All before this one have been dealt with. */
  #done = 0;
  #lastCall: Call | undefined;

  constructor(batch: Batch) {
    const { options, way, startedAt, house } = batch;
    this.#batch = batch;
    this.#size = batch.batchSize;
    this.#timeoutMs = readTimeout(options.timeout, house.parts.config.query.timeoutMs);
    const own = { deadlineAt: startedAt + this.#timeoutMs, timeoutMs: this.#timeoutMs };
    const isOwnSooner = options.timeout !== undefined && own.deadlineAt < (way.outer?.deadlineAt ?? Infinity);
    this.#outer = isOwnSooner ? own : way.outer;
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
      }
      throw error;
    }
    this.#sortedErrors();
  }

  /** The sets of a chunk that can be bound. One that cannot is an error of its own; an array was checked before. */
  async #readChunk(): Promise<ReadySet[]> {
    const { text, batchSize, reader, ahead } = this.#batch;
    const chunk: ReadySet[] = [];
    while (chunk.length < batchSize) {
      const set =
        reader.array === undefined
          ? this.#read < ahead.length
            ? ahead[this.#read]
            : await this.#next()
          : reader.array[this.#read];
      if (set === undefined) break;
      const problems = reader.array === undefined ? text.problemsOf(set) : [];
      if (problems.length === 0) chunk.push({ index: this.#read, values: text.valuesOf(set) });
      else this.errors.push({ index: this.#read, error: refusedSets([{ index: this.#read, problems }]) });
      this.#read += 1;
    }
    return chunk;
  }

  #next(): StatementParams | undefined | Promise<StatementParams | undefined> {
    return this.#batch.reader.next();
  }

  async #sendChunk(chunk: readonly ReadySet[]): Promise<void> {
    /** Sets from here on have not been seen to fail; those before have been applied without this one in an attempt. */
    let known: { readonly at: number; readonly error: FluxorError } | undefined;
    for (let from = 0; from < chunk.length;) {
      if (known !== undefined && known.at === from) {
        this.#skip(chunk[from] as ReadySet, known.error);
        known = undefined;
        from += 1;
        continue;
      }
      const to = Math.min(known?.at ?? chunk.length, from + this.#size);
      const piece = chunk.slice(from, to);
      const failed = await this.#sendPiece(piece);
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
  async #sendPiece(piece: readonly ReadySet[]): Promise<FluxorError | undefined> {
    const { clock } = this.#batch.house.parts.config;
    const assert = () => this.#lastCall && assertWanted(this.#lastCall, this.#lastCall.deadlineAt, clock.now());
    const values = piece.map((set) => set.values);
    try {
      const result = await sendCall(this.#batch, {
        source: new ArraySource(values, assert),
        sets: piece.length,
        timeoutMs: this.#timeoutMs,
        isProlonged: false,
        outer: this.#outer,
        canRepeat: () => true,
        onBegun: (call) => {
          this.#lastCall = call;
        },
      });
      this.#keep(result);
      this.#done = (piece.at(-1)?.index ?? 0) + 1;
      return undefined;
    } catch (error) {
      if (isFluxorError(error) && isSetFault(error)) return error;
      // The number within the piece says nothing to anybody else.
      const at = isFluxorError(error) ? error.context.paramSet : undefined;
      if (isFluxorError(error) && at !== undefined) error.placeSet(piece[at]?.index);
      throw error;
    }
  }

  #keep({ rows, rowsAffected, affected, mode }: DriverBatchResult): void {
    for (const row of rows) this.rows.push(row);
    this.rowsAffected += rowsAffected;
    if (mode !== 'copy') this.#isAllCopied = false;
    if (affected === undefined) this.affected = undefined;
    else for (const count of affected) this.affected?.push(count);
  }

  #skip({ index }: ReadySet, error: FluxorError): void {
    error.placeSet(index);
    this.errors.push({ index, error });
    this.affected?.push(0);
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
