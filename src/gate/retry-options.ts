/** What a user may say about repeating calls, and the complete numbers that retry-policy.ts works with. */
import type { Duration } from '../kernel/duration.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader, groupDigits } from '../kernel/option-reader.js';
import type { BackoffConfig, Jitter } from './backoff.js';
import { JITTERS } from './backoff.js';

/** Options `query.retry.*`, and those of a `RetryPolicy` on its own. */
export interface RetryOptions {
  /**
   * Most repetitions of one call, on top of its first attempt.
   * @limits 0 to 100
   * @warning More only delays the bad news.
   * @default `3`
   */
  readonly maxRetries?: number;
  /**
   * The pause before the first repetition, before jitter.
   * @when Longer where what fails takes longer to recover.
   * @limits 1 ms to 1 min
   * @default `'100ms'`
   */
  readonly initialBackoff?: Duration;
  /**
   * The pause grows by this with each repetition.
   * @limits 1 to 10
   * @default `2`
   */
  readonly multiplier?: number;
  /**
   * The pause grows up to this.
   * @limits `initialBackoff` to 10 min
   * @default `'5s'` (`initialBackoff` if that is more)
   */
  readonly maxBackoff?: Duration;
  /**
   * How chance spreads the pauses, so that those who failed together do not come back together: `'full'` takes anything
   * from nothing to the whole pause, `'equal'` at least half of it, `'decorrelated'` goes by the pause before, `'none'`
   * is for tests.
   * @default `'full'`
   */
  readonly jitter?: Jitter;
  /**
   * What all calls together may repeat; a number alone is `ratio`.
   * @limits 0 to 1
   * @warning `false` lifts the limit, and an outage then multiplies the load on whatever is left.
   * @default as below
   */
  readonly budget?: number | RetryBudgetOptions | false;
}

/** What all calls together may repeat. */
export interface RetryBudgetOptions {
  /**
   * Repetitions earned by each first attempt.
   * @limits 0 to 1
   * @default `0.2`
   */
  readonly ratio?: number;
  /**
   * Repetitions earned by each second, so that a quiet program can repeat too.
   * @limits 0 to 10,000
   * @default `10`
   */
  readonly perSecond?: number;
  /**
   * What was earned and not used is forgotten after this.
   * @limits 1 s to 10 min
   * @default `'10s'`
   */
  readonly ttl?: Duration;
}

export interface RetryBudgetConfig {
  readonly ratio: number;
  readonly perSecond: number;
  readonly ttlMs: number;
}

export interface RetryConfig {
  readonly maxRetries: number;
  readonly backoff: BackoffConfig;
  readonly budget: RetryBudgetConfig | false;
}

/** What one call may change: how often and how fast, never the budget that all calls share. */
export type CallRetryOptions = Omit<RetryOptions, 'budget'>;

/** The numbers of one call. */
export type RetryNumbers = Pick<RetryConfig, 'maxRetries' | 'backoff'>;

const MINUTE_MS = 60_000;

const DEFAULT_NUMBERS: RetryNumbers = {
  maxRetries: 3,
  backoff: { initialMs: 100, multiplier: 2, maxMs: 5_000, jitter: 'full' },
};

/** `path` is where the options stand: `query.retry`. Everything wrong is added to `issues`. */
export function resolveRetryOptions(options: unknown, path: string, issues: OptionIssue[]): RetryConfig {
  const reader = new OptionReader(options, path, issues);
  const config: RetryConfig = { ...readNumbers(reader, DEFAULT_NUMBERS), budget: readBudget(reader) };
  reader.refuseUnknown();
  return Object.freeze(config);
}

/** The numbers of one call, where `base` is in force for what it leaves out. */
export function resolveCallRetry(options: unknown, base: RetryNumbers, issues: OptionIssue[]): RetryNumbers {
  const reader = new OptionReader(options, 'retry', issues);
  const numbers = readNumbers(reader, base);
  reader.refuseUnknown();
  return numbers;
}

function readNumbers(reader: OptionReader, { maxRetries, backoff }: RetryNumbers): RetryNumbers {
  const initialMs = reader.duration('initialBackoff', backoff.initialMs, { minMs: 1, maxMs: MINUTE_MS });
  // A first pause of 8 s alone is no mistake: the default cap moves with it.
  const cap = { fallback: Math.max(backoff.maxMs, initialMs), minMs: initialMs, maxMs: 10 * MINUTE_MS };
  return Object.freeze({
    maxRetries: reader.integer('maxRetries', maxRetries, { min: 0, max: 100 }),
    backoff: Object.freeze({
      initialMs,
      multiplier: readNumber(reader, 'multiplier', backoff.multiplier, 1, 10),
      maxMs: reader.duration('maxBackoff', cap.fallback, cap),
      jitter: reader.oneOf('jitter', JITTERS, backoff.jitter),
    }),
  });
}

function readBudget(retry: OptionReader): RetryBudgetConfig | false {
  const value = retry.raw('budget');
  if (value === false) return false;
  if (typeof value === 'number') {
    return Object.freeze({ ratio: readNumber(retry, 'budget', 0.2, 0, 1), perSecond: 10, ttlMs: 10_000 });
  }
  const reader = retry.group('budget');
  const config: RetryBudgetConfig = {
    ratio: readNumber(reader, 'ratio', 0.2, 0, 1),
    perSecond: readNumber(reader, 'perSecond', 10, 0, 10_000),
    ttlMs: reader.duration('ttl', 10_000, { minMs: 1_000, maxMs: 10 * MINUTE_MS }),
  };
  reader.refuseUnknown();
  return Object.freeze(config);
}

/** A number that need not be whole. */
function readNumber(reader: OptionReader, name: string, fallback: number, min: number, max: number): number {
  const value = reader.raw(name);
  if (value === undefined) return fallback;
  if (typeof value === 'number' && value >= min && value <= max) return value;
  return reader.refuse(name, `a number, ${min} to ${groupDigits(max)}`, fallback);
}
