import { describe, expect, it } from 'vitest';
import { DeadlineTimer } from '../kernel/deadline.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { LimitPermit } from './connection-limiter-permit.js';
import { ConnectionLimiter } from './connection-limiter.js';

/** A limiter with one slot that is held; each arrival has a number. */
function jamBench(lifo: boolean) {
  const clock = fakeClock();
  const timers = new DeadlineTimer(clock);
  const limiter = new ConnectionLimiter({ max: 1, lifo }, { clock, timers });
  const served: number[] = [];
  let held: LimitPermit | undefined = limiter.tryAcquire();
  let arrivals = 0;
  const arrive = (deadlineAt = Infinity): void => {
    const number = (arrivals += 1);
    void Promise.resolve(limiter.acquire({ deadlineAt })).then(
      (permit) => {
        served.push(number);
        held = permit;
      },
      () => undefined,
    );
  };
  const release = async (): Promise<void> => {
    const permit = held;
    held = undefined;
    permit?.release();
    await clock.settle();
  };
  /** One arrives and one is served every `everyMs`, for `totalMs`. */
  const flow = async (everyMs: number, totalMs: number): Promise<void> => {
    for (let passed = 0; passed < totalMs; passed += everyMs) {
      arrive();
      await clock.advance(everyMs);
      await release();
    }
  };
  return { clock, timers, limiter, served, arrive, release, flow };
}

describe('ConnectionLimiter, in a jam', () => {
  it('serves the oldest first, however long the jam lasts, unless it is told otherwise', async () => {
    const { clock, served, arrive, release } = jamBench(false);
    for (let call = 0; call < 3; call += 1) arrive();
    await clock.advance(5_000);
    for (let turn = 0; turn < 3; turn += 1) await release();
    expect(served).toEqual([1, 2, 3]);
  });

  it('serves the newest first once the oldest has waited over 100 ms for more than a second', async () => {
    const { clock, limiter, served, arrive, release } = jamBench(true);
    for (let call = 0; call < 4; call += 1) arrive();
    // 100 ms until the oldest has waited too long, and a second of that.
    await clock.advance(1_100);
    await release();
    expect([served, limiter.stats().isNewestFirst]).toEqual([[1], false]);
    await clock.advance(1);
    await release();
    await release();
    expect([served, limiter.stats().isNewestFirst]).toEqual([[1, 4, 3], true]);
  });

  it('is in order again when the queue has been empty', async () => {
    const { clock, limiter, served, arrive, release } = jamBench(true);
    arrive();
    arrive();
    await clock.advance(2_000);
    await release();
    await release();
    expect(served).toEqual([2, 1]);
    arrive();
    arrive();
    await release();
    await release();
    expect([served, limiter.stats().isNewestFirst]).toEqual([[2, 1, 3, 4], false]);
  });

  it('sees no jam while the oldest never waits for long, however many wait', async () => {
    const { limiter, served, arrive, flow } = jamBench(true);
    for (let call = 0; call < 4; call += 1) arrive();
    await flow(20, 5_000);
    expect(limiter.stats()).toMatchObject({ isNewestFirst: false, waiting: 4 });
    expect(served).toEqual(served.toSorted((a, b) => a - b));
  });

  it('sees the jam through its oldest ones, also when they are served one after the other', async () => {
    const { limiter, arrive, flow } = jamBench(true);
    for (let call = 0; call < 10; call += 1) arrive();
    await flow(50, 1_500);
    expect(limiter.stats().isNewestFirst).toBe(true);
  });

  it('keeps the deadlines of those at the end, and finds the newest after others have left', async () => {
    const { clock, timers, limiter, served, arrive, release } = jamBench(true);
    arrive(1_500);
    arrive();
    arrive(1_200);
    await clock.advance(1_150);
    await release();
    expect(served).toEqual([3]);
    arrive(1_180);
    await clock.advance(400);
    expect(limiter.stats()).toMatchObject({ waiting: 1, timedOut: 2 });
    await release();
    expect([served, timers.size]).toEqual([[3, 2], 0]);
  });
});

