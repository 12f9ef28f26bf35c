/**
 * Who waits while holding something already. A scope is one function given to `use()` or `transaction()`, with the lease
 * it runs on; scopes nest. The pool never learns how the current one is found: the runtime keeps them in Node's
 * AsyncLocalStorage and hands in the way to ask.
 *
 * Invariant: `waiting` counts the callers in the line that were called from inside this scope, or from one nested in it.
 */

/** What a scope knows of its lease, and a report of a lease: who holds it, since when, and where from. */
export interface LeaseMark {
  readonly isReleased: boolean;
  /** Set for leases that user code holds; a single statement's lease ends with the statement. */
  readonly note: LeaseNote | undefined;
}

/** What was noted when user code took a lease. */
export interface LeaseNote {
  readonly holder: LeaseHolder;
  readonly label: string | undefined;
  /** Epoch milliseconds. */
  readonly acquiredAt: number;
  /** Where it was acquired, if that was noted. */
  readonly stack: string | undefined;
  /** The function that runs on it, where there is one. */
  readonly scope: LeaseScope | undefined;
  /** It has been reported as a leak; its end will be reported too. */
  isSuspected: boolean;
  /** For how long of its life the process stood still. */
  frozenMs: number;
}

/** What user code holds. */
export type LeaseHolder = 'session' | 'transaction' | 'stream';

export class LeaseScope {
  readonly parent: LeaseScope | undefined;
  waiting = 0;
  #held: { readonly connectionId: number; readonly lease: LeaseMark } | undefined;

  constructor(parent: LeaseScope | undefined) {
    this.parent = parent;
  }

  /** What the function runs on has been lent. */
  hold(connectionId: number, lease: LeaseMark): void {
    this.#held = { connectionId, lease };
  }

  /** What the function holds now; nothing before it was lent, nor once it was released. */
  get held(): { readonly connectionId: number; readonly lease: LeaseMark } | undefined {
    return this.#held?.lease.isReleased === false ? this.#held : undefined;
  }

  /** Counts a caller that joins (+1) or leaves (−1) the line, here and in every scope around. */
  countWaiting(change: 1 | -1): void {
    this.waiting += change;
    this.parent?.countWaiting(change);
  }
}

/**
 * Runs what the pool does for itself outside the context of the caller who happened to set it off: else a connection
 * made during one request would keep that request's context alive, and tell its events in it, for as long as it lives.
 */
export type Detached = <T>(fn: () => T) => T;

/** The way to ask in which scope the code runs that is calling now. */
export interface LeaseScopes {
  current(): LeaseScope | undefined;
}
