import { describe, expect, it } from 'vitest';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { RetryConfig } from './retry-options.js';
import { resolveRetryOptions } from './retry-options.js';

function read(options: unknown): { readonly config: RetryConfig; readonly issues: OptionIssue[] } {
  const issues: OptionIssue[] = [];
  return { config: resolveRetryOptions(options, 'query.retry', issues), issues };
}

function accepted(options: unknown): RetryConfig {
  const { config, issues } = read(options);
  expect(issues).toEqual([]);
  return config;
}

describe('resolveRetryOptions', () => {
  it('has the documented defaults', () => {
    expect(accepted(undefined)).toEqual({
      maxRetries: 3,
      backoff: { initialMs: 100, multiplier: 2, maxMs: 5_000, jitter: 'full' },
      budget: { ratio: 0.2, perSecond: 10, ttlMs: 10_000 },
    });
    expect(accepted({})).toEqual(accepted(undefined));
  });

  it('takes what is said, in milliseconds', () => {
    const budget = { ratio: 0.5, perSecond: 0.5, ttl: '1m' };
    const options = {
      maxRetries: 0,
      initialBackoff: '10ms',
      multiplier: 1.5,
      maxBackoff: '1s',
      jitter: 'none',
      budget,
    };
    expect(accepted(options)).toEqual({
      maxRetries: 0,
      backoff: { initialMs: 10, multiplier: 1.5, maxMs: 1_000, jitter: 'none' },
      budget: { ratio: 0.5, perSecond: 0.5, ttlMs: 60_000 },
    });
  });

  it('reads a number as the ratio of the budget, and false as none', () => {
    expect(accepted({ budget: 0.1 }).budget).toEqual({ ratio: 0.1, perSecond: 10, ttlMs: 10_000 });
    expect(accepted({ budget: false }).budget).toBe(false);
  });

  it('moves the default cap with a first pause that is longer', () => {
    expect(accepted({ initialBackoff: '8s' }).backoff.maxMs).toBe(8_000);
  });

  it('refuses everything that is wrong at once, and says what belongs there', () => {
    const { issues } = read({
      maxRetries: -1,
      initialBackoff: 0,
      multiplier: 0.5,
      maxBackoff: '11m',
      jitter: 'some',
      budget: { ratio: 2, perSecond: -1, ttl: '1ms', burst: 5 },
      retries: 3,
    });
    expect(issues.map(({ path }) => path)).toEqual([
      'query.retry.initialBackoff',
      'query.retry.maxRetries',
      'query.retry.multiplier',
      'query.retry.maxBackoff',
      'query.retry.jitter',
      'query.retry.budget.ratio',
      'query.retry.budget.perSecond',
      'query.retry.budget.ttl',
      'query.retry.budget.burst',
      'query.retry.retries',
    ]);
    expect(issues[2]).toEqual({ path: 'query.retry.multiplier', got: '0.5', expected: 'a number, 1 to 10' });
    expect(issues.at(-1)?.expected).toBe('did you mean query.retry.maxRetries?');
  });

  it.each([
    [{ maxRetries: 101 }, 'query.retry.maxRetries'],
    [{ maxRetries: 1.5 }, 'query.retry.maxRetries'],
    [{ multiplier: NaN }, 'query.retry.multiplier'],
    [{ multiplier: '2' }, 'query.retry.multiplier'],
    [{ initialBackoff: '1s', maxBackoff: '500ms' }, 'query.retry.maxBackoff'],
    [{ budget: 1.1 }, 'query.retry.budget'],
    [{ budget: true }, 'query.retry.budget'],
    [5, 'query.retry'],
  ])('refuses %j', (options, path) => {
    expect(read(options).issues.map((issue) => issue.path)).toEqual([path]);
  });

  it('cannot be changed afterwards', () => {
    const config = accepted({});
    expect([config, config.backoff, config.budget].every((part) => Object.isFrozen(part))).toBe(true);
  });
});