describe('ConnectionLimiter, after an outage', () => {
  function rampBench(max: number) {
    const clock = fakeClock();
    const timers = new DeadlineTimer(clock);
    const limiter = new ConnectionLimiter({ max }, { clock, timers });
    const at: number[] = [];
    const ask = (count: number): void => {
      for (let call = 0; call < count; call += 1) {
        void Promise.resolve(limiter.acquire({ deadlineAt: Infinity })).then(() => at.push(clock.now()));
      }
    };
    return { clock, timers, limiter, at, ask };
  }

  it('grows from 1 to the limit in even steps', async () => {
    const { clock, limiter, at, ask } = rampBench(5);
    limiter.ramp(1_000);
    ask(10);
    await clock.advance(2_000);
    expect(at).toEqual([0, 250, 500, 750, 1_000]);
    expect(limiter.stats()).toMatchObject({ limit: 5, inUse: 5, waiting: 5 });
    expect(limiter.isRamping).toBe(false);
  });

  it('needs no timer while nobody waits', async () => {
    const { clock, timers, limiter, ask } = rampBench(11);
    limiter.ramp(1_000);
    ask(1);
    expect([timers.size, clock.pendingTimerCount]).toEqual([0, 0]);
    await clock.advance(350);
    expect(limiter.stats().limit).toBe(4);
    ask(3);
    expect(timers.size).toBe(0);
    ask(1);
    expect(timers.size).toBe(1);
    await clock.advance(2_000);
    expect([timers.size, limiter.stats().inUse]).toEqual([0, 5]);
  });

  it('cuts off nobody who runs when it begins, and lets new ones in when it has grown past them', async () => {
    const { clock, limiter, at, ask } = rampBench(5);
    ask(3);
    await clock.settle();
    limiter.ramp(1_000);
    ask(1);
    await clock.advance(2_000);
    expect(at).toEqual([0, 0, 0, 750]);
  });

  it('lets whoever waits have a step before a newcomer, also when the timer is late', async () => {
    const { clock, limiter, at, ask } = rampBench(3);
    limiter.ramp(1_000);
    ask(2);
    clock.freeze(600);
    expect(limiter.tryAcquire()).toBeUndefined();
    await clock.settle();
    expect(at).toEqual([600, 600]);
  });

  it('follows another max on the way, and ends when it is told to', async () => {
    const { clock, limiter } = rampBench(11);
    limiter.ramp(1_000);
    await clock.advance(500);
    limiter.set(3);
    expect(limiter.stats().limit).toBe(2);
    limiter.ramp(0);
    expect(limiter.stats().limit).toBe(3);
  });

  it('has nothing to do with a limit of 1', async () => {
    const { clock, timers, limiter, at, ask } = rampBench(1);
    limiter.ramp(1_000);
    ask(2);
    await clock.advance(3_000);
    expect([at.length, timers.size, limiter.isRamping]).toEqual([1, 0, false]);
  });

  it('reaches every step at the moment it was set for, whatever the numbers', async () => {
    for (const [max, durationMs] of [
      [3, 7],
      [7, 1_000],
      [50, 333],
      [1_000, 777.7],
    ] as const) {
      const { clock, limiter, at, ask } = rampBench(max);
      await clock.advance(12.3);
      limiter.ramp(durationMs);
      ask(max);
      await clock.advance(2_000);
      expect(at).toHaveLength(max);
      for (const [index, moment] of at.entries()) {
        const dueAt = 12.3 + (durationMs * index) / (max - 1 || 1);
        if (index > 0) expect(moment).toBeGreaterThanOrEqual(dueAt - 1e-9);
        expect(moment).toBeLessThan(dueAt + 1 + 1e-9);
      }
    }
  });
});
