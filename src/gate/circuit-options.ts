/** What a user may say about the circuit breaker, and the complete numbers it works with. */
import type { Duration } from '../kernel/duration.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';

/** How the time that a circuit stays open grows when it opens again and again. */
export interface CircuitBackoffOptions {
  /**
   * What each further opening multiplies the time by.
   * @limits 1 to 10
   * @default `2`
   */
  readonly multiplier?: number;
  /**
   * The longest time, jitter included.
   * @limits `resetTimeout` to 24 h
   * @default `'300s'` (`resetTimeout` if that is more)
   */
  readonly max?: Duration;
  /**
   * How far from its calculated value the time may be, up or down, as a share; it keeps processes whose circuits opened
   * together from trying together. The first opening has none.
   * @limits 0 to 0.5
   * @default `0.1`
   */
  readonly jitter?: number;
}

/** Opens on shares of calls, not on failures in a row: the better rule above some ten calls a second. */
export interface CircuitRateOptions {
  /**
   * Fewer calls than this in the window never open the circuit.
   * @when Higher where a few failures in a quiet night mean nothing.
   * @limits 1 to `calls`, or to 1,000,000
   * @default `20` (`calls` if that is less)
   */
  readonly minCalls?: number;
  /**
   * The share of failures from which on it opens.
   * @limits more than 0, to 1
   * @default `0.5`
   */
  readonly failureRate?: number;
  /**
   * How far back calls count; it slides in tenths.
   * @limits 10 ms to 24 h
   * @default `'10s'`
   */
  readonly window?: Duration;
  /**
   * Counts the last so many calls in place of a stretch of time.
   * @limits 1 to 100,000
   * @warning Not together with `window`.
   * @default none
   */
  readonly calls?: number;
  /**
   * A call that took this long or longer is slow.
   * @limits 1 ms to 24 h
   * @default none
   */
  readonly slowCall?: Duration;
  /**
   * The share of slow calls from which on it opens.
   * @limits more than 0, to 1
   * @warning Needs `slowCall`.
   * @default `1`
   */
  readonly slowRate?: number;
}

/** Asks in the background whether the database is back, while the circuit is open. */
export interface EarlyProbeOptions {
  /**
   * The pause between two questions, ±20 %.
   * @when Longer where many processes ask one database.
   * @limits 10 ms to 1 h
   * @warning At most `resetTimeout`.
   * @default `'1s'`
   */
  readonly interval?: Duration;
}

/** Options of the circuit breaker. */
export interface CircuitBreakerOptions {
  /**
   * Failures in a row that open the circuit; a success in between starts anew.
   * @when Raise it where single statements are known to fail; see `rate` for high traffic.
   * @limits 1 to 1,000
   * @warning Not together with `rate`, which replaces this rule.
   * @default `5`
   */
  readonly failures?: number;
  /**
   * Failures older than this no longer count.
   * @limits 1 ms to 24 h
   * @warning Not together with `rate`.
   * @default `'60s'`
   */
  readonly failureWindow?: Duration;
  /**
   * How long an open circuit refuses calls before it lets one find out.
   * @when Shorter where `earlyProbe` is off and outages are short.
   * @limits 1 ms to 24 h
   * @default `'60s'`
   */
  readonly resetTimeout?: Duration;
  /**
   * How long one trial lasts. It closes the circuit at its end when a call succeeded and none failed, and opens it when a
   * call hangs.
   * @when Longer than your usual statement.
   * @limits 1 ms to 24 h
   * @default `'10s'`
   */
  readonly halfOpenPeriod?: Duration;
  /**
   * Calls in flight at once during a trial; all others are refused, none waits.
   * @when Higher where statements are slow and a few at once do no harm.
   * @limits 1 to `halfOpenMaxCalls`
   * @default `1`
   */
  readonly halfOpenMaxConcurrent?: number;
  /**
   * Calls begun in one trial.
   * @limits 1 to 10,000
   * @default `10`
   */
  readonly halfOpenMaxCalls?: number;
  /**
   * Successes that close the circuit before the trial is over.
   * @limits 1 to `halfOpenMaxCalls`
   * @default `3` (`halfOpenMaxCalls` if that is less)
   */
  readonly halfOpenSuccesses?: number;
  /**
   * Longer times when the circuit opens again and again; `true` for the defaults.
   * @when Of use with `earlyProbe: false`.
   * @default `false`
   */
  readonly backoff?: CircuitBackoffOptions | boolean;
  /**
   * Opens on the share of failures or slow calls, in place of failures in a row.
   * @when Set it above some ten calls a second.
   * @default `false`
   */
  readonly rate?: CircuitRateOptions | false;
  /**
   * Whether statements that ran into their time limit are failures: `'distinct'` counts each SQL text once in
   * `failureWindow`, so that one bad report run five times does not cut everybody off.
   * @when `'distinct'` where reports that take too long are a part of life.
   * @default `'always'`
   */
  readonly countStatementTimeouts?: StatementTimeoutPolicy;
  /**
   * Connects and pings in the background while the circuit is open, and starts the trial as soon as that works, so that a
   * failover of two seconds is not an outage of sixty; `resetTimeout` is then the longest it can take.
   * @default as below
   * @see docs/guide/resilience.md#early-probe
   */
  readonly earlyProbe?: EarlyProbeOptions | boolean;
}

