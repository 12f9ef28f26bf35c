/**
 * Everybody who waits for a resource. Three lanes (lane.ts), in each three queues, one per priority, each first come, first
 * served; between the queues, and between the lanes, the earliest *virtual* arrival is next: the moment of arrival plus
 * the handicap of the priority.
 *
 *     high   ──► 0 s        a call of normal priority is overtaken by urgent ones for 1 s at most,
 *     normal ──► + 1 s      one of low priority by all others for 5 s at most: it ages into the front
 *     low    ──► + 5 s
 *
 * Joining, leaving from anywhere and serving cost O(1), whatever the length. Deadlines cost one watch for the whole line,
 * on the earliest there was: nearly everybody is served in time, so it comes due about once in an acquire timeout, finds
 * those who are late, and is set to the earliest of the others.
 */
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTarget, DeadlineTimer, WatchedDeadline } from '../kernel/deadline.js';
import { WaiterQueue } from '../kernel/waiter-queue.js';
import type { Priority } from '../kernel/priority.js';
import type { Lane } from './lane.js';
import { HANDICAP_MS } from './priority.js';
import type { Waiter } from './waiter.js';

/** Those of one lane and one priority. */
class Row<R> extends WaiterQueue<Waiter<R>> {
  /**
   * Nobody has an earlier deadline than whoever came before them, as with equal timeouts: then those who are late stand in
   * front, and the rest need not be looked at.
   */
  isInOrder = true;
  #lastDeadlineAt = -Infinity;

  join(waiter: Waiter<R>): void {
    if (this.length === 0) this.isInOrder = true;
    else if (waiter.deadlineAt < this.#lastDeadlineAt) this.isInOrder = false;
    this.#lastDeadlineAt = waiter.deadlineAt;
    this.push(waiter);
  }

  lateAt(now: number): Waiter<R>[] {
    const late: Waiter<R>[] = [];
    for (const waiter of this) {
      if (waiter.deadlineAt <= now) late.push(waiter);
      else if (this.isInOrder) break;
    }
    return late;
  }

  earliest(): number {
    if (this.isInOrder) return this.first?.deadlineAt ?? Infinity;
    let earliest = Infinity;
    for (const { deadlineAt } of this) earliest = Math.min(earliest, deadlineAt);
    return earliest;
  }
}

/** Those of one lane. */
class LaneLine<R> {
  readonly high = new Row<R>();
  readonly normal = new Row<R>();
  readonly low = new Row<R>();

  get length(): number {
    return this.high.length + this.normal.length + this.low.length;
  }

  get rows(): readonly Row<R>[] {
    return [this.high, this.normal, this.low];
  }

  get first(): Waiter<R> | undefined {
    return earlier(earlier(this.high.first, this.normal.first), this.low.first);
  }

  rowOf({ priority }: Waiter<R>): Row<R> {
    if (priority === 'normal') return this.normal;
    return priority === 'high' ? this.high : this.low;
  }
}

export class WaitingLine<R> implements DeadlineTarget {
  readonly #exclusive = new LaneLine<R>();
  readonly #short = new LaneLine<R>();
  readonly #long = new LaneLine<R>();
  readonly #clock: Clock;
  readonly #timers: DeadlineTimer;
  readonly #onLate: (waiter: Waiter<R>) => void;
  #length = 0;
  #watched: WatchedDeadline | undefined;
  /** No later than anybody's deadline; `Infinity` when nothing is watched. */
  #watchedAt = Infinity;

  /** `onLate` hears of everybody whose deadline has come, and takes them out or extends them. */
  constructor(clock: Clock, timers: DeadlineTimer, onLate: (waiter: Waiter<R>) => void) {
    this.#clock = clock;
    this.#timers = timers;
    this.#onLate = onLate;
  }

  get length(): number {
    return this.#length;
  }

  lengthOf(lane: Lane): number {
    return this.#laneOf(lane).length;
  }

  /** How many of a lane are served before whoever joins it now, but for ageing. */
  countBefore(lane: Lane, priority: Priority): number {
    const { high, normal, low } = this.#laneOf(lane);
    const urgent = high.length + (priority === 'high' ? 0 : normal.length);
    return priority === 'low' ? urgent + low.length : urgent;
  }

