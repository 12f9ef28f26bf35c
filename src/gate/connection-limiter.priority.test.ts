import { describe, expect, it } from 'vitest';
import { DeadlineTimer } from '../kernel/deadline.js';
import type { Priority } from '../kernel/priority.js';
import { PRIORITIES } from '../kernel/priority.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { ConnectionLimitOptions } from './connection-limiter-options.js';
import type { LimitPermit } from './connection-limiter-permit.js';
import type { SlotRequest } from './connection-limiter-request.js';
import { ConnectionLimiter } from './connection-limiter.js';

/** A limiter with an endless crowd behind it: whoever is served is replaced by another of the same priority. */
function crowdBench(options: ConnectionLimitOptions) {
  const clock = fakeClock();
  const limiter = new ConnectionLimiter({ queue: 10_000, ...options }, { clock, timers: new DeadlineTimer(clock) });
  const held: LimitPermit[] = [];
  const served: Record<Priority, number> = { high: 0, normal: 0, low: 0 };
  const crowd = new Set<Priority>();
  const ask = (priority: Priority): void => {
    void Promise.resolve(limiter.acquire({ priority, deadlineAt: Infinity })).then((permit) => {
      held.push(permit);
      served[priority] += 1;
      if (crowd.has(priority)) ask(priority);
    });
  };
  const arrive = (priority: Priority, count = 20): void => {
    crowd.add(priority);
    for (let one = 0; one < count; one += 1) ask(priority);
  };
  /** The one who has held a slot for longest gives it back; so many times. */
  const turn = async (times: number): Promise<void> => {
    for (let time = 0; time < times; time += 1) {
      held.shift()?.release();
      await clock.settle();
    }
  };
  const inUse = () => PRIORITIES.map((priority) => limiter.stats().perPriority[priority].inUse);
  return { clock, limiter, held, served, arrive, turn, inUse };
}

describe('ConnectionLimiter, priorities', () => {
  it('gives each priority its share of the slots while all of them wait', async () => {
    const { arrive, turn, inUse, clock } = crowdBench({ max: 10 });
    for (const priority of ['low', 'normal', 'high'] as const) arrive(priority);
    await clock.settle();
    // The first to come took what was idle.
    expect(inUse()).toEqual([0, 0, 10]);
    await turn(30);
    expect(inUse()).toEqual([7, 2, 1]);
    await turn(100);
    expect(inUse()).toEqual([7, 2, 1]);
  });

  it.each(PRIORITIES)('lends all slots to %s calls when nobody else wants them', async (priority) => {
    const { clock, limiter, arrive } = crowdBench({ max: 10 });
    arrive(priority);
    await clock.settle();
    expect(limiter.stats().perPriority[priority].inUse).toBe(10);
  });

  it('gives a priority that comes back what it is sure of with the next releases', async () => {
    const { arrive, turn, inUse } = crowdBench({ max: 10 });
    arrive('low');
    await turn(20);
    arrive('high');
    await turn(7);
    expect(inUse()).toEqual([7, 0, 3]);
  });

  it('keeps no slot idle while somebody waits, whoever has how many', async () => {
    const { limiter, arrive, turn } = crowdBench({ max: 7, partitions: { high: 0.1, normal: 0.1, low: 0.1 } });
    arrive('normal');
    await turn(10);
    arrive('low');
    await turn(10);
    expect(limiter.stats().inUse).toBe(7);
  });

  it('takes turns by share when a limit of 1 leaves nobody a whole slot, and starves nobody', async () => {
    const { served, arrive, turn } = crowdBench({ max: 1 });
    for (const priority of PRIORITIES) arrive(priority);
    await turn(1_000);
    expect(served.high).toBeGreaterThan(690);
    expect(served.high).toBeLessThan(710);
    expect(served.normal).toBeGreaterThan(190);
    expect(served.low).toBeGreaterThan(95);
  });

  it('shares by turns what one priority does not use', async () => {
    const { served, arrive, turn } = crowdBench({ max: 10 });
    arrive('normal');
    arrive('low');
    await turn(1_000);
    expect(served.normal / served.low).toBeGreaterThan(1.8);
    expect(served.normal / served.low).toBeLessThan(2.2);
  });

  it('lets a priority that was away save up no turns', async () => {
    const { served, arrive, turn } = crowdBench({ max: 1 });
    arrive('normal');
    arrive('low');
    await turn(300);
    const before = { ...served };
    arrive('high');
    await turn(100);
    expect(served.low - before.low).toBeGreaterThanOrEqual(9);
    expect(served.normal - before.normal).toBeGreaterThanOrEqual(18);
  });

  it('serves all in order of arrival, whatever their priority, without partitions', async () => {
    const { clock, limiter } = crowdBench({ max: 1, partitions: false });
    const log: string[] = [];
    let held = limiter.tryAcquire();
    for (const [index, priority] of (['low', 'high', 'normal', 'low', 'high'] as const).entries()) {
      void Promise.resolve(limiter.acquire({ priority })).then((permit) => {
        log.push(`${index} ${priority}`);
        held = permit;
      });
    }
    for (let turn = 0; turn < 5; turn += 1) {
      held?.release();
      await clock.settle();
    }
    expect(log).toEqual(['0 low', '1 high', '2 normal', '3 low', '4 high']);
  });

  it('takes other shares while calls wait', async () => {
    const { limiter, arrive, turn, inUse } = crowdBench({ max: 10 });
    for (const priority of PRIORITIES) arrive(priority);
    await turn(50);
    limiter.set({ max: 10, queue: 10_000, partitions: { high: 0.2, normal: 0.2, low: 0.6 } });
    await turn(50);
    expect(inUse()).toEqual([2, 2, 6]);
  });
});

