/**
 * The arithmetic of a token bucket, for the rate limiter: how many tokens are there, and when will there be enough.
 * No queue, no clock: every method is handed the moment.
 *
 *     tokens(now) = burst − spent + (now − anchor) · rate, and never more than burst
 *                   └ since the anchor, the last moment at which the bucket was seen full
 *
 * Counting what was spent since the anchor, instead of adding a little at each look, adds up no rounding errors: whole
 * costs are exact however long it runs. Whether there is enough is asked as "has the moment come", by the same
 * expression that says when the moment comes; so a timer set for that moment never finds the bucket a hair too empty.
 * Invariant: what is taken in any window of t seconds is at most rate · t + burst, tokens given back aside.
 *
 * The algorithm is the leaky bucket as a meter, in the form of "virtual scheduling" (ITU-T I.371, GCRA).
 */
export class TokenBucket {
  #perSecond: number;
  #burst: number;
  #anchorAt: number;
  #spent = 0;

  /** Full at `now`. */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#anchorAt = now;
  }

  /** Takes `cost` tokens if they are there. A moment that lies before an earlier one is harmless: it finds fewer. */
  tryTake(cost: number, now: number): boolean {
    this.#noteFull(now);
    // Written so that a cost of NaN is refused and spoils nothing.
    if (!(now >= this.#readyAt(cost))) return false;
    this.#spent += cost;
    return true;
  }

  /** When `cost` tokens will be there if nobody else takes any; in the past when they are there at `now`. */
  readyAt(cost: number, now: number): number {
    this.#noteFull(now);
    return this.#readyAt(cost);
  }

  giveBack(cost: number): void {
    this.#spent = Math.max(0, this.#spent - cost);
  }

  tokens(now: number): number {
    const tokens = this.#burst - this.#spent + ((now - this.#anchorAt) * this.#perSecond) / 1_000;
    return Math.min(this.#burst, Math.max(0, tokens));
  }

  /** Another rate and burst from `now` on. The tokens that are there stay, as far as the new burst has room for them. */
  reshape(perSecond: number, burst: number, now: number): void {
    const tokens = Math.min(burst, this.tokens(now));
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#anchorAt = now;
    this.#spent = burst - tokens;
  }

  #noteFull(now: number): void {
    if (now < this.#anchorAt + (this.#spent * 1_000) / this.#perSecond) return;
    this.#anchorAt = now;
    this.#spent = 0;
  }

  #readyAt(cost: number): number {
    return this.#anchorAt + ((this.#spent + cost - this.#burst) * 1_000) / this.#perSecond;
  }
}