export type StatementTimeoutPolicy = 'always' | 'distinct' | 'never';

export interface CircuitBackoffConfig {
  readonly multiplier: number;
  readonly maxMs: number;
  readonly jitter: number;
}

export interface CircuitRateConfig {
  readonly minCalls: number;
  readonly failureRate: number;
  readonly windowMs: number;
  /** Where it is set, it is used in place of `windowMs`. */
  readonly calls: number | undefined;
  /** `Infinity`: nothing is slow. */
  readonly slowCallMs: number;
  readonly slowRate: number;
}

export interface CircuitBreakerConfig {
  readonly failures: number;
  readonly failureWindowMs: number;
  readonly resetTimeoutMs: number;
  readonly halfOpenPeriodMs: number;
  readonly halfOpenMaxConcurrent: number;
  readonly halfOpenMaxCalls: number;
  readonly halfOpenSuccesses: number;
  readonly backoff: CircuitBackoffConfig | false;
  readonly rate: CircuitRateConfig | false;
  readonly countStatementTimeouts: StatementTimeoutPolicy;
  readonly earlyProbe: { readonly intervalMs: number } | false;
}

const DAY_MS = 86_400_000;
const ANY_LENGTH = { minMs: 1, maxMs: DAY_MS };

export function resolveCircuitBreakerOptions(
  options: unknown,
  path: string,
  issues: OptionIssue[],
): CircuitBreakerConfig {
  const reader = new OptionReader(options, path, issues);
  const resetTimeoutMs = reader.duration('resetTimeout', 60_000, ANY_LENGTH);
  const halfOpenMaxCalls = reader.integer('halfOpenMaxCalls', 10, { min: 1, max: 10_000 });
  const ofTrial = { min: 1, max: halfOpenMaxCalls };
  const config: CircuitBreakerConfig = {
    ...readInARow(reader),
    resetTimeoutMs,
    halfOpenPeriodMs: reader.duration('halfOpenPeriod', 10_000, ANY_LENGTH),
    halfOpenMaxConcurrent: reader.integer('halfOpenMaxConcurrent', 1, ofTrial),
    halfOpenMaxCalls,
    halfOpenSuccesses: reader.integer('halfOpenSuccesses', Math.min(3, halfOpenMaxCalls), ofTrial),
    backoff: readBackoff(reader, resetTimeoutMs),
    rate: readRate(reader),
    countStatementTimeouts: reader.oneOf('countStatementTimeouts', ['always', 'distinct', 'never'], 'always'),
    earlyProbe: readEarlyProbe(reader),
  };
  reader.refuseUnknown();
  return Object.freeze(config);
}

