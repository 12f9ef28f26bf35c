/**
 * How durations are spread, in constant memory: sixteen buckets for each doubling, from 0.01 ms to about 6 hours.
 *
 *     0 … 0.31 ms   steps of 0.01 ms          then  [0.32 … 0.64) in 16 steps, [0.64 … 1.28) in 16 steps, …
 *
 * Invariants: adding allocates nothing; a quantile is never below the true one, and at most a sixteenth above it, or 0.01 ms.
 */

const UNITS_PER_MS = 100;
const STEPS_LOG2 = 4;
const STEPS = 2 ** STEPS_LOG2;
/** Below this every unit has a bucket of its own. */
const EXACT = 2 * STEPS;
const MAX_UNITS = 2 ** 31 - 1;
const BUCKETS = EXACT + (31 - STEPS_LOG2 - 1) * STEPS;

export class Histogram {
  readonly #buckets = new Float64Array(BUCKETS);
  #count = 0;
  #total = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** Milliseconds. */
  get total(): number {
    return this.#total;
  }

  /** Milliseconds; 0 when nothing was added. */
  get max(): number {
    return this.#max;
  }

  /** Milliseconds; less than 0 counts as 0. */
  add(ms: number): void {
    const duration = Math.max(0, ms);
    const index = bucketOf(Math.min(MAX_UNITS, Math.floor(duration * UNITS_PER_MS)));
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#count += 1;
    this.#total += duration;
    if (duration > this.#max) this.#max = duration;
  }

  /** The duration in milliseconds within which the share `q` of all stayed, such as 0.95; 0 when nothing was added. */
  quantile(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index += 1) {
      seen += this.#buckets[index] ?? 0;
      // The last bucket also holds what lasted longer than it reaches.
      if (seen >= rank) return index === BUCKETS - 1 ? this.#max : Math.min(upperEdge(index) / UNITS_PER_MS, this.#max);
    }
    return 0;
  }
}

function bucketOf(units: number): number {
  if (units < EXACT) return units;
  const shift = 31 - Math.clz32(units) - STEPS_LOG2;
  return shift * STEPS + (units >> shift);
}

/** Units below which all of the bucket lies. */
function upperEdge(index: number): number {
  if (index < EXACT) return index + 1;
  const shift = Math.floor(index / STEPS) - 1;
  return (index - shift * STEPS + 1) * 2 ** shift;
}
