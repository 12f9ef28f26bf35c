import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakeClock } from '../testing/fake-clock.js';
import type { FakeClock } from '../testing/fake-clock.js';
import type { Clock } from './clock.js';
import { Deadline, DeadlineTimer } from './deadline.js';

describe('Deadline', () => {
  it('counts down with the clock and never below zero', async () => {
    const clock = fakeClock({ now: 500 });
    const deadline = Deadline.after(clock, 30);
    expect([deadline.at, deadline.remaining()]).toEqual([530, 30]);
    await clock.advance(20);
    expect(deadline.remaining()).toBe(10);
    await clock.advance(20);
    expect(deadline.remaining()).toBe(0);
  });

  it('may be endless', () => {
    const deadline = Deadline.after(fakeClock(), Infinity);
    expect([deadline.at, deadline.remaining()]).toEqual([Infinity, Infinity]);
  });

  it('lets a phase be shorter than the call, never longer', async () => {
    const clock = fakeClock();
    const call = Deadline.after(clock, 100);
    await clock.advance(40);
    expect(call.within(50).at).toBe(90);
    expect(call.within(60)).toBe(call);
    expect(call.within(Infinity)).toBe(call);
  });
});

/** Watches with a note of who was told when. */
function watcher(clock: FakeClock, timers: DeadlineTimer) {
  const told: string[] = [];
  const watch = (name: string, at: number, onDeadline?: () => void) =>
    timers.watch(at, {
      onDeadline: () => {
        told.push(`${name}@${clock.now()}`);
        onDeadline?.();
      },
    });
  return { told, watch };
}

