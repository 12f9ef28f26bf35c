import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BucketHistogram, mergeCounts } from './bucket-histogram.js';

const BOUNDS = [1, 2, 5, 10];
const values = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { maxLength: 200 });

function filled(all: readonly number[]): BucketHistogram {
  const histogram = new BucketHistogram(BOUNDS);
  for (const value of all) histogram.add(value);
  return histogram;
}

describe('a histogram over given bounds', () => {
  it('puts a value on a bound into the bucket below it, and what is beyond all bounds into the last', () => {
    expect(filled([0, 1, 1.5, 5, 10, 11]).snapshot().counts).toEqual([2, 1, 1, 1, 1]);
  });

  it('has buckets that add up to the count, and a merger has the sums of all', () => {
    fc.assert(
      fc.property(values, values, fc.nat(50), (some, others, zeros) => {
        const merged = mergeCounts([filled(some).snapshot(zeros), filled(others).snapshot()]);
        expect(merged.count).toBe(some.length + others.length + zeros);
        expect(merged.counts.reduce((sum, count) => sum + count, 0)).toBe(merged.count);
        expect(merged.counts[0]).toBe([...some, ...others].filter((value) => value <= 1).length + zeros);
      }),
    );
  });
});
