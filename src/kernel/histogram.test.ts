import { describe, expect, it } from 'vitest';
import { Histogram } from './histogram.js';

describe('Histogram', () => {
  it('knows nothing before anything was added', () => {
    const { count, total, max } = new Histogram();
    expect([count, total, max, new Histogram().quantile(0.99)]).toEqual([0, 0, 0, 0]);
  });

  it.each([0.004, 0.1, 0.32, 1, 7.77, 100, 999.5, 60_000, 3_600_000])(
    'tells a quantile of %d ms at most a sixteenth too high, and never too low',
    (ms) => {
      const histogram = new Histogram();
      for (let n = 0; n < 99; n += 1) histogram.add(ms);
      histogram.add(ms * 10);
      expect(histogram.quantile(0.5)).toBeGreaterThanOrEqual(ms);
      expect(histogram.quantile(0.99)).toBeLessThanOrEqual(ms * (1 + 1 / 16) + 0.01);
      expect(histogram.quantile(1)).toBe(ms * 10);
    },
  );

  it('puts a thousand different durations in their order', () => {
    const histogram = new Histogram();
    for (let ms = 1; ms <= 1_000; ms += 1) histogram.add(ms);
    for (const share of [0.01, 0.25, 0.5, 0.95, 0.99]) {
      const exact = share * 1_000;
      expect(histogram.quantile(share)).toBeGreaterThanOrEqual(exact);
      expect(histogram.quantile(share)).toBeLessThanOrEqual(exact * (1 + 1 / 16) + 0.01);
    }
    expect([histogram.count, histogram.total, histogram.max]).toEqual([1_000, 500_500, 1_000]);
  });

  it('takes what lasted for days, and what lasted less than nothing', () => {
    const histogram = new Histogram();
    histogram.add(864_000_000);
    histogram.add(-5);
    expect([histogram.quantile(1), histogram.max, histogram.quantile(0.5)]).toEqual([864_000_000, 864_000_000, 0.01]);
  });
});
