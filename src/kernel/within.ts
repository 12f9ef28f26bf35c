/**
 * Waiting for somebody else's promise without trusting it to settle: the promise, the deadline and the caller's signal
 * race, and whoever loses is forgotten without a leak (no timer, no listener, no unhandled rejection stays behind).
 */
import { onAbort } from './abort-listener.js';
import type { DeadlineTarget, DeadlineTimer, WatchedDeadline } from './deadline.js';

/** What ends a wait early. */
export type LimitCause = 'deadline' | 'aborted';

/** The bounds of one wait. */
export interface Limits {
  /** Monotonic milliseconds; `Infinity` for none. */
  readonly deadlineAt: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The result of `work`, or whatever `onLimit` answers when a limit comes first.
 * `work` goes on regardless; a rejection of it after the limit is swallowed, so `onLimit` must have arranged for
 * whoever still cares.
 */
export function within<T>(
  work: Promise<T>,
  limits: Limits,
  timers: DeadlineTimer,
  onLimit: (cause: LimitCause) => T | Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => new Race(work, limits, timers, onLimit, resolve, reject));
}

class Race<T> implements DeadlineTarget {
  readonly #timers: DeadlineTimer;
  readonly #signal: AbortSignal | undefined;
  readonly #onLimit: (cause: LimitCause) => T | Promise<T>;
  readonly #resolve: (value: T | Promise<T>) => void;
  #stopListening: (() => void) | undefined;
  #watched: WatchedDeadline | undefined;
  #isOver = false;

  constructor(
    work: Promise<T>,
    limits: Limits,
    timers: DeadlineTimer,
    onLimit: (cause: LimitCause) => T | Promise<T>,
    resolve: (value: T | Promise<T>) => void,
    reject: (error: unknown) => void,
  ) {
    this.#timers = timers;
    this.#signal = limits.signal;
    this.#onLimit = onLimit;
    this.#resolve = resolve;
    work.then(
      (value) => this.#end() && resolve(value),
      (error: unknown) => this.#end() && reject(error),
    );
    if (this.#signal?.aborted === true) {
      this.#limit('aborted');
      return;
    }
    this.#watched = timers.watch(limits.deadlineAt, this);
    if (this.#signal === undefined) return;
    this.#stopListening = onAbort(this.#signal, () => this.#limit('aborted'));
  }

  onDeadline(): void {
    this.#limit('deadline');
  }

  #limit(cause: LimitCause): void {
    if (!this.#end()) return;
    // A throw of `onLimit` becomes the rejection of the wait.
    this.#resolve(new Promise((resolve) => resolve(this.#onLimit(cause))));
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#timers.unwatch(this.#watched);
    this.#stopListening?.();
    return true;
  }
}
