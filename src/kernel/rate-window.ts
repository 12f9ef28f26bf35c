/**
 * How often something happens, over the last minute: a ring of sixty counts, one for each second.
 * Invariants: counting allocates nothing; what is older than the window is never counted; time comes from the caller.
 */

const SECONDS = 60;

export class RateWindow {
  readonly #counts = new Float64Array(SECONDS);
  readonly #startedAt: number;
  /** The second that is written, counted from the clock's origin. Invariant: the counts are those of the 60 up to it. */
  #head: number;

  /** `now`: monotonic milliseconds, as everywhere here. */
  constructor(now: number) {
    this.#startedAt = now;
    this.#head = Math.floor(now / 1_000);
  }

  add(now: number): void {
    this.#moveTo(now);
    const index = this.#head % SECONDS;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** Per second, over the last 60 s, or over the time since the start where that is shorter, 1 s at least. */
  perSecond(now: number): number {
    this.#moveTo(now);
    let sum = 0;
    for (const count of this.#counts) sum += count;
    return sum / Math.min(SECONDS, Math.max(1, (now - this.#startedAt) / 1_000));
  }

  #moveTo(now: number): void {
    const head = Math.floor(now / 1_000);
    const steps = Math.min(SECONDS, head - this.#head);
    for (let step = 0; step < steps; step += 1) this.#counts[(head - step) % SECONDS] = 0;
    if (steps > 0) this.#head = head;
  }
}
