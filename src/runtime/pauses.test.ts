import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { DeadlineTimer } from '../kernel/deadline.js';
import { FakeClock } from '../testing/fake-clock.js';
import { Pauses } from './pauses.js';

function setUp(): { clock: FakeClock; timers: DeadlineTimer; pauses: Pauses } {
  const clock = new FakeClock();
  const timers = new DeadlineTimer(clock);
  return { clock, timers, pauses: new Pauses(clock, timers) };
}

describe('Pauses', () => {
  it('end when their time is over', async () => {
    const { clock, timers, pauses } = setUp();
    const end = pauses.pause(100, undefined);
    await clock.advance(99);
    expect(pauses.size).toBe(1);
    await clock.advance(1);
    expect([await end, pauses.size, timers.size]).toEqual(['over', 0, 0]);
  });

  it('end at once when their caller aborts, and leave no listener behind', async () => {
    const { pauses, timers } = setUp();
    const abort = new AbortController();
    const end = pauses.pause(100, abort.signal);
    abort.abort();
    expect([await end, pauses.size, timers.size]).toEqual(['aborted', 0, 0]);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    expect(await pauses.pause(100, abort.signal)).toBe('aborted');
  });

  it('take no time when there is none to take', async () => {
    const { pauses } = setUp();
    expect(await pauses.pause(0, undefined)).toBe('over');
  });

  // A call in its pause held no connection, so a disconnect forgot it, and its caller waited for ever.
  it('all end with the runtime, and none begins after it', async () => {
    const { pauses, timers } = setUp();
    const ends = [pauses.pause(100, undefined), pauses.pause(10_000, new AbortController().signal)];
    pauses.stop();
    expect([...(await Promise.all(ends)), pauses.size, timers.size]).toEqual(['stopped', 'stopped', 0, 0]);
    expect(await pauses.pause(100, undefined)).toBe('stopped');
  });
});
