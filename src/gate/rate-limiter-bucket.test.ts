import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from './rate-limiter-bucket.js';

describe('TokenBucket', () => {
  it('holds the burst at first and not one token more, however long nobody calls', () => {
    const bucket = new TokenBucket(10, 5, 0);
    for (const now of [0, 1e9]) {
      expect(Array.from({ length: 7 }, () => bucket.tryTake(1, now))).toEqual([
        ...Array<boolean>(5).fill(true),
        false,
        false,
      ]);
    }
  });

  it('has the next token exactly when it is due', () => {
    const bucket = new TokenBucket(8, 1, 0);
    expect(bucket.tryTake(1, 0)).toBe(true);
    expect(bucket.readyAt(1, 0)).toBe(125);
    expect(bucket.tryTake(1, 124.999)).toBe(false);
    expect(bucket.tryTake(1, 125)).toBe(true);
  });

  it('says with readyAt when tryTake will succeed, for rates that no binary fraction can hold', () => {
    const shape = fc.record({
      perSecond: fc.integer({ min: 1, max: 1_000_000 }),
      burst: fc.integer({ min: 1, max: 1_000 }),
      startAt: fc.double({ min: 0, max: 1e10, noNaN: true }),
      takes: fc.integer({ min: 1, max: 200 }),
    });
    fc.assert(
      fc.property(shape, ({ perSecond, burst, startAt, takes }) => {
        const bucket = new TokenBucket(perSecond, burst, startAt);
        let now = startAt;
        for (let take = 0; take < takes; take += 1) {
          now = Math.max(now, bucket.readyAt(1, now));
          expect(bucket.tryTake(1, now)).toBe(true);
        }
      }),
    );
  });

  it('does not drift: after 30 days at the limit, a rate of three a second has given three a second', () => {
    const bucket = new TokenBucket(3, 1, 0);
    const days = 30 * 86_400;
    let taken = 0;
    for (let second = 0; second <= days; second += 100) while (bucket.tryTake(1, second * 1_000)) taken += 1;
    // A burst of one: one token at each look, whatever was missed in between.
    expect(taken).toBe(days / 100 + 1);
    const steady = new TokenBucket(3, 1_000_000, 0);
    expect(steady.tryTake(1_000_000, 0)).toBe(true);
    for (let hour = 1; hour <= 720; hour += 1) {
      expect(steady.tryTake(10_800, hour * 3_600_000)).toBe(true);
      expect(steady.tryTake(1, hour * 3_600_000)).toBe(false);
    }
  });

  it('refuses a cost of NaN and is none the worse for it', () => {
    const bucket = new TokenBucket(1, 1, 0);
    expect([bucket.tryTake(NaN, 0), bucket.tokens(0), bucket.tryTake(1, 0)]).toEqual([false, 1, true]);
  });

  it('finds fewer tokens, never more, at a moment that lies before an earlier one', () => {
    const bucket = new TokenBucket(10, 2, 1_000);
    expect(bucket.tryTake(1, 5_000)).toBe(true);
    expect(bucket.tryTake(1, 1_000)).toBe(false);
    expect(bucket.tryTake(1, 5_000)).toBe(true);
    expect(bucket.tryTake(1, 5_000)).toBe(false);
  });

  it('takes back no more than it gave', () => {
    const bucket = new TokenBucket(10, 3, 0);
    bucket.tryTake(1, 0);
    bucket.giveBack(100);
    expect(bucket.tokens(0)).toBe(3);
    expect(bucket.tryTake(4, 0)).toBe(false);
  });

  it('keeps its tokens when its shape changes, as far as there is room', () => {
    const bucket = new TokenBucket(10, 10, 0);
    bucket.tryTake(4, 0);
    bucket.reshape(5, 20, 0);
    expect([bucket.tokens(0), bucket.tokens(1_000), bucket.tokens(10_000)]).toEqual([6, 11, 20]);
    bucket.reshape(5, 2, 0);
    expect(bucket.tokens(0)).toBe(2);
  });
});
