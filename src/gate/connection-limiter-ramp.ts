/**
 * The way back after an outage: the limit grows from 1 to what it is, in even steps, instead of letting everybody who
 * waited for the circuit to close run at once into a database that has just come up.
 * Says what the limit is at a moment and when the next step comes; sets no timer. Both are the same expression, so that a
 * timer set for a step never finds it a hair too early.
 */
export class LimitRamp {
  readonly #startAt: number;
  readonly #durationMs: number;

  constructor(startAt: number, durationMs: number) {
    this.#startAt = startAt;
    this.#durationMs = durationMs;
  }

  /** 1 at the start, `cap` at the end and for ever after. */
  limitAt(now: number, cap: number): number {
    if (now >= this.#startAt + this.#durationMs) return cap;
    let limit = Math.floor(1 + ((now - this.#startAt) * (cap - 1)) / this.#durationMs);
    limit = Math.min(cap, Math.max(1, limit));
    if (limit < cap && now >= this.stepAt(limit + 1, cap)) limit += 1;
    if (limit > 1 && now < this.stepAt(limit, cap)) limit -= 1;
    return limit;
  }

  /** The moment from which on the limit is `limit`, between 1 and `cap`. */
  stepAt(limit: number, cap: number): number {
    // The last step is the end itself, not the end less a rounding error.
    if (limit === cap) return this.#startAt + this.#durationMs;
    return this.#startAt + (this.#durationMs * (limit - 1)) / (cap - 1);
  }

  isOver(now: number): boolean {
    return now >= this.#startAt + this.#durationMs;
  }
}
