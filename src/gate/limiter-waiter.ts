/**
 * Somebody in line at one of the two limiters: the promise they hold, the moment they give up, and the signal that calls
 * them away. Whatever ends the wait, it ends once, and leaves no watch and no listener behind.
 * The line belongs to the limiter: a waiter says that its time is up, and the limiter takes it out.
 */
import { onAbort } from '../kernel/abort-listener.js';
import type { DeadlineTarget, DeadlineTimer, WatchedDeadline } from '../kernel/deadline.js';
import { QueueItem } from '../kernel/waiter-queue.js';
import type { LimitCause, Limits } from '../kernel/within.js';

/** The limiter, as its waiters see it. */
export interface WaiterKeeper<W> {
  giveUp(waiter: W, cause: LimitCause): void;
}

export abstract class LimiterWaiter<T> extends QueueItem implements DeadlineTarget {
  /** When it joined the line. */
  readonly sinceAt: number;
  readonly limits: Limits;
  readonly promise: Promise<T>;
  readonly #timers: DeadlineTimer;
  #watched: WatchedDeadline | undefined;
  #stopListening: (() => void) | undefined;
  #resolve: ((value: T) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  /** The signal must not be aborted already. */
  constructor(sinceAt: number, limits: Limits, timers: DeadlineTimer) {
    super();
    this.sinceAt = sinceAt;
    this.limits = limits;
    this.#timers = timers;
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#watched = timers.watch(limits.deadlineAt, this);
    if (limits.signal !== undefined) this.#stopListening = onAbort(limits.signal, () => this.giveUp('aborted'));
  }

  onDeadline(): void {
    this.giveUp('deadline');
  }

  resolve(value: T): void {
    this.#leave();
    this.#resolve?.(value);
  }

  reject(error: unknown): void {
    this.#leave();
    this.#reject?.(error);
  }

  /** Tells the keeper. */
  protected abstract giveUp(cause: LimitCause): void;

  #leave(): void {
    this.#timers.unwatch(this.#watched);
    this.#watched = undefined;
    this.#stopListening?.();
    this.#stopListening = undefined;
  }
}
