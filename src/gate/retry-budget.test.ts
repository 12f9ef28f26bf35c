import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../kernel/random.js';
import { fakeClock } from '../testing/fake-clock.js';
import { RetryBudget } from './retry-budget.js';

const DEFAULTS = { ratio: 0.2, perSecond: 10, ttlMs: 10_000 };
const EARNED_ONLY = { ...DEFAULTS, perSecond: 0 };

const budgetOf = (config = DEFAULTS, now = 0): RetryBudget => new RetryBudget(config, fakeClock({ now }));

/** Takes all there is and counts it. */
function drain(budget: RetryBudget, now: number): number {
  let taken = 0;
  while (budget.tryWithdraw(now)) taken += 1;
  return taken;
}

function deposit(budget: RetryBudget, calls: number, now: number): void {
  for (let call = 0; call < calls; call += 1) budget.deposit(now);
}

describe('RetryBudget', () => {
  it('earns one repetition with every five first attempts, exactly', () => {
    const budget = budgetOf(EARNED_ONLY);
    deposit(budget, 4, 0);
    expect(budget.tryWithdraw(0)).toBe(false);
    budget.deposit(0);
    expect([budget.tryWithdraw(0), budget.tryWithdraw(0)]).toEqual([true, false]);
    deposit(budget, 5_000_000, 1);
    expect(drain(budget, 1)).toBe(1_000_000);
  });

  it('begins with what its first ten seconds earn, so that a young program can repeat too', () => {
    const budget = budgetOf();
    expect(drain(budget, 0)).toBe(100);
    expect(drain(budget, 10_000)).toBe(0);
    expect(drain(budget, 10_100)).toBe(1);
    expect(drain(budget, 11_100)).toBe(10);
  });

  it('saves no more than ten seconds of a quiet time', () => {
    const budget = budgetOf();
    drain(budget, 0);
    expect(budget.balance(3_600_000)).toBe(100);
  });

  it('forgets what was earned and not used after ten seconds', () => {
    const budget = budgetOf(EARNED_ONLY);
    deposit(budget, 50, 0);
    expect(budget.balance(9_999)).toBe(10);
    expect(budget.balance(10_000)).toBe(0);
  });

  it('uses first what is forgotten first', () => {
    const budget = budgetOf(EARNED_ONLY);
    deposit(budget, 50, 0);
    deposit(budget, 50, 5_000);
    for (let retry = 0; retry < 10; retry += 1) budget.tryWithdraw(6_000);
    expect(budget.balance(10_000)).toBe(10);
    expect(budget.balance(15_000)).toBe(0);
  });

  it('takes one repetition from several slices and the reserve together', () => {
    const budget = budgetOf({ ...DEFAULTS, perSecond: 0.04 });
    for (const now of [0, 1_000, 2_000]) budget.deposit(now);
    expect(budget.balance(2_000)).toBeCloseTo(1);
    expect(drain(budget, 2_000)).toBe(1);
    expect(budget.balance(2_000)).toBeCloseTo(0);
  });

  it('has nothing where nothing is earned', () => {
    const budget = budgetOf({ ratio: 0, perSecond: 0, ttlMs: 10_000 });
    deposit(budget, 1_000, 0);
    expect(drain(budget, 0)).toBe(0);
  });

  it('comes back empty of calls after a silence of a year', () => {
    const budget = budgetOf(EARNED_ONLY);
    deposit(budget, 50, 0);
    expect(budget.balance(365 * 86_400_000)).toBe(0);
    deposit(budget, 50, 365 * 86_400_000 + 1);
    expect(budget.balance(365 * 86_400_000 + 1)).toBe(10);
  });
});

/** What happens to a budget: time passes, then first attempts are made or repetitions are asked for. */
const happenings = fc.array(
  fc.record({
    passesMs: fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 30_000 })),
    calls: fc.nat({ max: 60 }),
    wanted: fc.nat({ max: 60 }),
  }),
  { maxLength: 100 },
);
const configs = fc.record({
  ratio: fc.double({ min: 0, max: 1, noNaN: true }),
  perSecond: fc.double({ min: 0, max: 100, noNaN: true }),
  ttlMs: fc.integer({ min: 1_000, max: 60_000 }),
});

describe('at any time, whatever happens', () => {
  it('has allowed no more than was earned from the start on', () => {
    fc.assert(
      fc.property(configs, happenings, fc.nat({ max: 1e9 }), (config, steps, startAt) => {
        const budget = budgetOf(config, startAt);
        let [now, calls, taken] = [startAt, 0, 0];
        for (const { passesMs, ...step } of steps) {
          now += passesMs;
          deposit(budget, step.calls, now);
          calls += step.calls;
          for (let asked = 0; asked < step.wanted; asked += 1) taken += budget.tryWithdraw(now) ? 1 : 0;
          const earned = config.ratio * calls + (config.perSecond * Math.max(config.ttlMs, now - startAt)) / 1_000;
          expect(taken).toBeLessThanOrEqual(earned + 1e-6);
        }
      }),
    );
  });

  it('is never below zero or above what it can hold; deposits never lower it, withdrawals never raise it', () => {
    fc.assert(
      fc.property(configs, happenings, (config, steps) => {
        const budget = budgetOf(config);
        let [now, calls] = [0, 0];
        for (const { passesMs, ...step } of steps) {
          now += passesMs;
          const before = budget.balance(now);
          deposit(budget, step.calls, now);
          calls += step.calls;
          const between = budget.balance(now);
          expect(between).toBeGreaterThanOrEqual(before);
          expect(between).toBeLessThanOrEqual(config.ratio * calls + (config.perSecond * config.ttlMs) / 1_000 + 1e-6);
          for (let asked = 0, last = between; asked < step.wanted; asked += 1) {
            const isTaken = budget.tryWithdraw(now);
            const rest = budget.balance(now);
            expect(rest).toBeCloseTo(isTaken ? last - 1 : last, 6);
            expect(rest).toBeGreaterThanOrEqual(0);
            last = rest;
          }
        }
      }),
    );
  });

  it('tells the same story wherever its clock began', () => {
    const story = (startAt: number): boolean[] => {
      const [budget, random] = [budgetOf(DEFAULTS, startAt), seededRandom(7)];
      return Array.from({ length: 500 }, (_, step) => {
        const now = startAt + step * 20;
        if (random() < 0.5) budget.deposit(now);
        return budget.tryWithdraw(now);
      });
    };
    expect(story(1e9)).toEqual(story(0));
  });
});
