import { describe, expect, it } from 'vitest';
import { isFluxorError } from '../errors/fluxor-error.js';
import { DeadlineTimer } from '../kernel/deadline.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { TakeRequest } from './rate-limiter.js';
import { RateLimiter } from './rate-limiter.js';
import type { RateLimitOptions } from './rate-limiter-options.js';

/** A limiter whose callers write down what became of them, and when. */
function lineBench(options: RateLimitOptions) {
  const clock = fakeClock();
  const timers = new DeadlineTimer(clock);
  const limiter = new RateLimiter({ maxWait: '10s', ...options }, { clock, timers });
  const log: string[] = [];
  const call = (name: string, request?: TakeRequest): void => {
    const note = (what: string) => log.push(`${name} ${what} at ${clock.now()}`);
    const failed = (error: unknown) => note(isFluxorError(error) ? error.code : String(error));
    try {
      const wait = limiter.take(request);
      if (wait === undefined) note('passed');
      else wait.then(() => note('waited'), failed);
    } catch (error) {
      failed(error);
    }
  };
  return { clock, timers, limiter, log, call };
}

describe('RateLimiter, waiting', () => {
  it('lets those who wait pass in order of arrival, each at their own moment', async () => {
    const { clock, log, call } = lineBench({ perSecond: 10, burst: 1 });
    for (const name of ['a', 'b', 'c']) call(name);
    await clock.advance(1_000);
    expect(log).toEqual(['a passed at 0', 'b waited at 100', 'c waited at 200']);
  });

  it('lets no cheap newcomer overtake an expensive call that waits', async () => {
    const { clock, log, call } = lineBench({ perSecond: 10, burst: 5 });
    call('first', { cost: 4 });
    call('dear', { cost: 5 });
    call('cheap');
    await clock.advance(1_000);
    expect(log).toEqual(['first passed at 0', 'dear waited at 400', 'cheap waited at 500']);
  });

  it('lets whoever waits pass before a newcomer, also when the timer is late', async () => {
    const { clock, log, call } = lineBench({ perSecond: 10, burst: 1 });
    call('a');
    call('b');
    clock.freeze(150);
    call('c');
    await clock.advance(1_000);
    expect(log).toEqual(['a passed at 0', 'b waited at 150', 'c waited at 250']);
  });

  it('does not let a frozen process make up for lost time beyond the burst', async () => {
    const { clock, log, call } = lineBench({ perSecond: 10, burst: 2 });
    for (let index = 0; index < 8; index += 1) call(`${index}`);
    clock.freeze(5_000);
    await clock.advance(100);
    expect(log.slice(2)).toEqual(['2 waited at 5000', '3 waited at 5000', '4 waited at 5100']);
  });

  it('refuses at arrival who would wait longer than maxWait, and keeps who waits just as long', () => {
    const { limiter, log, call } = lineBench({ perSecond: 10, burst: 1, maxWait: 200 });
    for (const name of ['a', 'b', 'c', 'd']) call(name);
    expect(log).toEqual(['a passed at 0', 'd RATE_LIMIT at 0']);
    expect(limiter.stats()).toMatchObject({ waiting: 2, rejected: 1 });
  });

  it('refuses at arrival who would wait beyond their deadline, with the wait there would have been', () => {
    const { limiter, log, call } = lineBench({ perSecond: 10, burst: 1 });
    call('a');
    call('b', { deadlineAt: 99 });
    call('c', { deadlineAt: 100 });
    expect(log).toEqual(['a passed at 0', 'b RATE_LIMIT at 0']);
    expect(() => limiter.take({ deadlineAt: 150 })).toThrow('the call would wait 200 ms and may wait 150 ms');
  });

  it('refuses when the line is full', () => {
    const { log, call } = lineBench({ perSecond: 1, burst: 1, maxQueue: 2 });
    for (const name of ['a', 'b', 'c', 'd']) call(name);
    expect(log).toEqual(['a passed at 0', 'd RATE_LIMIT at 0']);
  });

  it('gives the place of an aborted call to those behind, at once', async () => {
    const { clock, limiter, log, call } = lineBench({ perSecond: 10, burst: 5 });
    const abort = new AbortController();
    call('first', { cost: 5 });
    call('dear', { cost: 5, signal: abort.signal });
    call('cheap');
    await clock.advance(100);
    abort.abort();
    await clock.settle();
    expect(log.slice(1)).toEqual(['dear CANCELLED at 100', 'cheap waited at 100']);
    expect(limiter.stats()).toMatchObject({ waiting: 0, cancelled: 1 });
  });

  it('lets those who wait pass at once when tokens are given back', async () => {
    const { clock, limiter, log, call } = lineBench({ perSecond: 1, burst: 2 });
    call('a', { cost: 2 });
    call('b');
    call('c');
    await clock.advance(10);
    limiter.refund(2);
    await clock.settle();
    expect(log).toEqual(['a passed at 0', 'b waited at 10', 'c waited at 10']);
  });

  it('times those who wait anew, in order, when the rate changes', async () => {
    const { clock, limiter, log, call } = lineBench({ perSecond: 1, burst: 1 });
    for (const name of ['a', 'b', 'c']) call(name);
    await clock.advance(500);
    limiter.set({ perSecond: 100 });
    await clock.advance(1_000);
    expect(log).toEqual(['a passed at 0', 'b waited at 505', 'c waited at 515']);
  });

  it('refuses at once who cannot pass in time any more when the rate falls, and lets the others move up', async () => {
    const { clock, limiter, log, call } = lineBench({ perSecond: 10, burst: 10 });
    call('a', { cost: 10 });
    call('b', { deadlineAt: 500 });
    call('c', { cost: 5 });
    call('d', { deadlineAt: 5_000 });
    limiter.set({ perSecond: 1, burst: 2 });
    await clock.advance(10_000);
    expect(log).toEqual(['a passed at 0', 'b RATE_LIMIT at 0', 'c RATE_LIMIT at 0', 'd waited at 1000']);
  });

  it('never keeps a call beyond its bound, whatever the timers do', async () => {
    const { clock, limiter, log, call } = lineBench({ perSecond: 10, burst: 1, maxWait: 250 });
    for (const name of ['a', 'b', 'c']) call(name);
    clock.freeze(300);
    await clock.advance(0);
    expect(log).toEqual(['a passed at 0', 'b waited at 300', 'c RATE_LIMIT at 300']);
    expect(limiter.stats()).toMatchObject({ allowed: 2, waited: 1, rejected: 1, waiting: 0 });
  });

  it('watches one moment for each caller and one for the head, and nothing when nobody waits', async () => {
    const { clock, timers, call } = lineBench({ perSecond: 10, burst: 1 });
    for (let index = 0; index < 5; index += 1) call(`${index}`);
    expect(timers.size).toBe(5);
    await clock.advance(400);
    expect(timers.size).toBe(0);
  });

  it('refuses everybody when it stops, and leaves no timer', async () => {
    const clock = fakeClock();
    const limiter = new RateLimiter({ perSecond: 1, burst: 1, maxWait: '10s' }, { clock });
    void limiter.take();
    const [second, third] = [limiter.take(), limiter.take()];
    limiter.stop();
    await expect(second).rejects.toMatchObject({ code: 'RUNTIME_CLOSED' });
    await expect(third).rejects.toThrow('the limiter was stopped');
    expect([clock.pendingTimerCount, limiter.stats().waiting]).toEqual([0, 0]);
  });
});
