import { describe, expect, it } from 'vitest';
import { FAILS, NEVER, OK, slow } from '../../test/fakes/fake-resources.js';
import type { PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import type { PoolConfig } from './pool-options.js';

checkLeftovers();

const MINUTE_MS = 60_000;

describe('Pool, the housekeeper', () => {
  it('is one timer for the whole pool, which never holds the process open', async () => {
    const bench = poolBench({ maxSize: 10, maxIdle: 10, maxLifetimeMs: MINUTE_MS, keepaliveMs: 10_000 });
    await bench.warmUp(10);
    expect(tickers(bench)).toEqual([]);
    void bench.pool.start();
    void bench.pool.start();
    for (let second = 1; second <= 3; second += 1) {
      expect(tickers(bench)).toEqual([{ at: second * 1_000, keepAlive: false }]);
      await bench.clock.advance(1_000);
    }
  });

  it('stops when the pool closes, and does not start again', async () => {
    const bench = poolBench();
    void bench.pool.start();
    const closed = bench.pool.close(bench.clock.now());
    await bench.clock.settle();
    expect(await closed).toBe(0);
    expect(tickers(bench)).toEqual([]);
    expect(bench.pool.start()).toBeUndefined();
    expect(tickers(bench)).toEqual([]);
  });
});

describe('Pool, idle resources', () => {
  it('are closed when they have rested for `idleTimeout`, down to `minIdle`, the longest unused first', async () => {
    const bench = await rested({ idleTimeoutMs: 30_000, minIdle: 2 }, 3);
    await bench.clock.advance(29_999);
    expect(bench.pool.stats().idle).toBe(3);
    await bench.clock.advance(1_001);
    expect(closings(bench)).toEqual([[1, 'idle-timeout']]);
    await bench.clock.advance(10 * MINUTE_MS);
    expect(bench.pool.stats().idle).toBe(2);
  });

  it('are kept for ever with `idleTimeout` off', async () => {
    const bench = await rested({}, 3);
    await bench.clock.advance(24 * 60 * MINUTE_MS);
    expect(bench.pool.stats().idle).toBe(3);
  });

  it('beyond `maxIdle` are closed after 30 s of rest', async () => {
    const bench = await rested({ maxSize: 5, maxIdle: 2 }, 5);
    await bench.clock.advance(29_999);
    expect(bench.pool.stats().idle).toBe(5);
    await bench.clock.advance(1);
    expect(closings(bench).map(([id]) => id)).toEqual([1, 2, 3]);
    await bench.clock.advance(10 * MINUTE_MS);
    expect(bench.pool.stats().idle).toBe(2);
  });

  it('beyond `maxIdle` are not opened and closed over and over by bursts that come back', async () => {
    const bench = await rested({ maxSize: 8, maxIdle: 2 }, 8);
    for (let burst = 0; burst < 20; burst += 1) {
      await bench.clock.advance(20_000);
      bench.factory.acts.validate = OK;
      const leases = await Promise.all(Array.from({ length: 8 }, () => bench.lend()));
      for (const lease of leases) lease.release();
    }
    expect([bench.factory.count('create'), closings(bench)]).toEqual([8, []]);
  });

  it('are refilled to `minIdle` in the background: at the start, as calls take them, and when one is lost', async () => {
    const bench = poolBench({ maxSize: 5, minIdle: 2 });
    await bench.clock.advance(MINUTE_MS);
    expect(bench.pool.stats().total).toBe(0);
    void bench.pool.start();
    await bench.clock.settle();
    expect(bench.pool.stats()).toMatchObject({ idle: 2, total: 2 });
    await bench.lend();
    // Not on the caller's way: the housekeeper sees to it.
    await bench.clock.advance(1_000);
    expect(bench.pool.stats()).toMatchObject({ idle: 2, inUse: 1 });
    bench.factory.made[0]?.break();
    await bench.clock.settle();
    expect(bench.pool.stats()).toMatchObject({ idle: 2, inUse: 1 });
  });

  it('are refilled no further than `maxSize`', async () => {
    const bench = poolBench({ maxSize: 3, minIdle: 2, maxIdle: 3 });
    void bench.pool.start();
    for (let taken = 1; taken <= 3; taken += 1) await bench.lend();
    await bench.clock.advance(MINUTE_MS);
    expect(bench.pool.stats()).toMatchObject({ total: 3, idle: 0, inUse: 3 });
  });

  it('are refilled again after failures, with the pauses of any attempt', async () => {
    const bench = poolBench({ minIdle: 1 });
    bench.factory.next.create.push(FAILS, FAILS, FAILS);
    void bench.pool.start();
    await bench.clock.advance(1_000);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, total: 1 });
    expect(bench.factory.count('create')).toBe(4);
  });
});

