/**
 * How long statements take at the server, and so which of them may travel together on one connection, and how many.
 * One for all connections of a runtime; what is known of one statement stands in its facts (statement-book.ts).
 *
 * Two moving values for each statement. `latencyMs` is the plain one, there as soon as the statement was seen. What
 * makes a statement short is a second one that falls four times as fast as it rises, and takes no sample for more than four
 * times the limit: this process measures, and when its event loop is late everything seems slow. A point read that took 20 ms
 * because of somebody's garbage must not lose its place for it, while what is slow at the server is slow every time.
 * Invariant: what was never seen is not short; a statement becomes short below half the limit, and long above all of it.
 */

/** Options `query.pipelining`, complete. */
export interface PipeliningConfig {
  /** Statements in flight on one connection, at most. */
  readonly depth: number;
  /** Milliseconds. Slower statements have their connection to themselves. */
  readonly maxStatementTimeMs: number;
}

/** What is known of one statement's speed. */
export interface Pace {
  /** Milliseconds at the server, a moving value; `undefined` before it has ended once. */
  latencyMs: number | undefined;
  /** The same for the question whether it is short; see above. */
  paceMs: number;
  /** It may travel together with others. */
  isShort: boolean;
}

const LATENCY_WEIGHT = 1 / 8;
/** A statement of 0.1 ms that takes 20 ms from now on is long after five times; one that is fast again is short after four. */
const RISE_WEIGHT = 1 / 16;
const FALL_WEIGHT = 1 / 4;
const HIGHEST_SAMPLE = 4;
/** Of all that travel together: 64 of them are a few milliseconds where it matters. */
const MEAN_WEIGHT = 1 / 64;

export class StatementPace {
  readonly config: PipeliningConfig;
  /** How many statements may be in flight on one connection now. */
  depth: number;
  #meanMs = 0;

  constructor(config: PipeliningConfig) {
    this.config = config;
    this.depth = config.depth;
  }

  /** Milliseconds that those which travel together take, one with the other; 0 before one has. */
  get meanMs(): number {
    return this.#meanMs;
  }

  static unknown(): Pace {
    return { latencyMs: undefined, paceMs: 0, isShort: false };
  }

  /** A statement has ended at the server, which was `ms` at work on it. */
  ended(pace: Pace, ms: number): void {
    const { maxStatementTimeMs } = this.config;
    const capped = Math.min(ms, maxStatementTimeMs * HIGHEST_SAMPLE);
    if (pace.latencyMs === undefined) {
      pace.latencyMs = ms;
      pace.paceMs = capped;
      pace.isShort = capped <= maxStatementTimeMs;
      return;
    }
    pace.latencyMs += (ms - pace.latencyMs) * LATENCY_WEIGHT;
    pace.paceMs += (capped - pace.paceMs) * (capped < pace.paceMs ? FALL_WEIGHT : RISE_WEIGHT);
    if (pace.paceMs > maxStatementTimeMs) pace.isShort = false;
    else if (pace.paceMs < maxStatementTimeMs / 2) pace.isShort = true;
  }

  /** It was stopped, or has failed, after so long: if that is longer than was thought, it is slower; how fast it is, nobody has seen. */
  cut(pace: Pace, ms: number): void {
    if (pace.latencyMs !== undefined && ms > pace.paceMs) this.ended(pace, ms);
  }

  /** The same for one that travelled with others. Nobody should wait longer than `maxStatementTimeMs` for those before him. */
  endedTogether(pace: Pace, ms: number): void {
    this.ended(pace, ms);
    const { depth, maxStatementTimeMs } = this.config;
    this.#meanMs += (Math.min(ms, maxStatementTimeMs * HIGHEST_SAMPLE) - this.#meanMs) * MEAN_WEIGHT;
    this.depth = Math.max(1, Math.min(depth, Math.floor(maxStatementTimeMs / this.#meanMs)));
  }
}
