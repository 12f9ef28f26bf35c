/**
 * How durations are spread, in so little memory that each of a thousand statements can have one (1 KB): four buckets for
 * each doubling, from a microsecond to 36 minutes. `Histogram` is four times as fine and as large.
 *
 *     0 … 8 µs   steps of 1 µs          then  [8 … 16) in 4 steps, [16 … 32) in 4 steps, …
 *
 * Invariants: adding allocates nothing; the buckets add up to the count; a quantile is the middle of its bucket, so it is at
 * most an eighth away from the true one, or half a microsecond.
 */
const UNITS_PER_MS = 1_000;
const STEPS_LOG2 = 2;
const STEPS = 2 ** STEPS_LOG2;
/** Below this every unit has a bucket of its own. */
const EXACT = 2 * STEPS;
const MAX_UNITS = 2 ** 31 - 1;
const BUCKETS = EXACT + (31 - STEPS_LOG2 - 1) * STEPS;

export class LogHistogram {
  /** Doubles: 32 bits are full after a month of two thousand a second, and a quantile would be 0 then. */
  readonly #buckets = new Float64Array(BUCKETS);
  #count = 0;
  #total = 0;
  #min = Infinity;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** Milliseconds. */
  get total(): number {
    return this.#total;
  }

  /** Milliseconds; 0 when nothing was added. */
  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }

  /** Milliseconds; 0 when nothing was added. */
  get max(): number {
    return this.#max;
  }

  /** Milliseconds; less than 0 counts as 0. */
  add(ms: number): void {
    const duration = ms > 0 ? ms : 0;
    this.#add(indexOf(duration), duration);
  }

  /** The same into another one, for what is counted in two. */
  addToBoth(other: LogHistogram, ms: number): void {
    const duration = ms > 0 ? ms : 0;
    const index = indexOf(duration);
    this.#add(index, duration);
    other.#add(index, duration);
  }

  #add(index: number, duration: number): void {
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#count += 1;
    this.#total += duration;
    if (duration < this.#min) this.#min = duration;
    if (duration > this.#max) this.#max = duration;
  }

  /** Takes over what another one has counted. */
  merge(other: LogHistogram): void {
    for (let index = 0; index < BUCKETS; index += 1) {
      this.#buckets[index] = (this.#buckets[index] ?? 0) + (other.#buckets[index] ?? 0);
    }
    this.#count += other.#count;
    this.#total += other.#total;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** The duration in milliseconds within which the share `q` of all stayed, such as 0.95; 0 when nothing was added. */
  quantile(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    // Nothing is in the buckets below the least.
    const first = this.#count === 0 ? BUCKETS : indexOf(this.#min);
    for (let index = first; index < BUCKETS; index += 1) {
      seen += this.#buckets[index] ?? 0;
      if (seen < rank) continue;
      // The last bucket also holds what lasted longer than it reaches.
      if (index === BUCKETS - 1) return this.#max;
      return Math.min(Math.max(middleOf(index) / UNITS_PER_MS, this.#min), this.#max);
    }
    return 0;
  }
}

function indexOf(ms: number): number {
  const units = ms * UNITS_PER_MS;
  return bucketOf(units < MAX_UNITS ? units | 0 : MAX_UNITS);
}

function bucketOf(units: number): number {
  if (units < EXACT) return units;
  const shift = 31 - Math.clz32(units) - STEPS_LOG2;
  return shift * STEPS + (units >> shift);
}

function middleOf(index: number): number {
  if (index < EXACT) return index + 0.5;
  const shift = Math.floor(index / STEPS) - 1;
  return (index - shift * STEPS + 0.5) * 2 ** shift;
}
