import { describe, expect, it, vi } from 'vitest';
import { FakeClock, fakeClock } from './fake-clock.js';

describe('FakeClock', () => {
  it('starts at 0 and stands still by itself', async () => {
    const clock = fakeClock();
    await clock.settle();
    expect(clock.now()).toBe(0);
    expect(new Date(clock.wallNow()).toISOString()).toBe('2026-01-01T00:00:00.000Z');
  });

  it('starts where it is told to', () => {
    const clock = new FakeClock({ now: 500, wallNow: 1_000_000 });
    expect([clock.now(), clock.wallNow()]).toEqual([500, 1_000_000]);
  });

  it('moves the wall clock along, and leaps it without touching monotonic time', async () => {
    const clock = fakeClock({ wallNow: 0 });
    await clock.advance(10);
    expect(clock.wallNow()).toBe(10);
    clock.leapWall(-3_600_000);
    expect([clock.now(), clock.wallNow()]).toEqual([10, -3_599_990]);
  });

  it('fires due timers in order of time, ties in order of creation', async () => {
    const clock = fakeClock();
    const log: string[] = [];
    clock.setTimer(20, () => log.push(`late@${clock.now()}`));
    clock.setTimer(10, () => log.push(`first@${clock.now()}`));
    clock.setTimer(10, () => log.push(`second@${clock.now()}`));
    clock.setTimer(21, () => log.push('not due'));
    await clock.advance(20);
    expect(log).toEqual(['first@10', 'second@10', 'late@20']);
    expect(clock.now()).toBe(20);
  });

  it('fires a timer that was set by a promise chain of another timer, in the same advance', async () => {
    const clock = fakeClock();
    const log: number[] = [];
    clock.setTimer(10, () => {
      void Promise.resolve().then(() => clock.setTimer(5, () => log.push(clock.now())));
    });
    await clock.advance(15);
    expect(log).toEqual([15]);
  });

  it('lets a chain of a thousand promises settle between two timers', async () => {
    const clock = fakeClock();
    const log: string[] = [];
    clock.setTimer(1, () => void deepChain(1_000).then(() => log.push('chain')));
    clock.setTimer(2, () => log.push('second timer'));
    await clock.advance(2);
    expect(log).toEqual(['chain', 'second timer']);
  });

  it('settles chains that began before the advance, so that the timers they set count', async () => {
    const clock = fakeClock();
    const fired = vi.fn();
    void deepChain(50).then(() => clock.setTimer(5, fired));
    await clock.advance(5);
    expect(fired).toHaveBeenCalledOnce();
  });

  it('settles without moving time', async () => {
    const clock = fakeClock();
    const fired = vi.fn();
    let isSettled = false;
    clock.setTimer(0, fired);
    void deepChain(50).then(() => (isSettled = true));
    await clock.settle();
    expect([isSettled, clock.now()]).toEqual([true, 0]);
    expect(fired).not.toHaveBeenCalled();
  });

  it('fires a timer of no or negative delay only when time is asked to move, be it by 0', async () => {
    const clock = fakeClock();
    const fired = vi.fn();
    clock.setTimer(-5, fired);
    expect(fired).not.toHaveBeenCalled();
    await clock.advance(0);
    expect(fired).toHaveBeenCalledOnce();
  });

  it('answers which timers are pending, and forgets the fired and the cancelled', async () => {
    const clock = fakeClock();
    clock.setTimer(30, () => undefined, { keepAlive: false });
    const cancelled = clock.setTimer(20, () => undefined);
    clock.setTimer(10, () => undefined);
    expect(clock.pendingTimers).toEqual([
      { at: 10, keepAlive: true },
      { at: 20, keepAlive: true },
      { at: 30, keepAlive: false },
    ]);
    cancelled.cancel();
    await clock.advance(10);
    expect(clock.pendingTimers).toEqual([{ at: 30, keepAlive: false }]);
    expect(clock.pendingTimerCount).toBe(1);
  });

  it('does nothing when a timer is cancelled twice, after it fired, or by an earlier timer of the same moment', async () => {
    const clock = fakeClock();
    const fired = vi.fn();
    const first = clock.setTimer(10, () => second.cancel());
    const second = clock.setTimer(10, fired);
    await clock.advance(10);
    first.cancel();
    second.cancel();
    expect(fired).not.toHaveBeenCalled();
  });

  it('clamps an endless delay the way the system clock does', () => {
    const clock = fakeClock();
    clock.setTimer(Infinity, () => undefined);
    expect(clock.pendingTimers[0]?.at).toBe(2 ** 31 - 1);
  });

  it('refuses two advances at once, a step back and a delay that is no number', async () => {
    const clock = fakeClock();
    const first = clock.advance(10);
    await expect(clock.advance(10)).rejects.toThrow('already advancing');
    await first;
    await expect(clock.advance(-1)).rejects.toThrow(RangeError);
    expect(() => clock.setTimer(Number.NaN, () => undefined)).toThrow(RangeError);
  });

  it('rejects the advance with what a timer throws, and works on afterwards', async () => {
    const clock = fakeClock();
    clock.setTimer(5, () => {
      throw new Error('boom');
    });
    await expect(clock.advance(10)).rejects.toThrow('boom');
    expect(clock.now()).toBe(5);
    await clock.advance(5);
    expect(clock.now()).toBe(10);
  });

  it('gives up on a timer that re-arms itself for now', async () => {
    const clock = fakeClock();
    const rearm = (): void => void clock.setTimer(0, rearm);
    rearm();
    await expect(clock.advance(1)).rejects.toThrow('re-arms');
  });
});

async function deepChain(depth: number): Promise<void> {
  for (let step = 0; step < depth; step++) await Promise.resolve();
}
