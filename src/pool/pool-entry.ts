/**
 * The pool's record of one resource: which state it is in, and since when. Only pool.ts moves entries.
 * An entry is in exactly one state; each state carries its own data; every move is checked against the table below,
 * which docs/state-machines.md draws.
 */
import type { TransitionTable } from '../kernel/transitions.js';
import { assertTransition } from '../kernel/transitions.js';
import type { CloseReason } from '../telemetry/events.js';

/** What an entry in use knows of its lease: enough to tell one from another, and to take the resource away. */
export interface Loan {
  revoke(): void;
}

export type EntryState<R> =
  | { readonly name: 'creating'; readonly abort: AbortController }
  | { readonly name: 'idle'; readonly resource: R; readonly sinceAt: number }
  /** `abort` is raised when the entry is closed meanwhile: nobody needs the answer any more. */
  | { readonly name: 'checking'; readonly resource: R; readonly abort: AbortController }
  | { readonly name: 'in-use'; readonly resource: R; readonly sinceAt: number; readonly lease: Loan }
  | { readonly name: 'resetting'; readonly resource: R; readonly abort: AbortController }
  | { readonly name: 'closing'; readonly resource: R; readonly reason: CloseReason }
  | { readonly name: 'closed' };

export type EntryStateName = EntryState<unknown>['name'];

export const ENTRY_TRANSITIONS: TransitionTable<EntryStateName> = {
  // A newborn rests first, for no time at all when somebody waits. An attempt that fails has nothing to say goodbye to.
  creating: ['idle', 'closed'],
  idle: ['in-use', 'checking', 'closing'],
  checking: ['idle', 'in-use', 'closing'],
  // In use → in use is the hand-over to the next waiter in the tick of the release.
  'in-use': ['idle', 'in-use', 'resetting', 'closing'],
  resetting: ['idle', 'in-use', 'closing'],
  closing: ['closed'],
  closed: [],
};

/** States that count towards `maxSize`. A half-dead socket may take long to close and must not starve the living. */
export const OPEN_STATES: readonly EntryStateName[] = ['creating', 'idle', 'checking', 'in-use', 'resetting'];

export class PoolEntry<R> {
  readonly id: number;
  readonly bornAt: number;
  /** Written by `EntryBook.move` only. */
  state: EntryState<R>;

  constructor(id: number, bornAt: number, state: EntryState<R>) {
    this.id = id;
    this.bornAt = bornAt;
    this.state = state;
  }

  /** Checks the move; the book keeps the counts. */
  assertCanMove(to: EntryStateName): void {
    assertTransition(`pool entry ${this.id}`, ENTRY_TRANSITIONS, this.state.name, to);
  }
}
