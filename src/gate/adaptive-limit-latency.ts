/**
 * How slow is the database now, compared with what is normal for the very same statements? One number for a window of
 * samples: 1 is normal, 2 is twice as slow. A mix that turns from point reads to reports stays at 1, because each
 * latency is divided by the normal one of its own key and partition.
 *
 * Normal is a mean that follows slowly (an EWMA over some hundred samples per key), and only when it is told to: a book
 * that learnt while the database was crowded would take the crowd for normal, and let the limit creep up with it.
 * Invariant: at most 1,000 keys are kept; the ones that were not seen for longest are forgotten first.
 */

const MOST_KEYS = 1_000;
/** Before that many samples a key's normal is too uncertain to divide by. */
const TRUSTED_AFTER = 10;
/** The weight of the past is that of this many samples. */
const MEMORY_SAMPLES = 300;
/** One window moves a normal by a tenth at most once it is trusted, so that one odd second is not taken for normal. */
const MOST_WEIGHT = 0.1;
/** One statement that hung says little about the rest: it counts as this much slower at most. */
const MOST_RATIO = 10;

class KeyRecord {
  normalMs = 0;
  samples = 0;
  /** Of the window that is open. */
  windowSumMs = 0;
  windowSamples = 0;
}

/** The slowness of a window, with the error that so few samples leave in it. */
export interface Slowness {
  /** Mean of latency ÷ normal; 1 when no key is known well enough. */
  readonly mean: number;
  /** Two standard errors of that mean. */
  readonly uncertainty: number;
  /** Samples of keys that are known well enough. */
  readonly samples: number;
}

export class LatencyBook {
  /** The key seen last is the last one. */
  readonly #records = new Map<string, KeyRecord>();
  /** Keys of the window that is open. */
  #touched: KeyRecord[] = [];
  #sum = 0;
  #sumOfSquares = 0;
  #count = 0;

  get size(): number {
    return this.#records.size;
  }

  note(key: string, latencyMs: number): void {
    const record = this.#touch(key);
    record.windowSumMs += latencyMs;
    record.windowSamples += 1;
    if (record.samples < TRUSTED_AFTER || record.normalMs <= 0) return;
    const ratio = Math.min(MOST_RATIO, latencyMs / record.normalMs);
    this.#sum += ratio;
    this.#sumOfSquares += ratio * ratio;
    this.#count += 1;
  }

  slowness(): Slowness {
    const samples = this.#count;
    if (samples === 0) return { mean: 1, uncertainty: 0, samples };
    const mean = this.#sum / samples;
    const variance = Math.max(0, this.#sumOfSquares / samples - mean * mean);
    return { mean, uncertainty: 2 * Math.sqrt(variance / samples), samples };
  }

  /** Ends the window: what was seen becomes part of what is normal. */
  learn(): void {
    this.#endWindow((record) => {
      const mean = record.windowSumMs / record.windowSamples;
      const past = Math.min(record.samples, MEMORY_SAMPLES);
      const share = record.windowSamples / (past + record.windowSamples);
      const weight = past < TRUSTED_AFTER ? share : Math.min(share, Math.max(MOST_WEIGHT, 1 / (past + 1)));
      record.normalMs += weight * (mean - record.normalMs);
      record.samples += record.windowSamples;
    });
  }

  /** Ends the window: what was seen is forgotten, except for keys nothing was known of; the crowd is taken out of theirs. */
  skip(): void {
    const { mean } = this.slowness();
    this.#endWindow((record) => {
      if (record.samples >= TRUSTED_AFTER) return;
      const seenMs = record.windowSumMs / record.windowSamples / Math.max(1, mean);
      record.normalMs += (record.windowSamples / (record.samples + record.windowSamples)) * (seenMs - record.normalMs);
      record.samples += record.windowSamples;
    });
  }

  /** All normals at once are `factor` times what they were: the database itself has become slower. */
  rescale(factor: number): void {
    for (const record of this.#records.values()) record.normalMs *= factor;
  }

  #touch(key: string): KeyRecord {
    let record = this.#records.get(key);
    if (record !== undefined && record.windowSamples > 0) return record;
    if (record === undefined) record = new KeyRecord();
    else this.#records.delete(key);
    // At the end of the map, once a window: the map is in order of last use.
    this.#records.set(key, record);
    this.#touched.push(record);
    if (this.#records.size > MOST_KEYS) this.#forgetOldest();
    return record;
  }

  #forgetOldest(): void {
    for (const key of this.#records.keys()) {
      this.#records.delete(key);
      return;
    }
  }

  #endWindow(each: (record: KeyRecord) => void): void {
    for (const record of this.#touched) {
      each(record);
      record.windowSumMs = 0;
      record.windowSamples = 0;
    }
    this.#touched = [];
    this.#sum = this.#sumOfSquares = this.#count = 0;
  }
}
