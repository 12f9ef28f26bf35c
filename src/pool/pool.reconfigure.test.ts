import { describe, expect, it } from 'vitest';
import { FAILS, NEVER, slow } from '../../test/fakes/fake-resources.js';
import { checkLeftovers, poolBench, POOL_CONFIG } from '../../test/fakes/pool-bench.js';
import type { ValidationConfig } from './pool-options.js';

checkLeftovers();

const VALIDATION = POOL_CONFIG.validation as ValidationConfig;

describe('Pool.reconfigure, the size', () => {
  it('made larger lets those who wait be served at once', async () => {
    const bench = poolBench({ maxSize: 1 });
    await bench.lend();
    const waiting = [bench.ask(), bench.ask()];
    await bench.clock.settle();
    bench.reconfigure({ maxSize: 2 });
    await bench.clock.settle();
    expect(waiting.map(({ lease }) => lease?.entry.id)).toEqual([2, undefined]);
    expect(bench.pool.stats().maxSize).toBe(2);
  });

  it('made smaller closes the idle at once, the longest unused first', async () => {
    const bench = poolBench({ maxSize: 5 });
    await bench.warmUp(5);
    bench.reconfigure({ maxSize: 2, maxIdle: 2 });
    expect(bench.pool.stats()).toMatchObject({ idle: 2, total: 2 });
    const left = [await bench.lend(), await bench.lend()].map(({ entry }) => entry.id);
    expect(left).toEqual([5, 4]);
  });

  it('made smaller cuts no lease off: what is too much goes when it is released, and no more than that', async () => {
    const bench = poolBench({ maxSize: 4 });
    const leases = [await bench.lend(), await bench.lend(), await bench.lend(), await bench.lend()];
    bench.reconfigure({ maxSize: 2 });
    const waiting = bench.ask();
    await bench.clock.advance(1_000);
    expect(leases.map(({ isReleased }) => isReleased)).toEqual([false, false, false, false]);
    expect(bench.pool.stats()).toMatchObject({ inUse: 4, total: 4, maxSize: 2 });
    leases[0]?.release();
    leases[1]?.release();
    await bench.clock.settle();
    expect([bench.pool.stats().total, waiting.at]).toEqual([2, undefined]);
    leases[2]?.release();
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(3);
    leases[3]?.release();
    expect(bench.pool.stats()).toMatchObject({ idle: 1, inUse: 1 });
  });

  it('made smaller closes what is still being made when it is there', async () => {
    const bench = poolBench({ maxSize: 3, maxCreating: 3 });
    bench.factory.acts.create = slow(100);
    const waiting = [bench.ask(), bench.ask(), bench.ask()];
    bench.pool.suspend();
    bench.reconfigure({ maxSize: 1, maxIdle: 1 });
    await bench.clock.advance(100);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, total: 1 });
    bench.pool.resume();
    await bench.clock.settle();
    expect(waiting.map(({ lease }) => lease !== undefined)).toEqual([true, false, false]);
  });

  it('made smaller and larger again forgets the smaller one', async () => {
    const bench = poolBench({ maxSize: 2 });
    const leases = [await bench.lend(), await bench.lend()];
    bench.reconfigure({ maxSize: 1, maxIdle: 1 });
    bench.reconfigure({ maxSize: 2, maxIdle: 2 });
    for (const lease of leases) lease.release();
    expect(bench.pool.stats()).toMatchObject({ idle: 2, total: 2 });
  });
});

describe('Pool.reconfigure, other values, are in force at once', () => {
  it('`maxWaiting`', async () => {
    const bench = poolBench({ maxSize: 1 });
    await bench.lend();
    const waiting = [bench.ask(), bench.ask()];
    bench.reconfigure({ maxWaiting: 1 });
    const refused = bench.ask();
    await bench.clock.settle();
    expect(refused.error).toMatchObject({ code: 'POOL_EXHAUSTED' });
    expect(waiting.map(({ error }) => error)).toEqual([undefined, undefined]);
  });

  it('`maxCreating`', async () => {
    const bench = poolBench({ maxSize: 10, maxCreating: 1 });
    bench.factory.acts.create = slow(100);
    for (let index = 0; index < 5; index += 1) bench.ask();
    expect(bench.pool.stats().creating).toBe(1);
    bench.reconfigure({ maxCreating: 4 });
    expect(bench.pool.stats().creating).toBe(4);
  });

  it('`connectTimeout`, for attempts that begin after it', async () => {
    const bench = poolBench({ connectTimeoutMs: 5_000 });
    bench.factory.acts.create = NEVER;
    bench.reconfigure({ connectTimeoutMs: 100 });
    bench.ask({ timeoutMs: 150 });
    await bench.clock.advance(101);
    expect(bench.names('connection:create-failed')).toMatchObject([{ error: { code: 'TIMEOUT', phase: 'connect' } }]);
  });

  it('`connectRate`', async () => {
    const bench = poolBench({ maxSize: 10, maxCreating: 10 });
    bench.reconfigure({ connectRate: 2 });
    const waiting = Array.from({ length: 5 }, () => bench.ask());
    await bench.clock.advance(2_000);
    expect(waiting.map(({ at }) => at)).toEqual([0, 500, 1_000, 1_500, 2_000]);
  });

  it('`validation`', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    await bench.clock.advance(400);
    bench.reconfigure({ validation: { ...VALIDATION, bypassMs: 300 } });
    (await bench.lend()).release();
    expect(bench.factory.count('validate')).toBe(1);
    bench.reconfigure({ validation: false });
    await bench.clock.advance(10_000);
    await bench.lend();
    expect(bench.factory.count('validate')).toBe(1);
  });

  it('`onRelease`', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    held.resource.condition = 'dirty';
    bench.reconfigure({ onRelease: 'destroy' });
    held.release();
    await bench.clock.settle();
    expect(bench.factory.log).toEqual(['create 1', 'destroy 1']);
  });

  it('`minIdle`, `maxIdle`, `idleTimeout`', async () => {
    const bench = poolBench({ maxSize: 6, maxIdle: 6 });
    void bench.pool.start();
    bench.reconfigure({ minIdle: 4 });
    await bench.clock.settle();
    expect(bench.pool.stats().idle).toBe(4);
    bench.reconfigure({ minIdle: 1, maxIdle: 3 });
    await bench.clock.advance(30_000);
    expect(bench.pool.stats().idle).toBe(3);
    bench.reconfigure({ idleTimeoutMs: 1_000 });
    await bench.clock.advance(1_000);
    expect(bench.pool.stats().idle).toBe(1);
  });

  it('`maxLifetime` and `keepalive`', async () => {
    const bench = poolBench();
    await bench.warmUp(2);
    void bench.pool.start();
    await bench.clock.advance(60_000);
    bench.reconfigure({ keepaliveMs: 30_000 });
    await bench.clock.advance(1_000);
    expect(bench.factory.count('validate')).toBe(2);
    bench.reconfigure({ maxLifetimeMs: 60_000 });
    await bench.clock.advance(4_000);
    expect(bench.pool.stats().total).toBe(0);
  });

  it('`leak`', async () => {
    const bench = poolBench({ leak: false });
    void bench.pool.start();
    await bench.lend({ holder: 'session' });
    await bench.clock.advance(5_000);
    bench.reconfigure({ leak: { thresholdMs: 1_000, intervalMs: 1_000, stack: false, reclaim: false } });
    await bench.clock.advance(1_000);
    expect(bench.names('lease:leak-suspected')).toHaveLength(1);
  });
});

