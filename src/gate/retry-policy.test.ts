import { describe, expect, it } from 'vitest';
import { failedAttempt } from '../../test/fakes/situations.js';
import { ConfigError } from '../errors/config-error.js';
import { ConnectionError } from '../errors/connection-error.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { QueryError, TransactionError } from '../errors/query-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { Random } from '../kernel/random.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { RetryOptions } from './retry-options.js';
import { resolveCallRetry } from './retry-options.js';
import type { RetryVerdict } from './retry-policy.js';
import { MIN_ATTEMPT_MS, RetryPolicy } from './retry-policy.js';
import type { FailedAttempt } from './retry-rules.js';

const refused = (retryAfterMs?: number): ConnectionError =>
  new ConnectionError('refused', 'x', { decision: 'new-connection', retryAfterMs });
const deadlock = new TransactionError('deadlock', 'x', { decision: 'whole-transaction', outcome: 'not-applied' });
const syntax = new QueryError('syntax', 'x', { outcome: 'not-applied' });
const stale = new ConnectionError('lost', 'x', { decision: 'new-connection', isConnectionFatal: true });

const HALF: Random = () => 0.5;

function policyOf(options?: RetryOptions, random = HALF) {
  const policy = new RetryPolicy(options, { clock: fakeClock(), random });
  const judge = (error: FluxorError, facts: Partial<FailedAttempt> = {}): RetryVerdict =>
    policy.judge(failedAttempt(error, facts));
  return { policy, judge };
}

const again = (delayMs: number): RetryVerdict => ({ kind: 'again', delayMs, isFree: false });
const final = (why: string): object => ({ kind: 'final', why });

describe('RetryPolicy', () => {
  it('refuses wrong options, all at once', () => {
    const make = (): RetryPolicy => new RetryPolicy({ maxRetries: -1, multiplier: 0 });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(/retry\.maxRetries.*\n.*retry\.multiplier/);
  });

  it('repeats three times with full jitter of 100, 200 and 400 ms, then no more', () => {
    const { judge } = policyOf();
    const verdicts = [1, 2, 3, 4].map((attempt) => judge(refused(), { attempt }));
    expect(verdicts).toEqual([again(50), again(100), again(200), final('attempts')]);
  });

  it('lets the call say how often', () => {
    const { judge } = policyOf();
    expect(judge(refused(), { maxRetries: 0 })).toEqual(final('attempts'));
    expect(judge(refused(), { attempt: 5, maxRetries: 5 })).toEqual(again(800));
  });

  it('does not repeat what cannot be repeated, and takes nothing from the budget for it', () => {
    const { policy, judge } = policyOf();
    expect(judge(syntax)).toEqual(final('not-retryable'));
    expect(policy.stats().budget).toBe(100);
  });

  it('tells decorrelated jitter the pause before', () => {
    const { judge } = policyOf({ jitter: 'decorrelated' });
    expect(judge(refused(), { attempt: 2, previousDelayMs: 300 })).toEqual(again(500));
  });
});

describe('the numbers of one call', () => {
  const numbersOf = (policy: RetryPolicy, options: unknown) => {
    const issues: OptionIssue[] = [];
    return { numbers: resolveCallRetry(options, policy.numbers, issues), paths: issues.map(({ path }) => path) };
  };

  it('win field by field, on the budget that all calls share', () => {
    const { policy, judge } = policyOf({ maxRetries: 1, initialBackoff: '1s', budget: { ratio: 0, perSecond: 0.1 } });
    const { numbers, paths } = numbersOf(policy, { maxRetries: 2, multiplier: 5 });
    expect(paths).toEqual([]);
    expect(judge(refused(), { ...numbers, attempt: 2 })).toEqual(again(2_500));
    expect(judge(refused())).toEqual(final('budget'));
    expect(policy.stats()).toMatchObject({ retries: 1, finals: { budget: 1 } });
  });

  it('are refused when wrong, and a budget is not the call’s to set', () => {
    const { policy } = policyOf();
    const { paths } = numbersOf(policy, { maxRetries: 1.5, jitter: 'some', budget: 1 });
    expect(paths).toEqual(['retry.maxRetries', 'retry.jitter', 'retry.budget']);
    expect(numbersOf(policy, { initialBackoff: '1m' }).numbers.backoff.maxMs).toBe(60_000);
  });
});

