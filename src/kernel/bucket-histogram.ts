/**
 * How measurements are spread over bounds that were chosen beforehand, in the form that Prometheus and OpenTelemetry want.
 * Invariants: adding allocates nothing; the buckets add up to the count; a value on a bound belongs to the bucket below it.
 */

/** Counts of one moment, frozen. */
export interface BucketCounts {
  /** Upper bounds, included, in ascending order; the last bucket has none. */
  readonly bounds: readonly number[];
  /** One more than there are bounds. Not cumulative. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

export class BucketHistogram {
  readonly #bounds: readonly number[];
  /** Doubles: 32 bits are full after a month of two thousand a second. */
  readonly #counts: Float64Array;
  #count = 0;
  #sum = 0;

  /** `bounds` in ascending order. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  /** From the lowest bound up: nearly all values are small. */
  add(value: number): void {
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] ?? Infinity)) index += 1;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count += 1;
    this.#sum += value;
  }

  /** `zeros` more values of 0, which their owner counts elsewhere. */
  snapshot(zeros = 0): BucketCounts {
    const counts = Array.from(this.#counts);
    counts[0] = (counts[0] ?? 0) + zeros;
    return Object.freeze({
      bounds: this.#bounds,
      counts: Object.freeze(counts),
      count: this.#count + zeros,
      sum: this.#sum,
    });
  }
}

/** Several over the same bounds as one. There must be at least one. */
export function mergeCounts(all: readonly BucketCounts[]): BucketCounts {
  const [first] = all;
  if (first === undefined) throw new Error('bug: nothing to merge');
  const counts = first.counts.map((_, index) => all.reduce((sum, one) => sum + (one.counts[index] ?? 0), 0));
  return Object.freeze({
    bounds: first.bounds,
    counts: Object.freeze(counts),
    count: all.reduce((sum, one) => sum + one.count, 0),
    sum: all.reduce((sum, one) => sum + one.sum, 0),
  });
}
