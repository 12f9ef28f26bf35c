/**
 * Somebody waiting for a resource: the promise they hold, the moment they give up, and the signal that calls them away.
 * Leaving the line, for whatever reason, costs O(1) and leaves no timer and no listener behind.
 */
import { createDeferred } from '../kernel/deferred.js';
import type { DeadlineTarget, DeadlineTimer, WatchedDeadline } from '../kernel/deadline.js';
import type { LimitCause } from '../kernel/within.js';
import { QueueItem } from '../kernel/waiter-queue.js';
import type { Lease } from './lease.js';

export interface AcquireRequest {
  /** Monotonic milliseconds by which the wait must have ended. */
  readonly deadlineAt: number;
  readonly signal?: AbortSignal | undefined;
  /** Give up at the first failed attempt to create, instead of waiting for the next until the deadline. */
  readonly failFast?: boolean;
}

export class Waiter<R> extends QueueItem implements DeadlineTarget {
  readonly sinceAt: number;
  readonly failFast: boolean;
  readonly #deferred = createDeferred<Lease<R>>();
  readonly #timers: DeadlineTimer;
  readonly #signal: AbortSignal | undefined;
  readonly #onLimit: (waiter: Waiter<R>, cause: LimitCause) => void;
  readonly #onAbort: (() => void) | undefined;
  readonly #watched: WatchedDeadline | undefined;

  constructor(
    request: AcquireRequest,
    sinceAt: number,
    timers: DeadlineTimer,
    onLimit: (waiter: Waiter<R>, cause: LimitCause) => void,
  ) {
    super();
    this.sinceAt = sinceAt;
    this.failFast = request.failFast ?? false;
    this.#timers = timers;
    this.#signal = request.signal;
    this.#onLimit = onLimit;
    this.#watched = timers.watch(request.deadlineAt, this);
    if (this.#signal === undefined) return;
    this.#onAbort = () => this.#onLimit(this, 'aborted');
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get promise(): Promise<Lease<R>> {
    return this.#deferred.promise;
  }

  onDeadline(): void {
    this.#onLimit(this, 'deadline');
  }

  resolve(lease: Lease<R>): void {
    this.#leave();
    this.#deferred.resolve(lease);
  }

  reject(error: unknown): void {
    this.#leave();
    this.#deferred.reject(error);
  }

  #leave(): void {
    this.#timers.unwatch(this.#watched);
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
