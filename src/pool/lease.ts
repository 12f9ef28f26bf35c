/**
 * A single-use handle on something the pool has lent. The handle is not the thing: after `release` or `discard` it is
 * dead, and what it lent may already serve somebody else. A second release does nothing.
 */
import { UsageError } from '../errors/usage-error.js';
import type { LeaseNote } from './lease-scopes.js';
import type { Borrower, Loan, PoolEntry } from './pool-entry.js';

/** What a lease needs of its pool. */
export interface LeaseKeeper<R> {
  /** Whether its leases are shared: others may be in flight on the same resource. */
  readonly isShared: boolean;
  end(lease: Lease<R>, isDiscarded: boolean, reason?: string, now?: number): void;
}

export class Lease<R> implements AsyncDisposable, Loan {
  /** The record of what is lent; its `id` names the connection in events and errors. */
  readonly entry: PoolEntry<R>;
  /** Who holds it, when that is user code: then it is watched for leaks. */
  readonly note: LeaseNote | undefined;
  /** Called once, when it has ended in whatever way. For the few who must know; it must not hold whoever has the lease. */
  onEnded: (() => void) | undefined;
  readonly #keeper: LeaseKeeper<R>;
  #resource: R | undefined;

  constructor(entry: PoolEntry<R>, resource: R, keeper: LeaseKeeper<R>, note: LeaseNote | undefined) {
    this.entry = entry;
    this.note = note;
    this.#resource = resource;
    this.#keeper = keeper;
  }

  get isReleased(): boolean {
    return this.#resource === undefined;
  }

  /** @throws UsageError `LEASE_RELEASED` once the lease has ended. */
  get resource(): R {
    if (this.#resource !== undefined) return this.#resource;
    throw new UsageError(
      'LEASE_RELEASED',
      'The connection has been released and may serve somebody else now; acquire again',
      {
        context: { connectionId: this.entry.id },
      },
    );
  }

  /** Others may be in flight on the same resource: it must be used for one statement, in the way that is made for that. */
  get isShared(): boolean {
    return this.#keeper.isShared;
  }

  /**
   * `borrower` hears, once, when what this lease lent is at its service no more: later than its end where the resource
   * must be cleaned or still works for it.
   */
  tellWhenFree(borrower: Borrower): void {
    this.entry.tellWhenFree(borrower);
  }

  /** Ends the lease; the resource is cleaned if need be and lent again. `now` is the caller's own look at the clock. */
  release(now?: number): void {
    this.#end(false, undefined, now);
  }

  /** Ends the lease; the resource is closed. */
  discard(reason?: string): void {
    this.#end(true, reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
  }

  /** Called by the pool when it takes the resource away: a forced shutdown, a leak that is reclaimed. */
  revoke(): void {
    this.#resource = undefined;
    this.#tellEnded();
  }

  #end(isDiscarded: boolean, reason?: string, now?: number): void {
    if (this.#resource === undefined) return;
    this.#resource = undefined;
    this.#keeper.end(this, isDiscarded, reason, now);
    this.#tellEnded();
  }

  #tellEnded(): void {
    const tell = this.onEnded;
    this.onEnded = undefined;
    tell?.();
  }
}
