import { describe, expect, it } from 'vitest';
import { pglite } from '../driver/pglite/pglite.js';
import { postgres } from '../driver/postgres/postgres.js';
import { ConfigError } from '../errors/config-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { resolveConfig } from './resolve-config.js';
import type { RuntimeConfig } from './runtime-options.js';

const driver = postgres();

/** What a program without types may hand over. */
const resolve = (options: object): RuntimeConfig => resolveConfig({ driver, ...options });

/** Everything that was refused. */
function issuesOf(options: object): readonly OptionIssue[] {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  return [];
}

/** `[path, got]` of everything that was refused. */
function refused(options: object): [string, string][] {
  return issuesOf(options).map(({ path, got }) => [path, got]);
}

describe('the options of the gate', () => {
  it('can each be switched off', () => {
    const off = { circuitBreaker: false, rateLimit: false, connectionLimit: false };
    expect(resolve({ gate: off }).gate).toEqual(off);
  });

  it('take a number for the rate, and for the limit of connections', () => {
    const { gate } = resolve({ gate: { rateLimit: 5, connectionLimit: 8 } });
    expect(gate.rateLimit).toMatchObject({ perSecond: 5, burst: 5, maxWaitMs: 0 });
    expect(gate.connectionLimit).toMatchObject({ max: 8, adaptive: false });
  });

  it('take the word adaptive for the limit of connections, up to the size of the pool', () => {
    const { gate } = resolve({ pool: { maxSize: 30 }, gate: { connectionLimit: 'adaptive' } });
    expect(gate.connectionLimit).toMatchObject({
      max: 30,
      adaptive: { min: 3, max: 30, initial: 3, tolerance: 1.2 },
    });
  });

  it('limit connections to the size of the pool where nothing else is said', () => {
    const maxOf = ({ gate }: RuntimeConfig) => gate.connectionLimit && gate.connectionLimit.max;
    expect(maxOf(resolve({ pool: { maxSize: 12 } }))).toBe(12);
    expect(maxOf(resolve({ pool: { maxSize: 12 }, gate: { connectionLimit: { queue: 5 } } }))).toBe(12);
    expect(maxOf(resolve({ driver: pglite() }))).toBe(1);
  });

  it('ask by themselves whether the database is back, unless that is switched off', () => {
    const probeOf = ({ gate }: RuntimeConfig) => gate.circuitBreaker && gate.circuitBreaker.earlyProbe;
    expect(probeOf(resolve({ gate: { circuitBreaker: {} } }))).toEqual({ intervalMs: 1_000 });
    expect(probeOf(resolve({ gate: { circuitBreaker: { earlyProbe: { interval: '5s' } } } }))).toEqual({
      intervalMs: 5_000,
    });
    expect(probeOf(resolve({ gate: { circuitBreaker: { earlyProbe: false } } }))).toBe(false);
  });

  it('switch groups on by true, with their defaults', () => {
    const { gate } = resolve({ gate: { circuitBreaker: { backoff: true, earlyProbe: true, rate: {} } } });
    expect(gate.circuitBreaker).toMatchObject({
      backoff: { multiplier: 2, maxMs: 300_000, jitter: 0.1 },
      earlyProbe: { intervalMs: 1_000 },
      rate: {
        minCalls: 20,
        failureRate: 0.5,
        windowMs: 10_000,
        calls: undefined,
        slowCallMs: Infinity,
        slowRate: 1,
      },
    });
  });

  it.each([
    ['circuitBreaker', true, 'gate.circuitBreaker'],
    ['circuitBreaker', null, 'gate.circuitBreaker'],
    ['circuitBreaker', 5, 'gate.circuitBreaker'],
    ['circuitBreaker', { resetTimout: 1 }, 'gate.circuitBreaker.resetTimout'],
    ['circuitBreaker', { rate: true }, 'gate.circuitBreaker.rate'],
    ['circuitBreaker', { rate: { calls: 5, window: '1s' } }, 'gate.circuitBreaker.rate.window'],
    ['circuitBreaker', { rate: { slowRate: 0.5 } }, 'gate.circuitBreaker.rate.slowRate'],
    ['circuitBreaker', { halfOpenMaxCalls: 2, halfOpenSuccesses: 3 }, 'gate.circuitBreaker.halfOpenSuccesses'],
    ['rateLimit', true, 'gate.rateLimit'],
    ['rateLimit', '5', 'gate.rateLimit'],
    ['rateLimit', 1.5, 'gate.rateLimit.perSecond'],
    ['rateLimit', { perSecond: 5, maxWait: -1 }, 'gate.rateLimit.maxWait'],
    ['connectionLimit', 'adaptve', 'gate.connectionLimit'],
    ['connectionLimit', true, 'gate.connectionLimit'],
    ['connectionLimit', 0, 'gate.connectionLimit.max'],
    ['connectionLimit', { partitions: { high: 0.9 } }, 'gate.connectionLimit.partitions'],
    ['connectionLimit', { adaptive: { tolerance: 1 } }, 'gate.connectionLimit.adaptive.tolerance'],
  ])('refuse %s: %j at %s', (name, value, path) => {
    expect(refused({ gate: { [name]: value } }).map(([where]) => where)).toEqual([path]);
  });

  it.each([
    ['circuitBreaker', true, 'an object, or false'],
    ['rateLimit', 'fast', 'a number, an object, or false'],
    ['connectionLimit', true, "'adaptive', a number, an object, or false"],
  ])('say every form there is: %s: %j', (name, value, expected) => {
    expect(issuesOf({ gate: { [name]: value } })).toEqual([
      { path: `gate.${name}`, got: expect.any(String) as string, expected },
    ]);
  });
});