describe('the free retry', () => {
  const leased = { wasLeased: true };

  it('comes at once, outside limit and budget', () => {
    const { policy, judge } = policyOf({ maxRetries: 0, budget: { ratio: 0, perSecond: 0 } });
    expect(judge(stale, leased)).toEqual({ kind: 'again', delayMs: 0, isFree: true });
    expect(policy.stats()).toMatchObject({ freeRetries: 1, retries: 0 });
  });

  it('comes once; after it the limit counts as if it had not been', () => {
    const { judge } = policyOf();
    const had = { ...leased, hadFreeRetry: true };
    const verdicts = [1, 2, 3, 4].map((attempt) => judge(stale, { ...had, attempt }));
    expect(verdicts).toEqual([again(50), again(100), again(200), final('attempts')]);
  });

  it('does not come where no time is left for it', () => {
    const { judge } = policyOf();
    expect(judge(stale, { ...leased, deadlineAt: MIN_ATTEMPT_MS })).toMatchObject({ isFree: true });
    expect(judge(stale, { ...leased, deadlineAt: MIN_ATTEMPT_MS - 1 })).toEqual(final('deadline'));
  });
});

describe('the deadline', () => {
  it('leaves room for the pause and an attempt behind it, to the millisecond', () => {
    const { judge } = policyOf();
    expect(judge(refused(), { now: 1_000, deadlineAt: 1_000 + 50 + MIN_ATTEMPT_MS })).toEqual(again(50));
    expect(judge(refused(), { now: 1_000, deadlineAt: 1_000 + 49 + MIN_ATTEMPT_MS })).toEqual(final('deadline'));
  });

  it('costs no budget', () => {
    const { policy, judge } = policyOf();
    judge(refused(), { deadlineAt: 0 });
    expect(policy.stats()).toMatchObject({ budget: 100, finals: { deadline: 1 } });
  });
});

describe('retryAfterMs', () => {
  it('is the least, with the back-off on top so that not all come back at the same moment', () => {
    const { judge } = policyOf();
    expect(judge(refused(700))).toEqual(again(750));
    expect(policyOf(undefined, () => 0).judge(refused(700))).toEqual(again(700));
  });

  it('gives up the back-off, but not itself, to fit into the deadline', () => {
    const { judge } = policyOf();
    expect(judge(refused(700), { deadlineAt: 720 + MIN_ATTEMPT_MS })).toEqual(again(720));
    expect(judge(refused(700), { deadlineAt: 700 + MIN_ATTEMPT_MS })).toEqual(again(700));
    expect(judge(refused(700), { deadlineAt: 699 + MIN_ATTEMPT_MS })).toEqual(final('deadline'));
  });
});

describe('the budget', () => {
  const scarce = { ratio: 0.5, perSecond: 0 };

  it('is earned by first attempts and says so when it is spent', () => {
    const { policy, judge } = policyOf({ budget: scarce });
    expect(judge(refused())).toEqual(final('budget'));
    policy.begun(0);
    policy.begun(0);
    expect([judge(refused()), judge(refused())]).toEqual([again(50), final('budget')]);
  });

  it('is another one after contention, so that a hot row does not use up what an outage needs', () => {
    const { policy, judge } = policyOf({ budget: scarce });
    for (let call = 0; call < 4; call += 1) policy.begun(0);
    const contended = [1, 2, 3].map(() => judge(deadlock, { unit: 'transaction' }));
    expect(contended).toEqual([again(50), again(50), final('budget')]);
    expect([1, 2, 3].map(() => judge(refused()))).toEqual([again(50), again(50), final('budget')]);
    expect(policy.stats()).toEqual({
      calls: 4,
      retries: 4,
      transactionRetries: 2,
      contentionRetries: 2,
      freeRetries: 0,
      finals: { 'not-retryable': 0, attempts: 0, budget: 2, deadline: 0 },
      budget: 0,
      contentionBudget: 0,
    });
  });

  it('is without limit where it is switched off', () => {
    const { policy, judge } = policyOf({ budget: false });
    for (let call = 0; call < 1_000; call += 1) expect(judge(refused()).kind).toBe('again');
    expect(policy.stats().budget).toBe(Infinity);
  });
});