describe('ConnectionLimiter, control calls', () => {
  const control: SlotRequest = { isControl: true };

  it('lends them the reserved slots when all others are in use, and not one more', () => {
    const { limiter } = crowdBench({ max: 2, reserve: 2 });
    for (let call = 0; call < 3; call += 1) limiter.tryAcquire();
    const permits = Array.from({ length: 4 }, () => limiter.tryAcquire(control));
    expect(permits.map((permit) => permit?.isReserved)).toEqual([true, true, undefined, undefined]);
    expect(limiter.stats()).toMatchObject({ inUse: 2, reservedInUse: 2 });
  });

  it('leaves the ordinary slots to ordinary calls while a reserved one is free', () => {
    const { limiter } = crowdBench({ max: 1 });
    limiter.tryAcquire(control);
    expect(limiter.tryAcquire()).toBeDefined();
  });

  it('lets them use ordinary slots when the reserve is empty, and counts those as such', () => {
    const { limiter } = crowdBench({ max: 2, reserve: 0 });
    const permit = limiter.tryAcquire(control);
    expect(limiter.stats()).toMatchObject({ inUse: 1, perPriority: { high: { inUse: 1 } } });
    permit?.release();
    expect(limiter.stats().inUse).toBe(0);
  });

  it('serves them before everybody who waits, also when the queue is full', async () => {
    const { clock, limiter } = crowdBench({ max: 1, reserve: 0, queue: 1 });
    const log: string[] = [];
    const held = limiter.tryAcquire();
    void Promise.resolve(limiter.acquire({ priority: 'high' })).then(() => log.push('high'));
    void Promise.resolve(limiter.acquire(control)).then((permit) => {
      log.push('control');
      permit.release();
    });
    expect(limiter.stats()).toMatchObject({ waiting: 2, controlWaiting: 1 });
    held?.release();
    await clock.settle();
    expect(log).toEqual(['control', 'high']);
  });

  it('hands a reserved slot to the next control call, and never to another', async () => {
    const { clock, limiter } = crowdBench({ max: 1, reserve: 1 });
    limiter.tryAcquire();
    const first = limiter.tryAcquire(control);
    void limiter.acquire();
    const second = Promise.resolve(limiter.acquire(control));
    first?.release();
    await clock.settle();
    expect((await second).isReserved).toBe(true);
    expect(limiter.stats()).toMatchObject({ inUse: 1, reservedInUse: 1, waiting: 1 });
  });
});