  push(waiter: Waiter<R>): void {
    this.#laneOf(waiter.lane).rowOf(waiter).join(waiter);
    this.#length += 1;
    if (waiter.deadlineAt < this.#watchedAt) this.#watch(waiter.deadlineAt);
  }

  /** Takes `waiter` out wherever it stands; answers whether it was there. */
  remove(waiter: Waiter<R>): boolean {
    if (!this.#laneOf(waiter.lane).rowOf(waiter).remove(waiter)) return false;
    this.#length -= 1;
    // A watch holds the process open, and nobody waits any more.
    if (this.#length === 0) this.#unwatch();
    return true;
  }

  /** When the one came who has waited longest; `Infinity` where nobody waits. Each row is in order of arrival. */
  get oldestSinceAt(): number {
    return this.#length === 0 ? Infinity : Math.min(...this.#rows.map(({ first }) => first?.sinceAt ?? Infinity));
  }

  /** Whoever is served next. */
  get first(): Waiter<R> | undefined {
    return this.next(true);
  }

  /** The same, where one of the long lane can be served or not. */
  next(isLongServed: boolean): Waiter<R> | undefined {
    // Nearly always all callers are of one kind.
    if (this.#exclusive.normal.length === this.#length) return this.#exclusive.normal.first;
    if (this.#short.normal.length === this.#length) return this.#short.normal.first;
    const next = earlier(this.#exclusive.first, this.#short.first);
    return isLongServed ? earlier(next, this.#long.first) : next;
  }

  /** Whoever of one lane is next. */
  firstOf(lane: Lane): Waiter<R> | undefined {
    return this.#laneOf(lane).first;
  }

  shift(isLongServed = true): Waiter<R> | undefined {
    if (this.#length === 0) return undefined;
    const row = this.#exclusive.normal;
    // The hand-over of a pool that shares nothing: found once, not looked for again to be taken out.
    if (row.length === this.#length) {
      this.#length -= 1;
      if (this.#length === 0) this.#unwatch();
      return row.shift();
    }
    const waiter = this.next(isLongServed);
    if (waiter !== undefined) this.remove(waiter);
    return waiter;
  }

  /** By lane and priority, then in order of arrival. The one just given out may be removed while walking; others may not. */
  *[Symbol.iterator](): IterableIterator<Waiter<R>> {
    for (const row of this.#rows) yield* row;
  }

  /** The process stood still for that long: time nobody lived through is not held against those who wait. */
  extend(lostMs: number, now: number): void {
    // Whoever came after it has lost nothing.
    for (const waiter of this) waiter.deadlineAt += Math.min(lostMs, now - waiter.sinceAt);
    for (const row of this.#rows) row.isInOrder = false;
  }

  onDeadline(): void {
    this.#watched = undefined;
    this.#watchedAt = Infinity;
    const now = this.#clock.now();
    const late = this.#rows.flatMap((row) => row.lateAt(now));
    // Whoever was served or extended because of the one before is not late any more.
    for (const waiter of late) if (waiter.queue !== undefined && waiter.deadlineAt <= now) this.#onLate(waiter);
    const earliest = Math.min(...this.#rows.map((row) => row.earliest()));
    if (earliest < this.#watchedAt) this.#watch(earliest);
  }

  get #rows(): readonly Row<R>[] {
    return [...this.#exclusive.rows, ...this.#short.rows, ...this.#long.rows];
  }

  #laneOf(lane: Lane): LaneLine<R> {
    if (lane === 'exclusive') return this.#exclusive;
    return lane === 'short' ? this.#short : this.#long;
  }

  #watch(at: number): void {
    this.#unwatch();
    this.#watched = this.#timers.watch(at, this);
    this.#watchedAt = at;
  }

  #unwatch(): void {
    this.#timers.unwatch(this.#watched);
    this.#watched = undefined;
    this.#watchedAt = Infinity;
  }
}

/** The first of two with the same virtual arrival. */
function earlier<R>(one: Waiter<R> | undefined, other: Waiter<R> | undefined): Waiter<R> | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return virtualArrival(other) < virtualArrival(one) ? other : one;
}

function virtualArrival(waiter: { readonly sinceAt: number; readonly priority: Priority }): number {
  return waiter.sinceAt + HANDICAP_MS[waiter.priority];
}