describe('Pool, keepalive', () => {
  const keepalive = { keepaliveMs: 2 * MINUTE_MS } as const;

  it('asks a resource that has rested for two minutes, less up to a fifth', async () => {
    for (const [jitter, firstAskedAt] of [
      [0, 120_000],
      [0.5, 108_000],
      [0.99, 97_000],
    ] as const) {
      const bench = await rested(keepalive, 1, () => jitter);
      await bench.clock.advance(firstAskedAt - 1);
      expect(bench.factory.count('validate')).toBe(0);
      await bench.clock.advance(1);
      expect(bench.factory.count('validate')).toBe(1);
    }
  });

  it('asks again each time, and leaves the order of use as it was', async () => {
    let jitter = 0;
    const bench = await rested(keepalive, 3, () => (jitter = (jitter + 0.4) % 1));
    const leases = [await bench.lend(), await bench.lend(), await bench.lend()].reverse();
    for (const lease of leases) {
      lease.release();
      await bench.clock.advance(1);
    }
    bench.factory.acts.validate = slow(300);
    await bench.clock.advance(10 * MINUTE_MS);
    expect(bench.factory.count('validate')).toBeGreaterThanOrEqual(12);
    bench.factory.acts.validate = OK;
    const order = [await bench.lend(), await bench.lend(), await bench.lend()].map(({ entry }) => entry.id);
    // Released in the order 1, 2, 3: the one used last is lent first.
    expect(order).toEqual([3, 2, 1]);
  });

  it('does not count as use: the idle time goes on', async () => {
    const bench = await rested({ ...keepalive, idleTimeoutMs: 5 * MINUTE_MS }, 1);
    await bench.clock.advance(5 * MINUTE_MS);
    expect(bench.factory.count('validate')).toBeGreaterThanOrEqual(2);
    expect(closings(bench)).toEqual([[1, 'idle-timeout']]);
  });

  it('asks nothing of a resource in use, nor of one used meanwhile', async () => {
    const bench = await rested(keepalive, 2);
    for (let minute = 1; minute <= 10; minute += 1) {
      const lease = await bench.lend();
      await bench.clock.advance(MINUTE_MS - 500);
      lease.release();
      await bench.clock.advance(500);
    }
    expect(bench.factory.log.filter((line) => line === 'validate 2')).toEqual([]);
  });

  it('closes a dead one before a caller finds it, and replaces it when it was needed for `minIdle`', async () => {
    const bench = await rested({ ...keepalive, minIdle: 1 }, 2, () => 0);
    bench.factory.next.validate.push(NEVER, NEVER);
    await bench.clock.advance(2 * MINUTE_MS + 1_001);
    expect(closings(bench)).toEqual([
      [1, 'validation-failed'],
      [2, 'validation-failed'],
    ]);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, total: 1 });
  });

  it('replaces nothing that was not needed', async () => {
    const bench = await rested(keepalive, 2, () => 0);
    bench.factory.acts.validate = FAILS;
    await bench.clock.advance(3 * MINUTE_MS);
    expect([bench.pool.stats().total, bench.factory.count('create')]).toEqual([0, 2]);
  });

  it('works with validation before lending off', async () => {
    const bench = await rested({ ...keepalive, validation: false }, 1, () => 0);
    bench.factory.next.validate.push(NEVER);
    await bench.clock.advance(2 * MINUTE_MS + 5_000);
    expect([bench.factory.count('validate'), bench.pool.stats().total]).toEqual([1, 0]);
  });

  it('serves a caller who comes while the only one is asked', async () => {
    const bench = await rested({ ...keepalive, maxSize: 1 }, 1, () => 0);
    bench.factory.acts.validate = slow(200);
    await bench.clock.advance(2 * MINUTE_MS);
    expect(bench.pool.stats().checking).toBe(1);
    const waiting = bench.ask();
    await bench.clock.advance(200);
    expect(waiting.lease?.entry.id).toBe(1);
  });
});

/** A started pool with `count` resources at rest. */
async function rested(config: Partial<PoolConfig>, count: number, random?: () => number): Promise<PoolBench> {
  const bench = poolBench(config, random);
  await bench.warmUp(count);
  void bench.pool.start();
  return bench;
}

/** The timers that are not the deadlines' own. */
function tickers({ clock, timers }: PoolBench): unknown[] {
  if (timers.size === 0) timers.stop();
  return [...clock.pendingTimers];
}

/** What was closed so far, and why. */
function closings(bench: PoolBench): unknown[][] {
  return bench.names('connection:closed').map((fact) => [fact['connectionId'], fact['reason']]);
}
