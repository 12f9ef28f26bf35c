/**
 * Everybody who waits for a slot at the connection limiter, and the answer to "who is next?".
 *
 *     high   ──► lane   sure of 70 % of the limit, in whole slots: while it has fewer and somebody waits, it goes first;
 *     normal ──► lane   sure of 20 %               of several such lanes, the one that has least of what it is sure of
 *     low    ──► lane   sure of 10 %
 *
 * What is left over (fractions of slots, and slots that a priority has no use for) goes by turns, weighted by the shares:
 * so a limit of 1, where nobody is sure of a whole slot, serves 7 : 2 : 1, and nobody starves.
 * The turns are stride scheduling (Waldspurger & Weihl, MIT/LCS/TM-528, 1995): each turn costs a lane 1 / share of its
 * own time, the lane with the least goes next, and a lane that comes back starts at the present, with nothing saved up.
 * Invariant: inside a lane nobody overtakes (save `lifo`), and a free slot is never kept from somebody who waits.
 */
import type { Priority } from '../kernel/priority.js';
import { PRIORITIES } from '../kernel/priority.js';
import type { Shares } from './connection-limiter-options.js';
import type { ConnectionLimiterStats } from './connection-limiter-stats.js';
import type { SlotWaiter } from './connection-limiter-lane.js';
import { SlotLane } from './connection-limiter-lane.js';

/** One priority: who waits, how many slots it holds, and how much of its turns it has had. */
class Partition<P> {
  readonly lane = new SlotLane<P>();
  share = 1;
  inUse = 0;
  /** Its own time, in turns divided by its share. */
  turn = 0;

  /** Whole slots it is sure of; a billionth, because 0.29 × 100 is not 29 in binary fractions. */
  isBelowItsOwn(limit: number): boolean {
    return this.inUse + 1 <= this.share * limit + 1e-9;
  }
}

export class SlotLine<P> {
  readonly #partitions: readonly Partition<P>[] = PRIORITIES.map(() => new Partition<P>());
  #shares: Shares | false = false;
  #length = 0;
  /** The time of the turn that was served last. */
  #presentTurn = 0;

  /** `false`: one line for all, in order of arrival. May change while calls wait. */
  set shares(shares: Shares | false) {
    this.#shares = shares;
    this.#partitions.forEach((partition, index) => (partition.share = shares === false ? 1 : (shares[index] ?? 1)));
  }

  get length(): number {
    return this.#length;
  }

  /** Slots in use and calls waiting, by priority. */
  get counts(): ConnectionLimiterStats['perPriority'] {
    const count = ({ inUse, lane }: Partition<P>) => ({ inUse, waiting: lane.length });
    return { high: count(this.#of('high')), normal: count(this.#of('normal')), low: count(this.#of('low')) };
  }

  /** When the one came who has waited longest, whoever is served next; `Infinity` where nobody waits. */
  get oldestSinceAt(): number {
    return Math.min(...this.#partitions.map(({ lane }) => lane.first?.sinceAt ?? Infinity));
  }

  get isNewestFirst(): boolean {
    return this.#partitions.some(({ lane }) => lane.isNewestFirst);
  }

  /** A slot was taken or given back. */
  countInUse(priority: Priority, change: 1 | -1): void {
    this.#of(priority).inUse += change;
  }

  push(waiter: SlotWaiter<P>): void {
    const partition = this.#of(waiter.priority);
    if (partition.lane.length === 0) partition.turn = Math.max(partition.turn, this.#presentTurn);
    partition.lane.push(waiter);
    this.#length += 1;
  }

  remove(waiter: SlotWaiter<P>): boolean {
    if (!this.#of(waiter.priority).lane.remove(waiter)) return false;
    this.#length -= 1;
    return true;
  }

  /** Whoever gets the slot that has come free, taken out of the line. */
  takeNext(limit: number, now: number, lifo: boolean): SlotWaiter<P> | undefined {
    const waiter = this.#choose(limit)?.lane.takeNext(now, lifo);
    if (waiter !== undefined) this.#length -= 1;
    return waiter;
  }

  /** By priority, then in order of arrival. The one just given out may be removed while walking; others may not. */
  *[Symbol.iterator](): IterableIterator<SlotWaiter<P>> {
    for (const { lane } of this.#partitions) yield* lane;
  }

  #choose(limit: number): Partition<P> | undefined {
    const waiting = this.#partitions.filter(({ lane }) => lane.length > 0);
    if (waiting.length <= 1) return waiting[0];
    if (this.#shares === false) return least(waiting, ({ lane }) => lane.first?.order ?? Infinity);
    const below = waiting.filter((partition) => partition.isBelowItsOwn(limit));
    if (below.length > 0) return least(below, ({ inUse, share }) => inUse / share);
    const next = least(waiting, ({ turn }) => turn);
    if (next === undefined) return undefined;
    this.#presentTurn = next.turn;
    next.turn += 1 / next.share;
    return next;
  }

  #of(priority: Priority): Partition<P> {
    const partition = this.#partitions[priority === 'high' ? 0 : priority === 'normal' ? 1 : 2];
    if (partition === undefined) throw new Error('bug: a priority without a partition');
    return partition;
  }
}

/** The item for which `measure` is least; of equals the first, which is the most urgent. */
function least<T>(items: readonly T[], measure: (item: T) => number): T | undefined {
  let best: T | undefined;
  for (const item of items) if (best === undefined || measure(item) < measure(best)) best = item;
  return best;
}