/** A rule that another one replaces must not look as if it were in force. */
function readInARow(circuit: OptionReader): Pick<CircuitBreakerConfig, 'failures' | 'failureWindowMs'> {
  const isReplaced = circuit.has('rate') && circuit.raw('rate') !== false;
  const expected = 'nothing beside rate, which replaces this rule';
  const isIdle = (name: string) => isReplaced && circuit.has(name);
  const failures = isIdle('failures')
    ? circuit.refuse('failures', expected, 5)
    : circuit.integer('failures', 5, { min: 1, max: 1_000 });
  const failureWindowMs = isIdle('failureWindow')
    ? circuit.refuse('failureWindow', expected, 60_000)
    : circuit.duration('failureWindow', 60_000, ANY_LENGTH);
  return { failures, failureWindowMs };
}

function readBackoff(circuit: OptionReader, resetTimeoutMs: number): CircuitBackoffConfig | false {
  const group = groupOf(circuit, 'backoff');
  if (group === undefined) return false;
  const config = {
    multiplier: readNumber(group, 'multiplier', 2, { min: 1, max: 10 }),
    maxMs: group.duration('max', Math.max(300_000, resetTimeoutMs), { minMs: resetTimeoutMs, maxMs: DAY_MS }),
    jitter: readNumber(group, 'jitter', 0.1, { min: 0, max: 0.5 }),
  };
  group.refuseUnknown();
  return Object.freeze(config);
}

function readRate(circuit: OptionReader): CircuitRateConfig | false {
  const value = circuit.raw('rate');
  if (value === undefined || value === false) return false;
  const group = circuit.group('rate');
  const calls = group.has('calls') ? group.integer('calls', 100, { min: 1, max: 100_000 }) : undefined;
  if (calls !== undefined && group.has('window')) group.refuse('window', 'nothing beside calls: one or the other', 0);
  const config: CircuitRateConfig = {
    minCalls: group.integer('minCalls', Math.min(20, calls ?? 20), { min: 1, max: calls ?? 1_000_000 }),
    failureRate: readShare(group, 'failureRate', 0.5),
    windowMs: calls === undefined ? group.duration('window', 10_000, { minMs: 10, maxMs: DAY_MS }) : 0,
    calls,
    slowCallMs: group.has('slowCall') ? group.duration('slowCall', Infinity, ANY_LENGTH) : Infinity,
    slowRate: readShare(group, 'slowRate', 1),
  };
  if (group.has('slowRate') && !group.has('slowCall')) group.refuse('slowRate', 'slowCall beside it', 1);
  group.refuseUnknown();
  return Object.freeze(config);
}

function readEarlyProbe(circuit: OptionReader): CircuitBreakerConfig['earlyProbe'] {
  const group = groupOf(circuit, 'earlyProbe');
  if (group === undefined) return false;
  const config = { intervalMs: group.duration('interval', 1_000, { minMs: 10, maxMs: 3_600_000 }) };
  group.refuseUnknown();
  return Object.freeze(config);
}

/** A group that `true` switches on with its defaults; `undefined` when it is off. */
function groupOf(reader: OptionReader, name: string): OptionReader | undefined {
  const value = reader.raw(name) ?? false;
  if (value === false) return undefined;
  return value === true ? new OptionReader({}, '', []) : reader.group(name);
}

function readShare(reader: OptionReader, name: string, fallback: number): number {
  const value = reader.raw(name) ?? fallback;
  if (typeof value === 'number' && value > 0 && value <= 1) return value;
  return reader.refuse(name, 'a share, more than 0 and at most 1', fallback);
}

function readNumber(reader: OptionReader, name: string, fallback: number, { min, max }: { min: number; max: number }) {
  const value = reader.raw(name) ?? fallback;
  if (typeof value === 'number' && value >= min && value <= max) return value;
  return reader.refuse(name, `a number, ${min} to ${max}`, fallback);
}
