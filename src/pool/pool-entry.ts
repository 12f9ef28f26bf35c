/**
 * The pool's record of one resource: which state it is in, and since when. Moves go through entry-book.ts.
 * An entry is in exactly one state; each state carries its own data; every move is checked against the table below,
 * which docs/state-machines.md draws.
 */
import type { TransitionTable } from '../kernel/transitions.js';
import { assertTransition } from '../kernel/transitions.js';
import type { CloseReason } from '../telemetry/events.js';
import type { LeaseMark } from './lease-scopes.js';

/** What an entry in use knows of its lease: enough to tell one from another, to report it, and to take the resource away. */
export interface Loan extends LeaseMark {
  revoke(): void;
}

/** Counts resources at work. */
export interface Borrower {
  /** Must not throw. */
  onResourceFree(): void;
}

export type EntryState<R> =
  /** `replaces` is the entry that is to be retired once this one is ready. */
  | { readonly name: 'creating'; readonly abort: AbortController; readonly replaces: PoolEntry<R> | undefined }
  /** `sinceAt` is its last use, `provenAt` its last proof of life; a use is a proof. */
  | { readonly name: 'idle'; readonly resource: R; readonly sinceAt: number; readonly provenAt: number }
  /**
   * `isForLine` when somebody waits for the answer; nobody counts on that to a keepalive. `abort` is raised when the entry
   * is closed meanwhile: then nobody needs the answer any more.
   */
  | {
      readonly name: 'checking';
      readonly resource: R;
      readonly sinceAt: number;
      readonly isForLine: boolean;
      readonly abort: AbortController;
    }
  /** Lent to one lease, or to several statements at once: then `lease` is the loan that all of them share. */
  | { readonly name: 'in-use'; readonly resource: R; readonly sinceAt: number; readonly lease: Loan }
  | { readonly name: 'resetting'; readonly resource: R; readonly abort: AbortController }
  | { readonly name: 'closing'; readonly resource: R; readonly reason: CloseReason }
  | { readonly name: 'closed' };

export type EntryStateName = EntryState<unknown>['name'];

export const ENTRY_TRANSITIONS: TransitionTable<EntryStateName> = {
  // A newborn rests first, for no time at all when somebody waits. An attempt that fails has nothing to say goodbye to.
  creating: ['idle', 'closed'],
  idle: ['in-use', 'checking', 'closing'],
  checking: ['idle', 'closing'],
  // In use → in use is the hand-over to the next waiter in the tick of the release.
  'in-use': ['idle', 'in-use', 'resetting', 'closing'],
  resetting: ['idle', 'in-use', 'closing'],
  closing: ['closed'],
  closed: [],
};

/** States that do not count towards `maxSize`. A half-dead socket may take long to close and must not starve the living. */
export const isOpenState = (name: EntryStateName): boolean => name !== 'closing' && name !== 'closed';

/** Lifetimes are shortened by up to this share, each entry's by its own, so that what was born together does not die together. */
const LIFETIME_VARIANCE = 0.25;
/** The same for keepalives. Both numbers are HikariCP's (6.1.0 and 6.3.0). */
const KEEPALIVE_VARIANCE = 0.2;

export class PoolEntry<R> {
  readonly id: number;
  readonly bornAt: number;
  /** When it could be lent for the first time; `Infinity` until then. */
  readyAt = Infinity;
  /** Entries of an earlier generation are not lent again. */
  readonly generation: number;
  /** In [0, 1): this entry's share of every variance. */
  readonly jitter: number;
  /** Written by `EntryBook.move` only. */
  state: EntryState<R>;
  /** Too old, and on its way out: its replacement is being opened, or is there (or needless), and it goes when it comes free. */
  retirement: 'none' | 'replacing' | 'due' = 'none';
  /** It broke while it was lent. Written by the book. */
  isLost = false;
  /** Somebody told this one to go; it does when it comes free. */
  isEvicted = false;
  /** As good as too old, whatever its age (`Pool.renew`). */
  isTired = false;
  /** Whoever counts how many resources are at work; told by the book, once. */
  #borrower: Borrower | undefined;

  constructor(id: number, bornAt: number, generation: number, jitter: number, state: EntryState<R>) {
    this.id = id;
    this.bornAt = bornAt;
    this.generation = generation;
    this.jitter = jitter;
    this.state = state;
  }

  /** `borrower` hears when the resource is at nobody's service any more: later than its lease's end if it must be cleaned. */
  tellWhenFree(borrower: Borrower): void {
    this.#borrower = borrower;
  }

  /** Written for the book: the loan is over, and so is what was left of it. */
  tellFree(): void {
    const borrower = this.#borrower;
    if (borrower === undefined) return;
    this.#borrower = undefined;
    borrower.onResourceFree();
  }

  /** When it is too old; `Infinity` for never. */
  retiresAt(maxLifetimeMs: number): number {
    return this.isTired ? -Infinity : this.bornAt + maxLifetimeMs * (1 - LIFETIME_VARIANCE * this.jitter);
  }

  /** How long it may rest without a proof of life. */
  keepaliveAfter(keepaliveMs: number): number {
    return keepaliveMs * (1 - KEEPALIVE_VARIANCE * this.jitter);
  }

  /** Checks the move; the book keeps the counts. */
  assertCanMove(to: EntryStateName): void {
    const from = this.state.name;
    // The moves of every lease, written out: looking them up in the table would be a quarter of an acquire.
    if (from === 'in-use' && (to === 'idle' || to === 'in-use')) return;
    if (from === 'idle' && to === 'in-use') return;
    assertTransition(`pool entry ${this.id}`, ENTRY_TRANSITIONS, from, to);
  }
}

export function resourceOf<R>(entry: PoolEntry<R>): R {
  if (entry.state.name === 'creating' || entry.state.name === 'closed') {
    throw new Error(`bug: a ${entry.state.name} entry has no resource`);
  }
  return entry.state.resource;
}
