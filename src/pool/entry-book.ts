/**
 * The pool's book of entries: which there are, which rest, and how many are in which state. Kept by pool.ts, which
 * decides; here is the one place where states, counts and memberships change, together or not at all.
 *
 * Invariants: an entry is in the idle list iff its state is idle; `count(name)` is the number of entries in that state;
 * every move is in the table of pool-entry.ts.
 */
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { Deferred } from '../kernel/deferred.js';
import { createDeferred } from '../kernel/deferred.js';
import { within } from '../kernel/within.js';
import type { EntryState, EntryStateName } from './pool-entry.js';
import { OPEN_STATES, PoolEntry } from './pool-entry.js';

export class EntryBook<R> {
  /** Everything not yet closed. */
  readonly #entries = new Set<PoolEntry<R>>();
  /** Lent from the end: the hot set stays small, and the last is always the freshest. */
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
  #nextId = 1;
  /** Resolved whenever an entry leaves, while somebody waits for the last to go. */
  #left: Deferred<void> | undefined;

  /** How many count towards `maxSize`. */
  get open(): number {
    return OPEN_STATES.reduce((sum, name) => sum + this.#counts[name], 0);
  }

  /** The idle entry used last. */
  get lastIdle(): PoolEntry<R> | undefined {
    return this.#idle.at(-1);
  }

  count(name: EntryStateName): number {
    return this.#counts[name];
  }

  /** A copy, so that entries may move while walking. */
  all(): readonly PoolEntry<R>[] {
    return [...this.#entries];
  }

  add(bornAt: number, abort: AbortController): PoolEntry<R> {
    const entry = new PoolEntry<R>(this.#nextId++, bornAt, { name: 'creating', abort });
    this.#entries.add(entry);
    this.#counts.creating += 1;
    return entry;
  }

  /** With `add`, the only writer of states, counts and memberships. */
  move(entry: PoolEntry<R>, to: EntryState<R>): void {
    entry.assertCanMove(to.name);
    const from = entry.state.name;
    if (from === 'idle') this.#removeIdle(entry);
    this.#counts[from] -= 1;
    entry.state = to;
    if (to.name === 'closed') {
      this.#entries.delete(entry);
      this.#left?.resolve();
      return;
    }
    this.#counts[to.name] += 1;
    if (to.name === 'idle') this.#idle.push(entry);
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

  #removeIdle(entry: PoolEntry<R>): void {
    if (this.#idle.at(-1) === entry) this.#idle.pop();
    else this.#idle.splice(this.#idle.indexOf(entry), 1);
  }
}
