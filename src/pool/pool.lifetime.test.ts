import { describe, expect, it } from 'vitest';
import { FAILS, OK, slow, wrongPassword } from '../../test/fakes/fake-resources.js';
import type { PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import { seededRandom } from '../kernel/random.js';
import type { PoolConfig } from './pool-options.js';

checkLeftovers();

const MINUTE_MS = 60_000;
/** With the bench's jitter of 0.5 a lifetime ends an eighth early, after 8 min 45 s. */
const LIFETIME_MS = 10 * MINUTE_MS;
const ENDS_AT_MS = LIFETIME_MS * 0.875;

describe('Pool, lifetime', () => {
  it('is shortened by up to a quarter, each by its own: two born together retire at different times', async () => {
    const jitters = [0, 0.5, 0.99];
    const bench = await aged({ maxLifetimeMs: LIFETIME_MS }, 3, () => jitters.shift() ?? 0);
    const goneAt = new Map<unknown, number>();
    bench.hub.on('connection:closed', ({ connectionId }) => goneAt.set(connectionId, bench.clock.now()));
    await bench.clock.advance(LIFETIME_MS);
    // To the second of the housekeeper.
    expect([...goneAt]).toEqual([
      [3, 452_000],
      [2, 525_000],
      [1, 600_000],
    ]);
  });

  it('spreads the ends of fifty born together over a quarter of the lifetime', async () => {
    const bench = await aged({ maxSize: 50, maxIdle: 50, maxLifetimeMs: LIFETIME_MS }, 50, seededRandom(7));
    const goneAt: number[] = [];
    bench.hub.on('connection:closed', () => goneAt.push(bench.clock.now()));
    await bench.clock.advance(LIFETIME_MS);
    expect(goneAt).toHaveLength(50);
    for (const at of goneAt)
      expect(goneAt.filter((other) => Math.abs(other - at) < 1_000).length).toBeLessThanOrEqual(5);
    expect(Math.max(...goneAt) - Math.min(...goneAt)).toBeGreaterThan(100_000);
  });

  it('never ends with `maxLifetime` off', async () => {
    const bench = await aged({}, 2);
    await bench.clock.advance(20 * 60 * MINUTE_MS);
    expect(bench.pool.stats().idle).toBe(2);
  });

  it('of one that is used ends when its replacement is ready; both exist for a moment, and the old one serves', async () => {
    const bench = await aged({ maxLifetimeMs: LIFETIME_MS }, 1);
    await bench.clock.advance(ENDS_AT_MS - 1_000);
    (await bench.lend()).release();
    bench.factory.acts.create = slow(400);
    await bench.clock.advance(1_100);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, creating: 1 });
    const lease = await bench.lend();
    expect(lease.entry.id).toBe(1);
    lease.release();
    await bench.clock.advance(300);
    expect(bench.factory.log.slice(-2)).toEqual(['close 1', 'destroy 1']);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, total: 1 });
    expect(bench.names('connection:closed')).toMatchObject([{ connectionId: 1, reason: 'max-lifetime' }]);
  });

  it('of a busy one ends at its release, when the replacement is there already', async () => {
    const bench = await aged({ maxLifetimeMs: LIFETIME_MS }, 1);
    const held = await bench.lend();
    await bench.clock.advance(ENDS_AT_MS);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, inUse: 1 });
    expect(held.resource.condition).toBe('clean');
    held.release();
    await bench.clock.settle();
    expect(bench.pool.stats()).toMatchObject({ idle: 1, total: 1 });
    expect((await bench.lend()).entry.id).toBe(2);
  });

  it('of one that nobody used for a minute ends without a replacement', async () => {
    const bench = await aged({ maxLifetimeMs: LIFETIME_MS }, 2);
    await bench.clock.advance(LIFETIME_MS);
    expect([bench.pool.stats().total, bench.factory.count('create')]).toEqual([0, 2]);
  });

  it('of one that `minIdle` needs is followed by a replacement, used or not', async () => {
    const bench = await aged({ maxLifetimeMs: LIFETIME_MS, minIdle: 1 }, 1);
    await bench.clock.advance(ENDS_AT_MS);
    expect(bench.factory.log).toEqual(['create 1', 'create 2', 'close 1', 'destroy 1']);
  });

  it('ends first when there is no room for both', async () => {
    const bench = await aged({ maxSize: 1, maxIdle: 1, minIdle: 1, maxLifetimeMs: LIFETIME_MS }, 1);
    await bench.clock.advance(ENDS_AT_MS);
    expect(bench.factory.log).toEqual(['create 1', 'close 1', 'create 2', 'destroy 1']);
  });

  it('of a busy one without room for both ends at its release, and whoever waits is served by a new one', async () => {
    const bench = await aged({ maxSize: 1, maxLifetimeMs: LIFETIME_MS }, 1);
    const held = await bench.lend();
    await bench.clock.advance(ENDS_AT_MS);
    const waiting = bench.ask();
    held.release();
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(2);
  });

  it('ends for nobody while attempts to connect fail: an old one is better than none', async () => {
    const bench = await aged({ maxLifetimeMs: LIFETIME_MS, minIdle: 1 }, 1);
    bench.factory.acts.create = { end: 'error', error: wrongPassword() };
    await bench.clock.advance(2 * LIFETIME_MS);
    expect(bench.factory.count('create')).toBe(2);
    expect((await bench.lend()).entry.id).toBe(1);
  });

  it('ends after all when attempts succeed again, although nobody else asked for one', async () => {
    const bench = await aged({ maxLifetimeMs: LIFETIME_MS, minIdle: 1 }, 1);
    bench.factory.acts.create = FAILS;
    await bench.clock.advance(ENDS_AT_MS + 5 * MINUTE_MS);
    // One attempt in half a minute, and the old one stays.
    expect(bench.factory.count('create')).toBe(12);
    expect(bench.pool.stats().idle).toBe(1);
    bench.factory.acts.create = OK;
    await bench.clock.advance(MINUTE_MS);
    expect(bench.names('connection:closed')).toMatchObject([{ connectionId: 1, reason: 'max-lifetime' }]);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, total: 1 });
  });

  it('ends for none that is not needed while attempts fail', async () => {
    const bench = await aged({ maxLifetimeMs: LIFETIME_MS }, 2);
    await bench.clock.advance(ENDS_AT_MS - 30_000);
    bench.factory.acts.create = FAILS;
    const leases = [await bench.lend(), await bench.lend()];
    bench.ask({ timeoutMs: 5 });
    await bench.clock.advance(10);
    for (const lease of leases) lease.release();
    await bench.clock.advance(10 * MINUTE_MS);
    expect(bench.pool.stats().idle).toBe(2);
    bench.factory.acts.create = OK;
    await bench.clock.advance(MINUTE_MS);
    expect(closedIds(bench)).toEqual([1, 2]);
  });

  it('ends for none while attempts fail and there is no room for another one', async () => {
    const bench = await aged({ maxSize: 3, minIdle: 1, maxLifetimeMs: LIFETIME_MS }, 2);
    const leases = [await bench.lend(), await bench.lend()];
    bench.factory.acts.create = FAILS;
    bench.ask({ timeoutMs: 5 });
    await bench.clock.advance(10);
    bench.reconfigure({ maxSize: 2, maxIdle: 2 });
    for (const lease of leases) lease.release();
    await bench.clock.advance(2 * LIFETIME_MS);
    expect(bench.pool.stats().idle).toBe(2);
  });

  it('ends for none that needs a replacement while the pool is suspended', async () => {
    const bench = await aged({ maxLifetimeMs: LIFETIME_MS, minIdle: 1 }, 1);
    bench.pool.suspend();
    await bench.clock.advance(LIFETIME_MS);
    expect([bench.factory.count('create'), bench.pool.stats().idle]).toEqual([1, 1]);
    bench.pool.resume();
    await bench.clock.advance(1_000);
    expect(closedIds(bench)).toEqual([1]);
    expect(bench.pool.stats().idle).toBe(1);
  });
});

