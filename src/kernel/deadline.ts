/**
 * One budget of time handed down a call. A deadline is a *moment* on the monotonic clock, so that queueing, connecting
 * and executing all eat from the same budget and a retry never starts the clock anew.
 *
 * `DeadlineTimer` watches any number of such moments with one timer of the clock:
 *
 *     moments ──ceil to 1 ms──► slot 4711: [call, call]   slot 34711: [call, call, …]
 *                                 ▲ armed: the earliest slot when it was armed
 *
 * Arming a timer of Node costs 250–700 ns, more than the rest of a pool acquire; moving in and out of a slot costs two
 * pointer writes. Calls that end in time leave their slot, and the armed timer finds nothing to do when it fires: with
 * 30 s timeouts that is one timer in 30 s, at any throughput.
 * Precision: a moment is noticed up to 1 ms late, never early.
 */
import type { Clock, Timer } from './clock.js';
import { QueueItem, WaiterQueue } from './waiter-queue.js';

/** A moment on the monotonic clock by which a call must have ended. */
export class Deadline {
  /** Monotonic milliseconds; `Infinity` when the call may take for ever. */
  readonly at: number;
  readonly #clock: Clock;

  constructor(clock: Clock, at: number) {
    this.#clock = clock;
    this.at = at;
  }

  static after(clock: Clock, timeoutMs: number): Deadline {
    return new Deadline(clock, clock.now() + timeoutMs);
  }

  /** Milliseconds left; never negative. */
  remaining(): number {
    return Math.max(0, this.at - this.#clock.now());
  }

  /** The sooner of this deadline and `timeoutMs` from now: a phase may be shorter than the call, never longer. */
  within(timeoutMs: number): Deadline {
    const at = this.#clock.now() + timeoutMs;
    return at < this.at ? new Deadline(this.#clock, at) : this;
  }
}

/** Something to be told when its moment has come. */
export interface DeadlineTarget {
  onDeadline(): void;
}

/** Somebody whose moment is watched. Whatever waits may be one itself, and costs no second object. */
export abstract class DeadlineItem extends QueueItem implements DeadlineTarget {
  /** @internal */ slot = 0;
  /** Whether the process stays alive for it; not where something else, such as a socket, sees to that. */
  readonly holdsProcess: boolean;

  constructor(holdsProcess = true) {
    super();
    this.holdsProcess = holdsProcess;
  }

  abstract onDeadline(): void;
}

/** A watched moment; hand it back to `unwatch`. */
export class WatchedDeadline extends DeadlineItem {
  readonly #target: DeadlineTarget;

  constructor(target: DeadlineTarget) {
    super();
    this.#target = target;
  }

  onDeadline(): void {
    this.#target.onDeadline();
  }
}

export class DeadlineTimer {
  readonly #clock: Clock;
  /** Invariant: nobody's queue in the map is empty; that of the slot used last is not in it. */
  readonly #slots = new Map<number, WaiterQueue<DeadlineItem>>();
  #latest = new WaiterQueue<DeadlineItem>();
  #latestSlot = NaN;
  #armed: { readonly slot: number; readonly timer: Timer } | undefined;
  #size = 0;
  /** Those that the process is kept alive for. */
  #holding = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many moments are watched; zero when nothing waits. */
  get size(): number {
    return this.#size;
  }

  /** Watches `at`; answers `undefined` for `Infinity`, which never comes. */
  watch(at: number, target: DeadlineTarget): WatchedDeadline | undefined {
    if (at === Infinity) return undefined;
    const watched = new WatchedDeadline(target);
    this.enlist(at, watched);
    return watched;
  }

  /** The same for one that is its own target, and stands in no other queue. */
  enlist(at: number, item: DeadlineItem): void {
    if (at === Infinity) return;
    item.slot = Math.ceil(at);
    this.#queueFor(item.slot).push(item);
    this.#count(item, 1);
    if (this.#armed === undefined || item.slot < this.#armed.slot) this.#arm(item.slot);
  }

  unwatch(item: DeadlineItem | undefined): void {
    if (item === undefined) return;
    // The item's own queue: while a slot is being told it is no longer in the map, and may have a successor there.
    const queue = item.queue as WaiterQueue<DeadlineItem> | undefined;
    if (queue === undefined || !queue.remove(item)) return;
    this.#count(item, -1);
    if (queue.length > 0 || queue === this.#latest) return;
    if (this.#slots.get(item.slot) === queue) this.#slots.delete(item.slot);
  }

  /** Forgets everything; nobody is told. For the end of a runtime, when nothing can be waiting any more. */
  stop(): void {
    this.#putAside();
    for (const queue of this.#slots.values()) while (queue.shift() !== undefined);
    this.#slots.clear();
    this.#size = 0;
    this.#holding = 0;
    this.#armed?.timer.cancel();
    this.#armed = undefined;
  }

  /**
   * Calls that begin in the same millisecond with the same timeout, as most do, find their slot without a lookup. And where
   * one call follows the other, each finds an empty queue, which is the next slot's: nothing is made or looked up for it.
   */
  #queueFor(slot: number): WaiterQueue<DeadlineItem> {
    if (this.#latestSlot === slot) return this.#latest;
    const known = this.#slots.size === 0 ? undefined : this.#slots.get(slot);
    if (known !== undefined) return known;
    this.#putAside();
    this.#latestSlot = slot;
    return this.#latest;
  }

  /** The slot used last is one of all. */
  #putAside(): void {
    if (this.#latest.length > 0) {
      this.#slots.set(this.#latestSlot, this.#latest);
      this.#latest = new WaiterQueue();
    }
    this.#latestSlot = NaN;
  }

  #arm(slot: number): void {
    this.#armed?.timer.cancel();
    const timer = this.#clock.setTimer(slot - this.#clock.now(), () => this.#sweep(), { keepAlive: this.#holding > 0 });
    this.#armed = { slot, timer };
  }

  /**
   * The timer holds the process open exactly while somebody waits whom nothing else keeps alive. An embedded database has no socket that would, and a
   * process must not end with its question unanswered; but a timer left over from a call that ended in time must not
   * hold it for the rest of its 30 s.
   */
  #count(item: DeadlineItem, change: 1 | -1): void {
    this.#size += change;
    if (!item.holdsProcess) return;
    const wasHolding = this.#holding > 0;
    this.#holding += change;
    const isHolding = this.#holding > 0;
    if (wasHolding !== isHolding) this.#armed?.timer.setKeepAlive(isHolding);
  }

  #sweep(): void {
    this.#armed = undefined;
    const now = this.#clock.now();
    const due: [slot: number, queue: WaiterQueue<DeadlineItem>][] = [];
    let next = Infinity;
    this.#putAside();
    for (const [slot, queue] of this.#slots) {
      if (slot > now) {
        next = Math.min(next, slot);
        continue;
      }
      due.push([slot, queue]);
      this.#slots.delete(slot);
    }
    if (next !== Infinity) this.#arm(next);
    due.sort(([a], [b]) => a - b);
    // Out of the queue one by one: whoever is unwatched because of the one before is not told any more.
    for (const [, queue] of due) {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
        this.#count(item, -1);
        item.onDeadline();
      }
    }
  }
}
