/**
 * The two windows of the rate rule. Both count calls, failures and slow calls in constant time and space.
 *
 *     TimeWindow   ten slots of a tenth each, a ring:  [·][·][·][now][…]   sums are kept, a slot that is left is taken off
 *     CountWindow  a ring of the last n calls
 *
 * A time window of ten slots looks back between nine tenths and the whole of its length (Hystrix's way, and its number).
 */
import type { TripRuleMemory } from './trip-rule.js';

export interface CallWindow {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  add(now: number, isFailure: boolean, isSlow: boolean): void;
  clear(): void;
  save(now: number): TripRuleMemory;
  load(memory: TripRuleMemory, now: number): void;
}

const SLOTS = 10;

class Sums {
  calls = 0;
  failures = 0;
  slow = 0;

  change(calls: number, failures: number, slow: number): void {
    this.calls += calls;
    this.failures += failures;
    this.slow += slow;
  }

  clear(): void {
    this.calls = this.failures = this.slow = 0;
  }
}

export class TimeWindow extends Sums implements CallWindow {
  readonly #slotMs: number;
  readonly #slots: readonly Sums[] = Array.from({ length: SLOTS }, () => new Sums());
  /** The number of the slot that is written, counted from the clock's origin. Invariant: the sums are those of the slots. */
  #head = -Infinity;

  constructor(windowMs: number) {
    super();
    this.#slotMs = windowMs / SLOTS;
  }

  add(now: number, isFailure: boolean, isSlow: boolean): void {
    this.#moveTo(now);
    this.#put(this.#head, 1, Number(isFailure), Number(isSlow));
  }

  override clear(): void {
    super.clear();
    for (const slot of this.#slots) slot.clear();
  }

  save(now: number): TripRuleMemory {
    this.#moveTo(now);
    const slots = this.#slots.map((_, age) => {
      const { calls, failures, slow } = this.#slotOf(this.#head - age);
      return [age, calls, failures, slow] as const;
    });
    return { kind: 'time', slots: slots.filter(([, calls]) => calls > 0) };
  }

  load(memory: TripRuleMemory, now: number): void {
    if (memory.kind !== 'time') return;
    this.#moveTo(now);
    for (const [age, calls, failures, slow] of memory.slots) {
      if (age < SLOTS) this.#put(this.#head - age, calls, failures, slow);
    }
  }

  #put(number: number, calls: number, failures: number, slow: number): void {
    this.#slotOf(number).change(calls, failures, slow);
    this.change(calls, failures, slow);
  }

  /** Slots that were left behind are emptied; after a long rest that is all of them, once. */
  #moveTo(now: number): void {
    const target = Math.floor(now / this.#slotMs);
    for (let steps = Math.min(SLOTS, target - this.#head); steps > 0; steps -= 1) {
      const left = this.#slotOf(target - steps + 1);
      this.change(-left.calls, -left.failures, -left.slow);
      left.clear();
    }
    // A `now` that a caller read a moment ago may belong to the slot before.
    this.#head = Math.max(this.#head, target);
  }

  #slotOf(number: number): Sums {
    // A clock may begin below zero, and `%` keeps the sign.
    return this.#slots[((number % SLOTS) + SLOTS) % SLOTS] as Sums;
  }
}

export class CountWindow extends Sums implements CallWindow {
  readonly #ring: Uint8Array;
  #next = 0;

  constructor(size: number) {
    super();
    this.#ring = new Uint8Array(size);
  }

  add(_now: number, isFailure: boolean, isSlow: boolean): void {
    this.#push(Number(isFailure) + 2 * Number(isSlow));
  }

  override clear(): void {
    super.clear();
    this.#next = 0;
  }

  save(): TripRuleMemory {
    const first = this.#next - this.calls + this.#ring.length;
    const calls = Array.from(
      { length: this.calls },
      (_, index) => this.#ring[(first + index) % this.#ring.length] ?? 0,
    );
    return { kind: 'calls', calls };
  }

  load(memory: TripRuleMemory): void {
    if (memory.kind !== 'calls') return;
    for (const call of memory.calls) this.#push(call);
  }

  #push(call: number): void {
    if (this.calls === this.#ring.length) this.#count(this.#ring[this.#next] ?? 0, -1);
    this.#ring[this.#next] = call;
    this.#next = (this.#next + 1) % this.#ring.length;
    this.#count(call, 1);
  }

  #count(call: number, change: 1 | -1): void {
    this.change(change, change * (call & 1), change * (call >> 1));
  }
}