describe('Pool.reconfigure, what it tells', () => {
  it('are the names of what has changed, as a user writes them', () => {
    const bench = poolBench();
    bench.reconfigure({
      maxSize: 7,
      idleTimeoutMs: 5_000,
      leak: { thresholdMs: 1, intervalMs: 1, stack: true, reclaim: false },
    });
    bench.reconfigure({ idleTimeoutMs: Infinity, validation: { ...VALIDATION } });
    bench.reconfigure({ validation: { ...VALIDATION, attempts: 1 } });
    expect(bench.names('pool:reconfigured').map((fact) => [...(fact['changed'] as string[])].sort())).toEqual([
      ['idleTimeout', 'leak', 'maxSize'],
      ['idleTimeout'],
      ['validation'],
    ]);
  });
});

describe('Pool.stats', () => {
  it('are frozen, and a picture of their moment', async () => {
    const bench = poolBench();
    const before = bench.pool.stats();
    await bench.lend();
    expect([Object.isFrozen(before), Object.isFrozen(before.totals)]).toEqual([true, true]);
    expect([before.inUse, before.totals.lent]).toEqual([0, 0]);
    expect(bench.pool.stats()).toMatchObject({ inUse: 1, totals: { lent: 1 } });
  });

  it('count how everybody’s wait ended', async () => {
    const bench = poolBench({ maxSize: 1, maxWaiting: 3 });
    const held = await bench.lend();
    const abort = new AbortController();
    bench.ask({ timeoutMs: 100 });
    bench.ask({ signal: abort.signal });
    bench.ask();
    bench.ask();
    await bench.clock.advance(50);
    abort.abort();
    bench.ask({ signal: abort.signal });
    await bench.clock.advance(50);
    held.release();
    await bench.clock.settle();
    const { lent, returned, waits, waitedMs, timedOut, aborted, refused } = bench.pool.stats().totals;
    expect({ lent, returned, timedOut, aborted, refused }).toEqual({
      lent: 2,
      returned: 1,
      timedOut: 1,
      aborted: 2,
      refused: 1,
    });
    // One for the creation, three in line; the one that was called away before it came has not waited.
    expect([waits, waitedMs]).toEqual([4, 100 + 50 + 100]);
  });

  it('hold their sums through a life of every kind of trouble', async () => {
    const bench = poolBench({ maxSize: 4, minIdle: 1, maxIdle: 2, idleTimeoutMs: 5_000, keepaliveMs: 2_000 });
    void bench.pool.start();
    const { factory, clock } = bench;
    for (let step = 0; step < 200; step += 1) {
      factory.acts.create = step % 7 === 3 ? FAILS : slow(step % 50);
      factory.acts.validate = step % 11 === 5 ? FAILS : slow(5);
      const attempts = Array.from({ length: step % 6 }, () => bench.ask({ timeoutMs: 100 }));
      bench.assertSums();
      await clock.advance(60);
      bench.assertSums();
      attempts.forEach(({ lease }, index) => {
        if (lease === undefined) return;
        if (index % 3 === 1) lease.resource.condition = 'dirty';
        if (index % 5 === 2) lease.resource.break();
        if (index % 4 === 3) lease.discard();
        else lease.release();
        bench.assertSums();
      });
      await clock.advance((1 + (step % 9)) * 100);
      for (const { lease } of attempts) lease?.release();
      bench.assertSums();
    }
    expect(bench.pool.stats().inUse).toBe(0);
  });
});
