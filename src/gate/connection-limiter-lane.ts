/**
 * Those of one priority who wait for a slot at the connection limiter: first come, first served, and O(1) to leave.
 *
 * With `lifo` a jam turns the lane around: once its oldest has waited over 100 ms, without a break, for more than a
 * second, the newest goes first, until the lane is empty. The idea is "adaptive LIFO" (B. Maurer, "Fail at Scale", ACM
 * Queue 13/8, 2015): most of those who have waited long in a jam that lasts will not be there any more when they are served.
 */
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { Priority } from '../kernel/priority.js';
import type { LimitCause, Limits } from '../kernel/within.js';
import { WaiterQueue } from '../kernel/waiter-queue.js';
import type { WaiterKeeper } from './limiter-waiter.js';
import { LimiterWaiter } from './limiter-waiter.js';

/** A head that has waited longer is a jam … */
const JAM_WAIT_MS = 100;
/** … that lasts when it has been there for longer. */
const JAM_LASTS_MS = 1_000;

export class SlotWaiter<P> extends LimiterWaiter<P> {
  readonly priority: Priority;
  readonly isControl: boolean;
  /** Its place in the order of arrival over all lanes. */
  readonly order: number;
  readonly #keeper: WaiterKeeper<SlotWaiter<P>>;

  constructor(
    who: { readonly priority: Priority; readonly isControl: boolean; readonly order: number },
    sinceAt: number,
    limits: Limits,
    timers: DeadlineTimer,
    keeper: WaiterKeeper<SlotWaiter<P>>,
  ) {
    super(sinceAt, limits, timers);
    this.priority = who.priority;
    this.isControl = who.isControl;
    this.order = who.order;
    this.#keeper = keeper;
  }

  protected override giveUp(cause: LimitCause): void {
    this.#keeper.giveUp(this, cause);
  }
}

export class SlotLane<P> extends WaiterQueue<SlotWaiter<P>> {
  #newest: SlotWaiter<P> | undefined;
  /** Since when the oldest has always been one who had waited too long. */
  #jamSinceAt: number | undefined;
  #isNewestFirst = false;

  get isNewestFirst(): boolean {
    return this.#isNewestFirst;
  }

  override push(waiter: SlotWaiter<P>): void {
    super.push(waiter);
    this.#newest = waiter;
  }

  override remove(waiter: SlotWaiter<P>): boolean {
    const previous = waiter.queuePrevious as SlotWaiter<P> | undefined;
    if (!super.remove(waiter)) return false;
    if (waiter === this.#newest) this.#newest = previous;
    if (this.length === 0) {
      this.#isNewestFirst = false;
      this.#jamSinceAt = undefined;
    }
    return true;
  }

  /** Whoever is served next, taken out. */
  takeNext(now: number, lifo: boolean): SlotWaiter<P> | undefined {
    if (!lifo) return this.shift();
    this.#look(now);
    const next = this.#isNewestFirst ? this.#newest : this.first;
    if (next !== undefined) this.remove(next);
    // Whoever is the oldest now may have come in late enough to end the jam.
    this.#look(now);
    return next;
  }

  #look(now: number): void {
    const oldest = this.first;
    if (oldest === undefined || this.#isNewestFirst) return;
    const jammedAt = oldest.sinceAt + JAM_WAIT_MS;
    if (now <= jammedAt) this.#jamSinceAt = undefined;
    else this.#jamSinceAt ??= jammedAt;
    this.#isNewestFirst = this.#jamSinceAt !== undefined && now - this.#jamSinceAt > JAM_LASTS_MS;
  }
}
