/**
 * The time of a batch: one limit for all of it where its caller gave a `timeout`, otherwise the usual one for every `batchSize`
 * sets begun; a surrounding deadline is never outlived. Made by batch.ts.
 * Also the waits for the caller's source that no call of the batch bounds: before its first sets, and between two chunks.
 * Invariant: nothing waits for a source without a limit, and an abort ends each of these waits at once.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import { CancelledError, TimeoutError } from '../errors/timeout-error.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import { formatMs } from '../kernel/duration.js';
import type { LimitCause } from '../kernel/within.js';
import { within } from '../kernel/within.js';
import type { StatementParams } from '../sql/statement-compiler.js';
import type { SetReader } from './batch-source.js';
import type { OuterLimit } from './call.js';

export interface BatchTimeInit {
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly startedAt: number;
  /** For all of it, or for every `batchSize` sets. `Infinity` for none. */
  readonly timeoutMs: number;
  readonly isWhole: boolean;
  readonly outer: OuterLimit | undefined;
  readonly signal: AbortSignal | undefined;
}

export class BatchTime {
  readonly #init: BatchTimeInit;

  constructor(init: BatchTimeInit) {
    this.#init = init;
  }

  get startedAt(): number {
    return this.#init.startedAt;
  }

  get timeoutMs(): number {
    return this.#init.timeoutMs;
  }

  get isWhole(): boolean {
    return this.#init.isWhole;
  }

  get signal(): AbortSignal | undefined {
    return this.#init.signal;
  }

  /** What no call of the batch may outlive, whenever it begins. */
  get outer(): OuterLimit | undefined {
    return this.isWhole ? this.#limitFrom(this.startedAt) : this.#init.outer;
  }

  /** What no piece of a chunk may outlive that begins to be sent now. */
  get chunk(): OuterLimit | undefined {
    return this.isWhole ? this.outer : this.#limitFrom(this.#init.clock.now());
  }

  /** The next set, waited for since `from` at the latest. @throws TimeoutError, CancelledError; whatever the source throws. */
  async nextSet(reader: SetReader, from: number): Promise<StatementParams | undefined> {
    const { clock, timers, signal } = this.#init;
    const limit = this.#limitFrom(this.isWhole ? this.startedAt : from);
    // A source that never waits would never notice.
    if (signal?.aborted === true) throw this.#stopped('aborted', limit);
    if (clock.now() >= limit.deadlineAt) throw this.#stopped('deadline', limit);
    const set = reader.next();
    if (!(set instanceof Promise)) return set;
    return within(set, { deadlineAt: limit.deadlineAt, signal }, timers, (cause) => {
      throw this.#stopped(cause, limit);
    });
  }

  #limitFrom(from: number): OuterLimit {
    const { outer, timeoutMs } = this.#init;
    const deadlineAt = from + timeoutMs;
    return outer !== undefined && outer.deadlineAt < deadlineAt ? outer : { deadlineAt, timeoutMs, phase: 'statement' };
  }

  #stopped(cause: LimitCause, { timeoutMs, phase }: OuterLimit): FluxorError {
    if (cause === 'aborted') {
      const text = 'the caller aborted the batch while its sets were read';
      return new CancelledError('caller', text, { outcome: 'not-sent', cause: this.signal?.reason as unknown });
    }
    const text = `the sets of the batch had not been read within its ${formatMs(timeoutMs)}`;
    const init = { outcome: 'not-sent', decision: 'whole-transaction', breaker: 'ignore' } as const;
    return new TimeoutError(phase ?? 'transaction', text, init);
  }
}
