/**
 * The pool's book of entries: which there are, which rest, and how many are in which state. Kept for pool.ts and
 * entry-care.ts, which decide; here is the one place where states, counts and memberships change, together or not at all.
 *
 * Invariants: an entry is in the idle list iff its state is idle, and the list is in order of last use; `count(name)` is
 * the number of entries in that state; every move is in the table of pool-entry.ts.
 */
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { Deferred } from '../kernel/deferred.js';
import { createDeferred } from '../kernel/deferred.js';
import { within } from '../kernel/within.js';
import type { EntryState, EntryStateName, PoolEntry } from './pool-entry.js';
import { isOpenState } from './pool-entry.js';

export class EntryBook<R> {
  /** Everything not yet closed. */
  readonly #entries = new Set<PoolEntry<R>>();
  /** Lent from the end: the hot set stays small, the last is always the freshest, and what is not needed grows old in front. */
  readonly #idle: PoolEntry<R>[] = [];
  readonly #counts: Record<EntryStateName, number> = {
    creating: 0,
    idle: 0,
    checking: 0,
    'in-use': 0,
    resetting: 0,
    closing: 0,
    closed: 0,
  };
  #open = 0;
  #asked = 0;
  /** Broken, and still lent. */
  #lost = 0;
  /** Resolved whenever an entry leaves, while somebody waits for the last to go. */
  #left: Deferred<void> | undefined;

  /** How many count towards `maxSize`. */
  get open(): number {
    return this.#open;
  }

  /** How many were opened and are still alive, whatever they do. */
  get alive(): number {
    return this.#open - this.#counts.creating - this.#lost;
  }

  /** It has broken. One in use stays in the book until its lease ends, and is not counted as alive. */
  markLost(entry: PoolEntry<R>): void {
    if (entry.isLost || entry.state.name !== 'in-use') return;
    entry.isLost = true;
    this.#lost += 1;
  }

  /** The idle entry used last. */
  get lastIdle(): PoolEntry<R> | undefined {
    return this.#idle.at(-1);
  }

  /** The idle entry that has rested longest. */
  get firstIdle(): PoolEntry<R> | undefined {
    return this.#idle[0];
  }

  /** How many are asked for a proof of life on behalf of somebody in line. */
  get asked(): number {
    return this.#asked;
  }

  /** How many are lent. */
  get inUse(): number {
    return this.#counts['in-use'];
  }

  count(name: EntryStateName): number {
    return this.#counts[name];
  }

  /** A copy, so that entries may move while walking. */
  all(): readonly PoolEntry<R>[] {
    return [...this.#entries];
  }

  add(entry: PoolEntry<R>): void {
    this.#entries.add(entry);
    this.#counts[entry.state.name] += 1;
    this.#open += 1;
  }

  /** With `add`, `lend` and `rest` the only writer of states, counts and memberships. */
  move(entry: PoolEntry<R>, to: EntryState<R>): void {
    entry.assertCanMove(to.name);
    const { state } = entry;
    const from = state.name;
    // One that is being cleaned still works for its last borrower: the server may be at a statement that was stopped.
    if (from === 'in-use' || from === 'resetting') if (to.name !== 'resetting') entry.tellFree();
    // The hand-over: another lease, and nothing to count.
    if (from === 'in-use' && to.name === 'in-use' && !entry.isLost) {
      entry.state = to;
      return;
    }
    if (from === 'idle') this.#removeIdle(entry);
    else if (from === 'checking' && state.isForLine) this.#asked -= 1;
    this.#count(from, -1);
    this.#count(to.name, 1);
    entry.state = to;
    if (entry.isLost) this.#forgetLost(entry);
    if (to.name === 'idle') this.#insertIdle(entry, to.sinceAt);
    else if (to.name === 'checking' && to.isForLine) this.#asked += 1;
    else if (to.name === 'closing' || to.name === 'closed') this.#leave(entry, from, to.name);
  }

  /**
   * The two moves of every lease, for the cases that are nearly all: `move` would do the same and ask first what it is.
   * Invariant: after them the book is as after `move`.
   */
  lend(entry: PoolEntry<R>, to: EntryState<R> & { readonly name: 'in-use' }): void {
    if (entry.state.name !== 'idle' || entry !== this.#idle.at(-1)) return this.move(entry, to);
    entry.assertCanMove('in-use');
    this.#idle.pop();
    this.#counts.idle -= 1;
    this.#counts['in-use'] += 1;
    entry.state = to;
  }

  rest(entry: PoolEntry<R>, to: EntryState<R> & { readonly name: 'idle' }): void {
    const last = this.#idle.at(-1)?.state;
    const isLatest = last === undefined || (last.name === 'idle' && last.sinceAt <= to.sinceAt);
    if (entry.state.name !== 'in-use' || entry.isLost || !isLatest) return this.move(entry, to);
    entry.assertCanMove('idle');
    entry.tellFree();
    this.#counts['in-use'] -= 1;
    this.#counts.idle += 1;
    entry.state = to;
    this.#idle.push(entry);
  }

  /** Resolves when the last entry has left, or at the deadline. For one waiter: the pool that closes. */
  async untilEmpty(deadlineAt: number, timers: DeadlineTimer): Promise<void> {
    let isLate = false;
    while (this.#entries.size > 0 && !isLate) {
      this.#left = createDeferred();
      await within(this.#left.promise, { deadlineAt, signal: undefined }, timers, () => {
        isLate = true;
      });
    }
  }

  /** The two states of every lease by name: a computed key costs as much as the rest of the move. */
  #count(name: EntryStateName, change: 1 | -1): void {
    if (name === 'in-use') this.#counts['in-use'] += change;
    else if (name === 'idle') this.#counts.idle += change;
    else this.#counts[name] += change;
  }

  #forgetLost(entry: PoolEntry<R>): void {
    entry.isLost = false;
    this.#lost -= 1;
  }

  #leave(entry: PoolEntry<R>, from: EntryStateName, to: EntryStateName): void {
    if (isOpenState(from)) this.#open -= 1;
    if (to !== 'closed') return;
    this.#entries.delete(entry);
    this.#left?.resolve();
  }

  /** At the end, but for one that was only asked whether it lives: that is no use, and it goes back to its place. */
  #insertIdle(entry: PoolEntry<R>, sinceAt: number): void {
    let at = this.#idle.length;
    for (; at > 0; at -= 1) {
      const state = this.#idle[at - 1]?.state;
      if (state?.name !== 'idle' || state.sinceAt <= sinceAt) break;
    }
    if (at === this.#idle.length) this.#idle.push(entry);
    else this.#idle.splice(at, 0, entry);
  }

  #removeIdle(entry: PoolEntry<R>): void {
    if (this.#idle.at(-1) === entry) this.#idle.pop();
    else this.#idle.splice(this.#idle.indexOf(entry), 1);
  }
}
