import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { fakeClock } from '../testing/fake-clock.js';
import { DeadlineTimer } from './deadline.js';
import { createDeferred } from './deferred.js';
import type { LimitCause } from './within.js';
import { within } from './within.js';

function room() {
  const clock = fakeClock();
  const timers = new DeadlineTimer(clock);
  const controller = new AbortController();
  const { signal } = controller;
  const work = createDeferred<string>();
  const causes: LimitCause[] = [];
  const onLimit = (cause: LimitCause): string => {
    causes.push(cause);
    return `limit: ${cause}`;
  };
  const listeners = () => getEventListeners(signal, 'abort').length;
  const wait = (deadlineAt = 100) => within(work.promise, { deadlineAt, signal }, timers, onLimit);
  return { clock, timers, controller, signal, work, causes, listeners, wait };
}

describe('within', () => {
  it('gives the value of the work, and leaves no listener and no watched deadline behind', async () => {
    const { work, wait, timers, listeners, causes } = room();
    const result = wait();
    expect([timers.size, listeners()]).toEqual([1, 1]);
    work.resolve('done');
    await expect(result).resolves.toBe('done');
    expect([timers.size, listeners(), causes]).toEqual([0, 0, []]);
  });

  it('rejects with the very error of the work, and leaves nothing behind', async () => {
    const { work, wait, timers, listeners } = room();
    const error = new Error('boom');
    const result = wait();
    work.reject(error);
    await expect(result).rejects.toBe(error);
    expect([timers.size, listeners()]).toEqual([0, 0]);
  });

  it('answers what onLimit says at the deadline, not before', async () => {
    const { clock, wait, causes, listeners } = room();
    const result = wait();
    await clock.advance(99);
    expect(causes).toEqual([]);
    await clock.advance(1);
    await expect(result).resolves.toBe('limit: deadline');
    expect([causes, listeners(), clock.pendingTimerCount]).toEqual([['deadline'], 0, 0]);
  });

  it('answers what onLimit says at an abort', async () => {
    const { controller, wait, timers, causes, listeners } = room();
    const result = wait();
    controller.abort();
    await expect(result).resolves.toBe('limit: aborted');
    expect([causes, timers.size, listeners()]).toEqual([['aborted'], 0, 0]);
  });

  it('does not wait at all for a signal that was aborted before', async () => {
    const { controller, wait, timers, causes, listeners } = room();
    controller.abort();
    const result = wait();
    expect([causes, timers.size, listeners()]).toEqual([['aborted'], 0, 0]);
    await expect(result).resolves.toBe('limit: aborted');
  });

  it('knows one limit only: an abort after the deadline, or a deadline after the work, changes nothing', async () => {
    const { clock, controller, work, wait, causes } = room();
    const result = wait();
    await clock.advance(100);
    controller.abort();
    work.resolve('late');
    await expect(result).resolves.toBe('limit: deadline');
    expect(causes).toEqual(['deadline']);

    const other = room();
    const done = other.wait();
    other.work.resolve('done');
    await done;
    await other.clock.advance(200);
    other.controller.abort();
    expect(other.causes).toEqual([]);
  });

  it('swallows a rejection of the work that comes after the limit', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    const { clock, work, wait } = room();
    const result = wait();
    await clock.advance(100);
    await expect(result).resolves.toBe('limit: deadline');
    work.reject(new Error('late'));
    await clock.settle();
    await clock.settle();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('rejects with what onLimit throws, or rejects with', async () => {
    for (const onLimit of [() => Promise.reject(new Error('stopped')), thrower]) {
      const { clock, timers, signal, work } = room();
      const result = within<string>(work.promise, { deadlineAt: 10, signal }, timers, onLimit);
      const expected = expect(result).rejects.toThrow('stopped');
      await clock.advance(10);
      await expected;
    }
  });

  it('waits for a promise of onLimit, and hears no more limits while it does', async () => {
    const { clock, controller, timers, signal, work, listeners } = room();
    const answer = createDeferred<string>();
    const result = within(work.promise, { deadlineAt: 10, signal }, timers, () => answer.promise);
    await clock.advance(10);
    expect(listeners()).toBe(0);
    controller.abort();
    answer.resolve('in the end');
    await expect(result).resolves.toBe('in the end');
  });

  it('takes no limit at all: no signal, no deadline, no timer', async () => {
    const { clock, timers, work } = room();
    const result = within(work.promise, { deadlineAt: Infinity, signal: undefined }, timers, () => 'limit');
    expect([timers.size, clock.pendingTimerCount]).toEqual([0, 0]);
    work.resolve('done');
    await expect(result).resolves.toBe('done');
  });

  it('collects no listeners on a signal that outlives a thousand calls', async () => {
    const { timers, signal, listeners } = room();
    const limits = { deadlineAt: Infinity, signal };
    for (let call = 0; call < 1_000; call += 1) await within(Promise.resolve('x'), limits, timers, () => 'limit');
    expect(listeners()).toBe(0);
  });
});

function thrower(): never {
  throw new Error('stopped');
}
