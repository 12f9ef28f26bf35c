import { describe, expect, it } from 'vitest';
import { ConfigError } from '../errors/config-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { CircuitBreaker } from './circuit-breaker.js';
import type { CircuitBreakerOptions } from './circuit-options.js';
import { resolveCircuitBreakerOptions } from './circuit-options.js';

const DEFAULTS = {
  failures: 5,
  failureWindowMs: 60_000,
  resetTimeoutMs: 60_000,
  halfOpenPeriodMs: 10_000,
  halfOpenMaxConcurrent: 1,
  halfOpenMaxCalls: 10,
  halfOpenSuccesses: 3,
  backoff: false,
  rate: false,
  countStatementTimeouts: 'always',
  earlyProbe: false,
};

function resolve(options: unknown) {
  const issues: OptionIssue[] = [];
  const config = resolveCircuitBreakerOptions(options, 'circuitBreaker', issues);
  return { config, issues, paths: issues.map(({ path }) => path.replace('circuitBreaker.', '')) };
}

describe('resolveCircuitBreakerOptions', () => {
  it('has a default for everything', () => {
    expect(resolve(undefined)).toMatchObject({ config: DEFAULTS, issues: [] });
    expect(resolve({}).config).toEqual(DEFAULTS);
  });

  it('switches groups on with their defaults', () => {
    expect(resolve({ backoff: true, earlyProbe: true, rate: {} }).config).toMatchObject({
      backoff: { multiplier: 2, maxMs: 300_000, jitter: 0.1 },
      earlyProbe: { intervalMs: 1_000 },
      rate: { minCalls: 20, failureRate: 0.5, windowMs: 10_000, calls: undefined, slowCallMs: Infinity, slowRate: 1 },
    });
    expect(resolve({ backoff: false, earlyProbe: false, rate: false }).config).toEqual(DEFAULTS);
  });

  it('takes what it is told', () => {
    const options: CircuitBreakerOptions = {
      resetTimeout: '1s',
      halfOpenPeriod: 250,
      halfOpenMaxConcurrent: 4,
      halfOpenMaxCalls: 4,
      halfOpenSuccesses: 4,
      backoff: { multiplier: 1.5, max: '1s', jitter: 0 },
      rate: { calls: 10, slowCall: '1s', slowRate: 0.25, failureRate: 1 },
      countStatementTimeouts: 'distinct',
      earlyProbe: { interval: '250ms' },
    };
    expect(resolve(options)).toMatchObject({
      issues: [],
      config: {
        resetTimeoutMs: 1_000,
        halfOpenPeriodMs: 250,
        halfOpenMaxConcurrent: 4,
        halfOpenMaxCalls: 4,
        halfOpenSuccesses: 4,
        backoff: { multiplier: 1.5, maxMs: 1_000, jitter: 0 },
        rate: { minCalls: 10, calls: 10, slowCallMs: 1_000, slowRate: 0.25, failureRate: 1 },
        countStatementTimeouts: 'distinct',
        earlyProbe: { intervalMs: 250 },
      },
    });
  });

  it('takes numbers for failures in a row, up to the largest', () => {
    const config = { failures: 1_000, failureWindowMs: 1 };
    expect(resolve({ failures: 1_000, failureWindow: '1ms' })).toMatchObject({ issues: [], config });
    expect(resolve({ failures: 2, rate: false })).toMatchObject({ issues: [], config: { failures: 2 } });
  });

  it('keeps defaults that depend on another option within its bounds', () => {
    expect(resolve({ halfOpenMaxCalls: 2 })).toMatchObject({ issues: [], config: { halfOpenSuccesses: 2 } });
    expect(resolve({ resetTimeout: '10m', backoff: true }).config.backoff).toMatchObject({ maxMs: 600_000 });
  });

  it.each<[string, unknown]>([
    ['failures', { failures: 0 }],
    ['failures', { failures: 2.5 }],
    ['failures', { failures: 2, rate: {} }],
    ['failureWindow', { failureWindow: 0 }],
    ['failureWindow', { failureWindow: '1s', rate: { calls: 10 } }],
    ['resetTimeout', { resetTimeout: false }],
    ['halfOpenMaxConcurrent', { halfOpenMaxConcurrent: 11 }],
    ['halfOpenSuccesses', { halfOpenMaxCalls: 5, halfOpenSuccesses: 6 }],
    ['backoff', { backoff: 2 }],
    ['backoff.multiplier', { backoff: { multiplier: 0.5 } }],
    ['backoff.multiplier', { backoff: { multiplier: NaN } }],
    ['backoff.max', { backoff: { max: '30s' } }],
    ['backoff.jitter', { backoff: { jitter: 0.6 } }],
    ['backoff.jiter', { backoff: { jiter: 0.1 } }],
    ['rate', { rate: true }],
    ['rate.minCalls', { rate: { calls: 10, minCalls: 11 } }],
    ['rate.window', { rate: { calls: 10, window: '10s' } }],
    ['rate.failureRate', { rate: { failureRate: 0 } }],
    ['rate.failureRate', { rate: { failureRate: 50 } }],
    ['rate.slowRate', { rate: { slowRate: 0.5 } }],
    ['countStatementTimeouts', { countStatementTimeouts: 'sometimes' }],
    ['earlyProbe.interval', { earlyProbe: { interval: 1 } }],
    ['halfOpenMaxCals', { halfOpenMaxCals: 3 }],
  ])('refuses a wrong %s, and nothing else', (path, options) => {
    expect(resolve(options).paths).toEqual([path]);
  });

  it('says everything that is wrong at once, when a breaker is made', () => {
    const options = { failures: 0, resetTimeout: -1, earlyProbe: true } as unknown as CircuitBreakerOptions;
    const paths = ['circuitBreaker.resetTimeout', 'circuitBreaker.failures', 'circuitBreaker.earlyProbe'];
    const make = () => new CircuitBreaker(options);
    expect(make).toThrow(ConfigError);
    for (const path of paths) expect(make).toThrow(`${path}: got`);
  });

  it('is frozen', () => {
    const { config } = resolve({ backoff: true, rate: {}, earlyProbe: true });
    for (const part of [config, config.backoff, config.rate, config.earlyProbe])
      expect(Object.isFrozen(part)).toBe(true);
  });
});
