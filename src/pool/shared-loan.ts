/**
 * A loan of one resource to several statements at once. The entry is in use for as long as one of them is; each has a
 * lease of its own, which ends by itself. The loan belongs to its entry and is used again: beginning one costs no object.
 *
 * Invariants: `size` is the number of leases that have not ended; a loan with none is not the state of any entry.
 * Where joining is allowed is decided in sharing.ts.
 */
import { QueueItem } from '../kernel/waiter-queue.js';
import type { LeaseNote } from './lease-scopes.js';
import type { LeaseKeeper } from './lease.js';
import { Lease } from './lease.js';
import type { Borrower, Loan, PoolEntry } from './pool-entry.js';

/** One statement's share of a connection. */
export class SharedLease<R> extends Lease<R> {
  readonly loan: SharedLoan<R>;
  /** Where it stands among the leases of its loan. Written by the loan. */
  place = 0;
  /** When it was lent, if somebody listens to how long leases are held: a number of this kind is an object of its own. */
  readonly sinceAt: number | undefined;

  constructor(loan: SharedLoan<R>, resource: R, sinceAt: number | undefined) {
    super(loan.entry, resource, loan, undefined);
    this.loan = loan;
    this.sinceAt = sinceAt;
  }

  /** What is counted is connections at work: the loan is one, until its entry is free, and those who join it are none more. */
  override tellWhenFree(borrower: Borrower): void {
    if (this.loan.isCounted) return borrower.onResourceFree();
    this.loan.isCounted = true;
    this.entry.tellWhenFree(borrower);
  }
}

/** What a loan needs of sharing.ts. */
export interface SharedLoanKeeper<R> {
  ended(lease: SharedLease<R>, isDiscarded: boolean, reason?: string, now?: number): void;
}

/**
 * `open`: takes joiners. `aside`: it said that it cannot take one now, and is asked again when one of its leases has ended.
 * `reserved`: somebody waits to have it alone. `leaving`: it goes when its last lease has ended. `free`: no lease.
 */
export type LoanPlace = 'open' | 'aside' | 'reserved' | 'leaving' | 'free';

export class SharedLoan<R> extends QueueItem implements Loan, LeaseKeeper<R> {
  readonly isShared = true;
  readonly entry: PoolEntry<R>;
  readonly resource: R;
  /** Statements are not watched for leaks: their leases end with them. */
  readonly note: LeaseNote | undefined = undefined;
  /** Written by sharing.ts. */
  place: LoanPlace = 'free';
  /** One of its leases was discarded: the resource is closed when the last one has ended. */
  isDiscarded = false;
  /** Somebody counts it as a connection at work. */
  isCounted = false;
  readonly #keeper: SharedLoanKeeper<R>;
  readonly #leases: SharedLease<R>[] = [];

  constructor(entry: PoolEntry<R>, resource: R, keeper: SharedLoanKeeper<R>) {
    super();
    this.entry = entry;
    this.resource = resource;
    this.#keeper = keeper;
  }

  get size(): number {
    return this.#leases.length;
  }

  get isReleased(): boolean {
    return this.#leases.length === 0;
  }

  add(sinceAt: number | undefined): SharedLease<R> {
    const lease = new SharedLease(this, this.resource, sinceAt);
    lease.place = this.#leases.length;
    this.#leases.push(lease);
    return lease;
  }

  /** The last one takes its place: in which order they stand means nothing. */
  remove(lease: SharedLease<R>): void {
    const last = this.#leases.pop();
    if (last === undefined || last === lease) return;
    this.#leases[lease.place] = last;
    last.place = lease.place;
  }

  /** Takes the resource from all of them; answers whom it was taken from. */
  revokeAll(): readonly SharedLease<R>[] {
    const leases = this.#leases.splice(0);
    for (const lease of leases) lease.revoke();
    return leases;
  }

  revoke(): void {
    this.revokeAll();
  }

  end(lease: Lease<R>, isDiscarded: boolean, reason?: string, now?: number): void {
    this.#keeper.ended(lease as SharedLease<R>, isDiscarded, reason, now);
  }
}
