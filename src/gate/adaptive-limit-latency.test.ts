import { describe, expect, it } from 'vitest';
import { seededRandom } from '../kernel/random.js';
import { LatencyBook } from './adaptive-limit-latency.js';

function note(book: LatencyBook, key: string, latencyMs: number, times = 20): void {
  for (let time = 0; time < times; time += 1) book.note(key, latencyMs);
}

describe('LatencyBook', () => {
  it('says 1 as long as it knows nothing', () => {
    const book = new LatencyBook();
    expect(book.slowness()).toEqual({ mean: 1, uncertainty: 0, samples: 0 });
    note(book, 'a', 500);
    expect(book.slowness().samples).toBe(0);
  });

  it('says how much slower than normal, each statement by its own measure', () => {
    const book = new LatencyBook();
    note(book, 'read', 1);
    note(book, 'report', 1_000);
    book.learn();
    note(book, 'read', 2, 30);
    note(book, 'report', 1_000, 10);
    expect(book.slowness().mean).toBeCloseTo(1.75, 10);
  });

  it('divides by nothing that was seen fewer than ten times', () => {
    const book = new LatencyBook();
    note(book, 'a', 1, 9);
    book.learn();
    note(book, 'a', 100);
    expect(book.slowness().samples).toBe(0);
  });

  it('counts one statement that hung as ten times slower at most', () => {
    const book = new LatencyBook();
    note(book, 'a', 10);
    book.learn();
    note(book, 'a', 10, 9);
    note(book, 'a', 60_000, 1);
    expect(book.slowness().mean).toBeCloseTo(1.9, 10);
  });

  it('is the less certain the fewer samples there are, and the more they scatter', () => {
    const uncertainty = (count: number, scatter: number) => {
      const book = new LatencyBook();
      const random = seededRandom(7);
      note(book, 'a', 100, 200);
      book.learn();
      for (let call = 0; call < count; call += 1) book.note('a', 100 + (random() - 0.5) * scatter);
      return book.slowness().uncertainty;
    };
    expect(uncertainty(10, 100)).toBeGreaterThan(uncertainty(1_000, 100) * 5);
    expect(uncertainty(100, 100)).toBeGreaterThan(uncertainty(100, 10) * 5);
    expect(uncertainty(100, 0)).toBe(0);
  });

  it('moves a normal it trusts by a tenth in one window at most', () => {
    const book = new LatencyBook();
    note(book, 'a', 10, 300);
    book.learn();
    note(book, 'a', 20, 10_000);
    book.learn();
    note(book, 'a', 11);
    expect(book.slowness().mean).toBeCloseTo(1, 10);
  });

  it('learns nothing from a window it is told to skip', () => {
    const book = new LatencyBook();
    note(book, 'a', 10);
    book.learn();
    note(book, 'a', 50);
    book.skip();
    note(book, 'a', 10);
    expect(book.slowness().mean).toBe(1);
  });

  it('takes the crowd out of what it first sees in a crowd', () => {
    const book = new LatencyBook();
    note(book, 'known', 10);
    book.learn();
    note(book, 'known', 20);
    note(book, 'new', 60);
    book.skip();
    note(book, 'new', 30);
    expect(book.slowness().mean).toBeCloseTo(1, 1);
  });

  it('has another normal for everything when it is told that the database has changed', () => {
    const book = new LatencyBook();
    note(book, 'a', 10);
    note(book, 'b', 100);
    book.learn();
    book.rescale(3);
    note(book, 'a', 30);
    note(book, 'b', 300);
    expect(book.slowness().mean).toBeCloseTo(1, 10);
  });

  it('forgets the keys first that were not seen for longest', () => {
    const book = new LatencyBook();
    for (let key = 0; key < 1_000; key += 1) note(book, `${key}`, 10, 10);
    book.learn();
    note(book, '0', 10);
    book.learn();
    note(book, 'new', 10);
    expect(book.size).toBe(1_000);
    // `0` was used again, so `1` is the one that is gone.
    book.learn();
    note(book, '1', 10);
    expect(book.slowness().samples).toBe(0);
    note(book, '0', 10);
    expect(book.slowness().samples).toBe(20);
  });
});
