/** What must not pile up, counted. How long it takes, and how much memory, is measured in bench/. */
import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { NEVER } from '../../test/fakes/fake-resources.js';
import type { AcquireOptions } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import type { PoolBench } from '../../test/fakes/pool-bench.js';
import { LeaseScope } from './lease-scopes.js';

checkLeftovers();

/** Everything that could be kept for somebody who waits. */
function kept(bench: PoolBench, signal?: AbortSignal): Record<string, number> {
  const listeners = signal === undefined ? 0 : getEventListeners(signal, 'abort').length;
  return { waiting: bench.pool.stats().waiting, deadlines: bench.timers.size, listeners };
}

const NOTHING = { waiting: 0, deadlines: 0, listeners: 0 };

describe('Pool, what it keeps', () => {
  // Each makes an error with its stack: 2.2 s of processor time in all, which a busy machine makes more than 5 s of.
  it('is nothing after 100,000 acquires that timed out', { timeout: 60_000 }, async () => {
    const bench = poolBench({ maxSize: 1, maxWaiting: 10_000 });
    await bench.lend();
    const { signal } = new AbortController();
    const scope = new LeaseScope(undefined);
    for (let round = 1; round <= 50; round += 1) {
      for (let index = 0; index < 2_000; index += 1) {
        void bench.pool.acquire({ deadlineAt: bench.clock.now() + 100, scope }).catch(() => undefined);
      }
      // Two of them listen to a signal that outlives them.
      for (let index = 0; index < 2; index += 1) {
        void bench.pool.acquire({ deadlineAt: bench.clock.now() + 100, signal }).catch(() => undefined);
      }
      await bench.clock.advance(100);
    }
    expect(bench.pool.stats().totals.timedOut).toBe(100_100);
    expect([kept(bench, signal), scope.waiting]).toEqual([NOTHING, 0]);
    expect(bench.clock.pendingTimers.length).toBeLessThanOrEqual(1);
  });

  it('is nothing of 10,000 waiters who were called away from the middle of the line', async () => {
    const bench = poolBench({ maxSize: 1, maxWaiting: 10_000 });
    const held = await bench.lend();
    const aborts = Array.from({ length: 10_000 }, () => new AbortController());
    const ends: unknown[] = [];
    aborts.forEach(({ signal }, index) => {
      const priority = (['high', 'normal', 'low'] as const)[index % 3];
      const request: AcquireOptions = { signal, priority };
      void bench.pool.acquire({ ...request, deadlineAt: 60_000 + index }).catch((error: unknown) => ends.push(error));
    });
    // From the middle outwards.
    const order = aborts.map((_, index) => 5_000 + (index % 2 === 0 ? index / 2 : -(index + 1) / 2));
    for (const index of order) aborts[index]?.abort();
    await bench.clock.settle();
    expect(ends).toHaveLength(10_000);
    expect(kept(bench)).toEqual(NOTHING);
    expect(aborts.filter(({ signal }) => getEventListeners(signal, 'abort').length > 0)).toEqual([]);
    held.release();
    expect(bench.pool.stats()).toMatchObject({ idle: 1, waiting: 0 });
  });

  it('is nothing of those who were served, refused or cut off', async () => {
    const bench = poolBench({ maxSize: 1, maxWaiting: 100 });
    const { signal } = new AbortController();
    const scope = new LeaseScope(undefined);
    scope.hold(99, { isReleased: false, note: undefined });
    const held = await bench.lend();
    bench.scope = scope;
    const attempts = Array.from({ length: 150 }, () => bench.ask({ signal }));
    bench.scope = undefined;
    expect(scope.waiting).toBe(100);
    for (const { lease } of [{ lease: held }, ...attempts.slice(0, 50)]) {
      lease?.release();
      await bench.clock.settle();
    }
    expect([scope.waiting, kept(bench, signal)]).toMatchObject([49, { waiting: 49, listeners: 1 }]);
    bench.factory.acts.create = NEVER;
    void bench.pool.close(bench.clock.now());
    await bench.clock.advance(10_000);
    expect([kept(bench, signal), scope.waiting]).toEqual([NOTHING, 0]);
  });

  it('is one timer for any number of leases, callers and idle resources', async () => {
    const bench = poolBench({
      maxSize: 100,
      maxIdle: 100,
      maxCreating: 100,
      keepaliveMs: 60_000,
      maxLifetimeMs: 600_000,
    });
    void bench.pool.start();
    await bench.warmUp(100);
    for (let index = 0; index < 50; index += 1) await bench.lend({ holder: 'session' });
    // The housekeeper's, and the one of all deadlines.
    expect(bench.clock.pendingTimers.length).toBeLessThanOrEqual(2);
    expect(bench.clock.pendingTimers.filter(({ keepAlive }) => keepAlive)).toEqual([]);
  });
});
