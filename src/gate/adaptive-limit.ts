/**
 * Finds how many calls at once the database can take, from how it answers: the adaptive mode of the connection limiter.
 * Pure: it is told of every call that ended and answers what the limit is; no clock, no timer.
 *
 *     a window of ≥ 1 s and ≥ 10 samples ends
 *       slower than normal, beyond doubt ──► × 0.9 to × 0.99, by how much slower        (the gradient)
 *       not slower, no drop, limit in use ──► + 1
 *     a drop (too many connections, a timeout, a lost connection) ──► × 0.9 at once, once a window
 *
 * "Normal" is learnt from windows that were not slow, or in which the limit was not in use; a faster one is believed at
 * once. A limit that has been halved without making the database any faster was not the cause: then the database itself
 * has changed, and what it does now is normal. At the lowest limit everything is normal. So a slow disk ends with a new
 * normal, not with a tenth of the limit. What it cannot see: a database that was crowded from the first sample on.
 *
 * The frame is AIMD and the gradient of Netflix's concurrency-limits (Gradient2Limit: clamp to [0.5, 1], smoothing 0.2).
 * Differences, each for a reason: drops count (Gradient2 ignores them); latencies are normalised by statement; nothing is
 * added while the gradient is below 1, so the limit does not creep up under modest overload (concurrency-limits#134);
 * it never throttles to a few calls to measure (Envoy's adaptive concurrency does).
 */
import type { Priority } from '../kernel/priority.js';
import type { AdaptiveConfig } from './adaptive-limit-options.js';
import type { Slowness } from './adaptive-limit-latency.js';
import { LatencyBook } from './adaptive-limit-latency.js';

const WINDOW_MS = 1_000;
const WINDOW_SAMPLES = 10;
/** Netflix: a gradient below a half counts as a half … */
const LEAST_GRADIENT = 0.5;
/** … and a fifth of what it asks for is done in one window, so the steepest step is that of a drop, × 0.9. */
const SMOOTHING = 0.2;
/** A limit of half size makes a crowded database twice as fast. One that gains less than a quarter was not crowded. */
const NO_HELP = 0.75;

/** One call that ended. */
export interface EndedCall {
  readonly outcome: 'sample' | 'drop';
  readonly latencyMs: number | undefined;
  readonly key: string | undefined;
  readonly partition: Priority;
  /** Calls at once when it ended, itself included. */
  readonly inFlight: number;
  readonly now: number;
}

/** A change of the limit and what it was for. */
export interface LimitMove {
  readonly from: number;
  readonly to: number;
  /** `'grew'`: all is well. `'drop'`: the database said no. `'slow'`: it answers slower than normal. */
  readonly cause: 'grew' | 'drop' | 'slow';
}

export class AdaptiveLimit {
  readonly #book = new LatencyBook();
  #config: AdaptiveConfig;
  #limit: number;
  #windowSinceAt: number;
  #samples = 0;
  #mostInFlight = 0;
  #hasDropped = false;
  /** Where the limit was when it began to shrink for slowness, and how slow it was at the worst. */
  #slowSince: { readonly limit: number; readonly mean: number } | undefined;

  constructor(config: AdaptiveConfig, now: number) {
    this.#config = config;
    this.#limit = config.initial;
    this.#windowSinceAt = now;
  }

  /** A whole number in [`min`, `max`]. */
  get limit(): number {
    return this.#limit;
  }

  /** How many keys are remembered; bounded. */
  get keyCount(): number {
    return this.#book.size;
  }

  /** Other bounds from now on; what was learnt stays. */
  reconfigure(config: AdaptiveConfig): void {
    this.#config = config;
    this.#limit = Math.min(config.max, Math.max(config.min, this.#limit));
    this.#slowSince = undefined;
  }

  /** A call ended; answers the move of the limit, if it was the one that brought it about. */
  record({ outcome, latencyMs, key, partition, inFlight, now }: EndedCall): LimitMove | undefined {
    this.#samples += 1;
    this.#mostInFlight = Math.max(this.#mostInFlight, inFlight);
    if (outcome === 'sample' && latencyMs !== undefined) this.#book.note(`${partition} ${key ?? ''}`, latencyMs);
    const isFirstDrop = outcome === 'drop' && !this.#hasDropped;
    if (isFirstDrop) {
      this.#hasDropped = true;
      // The window goes on: its other drops have been answered, and what it measures is of a database in trouble.
      return this.#move(Math.floor((this.#limit * 9) / 10), 'drop');
    }
    if (now - this.#windowSinceAt < WINDOW_MS || this.#samples < WINDOW_SAMPLES) return undefined;
    return this.#endWindow(now);
  }

  #endWindow(now: number): LimitMove | undefined {
    const hadDrop = this.#hasDropped;
    const isInUse = this.#mostInFlight >= this.#limit / 2;
    this.#windowSinceAt = now;
    this.#samples = 0;
    this.#mostInFlight = 0;
    this.#hasDropped = false;
    if (hadDrop) {
      this.#book.skip();
      return undefined;
    }
    return this.#judge(this.#book.slowness(), isInUse);
  }

  #judge(slowness: Slowness, isInUse: boolean): LimitMove | undefined {
    const { mean, uncertainty } = slowness;
    const { tolerance, min } = this.#config;
    if (mean + uncertainty < 1 - (tolerance - 1) / 2) {
      // Faster than normal, beyond doubt: then that was not normal. Growing by a wrong measure would overshoot.
      this.#book.skip();
      this.#book.rescale(mean);
      return undefined;
    }
    this.#learnIfNormal(slowness, isInUse);
    const gradient = Math.min(1, Math.max(LEAST_GRADIENT, tolerance / mean));
    if (gradient === 1) {
      this.#slowSince = undefined;
      return isInUse ? this.#move(this.#limit + 1, 'grew') : undefined;
    }
    // Slow by the mean, but so few samples may be slow by chance: neither more nor less.
    if (mean - uncertainty <= tolerance || !isInUse) return undefined;
    if (this.#isNoHelp(mean)) {
      this.#book.rescale(mean);
      this.#slowSince = undefined;
      return undefined;
    }
    // The first slow window is only partly slow: the slowest one is what a smaller limit has to improve on.
    const { limit, mean: worst } = this.#slowSince ?? { limit: this.#limit, mean };
    this.#slowSince = { limit, mean: Math.max(mean, worst) };
    const smoothed = Math.round(this.#limit * (1 - SMOOTHING * (1 - gradient)));
    return this.#move(Math.max(min, Math.min(this.#limit - 1, smoothed)), 'slow');
  }

  /** Ends the window of the book, and learns from it when it shows what is normal. */
  #learnIfNormal({ mean, uncertainty }: Slowness, isInUse: boolean): void {
    const { tolerance, min } = this.#config;
    // Half-way to the tolerance at most: where the limit comes to rest nothing is learnt, so normal does not follow it up.
    const looksNormal = mean <= 1 + Math.min(uncertainty, (tolerance - 1) / 2);
    if (looksNormal || !isInUse || this.#limit === min) this.#book.learn();
    else this.#book.skip();
  }

  #isNoHelp(mean: number): boolean {
    const since = this.#slowSince;
    return since !== undefined && this.#limit <= since.limit / 2 && mean >= since.mean * NO_HELP;
  }

  #move(wanted: number, cause: LimitMove['cause']): LimitMove | undefined {
    const from = this.#limit;
    this.#limit = Math.min(this.#config.max, Math.max(this.#config.min, wanted));
    return this.#limit === from ? undefined : { from, to: this.#limit, cause };
  }
}