describe('the options of retries', () => {
  it('can be switched off, or change single numbers', () => {
    expect(resolve({ query: { retry: false } }).query.retry).toBe(false);
    expect(resolve({ query: { retry: { maxRetries: 5, initialBackoff: '8s' } } }).query.retry).toEqual({
      maxRetries: 5,
      backoff: { initialMs: 8_000, multiplier: 2, maxMs: 8_000, jitter: 'full' },
      budget: { ratio: 0.2, perSecond: 10, ttlMs: 10_000 },
    });
  });

  it('take a number for the budget, and false for none', () => {
    const budgetOf = ({ query }: RuntimeConfig) => query.retry && query.retry.budget;
    expect(budgetOf(resolve({ query: { retry: { budget: 0.5 } } }))).toMatchObject({ ratio: 0.5, perSecond: 10 });
    expect(budgetOf(resolve({ query: { retry: { budget: false } } }))).toBe(false);
  });

  it.each([
    [true, ['query.retry']],
    [null, ['query.retry']],
    [3, ['query.retry']],
    [{ maxRetries: 101, multiplier: 0, jitter: 'some' }, ['maxRetries', 'multiplier', 'jitter']],
    [{ initialBackoff: '1s', maxBackoff: '500ms' }, ['maxBackoff']],
    [{ budget: 2 }, ['budget']],
    [{ budget: { ratio: -1, perSecond: -1, ttl: 5 } }, ['budget.ratio', 'budget.perSecond', 'budget.ttl']],
  ])('refuse %j', (retry, names) => {
    const paths = names.map((name) => (name === 'query.retry' ? name : `query.retry.${name}`));
    expect(refused({ query: { retry } }).map(([path]) => path)).toEqual(paths);
  });

  it('ask for the fate of a COMMIT only where the database can tell', () => {
    expect(resolve({ query: { resolveOutcome: true } }).query.resolveOutcome).toBe(true);
    expect(refused({ driver: pglite(), query: { resolveOutcome: true } })).toEqual([['query.resolveOutcome', 'true']]);
    expect(refused({ driver: pglite(), query: { resolveOutcome: false } })).toEqual([]);
  });
});
