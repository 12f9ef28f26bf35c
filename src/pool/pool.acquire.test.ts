import { describe, expect, it } from 'vitest';
import { FAILS, refused, slow } from '../../test/fakes/fake-resources.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';

checkLeftovers();

describe('Pool.acquire', () => {
  it('opens nothing before the first caller', () => {
    const { pool } = poolBench();
    expect(pool.stats().total).toBe(0);
  });

  it('lends the resource released last', async () => {
    const bench = poolBench();
    const [first, second, third] = [await bench.lend(), await bench.lend(), await bench.lend()];
    second.release();
    third.release();
    first.release();
    expect((await bench.lend()).entry.id).toBe(first.entry.id);
    expect((await bench.lend()).entry.id).toBe(third.entry.id);
  });

  it('lends a clean resource in the same turn, without a timer', async () => {
    const bench = poolBench();
    (await bench.lend()).release();
    const lease = await bench.pool.acquire({ deadlineAt: 10_000 });
    expect(bench.timers.size).toBe(0);
    lease.release();
  });

  it('serves waiters in order of arrival', async () => {
    const bench = poolBench({ maxSize: 1 });
    const held = await bench.lend();
    const order: number[] = [];
    const asked = [1, 2, 3, 4].map((name) => {
      const attempt = bench.ask();
      void attempt.promise.then((lease) => {
        order.push(name);
        lease.release();
      });
      return attempt;
    });
    held.release();
    await Promise.all(asked.map((attempt) => attempt.promise));
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('hands over in the tick of the release, so that nobody can barge in', async () => {
    const bench = poolBench({ maxSize: 1 });
    const held = await bench.lend();
    const waiting = bench.ask();
    held.release();
    expect(bench.pool.stats()).toMatchObject({ idle: 0, inUse: 1, waiting: 0 });
    const barger = bench.ask();
    await bench.clock.settle();
    expect(waiting.lease).toBeDefined();
    expect(barger.lease).toBeUndefined();
    waiting.lease?.release();
    expect((await barger.promise).entry.id).toBe(1);
  });

  it('keeps one absolute deadline over queueing and creating, and notices it within a millisecond', async () => {
    const bench = poolBench({ maxSize: 1 });
    const held = await bench.lend();
    const waiting = bench.ask({ timeoutMs: 250 });
    bench.factory.acts.create = slow(400);
    await bench.clock.advance(200);
    held.discard();
    await bench.clock.advance(51);
    expect(waiting.error).toMatchObject({ code: 'TIMEOUT', phase: 'acquire', outcome: 'not-sent' });
    expect(waiting.at).toBeLessThanOrEqual(251);
  });

  it('says in the text how long one waited and what the pool was doing', async () => {
    const bench = poolBench({ maxSize: 2 });
    await bench.lend();
    await bench.lend();
    const waiting = bench.ask({ timeoutMs: 1_000 });
    await bench.clock.advance(1_001);
    expect(String(waiting.error)).toContain('within 1,000 ms (2/2 connections, 2 in use, 0 idle, 1 waiting)');
  });

  it('tells an exhausted pool from an unreachable database, whose cause it names', async () => {
    const bench = poolBench();
    bench.factory.acts.create = { end: 'error', error: refused('connect ECONNREFUSED 10.0.0.1:5432') };
    const waiting = bench.ask({ timeoutMs: 1_000 });
    await bench.clock.advance(1_001);
    expect(waiting.error).toMatchObject({
      code: 'CONNECTION',
      reason: 'refused',
      outcome: 'not-sent',
      retryable: true,
    });
    expect(String(waiting.error)).toMatch(/ECONNREFUSED 10\.0\.0\.1:5432 \(\d+ attempts to connect within 1,000 ms/);
  });

  it('refuses the next caller when the line is full', async () => {
    const bench = poolBench({ maxSize: 1, maxWaiting: 2 });
    const held = await bench.lend();
    bench.ask();
    bench.ask();
    const refusedCaller = bench.ask();
    await bench.clock.settle();
    expect(refusedCaller.error).toMatchObject({ code: 'POOL_EXHAUSTED', outcome: 'not-sent' });
    expect(String(refusedCaller.error)).toContain('1/1 connections, 1 in use, 0 idle, 2 waiting');
    held.release();
  });

  it('leaves the line at once on abort, wherever one stands in it', async () => {
    const bench = poolBench({ maxSize: 1 });
    const held = await bench.lend();
    const abort = new AbortController();
    const before = bench.ask();
    const leaver = bench.ask({ signal: abort.signal });
    const after = bench.ask();
    abort.abort(new Error('the request was closed'));
    await bench.clock.settle();
    expect(leaver.error).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'not-sent' });
    expect((leaver.error as Error).cause).toBe(abort.signal.reason);
    expect(bench.pool.stats().waiting).toBe(2);
    held.release();
    (await before.promise).release();
    (await after.promise).release();
  });

  it('refuses a caller who has aborted already', async () => {
    const bench = poolBench();
    const waiting = bench.ask({ signal: AbortSignal.abort() });
    await bench.clock.settle();
    expect(waiting.error).toMatchObject({ code: 'CANCELLED' });
    expect(bench.factory.log).toEqual([]);
  });

  it('goes on creating when the caller aborts, and keeps what is made', async () => {
    const bench = poolBench();
    bench.factory.acts.create = slow(100);
    const abort = new AbortController();
    const waiting = bench.ask({ signal: abort.signal });
    await bench.clock.advance(50);
    abort.abort();
    await bench.clock.advance(50);
    expect(waiting.error).toMatchObject({ code: 'CANCELLED' });
    expect(waiting.at).toBe(50);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, total: 1, creating: 0 });
  });

  it('goes on validating when the caller aborts, and keeps what was proved', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = slow(100);
    const abort = new AbortController();
    const waiting = bench.ask({ signal: abort.signal });
    expect(bench.pool.stats()).toMatchObject({ checking: 1 });
    abort.abort();
    await bench.clock.advance(100);
    expect(waiting.error).toMatchObject({ code: 'CANCELLED' });
    expect(bench.pool.stats()).toMatchObject({ idle: 1, checking: 0 });
  });

  it('gives what comes free to the next when the caller aborts in the same tick', async () => {
    const bench = poolBench({ maxSize: 1 });
    const held = await bench.lend();
    const abort = new AbortController();
    const first = bench.ask({ signal: abort.signal });
    const second = bench.ask();
    abort.abort();
    held.release();
    await bench.clock.settle();
    expect(first.error).toMatchObject({ code: 'CANCELLED' });
    expect(second.lease).toBeDefined();
  });

  it('keeps a lease that was lent in the tick before the abort', async () => {
    const bench = poolBench({ maxSize: 1 });
    const held = await bench.lend();
    const abort = new AbortController();
    const waiting = bench.ask({ signal: abort.signal });
    held.release();
    abort.abort();
    await bench.clock.settle();
    expect(waiting.lease?.isReleased).toBe(false);
  });

  it('opens a few connections for a burst when they come free sooner than they open', async () => {
    const bench = poolBench({ maxSize: 50 });
    await bench.warmUp(5);
    bench.factory.acts.create = slow(150);
    const burst = Array.from({ length: 50 }, () => {
      const attempt = bench.ask();
      void attempt.promise.then((lease) => bench.clock.setTimer(2, () => lease.release()));
      return attempt;
    });
    await bench.clock.advance(25);
    expect(burst.every((attempt) => attempt.lease !== undefined)).toBe(true);
    await bench.clock.advance(500);
    expect(bench.factory.alive).toBeLessThanOrEqual(7);
  });

  it('serves a waiter from a release while its own connection is still opening', async () => {
    const bench = poolBench({ maxSize: 2 });
    const held = await bench.lend();
    bench.factory.acts.create = slow(1_000);
    const waiting = bench.ask();
    await bench.clock.advance(10);
    held.release();
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(1);
    await bench.clock.advance(1_000);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, inUse: 1 });
  });

  it('never serves two callers from one resource when a broken one is found on the way', async () => {
    const bench = poolBench({ maxSize: 3 });
    await bench.warmUp(3);
    for (const resource of bench.factory.made.slice(1)) resource.condition = 'broken';
    const lease = await bench.lend();
    expect(lease.resource.condition).toBe('clean');
    expect(bench.pool.stats()).toMatchObject({ inUse: 1, idle: 0, total: 1 });
  });

  it('never lends a resource that broke while it was idle', async () => {
    const bench = poolBench();
    await bench.warmUp(2);
    bench.factory.made[1]?.break();
    expect(bench.pool.stats()).toMatchObject({ idle: 1, total: 1 });
    expect((await bench.lend()).entry.id).toBe(1);
    expect((await bench.lend()).entry.id).toBe(3);
  });

  it('answers the waiter of a broken idle resource with a new one', async () => {
    const bench = poolBench({ maxSize: 1 });
    await bench.warmUp(1);
    bench.factory.next.create.push(FAILS);
    const [only] = bench.factory.made;
    if (only !== undefined) only.condition = 'broken';
    const waiting = bench.ask();
    await bench.clock.advance(100);
    expect(waiting.lease?.entry.id).toBe(3);
  });
});