describe('Pool.renew', () => {
  it('replaces every one there is, a tenth of the pool at a time', async () => {
    const bench = await aged({ maxSize: 25, maxIdle: 20, minIdle: 20 }, 20);
    bench.factory.acts.create = slow(3_500);
    bench.pool.renew();
    let most = 0;
    for (let ms = 0; ms < 50_000; ms += 500) {
      await bench.clock.advance(500);
      const { creating, idle } = bench.pool.stats();
      most = Math.max(most, creating);
      expect(idle).toBeGreaterThanOrEqual(20);
    }
    expect(most).toBe(2);
    expect(bench.pool.stats().idle).toBe(20);
    const oldest = bench.factory.made.filter(({ isDestroyed }) => !isDestroyed)[0]?.id;
    expect(oldest).toBe(21);
  });

  it('replaces one at a time in a pool of less than twenty', async () => {
    const bench = await aged({ maxSize: 9, maxIdle: 5, minIdle: 5 }, 5);
    bench.factory.acts.create = slow(3_500);
    bench.pool.renew();
    for (let ms = 0; ms < 30_000; ms += 500) {
      await bench.clock.advance(500);
      expect(bench.pool.stats().creating).toBeLessThanOrEqual(1);
    }
    expect(closedIds(bench)).toEqual([1, 2, 3, 4, 5]);
  });

  it('is not held up by leases that last: they go when they are released, others before', async () => {
    const bench = poolBench({ maxSize: 10, maxIdle: 10, minIdle: 3 });
    const leases: Awaited<ReturnType<PoolBench['lend']>>[] = [];
    for (let count = 1; count <= 5; count += 1) leases.push(await bench.lend());
    for (const lease of leases.slice(2)) lease.release();
    void bench.pool.start();
    bench.pool.renew();
    await bench.clock.advance(30_000);
    expect(closedIds(bench)).toEqual([3, 4, 5]);
    for (const lease of leases.slice(0, 2)) lease.release();
    await bench.clock.settle();
    expect(closedIds(bench)).toEqual([3, 4, 5, 1, 2]);
    expect(bench.pool.stats().idle).toBeGreaterThanOrEqual(3);
  });

  it('does not renew what is made after it', async () => {
    const bench = await aged({ minIdle: 1 }, 1);
    bench.pool.renew();
    await bench.clock.advance(60 * MINUTE_MS);
    expect(bench.factory.count('create')).toBe(2);
  });

  it('is done when one that was made with fresh credentials says so; that one itself stays', async () => {
    const bench = await aged({ maxSize: 10, maxIdle: 10, minIdle: 3 }, 2);
    await bench.clock.settle();
    expect(bench.pool.stats().idle).toBe(3);
    bench.factory.made[2]?.rotate();
    await bench.clock.advance(60 * MINUTE_MS);
    expect(closedIds(bench)).toEqual([1, 2]);
  });

  it('never lends a replacement to two callers, when both wait while it retires the old one', async () => {
    const bench = await aged({ maxSize: 4, maxIdle: 4, minIdle: 3 }, 3);
    bench.pool.renew();
    bench.factory.acts.create = slow(100);
    bench.factory.acts.validate = slow(500);
    await bench.clock.advance(1_050);
    expect(bench.pool.stats()).toMatchObject({ creating: 1, idle: 3 });
    const waiting = [bench.ask(), bench.ask()];
    await bench.clock.advance(1_000);
    const ids = waiting.map((attempt) => attempt.lease?.entry.id);
    expect(ids[0]).toBe(4);
    expect(ids[1]).not.toBe(4);
    expect(bench.pool.stats().inUse).toBe(2);
  });
});

/** A started pool with `count` resources at rest, born now. */
async function aged(config: Partial<PoolConfig>, count: number, random?: () => number): Promise<PoolBench> {
  const bench = poolBench(config, random);
  await bench.warmUp(count);
  void bench.pool.start();
  return bench;
}

function closedIds(bench: PoolBench): unknown[] {
  return bench.names('connection:closed').map((fact) => fact['connectionId']);
}
