/**
 * How many repetitions all calls together may make, so that an outage does not multiply the load on whatever is left.
 * Every first attempt earns a fraction of a repetition, which is forgotten after `ttl`; every second earns some more, so
 * that a quiet program can repeat too. Asked by retry-policy.ts. Knows nothing of errors and never waits.
 *
 *     first attempts ──► │ 12 │ 40 │ 38 │ … │ 41 │  calls, a tenth of ttl each; the oldest falls off
 *     time, per second ──► reserve, at most ttl's worth
 *                           ▲ a repetition takes 1: from the oldest slice first, from the reserve last
 *
 * Invariant: from the start on, repetitions ≤ ratio · first attempts + perSecond · max(ttl, time passed).
 * Source: Finagle's RetryBudget (20 % of the requests and 10 a second, credits that expire after 10 s) and Linkerd's.
 */
import type { Clock } from '../kernel/clock.js';
import type { RetryBudgetConfig } from './retry-options.js';

const SLICES = 10;

/** Ten fifths are not quite two to a computer; a repetition must not fail for want of that. */
const ROUNDING = 1e-9;

export class RetryBudget {
  readonly #config: RetryBudgetConfig;
  readonly #sliceMs: number;
  readonly #largestReserve: number;
  /** First attempts by slice of time, and what was taken of the credit they earned. */
  readonly #calls = new Float64Array(SLICES);
  readonly #taken = new Float64Array(SLICES);
  /** The slice that is being filled; `#endsAt` is when it is full. */
  #current = 0;
  #endsAt: number;
  #reserve: number;
  /** The reserve is right for this moment. Ahead of time at first: the first `ttl` was paid out in advance. */
  #reservedAt: number;

  constructor(config: RetryBudgetConfig, clock: Clock) {
    const now = clock.now();
    this.#config = config;
    this.#sliceMs = config.ttlMs / SLICES;
    this.#endsAt = now + this.#sliceMs;
    this.#largestReserve = (config.perSecond * config.ttlMs) / 1_000;
    this.#reserve = this.#largestReserve;
    this.#reservedAt = now + config.ttlMs;
  }

  /** A first attempt was made. */
  deposit(now: number): void {
    if (now >= this.#endsAt) this.#turn(now);
    this.#calls[this.#current] = this.#callsOf(this.#current) + 1;
  }

  /** Takes one repetition; false when there is none to take. */
  tryWithdraw(now: number): boolean {
    if (this.balance(now) < 1 - ROUNDING) return false;
    let owed = 1;
    // The oldest first: it is the next to be forgotten.
    for (let step = 1; step <= SLICES && owed > 0; step += 1) {
      const slice = (this.#current + step) % SLICES;
      const part = Math.min(owed, Math.max(0, this.#creditOf(slice)));
      this.#taken[slice] = (this.#taken[slice] ?? 0) + part;
      owed -= part;
    }
    this.#reserve = Math.max(0, this.#reserve - owed);
    return true;
  }

  /** Repetitions that could be made now; a fraction counts towards the next. */
  balance(now: number): number {
    if (now >= this.#endsAt) this.#turn(now);
    this.#refill(now);
    let credit = this.#reserve;
    for (let slice = 0; slice < SLICES; slice += 1) credit += Math.max(0, this.#creditOf(slice));
    return credit;
  }

  #creditOf(slice: number): number {
    return this.#callsOf(slice) * this.#config.ratio - (this.#taken[slice] ?? 0);
  }

  #callsOf(slice: number): number {
    return this.#calls[slice] ?? 0;
  }

  #refill(now: number): void {
    if (now <= this.#reservedAt) return;
    const earned = ((now - this.#reservedAt) * this.#config.perSecond) / 1_000;
    this.#reserve = Math.min(this.#largestReserve, this.#reserve + earned);
    this.#reservedAt = now;
  }

  /** Goes on to the slice of `now` and forgets those on the way; after a long silence that is all of them. */
  #turn(now: number): void {
    const passed = Math.floor((now - this.#endsAt) / this.#sliceMs) + 1;
    for (let step = 1; step <= Math.min(passed, SLICES); step += 1) {
      const slice = (this.#current + step) % SLICES;
      this.#calls[slice] = 0;
      this.#taken[slice] = 0;
    }
    this.#current = (this.#current + passed) % SLICES;
    this.#endsAt += passed * this.#sliceMs;
  }
}
