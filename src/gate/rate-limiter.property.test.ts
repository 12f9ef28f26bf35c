import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineTimer } from '../kernel/deadline.js';
import { seededRandom } from '../kernel/random.js';
import { fakeClock } from '../testing/fake-clock.js';
import { RateLimiter } from './rate-limiter.js';

interface Admission {
  readonly id: number;
  readonly at: number;
  readonly cost: number;
}

/** For every window from one admission to another: what passed in it is at most rate · t + burst. */
function checkWindows(admissions: readonly Admission[], perSecond: number, burst: number): void {
  for (let from = 0; from < admissions.length; from += 1) {
    let sum = 0;
    for (const { at, cost } of admissions.slice(from)) {
      sum += cost;
      const mayPass = ((at - (admissions[from]?.at ?? 0)) * perSecond) / 1_000 + burst;
      // A billionth of a token for the rounding of this check itself.
      expect(sum).toBeLessThanOrEqual(mayPass + 1e-9 * Math.max(1, mayPass));
    }
  }
}

const step = fc.record({
  pauseMs: fc.oneof(fc.constantFrom(0, 0, 0, 1, 0.25), fc.double({ min: 0, max: 400, noNaN: true })),
  cost: fc.constantFrom(1, 1, 1, 2, 3),
  fate: fc.constantFrom('stays', 'stays', 'stays', 'aborts', 'freezes'),
});

const shape = fc.record({
  perSecond: fc.constantFrom(1, 3, 7, 10, 99, 1_000, 30_000),
  burst: fc.integer({ min: 3, max: 20 }),
  maxWaitMs: fc.constantFrom(0, 50, 1_000, 60_000),
});

describe('RateLimiter, whatever comes', () => {
  it('admits no more than rate · t + burst in any window, in order of arrival, and forgets nobody', async () => {
    await fc.assert(
      fc.asyncProperty(shape, fc.array(step, { maxLength: 60 }), async ({ perSecond, burst, maxWaitMs }, steps) => {
        const clock = fakeClock();
        const timers = new DeadlineTimer(clock);
        const limiter = new RateLimiter({ perSecond, burst, maxWait: maxWaitMs }, { clock, timers });
        const admissions: Admission[] = [];
        let refused = 0;
        for (const [id, { pauseMs, cost, fate }] of steps.entries()) {
          const abort = new AbortController();
          const pass = () => void admissions.push({ id, at: clock.now(), cost });
          // As an awaiting caller does it: one turn, whether there was a wait or not.
          const take = async () => {
            await limiter.take({ cost, signal: abort.signal });
          };
          take().then(pass, () => (refused += 1));
          await clock.settle();
          if (fate === 'freezes') clock.freeze(pauseMs);
          await clock.advance(pauseMs);
          if (fate === 'aborts') abort.abort();
          await clock.settle();
        }
        await clock.advance(200_000);
        checkWindows(admissions, perSecond, burst);
        const ids = admissions.map(({ id }) => id);
        expect(ids).toEqual(ids.toSorted((a, b) => a - b));
        expect(admissions.length + refused).toBe(steps.length);
        expect([limiter.stats().waiting, timers.size]).toEqual([0, 0]);
        expect(limiter.stats().allowed).toBe(admissions.length);
      }),
      { numRuns: 150 },
    );
  });

  it('gives everybody who is kept a wait of the length that was computed, to the millisecond', async () => {
    const random = seededRandom(4711);
    const clock = fakeClock();
    const [perSecond, burst] = [50, 5];
    const limiter = new RateLimiter({ perSecond, burst, maxWait: '1s' }, { clock });
    let owed = 0;
    let lastAt = 0;
    let checked = 0;
    for (let call = 0; call < 500; call += 1) {
      // A model of its own: the debt drains with the rate, and a call waits for what the burst does not cover.
      owed = Math.max(0, owed - ((clock.now() - lastAt) * perSecond) / 1_000);
      lastAt = clock.now();
      const waitMs = Math.max(0, ((owed + 1 - burst) * 1_000) / perSecond);
      const dueAt = lastAt + waitMs;
      if (waitMs > 1_000) expect(() => limiter.take()).toThrow('may wait 1,000 ms');
      else {
        owed += 1;
        checked += 1;
        void limiter.take()?.then(() => {
          expect(clock.now()).toBeGreaterThanOrEqual(dueAt - 1e-6);
          expect(clock.now()).toBeLessThan(dueAt + 1);
        });
      }
      await clock.advance(random() * 30);
    }
    await clock.advance(2_000);
    expect(limiter.stats()).toMatchObject({ allowed: checked, waiting: 0 });
    expect(limiter.stats().rejected).toBeGreaterThan(10);
  });

  it('passes what the rate promises: under constant demand not one token is lost', async () => {
    const clock = fakeClock();
    const limiter = new RateLimiter({ perSecond: 300, burst: 10, maxWait: '1m' }, { clock });
    let passed = 0;
    for (let call = 0; call < 3_010; call += 1) {
      const wait = limiter.take();
      if (wait === undefined) passed += 1;
      else void wait.then(() => (passed += 1));
    }
    await clock.advance(10_000);
    expect(passed).toBe(3_010);
  });
});
