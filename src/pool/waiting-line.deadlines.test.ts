import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineTimer } from '../kernel/deadline.js';
import type { FakeClock } from '../testing/fake-clock.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { Priority } from '../kernel/priority.js';
import { Waiter } from './waiter.js';
import { WaitingLine } from './waiting-line.js';

interface Bench {
  readonly clock: FakeClock;
  readonly timers: DeadlineTimer;
  readonly line: WaitingLine<object>;
  /** Who was told that their time is up, and when; told ones leave the line. */
  readonly late: [waiter: Waiter<object>, at: number][];
  readonly join: (timeoutMs: number, priority?: Priority) => Waiter<object>;
}

function lineBench(): Bench {
  const clock = fakeClock();
  const timers = new DeadlineTimer(clock);
  const late: Bench['late'] = [];
  const line: WaitingLine<object> = new WaitingLine<object>(clock, timers, (waiter) => {
    late.push([waiter, clock.now()]);
    line.remove(waiter);
  });
  const join = (timeoutMs: number, priority?: Priority) => {
    const now = clock.now();
    const request = { deadlineAt: now + timeoutMs, priority };
    const waiter = new Waiter<object>(request, now, request.deadlineAt, undefined, { giveUp: () => undefined });
    line.push(waiter);
    return waiter;
  };
  return { clock, timers, line, late, join };
}

describe('WaitingLine, deadlines', () => {
  it('tells everybody at their own deadline, whatever their priority and order', async () => {
    const { clock, late, join } = lineBench();
    const [third, first, second] = [join(300, 'high'), join(100, 'low'), join(200)];
    await clock.advance(1_000);
    expect(late).toEqual([
      [first, 100],
      [second, 200],
      [third, 300],
    ]);
  });

  it('tells nobody who has left or was served, and costs one watch whatever its length', async () => {
    const { clock, timers, line, late, join } = lineBench();
    const waiters = Array.from({ length: 100 }, (_, index) => join(100 + index));
    expect(timers.size).toBe(1);
    for (const waiter of waiters.slice(0, 50)) line.remove(waiter);
    while (line.length > 1) line.shift();
    await clock.advance(1_000);
    expect(late.map(([waiter]) => waiter)).toEqual([waiters[99]]);
  });

  it('holds nothing when nobody waits, and nothing for those who wait for ever', () => {
    const { timers, line, join } = lineBench();
    const [mortal, patient] = [join(100), join(Infinity)];
    line.remove(mortal);
    line.remove(patient);
    expect([timers.size, line.length]).toEqual([0, 0]);
    join(Infinity);
    expect(timers.size).toBe(0);
  });

  it('watches again for whoever comes after it was empty', async () => {
    const { clock, line, late, join } = lineBench();
    line.remove(join(10));
    await clock.advance(50);
    const waiter = join(100);
    await clock.advance(100);
    expect(late).toEqual([[waiter, 150]]);
  });

  it('gives back the time that was lost, to nobody more than they had waited', async () => {
    const { clock, line, late, join } = lineBench();
    const early = join(1_000);
    await clock.advance(500);
    clock.freeze(5_000);
    const newcomer = join(1_000);
    line.extend(5_000, clock.now());
    await clock.advance(0);
    expect(late).toEqual([]);
    await clock.advance(10_000);
    expect(late).toEqual([
      [early, 6_000],
      [newcomer, 6_500],
    ]);
  });

  it('tells nobody who was extended or taken out because of the one before', async () => {
    const clock = fakeClock();
    const told: number[] = [];
    const line: WaitingLine<object> = new WaitingLine<object>(clock, new DeadlineTimer(clock), (waiter) => {
      told.push(waiter.deadlineAt);
      for (const other of line) if (other !== waiter) line.remove(other);
      line.remove(waiter);
    });
    for (const deadlineAt of [10, 10, 10]) {
      line.push(new Waiter<object>({ deadlineAt }, 0, deadlineAt, undefined, { giveUp: () => undefined }));
    }
    await clock.advance(20);
    expect([told, line.length]).toEqual([[10], 0]);
  });

  it('tells everybody within a millisecond of their deadline, whoever joins and leaves meanwhile', async () => {
    const plan = fc.array(
      fc.record({
        timeoutMs: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(0.5, 99.25, Infinity)),
        priority: fc.constantFrom<Priority>('high', 'normal', 'low'),
        pauseMs: fc.constantFrom(0, 0, 1, 7.5, 100),
        leaves: fc.boolean(),
      }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(plan, async (steps) => {
        const { clock, timers, line, late, join } = lineBench();
        const staying: Waiter<object>[] = [];
        for (const { timeoutMs, priority, pauseMs, leaves } of steps) {
          const waiter = join(timeoutMs, priority);
          await clock.advance(pauseMs);
          if (!leaves || !line.remove(waiter)) staying.push(waiter);
        }
        await clock.advance(1_000);
        const mortal = staying.filter(({ deadlineAt }) => deadlineAt !== Infinity);
        expect(new Set(late.map(([waiter]) => waiter))).toEqual(new Set(mortal));
        expect(late).toHaveLength(mortal.length);
        for (const [{ deadlineAt }, at] of late) {
          expect(at).toBeGreaterThanOrEqual(deadlineAt);
          expect(at - deadlineAt).toBeLessThan(1);
        }
        expect(line.length).toBe(staying.length - mortal.length);
        expect(timers.size).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
