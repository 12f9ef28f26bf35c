import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CircuitRateOptions } from './circuit-options.js';
import { resolveCircuitBreakerOptions } from './circuit-options.js';
import { InARowRule } from './trip-rule-in-a-row.js';
import { RateRule } from './trip-rule-rate.js';

function rateRule(options: CircuitRateOptions = {}): RateRule {
  const { rate } = resolveCircuitBreakerOptions({ rate: options }, '', []);
  if (rate === false) throw new Error('no rate');
  return new RateRule(rate);
}

describe('InARowRule', () => {
  const rule = () => new InARowRule({ failures: 3, failureWindowMs: 1_000 });

  it('asks for so many failures, none older than the window', () => {
    const inTime = rule();
    expect([0, 500, 1_000].map((at) => inTime.failed(at))).toEqual([
      undefined,
      undefined,
      '3 failures in a row within 1,000 ms',
    ]);
    const late = rule();
    expect([0, 500, 1_001].map((at) => late.failed(at))).toEqual([undefined, undefined, undefined]);
    expect(late.failed(1_200)).toBe('3 failures in a row within 700 ms');
  });

  it('begins anew after a success, and when it is cleared', () => {
    for (const act of ['succeeded', 'clear'] as const) {
      const subject = rule();
      subject.failed(0);
      subject.failed(0);
      subject[act]();
      expect([subject.failed(0), subject.failed(0)]).toEqual([undefined, undefined]);
      expect(subject.failed(0)).toBeDefined();
    }
  });

  it('opens exactly when the last failures without a success between fit into the window', () => {
    const step = fc.record({ waitMs: fc.nat({ max: 600 }), isFailure: fc.boolean() });
    const cases = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }));
    fc.assert(
      fc.property(cases, ([failures, steps]) => {
        const subject = new InARowRule({ failures, failureWindowMs: 1_000 });
        let [now, row] = [0, [] as number[]];
        for (const { waitMs, isFailure } of steps) {
          now += waitMs;
          row = isFailure ? [...row, now] : [];
          const oldest = row.at(-failures);
          const opens = isFailure && oldest !== undefined && now - oldest <= 1_000;
          expect((isFailure ? subject.failed(now) : subject.succeeded()) !== undefined).toBe(opens);
        }
      }),
    );
  });
});

describe('RateRule, shares', () => {
  it('says nothing of fewer calls than it asks for', () => {
    const rule = rateRule();
    for (let count = 1; count < 20; count += 1) expect(rule.failed(0, false)).toBeUndefined();
    expect(rule.failed(0, false)).toBe('20 of 20 calls failed');
  });

  it('opens with the exact share, and not with one failure less', () => {
    const exact = rateRule();
    for (let count = 0; count < 10; count += 1) exact.succeeded(0, false);
    for (let count = 0; count < 9; count += 1) expect(exact.failed(0, false)).toBeUndefined();
    expect(exact.failed(0, false)).toBe('10 of 20 calls failed');
    const less = rateRule();
    for (let count = 0; count < 9; count += 1) less.failed(0, false);
    for (let count = 0; count < 11; count += 1) expect(less.succeeded(0, false)).toBeUndefined();
  });

  it('found 3 of 30 to be less than a tenth, by multiplying', () => {
    const rule = rateRule({ minCalls: 30, failureRate: 0.1 });
    for (let count = 0; count < 3; count += 1) rule.failed(0, false);
    for (let count = 0; count < 26; count += 1) expect(rule.succeeded(0, false)).toBeUndefined();
    expect(rule.succeeded(0, false)).toBe('3 of 30 calls failed');
  });

  it('opens on slow calls, those that fail among them, when it was told what is slow', () => {
    const rule = rateRule({ minCalls: 4, slowCall: '1s', slowRate: 0.75, failureRate: 1 });
    rule.succeeded(0, false);
    rule.succeeded(0, true);
    rule.failed(0, true);
    expect(rule.succeeded(0, true)).toBe('3 of 4 calls took 1,000 ms or longer');
    const deaf = rateRule({ minCalls: 4 });
    for (let count = 0; count < 9; count += 1) expect(deaf.succeeded(0, true)).toBeUndefined();
  });
});

describe('RateRule, windows', () => {
  it('forgets calls that are older than its time, slot by slot', () => {
    const rule = rateRule({ minCalls: 10, window: '10s' });
    for (let second = 0; second < 9; second += 1) expect(rule.failed(second * 1_000, false)).toBeUndefined();
    // The first has left when the tenth comes a second late.
    expect(rule.failed(10_000, false)).toBeUndefined();
    expect(rule.failed(10_001, false)).toBe('10 of 10 calls failed');
  });

  it('forgets all after a rest', () => {
    const rule = rateRule({ minCalls: 2, window: '10s' });
    rule.failed(5_000, false);
    expect(rule.failed(1_000_000, false)).toBeUndefined();
    expect(rule.failed(1_000_000, false)).toBe('2 of 2 calls failed');
  });

  it('takes a result that was timed a moment ago into the slot of now', () => {
    const rule = rateRule({ minCalls: 2, window: '10s' });
    rule.failed(10_000, false);
    expect(rule.failed(9_999, false)).toBe('2 of 2 calls failed');
  });

  it('counts the calls between nine tenths and the whole of its time, whatever happens', () => {
    const call = fc.record({ waitMs: fc.nat({ max: 2_500 }), isFailure: fc.boolean(), isSlow: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: -50_000, max: 50_000 }), fc.array(call, { maxLength: 80 }), (start, calls) => {
        const rule = rateRule({ window: '10s' });
        const seen: { readonly at: number; readonly isFailure: boolean }[] = [];
        let now = start;
        for (const { waitMs, isFailure, isSlow } of calls) {
          now += waitMs;
          seen.push({ at: now, isFailure });
          if (isFailure) rule.failed(now, isSlow);
          else rule.succeeded(now, isSlow);
          const memory = rule.save(now);
          if (memory.kind !== 'time') throw new Error('the wrong window');
          const count = memory.slots.reduce((sum, [, inSlot]) => sum + inSlot, 0);
          const first = (Math.floor(now / 1_000) - 9) * 1_000;
          expect(count).toBe(seen.filter(({ at }) => at >= first).length);
        }
      }),
    );
  });

  it('counts exactly the last calls, when it was told how many', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.boolean(), { maxLength: 60 }), (calls, results) => {
        const rule = rateRule({ calls, minCalls: calls, failureRate: 0.6 });
        results.forEach((isFailure, index) => {
          const last = results.slice(Math.max(0, index + 1 - calls), index + 1);
          const failures = last.filter(Boolean).length;
          const opens = last.length === calls && failures / calls >= 0.6;
          const said = isFailure ? rule.failed(index, false) : rule.succeeded(index, false);
          expect(said).toBe(opens ? `${failures} of ${calls} calls failed` : undefined);
        });
      }),
    );
  });

  it.each([{ calls: 7 }, { window: '10s' }] as const)('remembers itself through a restart (%o)', (options) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean(), fc.nat({ max: 700 })), { maxLength: 30 }), (calls) => {
        const [source, target] = [rateRule(options), rateRule(options)];
        let now = 0;
        for (const [isFailure, isSlow, waitMs] of calls) {
          now += waitMs;
          if (isFailure) source.failed(now, isSlow);
          else source.succeeded(now, isSlow);
        }
        target.load(source.save(now), 90_000_000);
        expect(target.save(90_000_000)).toEqual(source.save(now));
      }),
    );
  });
});
