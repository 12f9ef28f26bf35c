/**
 * A clock that stands still until a test moves it: the Clock port of kernel/clock.ts without the machine's time.
 * Unit tests hand it to the room under test, `advance` it, and ask at the end which timers are still pending.
 * Invariants: due timers fire in order of time, ties in order of creation, and between two firings every promise chain
 * that can move has moved, so the same test takes the same steps on every machine.
 */
import type { Clock, Timer } from '../kernel/clock.js';

/** A timer that waits to fire. */
export interface PendingTimer {
  /** The monotonic millisecond at which it fires. */
  readonly at: number;
  /** Whether it would hold a real process open. */
  readonly keepAlive: boolean;
}

export interface FakeClockOptions {
  /** What `now()` answers at first, in milliseconds; default 0. */
  readonly now?: number;
  /** What `wallNow()` answers at first, in milliseconds since the Unix epoch; default 2026-01-01T00:00:00Z. */
  readonly wallNow?: number;
}

interface ScheduledTimer {
  readonly at: number;
  readonly fire: () => void;
  keepAlive: boolean;
}

const DEFAULT_WALL_MS = Date.UTC(2026, 0, 1);

/** The system clock's own clamp, so that a delay of `Infinity` does the same here and there. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A timer that always arms itself again for "now" would never let `advance` return; 100,000 firings are a bug. */
const MAX_FIRINGS = 100_000;

/** Taken at load, so that a test runner's fake timers, installed later, can't stop the flush. */
const nextTurn = setImmediate;

/**
 * @example
 * const clock = fakeClock();
 * clock.setTimer(1_000, () => pool.sweep());
 * await clock.advance(1_000);
 * expect(clock.pendingTimers).toEqual([]);
 */
export class FakeClock implements Clock {
  /** Sorted by `at`; among equals the older first. */
  readonly #timers: ScheduledTimer[] = [];
  #now: number;
  /** Wall time minus monotonic time: moves only when the wall clock leaps. */
  #wallOffset: number;
  #isAdvancing = false;

  constructor(options: FakeClockOptions = {}) {
    this.#now = options.now ?? 0;
    this.#wallOffset = (options.wallNow ?? DEFAULT_WALL_MS) - this.#now;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now + this.#wallOffset;
  }

  setTimer(delayMs: number, fire: () => void, options?: { readonly keepAlive?: boolean }): Timer {
    const at = this.#now + Math.min(Math.max(delayMs, 0), MAX_DELAY_MS);
    if (Number.isNaN(at)) throw new RangeError(`A timer needs a delay in milliseconds, not ${delayMs}.`);
    const timer: ScheduledTimer = { at, fire, keepAlive: options?.keepAlive !== false };
    const after = this.#timers.findIndex((other) => other.at > at);
    this.#timers.splice(after === -1 ? this.#timers.length : after, 0, timer);
    return {
      cancel: () => this.#cancel(timer),
      setKeepAlive: (isOn) => (timer.keepAlive = isOn),
    };
  }

  /** The timers that have neither fired nor been cancelled, the next one first. */
  get pendingTimers(): readonly PendingTimer[] {
    return this.#timers.map(({ at, keepAlive }) => ({ at, keepAlive }));
  }

  get pendingTimerCount(): number {
    return this.#timers.length;
  }

  /**
   * Moves time on by `ms` and fires what comes due on the way, also timers that were set on the way.
   * Time stands at a timer's own moment while it fires. What a timer throws rejects the call, and time stays there.
   * Await it: two advances at once would fight over the time, so the second one throws.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) throw new RangeError(`Time moves on by a finite number >= 0, not ${ms}.`);
    if (this.#isAdvancing) throw new Error('The fake clock is already advancing; await the advance before.');
    this.#isAdvancing = true;
    try {
      await this.#advanceTo(this.#now + ms);
    } finally {
      this.#isAdvancing = false;
    }
  }

  /**
   * Lets every promise chain run as far as it can without the passing of time, however deep it is.
   * It waits for one turn of the event loop (setImmediate), which comes only when the queues of microtasks and of
   * `process.nextTick` are empty. Chains that wait for I/O or for a setImmediate of their own don't settle by it.
   */
  settle(): Promise<void> {
    return new Promise((resolve) => nextTurn(resolve));
  }

  /** Sets the wall clock forward, or back with a negative number, as NTP or an operator does; `now()` is untouched. */
  leapWall(ms: number): void {
    this.#wallOffset += ms;
  }

  /**
   * The process stands still: both clocks go on by `ms`, and no timer fires until the next `advance`, which finds them
   * late. As in a stopped container, or a process under SIGSTOP.
   */
  freeze(ms: number): void {
    if (!(ms >= 0 && ms < Infinity)) throw new RangeError(`Time moves on by a finite number >= 0, not ${ms}.`);
    this.#now += ms;
  }

  async #advanceTo(end: number): Promise<void> {
    await this.settle();
    for (let firings = 0; ; firings++) {
      const next = this.#timers[0];
      if (next === undefined || next.at > end) break;
      if (firings === MAX_FIRINGS) throw new Error(`${MAX_FIRINGS} timers fired in one advance: one re-arms for ever.`);
      this.#timers.shift();
      // Late ones, after a freeze, fire now: time never goes back.
      this.#now = Math.max(this.#now, next.at);
      next.fire();
      await this.settle();
    }
    this.#now = end;
  }

  #cancel(timer: ScheduledTimer): void {
    const index = this.#timers.indexOf(timer);
    if (index !== -1) this.#timers.splice(index, 1);
  }
}

/** A fake clock at 0. */
export function fakeClock(options?: FakeClockOptions): FakeClock {
  return new FakeClock(options);
}
