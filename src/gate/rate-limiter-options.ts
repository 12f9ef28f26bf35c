/** What a user may say about the rate limiter, and the complete numbers it works with. */
import type { Duration } from '../kernel/duration.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';

/** Options of the rate limiter; a number alone is `perSecond`. */
export interface RateLimitOptions {
  /**
   * Tokens that come in each second, over the long run.
   * @when Lower it to what the database may get from this process.
   * @limits 1 to 1,000,000
   * @default `1000`
   * @see docs/guide/resilience.md#rate-limit
   */
  readonly perSecond?: number;
  /**
   * Most tokens kept while nobody calls, and so the most that can be taken at one moment.
   * @when Lower it when the database suffers from spikes that the rate alone allows.
   * @limits 1 to 1,000,000
   * @warning Waiting callers are served by timers of one millisecond, so a burst below `perSecond / 1000` wastes tokens
   * while they wait.
   * @default `1000` (`perSecond`)
   */
  readonly burst?: number;
  /**
   * The longest a call may wait for its token; one that would have to wait longer is refused at once.
   * @when Raise it for background work that would rather be late than refused.
   * @limits 0 to 1 h
   * @default `0`
   */
  readonly maxWait?: Duration;
  /**
   * Most calls waiting at once; the next is refused.
   * @when Raise it together with `maxWait`.
   * @limits 1 to 1,000,000
   * @default `10000`
   */
  readonly maxQueue?: number;
}

export interface RateLimitConfig {
  readonly perSecond: number;
  readonly burst: number;
  readonly maxWaitMs: number;
  readonly maxQueue: number;
}

const MOST = 1_000_000;

export function resolveRateLimitOptions(options: unknown, path: string, issues: OptionIssue[]): RateLimitConfig {
  const reader = new OptionReader(typeof options === 'number' ? { perSecond: options } : options, path, issues);
  const perSecond = reader.integer('perSecond', 1_000, { min: 1, max: MOST });
  const config: RateLimitConfig = {
    perSecond,
    burst: reader.integer('burst', perSecond, { min: 1, max: MOST }),
    maxWaitMs: reader.duration('maxWait', 0, { minMs: 0, maxMs: 3_600_000 }),
    maxQueue: reader.integer('maxQueue', 10_000, { min: 1, max: MOST }),
  };
  reader.refuseUnknown();
  return Object.freeze(config);
}
