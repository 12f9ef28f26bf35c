import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogHistogram } from './log-histogram.js';

const durations = fc.array(
  fc.oneof(fc.double({ min: 0.001, max: 1, noNaN: true }), fc.double({ min: 0.001, max: 1e6, noNaN: true })),
  {
    minLength: 1,
    maxLength: 300,
  },
);

function filled(values: readonly number[]): LogHistogram {
  const histogram = new LogHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

describe('a logarithmic histogram', () => {
  it('answers quantiles at most an eighth away from the true ones, or half a microsecond', () => {
    fc.assert(
      fc.property(durations, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, q) => {
        const sorted = [...values].sort((a, b) => a - b);
        const truth = sorted[Math.max(1, Math.ceil(q * values.length)) - 1] ?? 0;
        const answer = filled(values).quantile(q);
        expect(Math.abs(answer - truth)).toBeLessThanOrEqual(Math.max(truth / 8, 0.0005) + 1e-9);
      }),
    );
  });

  it('is the same filled in parts and merged as filled at once', () => {
    fc.assert(
      fc.property(durations, durations, (some, others) => {
        const merged = filled(some);
        merged.merge(filled(others));
        const whole = filled([...some, ...others]);
        const facts = ({ count, min, max, ...rest }: LogHistogram) => ({ count, min, max, ...rest });
        expect(facts(merged)).toEqual(facts(whole));
        for (const q of [0.1, 0.5, 0.95, 0.99, 1]) expect(merged.quantile(q)).toBe(whole.quantile(q));
        expect(merged.total).toBeCloseTo(whole.total, 3);
      }),
    );
  });

  it('counts in two at once what it would count in each', () => {
    fc.assert(
      fc.property(durations, (values) => {
        const [one, other] = [new LogHistogram(), new LogHistogram()];
        for (const value of [...values, -1]) one.addToBoth(other, value);
        const alone = filled([...values, -1]);
        for (const both of [one, other]) {
          expect([both.count, both.total, both.min, both.max]).toEqual([
            alone.count,
            alone.total,
            alone.min,
            alone.max,
          ]);
          expect([0.1, 0.5, 0.99].map((q) => both.quantile(q))).toEqual([0.1, 0.5, 0.99].map((q) => alone.quantile(q)));
        }
      }),
    );
  });

  it('knows the sum, the least and the most, and what lasted longer than it reaches', () => {
    const histogram = filled([2, 0.5, 10_000_000, -1]);
    expect([histogram.count, histogram.total, histogram.min, histogram.max]).toEqual([4, 10_000_002.5, 0, 10_000_000]);
    expect(histogram.quantile(1)).toBe(10_000_000);
  });

  it('still answered 0 for the p99 of a statement that had run for a month', () => {
    const histogram = filled([5]);
    for (let doubled = 0; doubled < 33; doubled += 1) histogram.merge(histogram);
    expect(histogram.count).toBe(2 ** 33);
    expect(histogram.quantile(0.99)).toBe(5);
  });

  it('answers 0 while it is empty', () => {
    const histogram = new LogHistogram();
    expect([histogram.quantile(0.5), histogram.min, histogram.max]).toEqual([0, 0, 0]);
  });
});
