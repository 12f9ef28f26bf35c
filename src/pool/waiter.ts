/**
 * Somebody waiting for a resource: the promise they hold, the moment they give up, and the signal that calls them away.
 * Leaving the line, for whatever reason, costs O(1) and leaves no timer and no listener behind.
 */
import { onAbort } from '../kernel/abort-listener.js';
import type { LimitCause } from '../kernel/within.js';
import { QueueItem } from '../kernel/waiter-queue.js';
import type { Lane } from './lane.js';
import type { Lease } from './lease.js';
import type { LeaseHolder, LeaseScope } from './lease-scopes.js';
import type { Priority } from '../kernel/priority.js';

export interface AcquireRequest {
  /** Monotonic milliseconds by which the wait must have ended. */
  readonly deadlineAt: number;
  readonly signal?: AbortSignal | undefined;
  /** Give up at the first failed attempt to create, instead of waiting for the next until the deadline. */
  readonly failFast?: boolean;
  /** Default `'normal'`. */
  readonly priority?: Priority | undefined;
  /** Default `'exclusive'`. Of no effect in a pool that shares nothing. */
  readonly lane?: Lane | undefined;
  /** Set when user code will hold the lease for as long as it likes: then it is watched for leaks. */
  readonly holder?: LeaseHolder | undefined;
  /** What reports call the lease. */
  readonly label?: string | undefined;
  /** The function that will run on the lease, when there is one. */
  readonly scope?: LeaseScope | undefined;
}

/** Where a waiter says that its time is up, or that it was called away. */
export interface WaiterKeeper<R> {
  giveUp(waiter: Waiter<R>, cause: LimitCause): void;
}

export class Waiter<R> extends QueueItem {
  readonly request: AcquireRequest;
  readonly sinceAt: number;
  readonly priority: Priority;
  readonly lane: Lane;
  readonly promise: Promise<Lease<R>>;
  /** The scope it waits in, when that scope holds a lease already. */
  readonly outer: LeaseScope | undefined;
  /** Where it was asked for, if that was noted: the stack is only there at the time. */
  stack: string | undefined;
  /** Kept by the line, which tells the keeper. */
  deadlineAt: number;
  #stopListening: (() => void) | undefined;
  #resolve: ((lease: Lease<R>) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  /** `lane` is not read from the request: a pool that shares nothing has one. */
  constructor(
    request: AcquireRequest,
    sinceAt: number,
    deadlineAt: number,
    outer: LeaseScope | undefined,
    keeper: WaiterKeeper<R>,
    lane: Lane = 'exclusive',
  ) {
    super();
    this.lane = lane;
    this.request = request;
    this.sinceAt = sinceAt;
    this.priority = request.priority ?? 'normal';
    this.deadlineAt = deadlineAt;
    this.outer = outer;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    outer?.countWaiting(1);
    if (request.signal === undefined) return;
    this.#stopListening = onAbort(request.signal, () => keeper.giveUp(this, 'aborted'));
  }

  resolve(lease: Lease<R>): void {
    this.#leave();
    this.#resolve?.(lease);
  }

  reject(error: unknown): void {
    this.#leave();
    this.#reject?.(error);
  }

  #leave(): void {
    this.outer?.countWaiting(-1);
    this.#stopListening?.();
  }
}
