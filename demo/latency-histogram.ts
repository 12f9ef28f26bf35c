/**
 * Percentiles of latencies without keeping every latency: counts in buckets whose bounds grow by 4 % each, so a
 * percentile is at most 4 % above the truth at any scale, in 3 kB. The maximum is exact. Used by statistics.ts.
 */

const GROWTH = Math.log(1.04);
/** 1 µs; what is faster counts as this fast. */
const SMALLEST_MS = 0.001;
/** 0.001 ms · 1.04^590 ≈ 3 h; what is slower counts as this slow, except for the maximum. */
const BUCKETS = 590;

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;
  #max = 0;

  record(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) / GROWTH);
    const index = Math.min(bucket, BUCKETS - 1);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#total += 1;
    this.#max = Math.max(this.#max, ms);
  }

  /** Takes over what the other one has counted. */
  add(other: LatencyHistogram): void {
    for (const [index, count] of other.#counts.entries()) this.#counts[index] = (this.#counts[index] ?? 0) + count;
    this.#total += other.#total;
    this.#max = Math.max(this.#max, other.#max);
  }

  percentiles(): Percentiles {
    return { p50: this.#below(0.5), p95: this.#below(0.95), p99: this.#below(0.99), max: this.#max };
  }

  /** The latency, in milliseconds, that `share` of all calls did not exceed. */
  #below(share: number): number {
    let left = Math.ceil(this.#total * share);
    if (left === 0) return 0;
    for (const [index, count] of this.#counts.entries()) {
      left -= count;
      // The upper bound of the last bucket may lie above the greatest latency there was.
      if (left <= 0) return Math.min(SMALLEST_MS * Math.exp(index * GROWTH), this.#max);
    }
    return this.#max;
  }
}