describe('DeadlineTimer', () => {
  it('tells the moment at it or up to 1 ms late, never early', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        async (delays, start) => {
          const clock = fakeClock({ now: start });
          const timers = new DeadlineTimer(clock);
          const late: number[] = [];
          for (const delay of delays) {
            const at = start + delay;
            timers.watch(at, { onDeadline: () => late.push(clock.now() - at) });
          }
          await clock.advance(502);
          expect(late).toHaveLength(delays.length);
          expect(late.every((ms) => ms >= 0 && ms <= 1)).toBe(true);
          expect([timers.size, clock.pendingTimerCount]).toEqual([0, 0]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('tells in order of the moments, and within one millisecond in order of arrival', async () => {
    const clock = fakeClock();
    const timers = new DeadlineTimer(clock);
    const { told, watch } = watcher(clock, timers);
    watch('c', 30);
    watch('a', 9.2);
    watch('b', 9.7);
    watch('early', 5);
    await clock.advance(30);
    expect(told).toEqual(['early@5', 'a@10', 'b@10', 'c@30']);
  });

  it('tells everything that is overdue in order when the process was asleep over several moments', async () => {
    const clock = fakeClock();
    let sleptMs = 0;
    const sleepy: Clock = {
      now: () => clock.now() + sleptMs,
      wallNow: () => clock.wallNow(),
      setTimer: (delayMs, fire, options) => clock.setTimer(delayMs, fire, options),
    };
    const timers = new DeadlineTimer(sleepy);
    const told: number[] = [];
    for (const at of [30, 10, 20, 99]) timers.watch(at, { onDeadline: () => told.push(at) });
    sleptMs = 40;
    await clock.advance(10);
    expect(told).toEqual([10, 20, 30]);
    expect([timers.size, clock.pendingTimerCount]).toEqual([1, 1]);
  });

  it('needs one timer of the clock for any number of moments, armed for the earliest', () => {
    const clock = fakeClock();
    const timers = new DeadlineTimer(clock);
    for (const at of [300, 100, 200, 100.5]) timers.watch(at, { onDeadline: () => undefined });
    expect(clock.pendingTimers).toEqual([{ at: 100, keepAlive: true }]);
    timers.watch(50, { onDeadline: () => undefined });
    expect(clock.pendingTimers).toEqual([{ at: 50, keepAlive: true }]);
    expect(timers.size).toBe(5);
  });

  it('holds the process open while somebody waits, and only then: an embedded database has no socket that would', async () => {
    const clock = fakeClock();
    const timers = new DeadlineTimer(clock);
    const first = timers.watch(100, { onDeadline: () => undefined });
    timers.unwatch(first);
    expect(clock.pendingTimers).toEqual([{ at: 100, keepAlive: false }]);
    const second = timers.watch(200, { onDeadline: () => undefined });
    expect(clock.pendingTimers).toEqual([{ at: 100, keepAlive: true }]);
    await clock.advance(100);
    expect(clock.pendingTimers).toEqual([{ at: 200, keepAlive: true }]);
    timers.stop();
    timers.unwatch(second);
    expect([timers.size, clock.pendingTimerCount]).toEqual([0, 0]);
    timers.watch(300, { onDeadline: () => undefined });
    expect([timers.size, clock.pendingTimers]).toEqual([1, [{ at: 300, keepAlive: true }]]);
  });

  it('arms itself again for the next moment after each sweep', async () => {
    const clock = fakeClock();
    const timers = new DeadlineTimer(clock);
    const { told, watch } = watcher(clock, timers);
    watch('a', 10);
    watch('b', 20);
    await clock.advance(10);
    expect(clock.pendingTimers).toEqual([{ at: 20, keepAlive: true }]);
    await clock.advance(10);
    expect(told).toEqual(['a@10', 'b@20']);
    expect(clock.pendingTimerCount).toBe(0);
  });

  it('waits on when the clock fires early, as a timer of Node may do', async () => {
    const clock = fakeClock();
    const hasty: Clock = {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      setTimer: (delayMs, fire, options) => clock.setTimer(Math.max(1, Math.trunc(delayMs / 2)), fire, options),
    };
    const told: number[] = [];
    new DeadlineTimer(hasty).watch(99.5, { onDeadline: () => told.push(clock.now()) });
    await clock.advance(50);
    expect([told, clock.pendingTimers]).toEqual([[], [{ at: 75, keepAlive: true }]]);
    await clock.advance(50);
    expect(told).toEqual([100]);
  });

  it('does not tell what is unwatched, and leaves at most the one armed timer behind, which then finds nothing', async () => {
    const clock = fakeClock();
    const timers = new DeadlineTimer(clock);
    const { told, watch } = watcher(clock, timers);
    const watched = watch('a', 10);
    timers.unwatch(watched);
    timers.unwatch(watched);
    timers.unwatch(undefined);
    expect([timers.size, clock.pendingTimerCount]).toEqual([0, 1]);
    await clock.advance(10);
    expect([told, clock.pendingTimerCount]).toEqual([[], 0]);
  });

  it('does not tell what is unwatched by another one of the same sweep', async () => {
    const clock = fakeClock();
    const timers = new DeadlineTimer(clock);
    const { told, watch } = watcher(clock, timers);
    watch('first', 10, () => timers.unwatch(second));
    const second = watch('second', 10);
    watch('third', 10);
    await clock.advance(10);
    expect([told, timers.size]).toEqual([['first@10', 'third@10'], 0]);
  });

  it('takes a moment that is watched while the same moment is being told', async () => {
    const clock = fakeClock();
    const timers = new DeadlineTimer(clock);
    const { told, watch } = watcher(clock, timers);
    watch('first', 10, () => watch('again', 10));
    watch('second', 10);
    await clock.advance(10);
    expect(told).toEqual(['first@10', 'second@10', 'again@10']);
    expect([timers.size, clock.pendingTimerCount]).toEqual([0, 0]);
  });

  it('tells a moment that has passed as soon as the clock gives it a turn', async () => {
    const clock = fakeClock({ now: 100 });
    const timers = new DeadlineTimer(clock);
    const { told, watch } = watcher(clock, timers);
    watch('past', 40);
    expect(told).toEqual([]);
    await clock.advance(0);
    expect(told).toEqual(['past@100']);
  });

  it('never arms anything for a moment that never comes', () => {
    const clock = fakeClock();
    const timers = new DeadlineTimer(clock);
    expect(timers.watch(Infinity, { onDeadline: () => undefined })).toBeUndefined();
    expect([timers.size, clock.pendingTimerCount]).toEqual([0, 0]);
  });

  it('forgets everything on stop, without a word and without a timer, and can be used again', async () => {
    const clock = fakeClock();
    const timers = new DeadlineTimer(clock);
    const { told, watch } = watcher(clock, timers);
    const watched = watch('a', 10);
    timers.stop();
    expect([timers.size, clock.pendingTimerCount]).toEqual([0, 0]);
    timers.unwatch(watched);
    watch('b', 20);
    await clock.advance(20);
    expect(told).toEqual(['b@20']);
  });
});
