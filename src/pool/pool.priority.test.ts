import { describe, expect, it } from 'vitest';
import type { FakeResource } from '../../test/fakes/fake-resources.js';
import { NEVER, slow } from '../../test/fakes/fake-resources.js';
import type { Attempt, PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import type { Lease } from './lease.js';
import type { Priority } from '../kernel/priority.js';

checkLeftovers();

describe('Pool, priorities', () => {
  it('serves the urgent first, and each priority in order of arrival', async () => {
    const line = await crowd(['low', 'normal', 'high', 'normal', 'high', 'low']);
    expect(await orderServed(line)).toEqual([2, 4, 1, 3, 0, 5]);
  });

  it('serves callers who say nothing as normal ones', async () => {
    const line = await crowd([undefined, 'low', 'normal', 'high', undefined]);
    expect(await orderServed(line)).toEqual([3, 0, 2, 4, 1]);
  });

  it('lets a call that has waited its handicap keep its place before urgent ones that come later', async () => {
    const line = await crowd(['low', 'normal']);
    for (const afterMs of [1_001, 4_000]) {
      await line.bench.clock.advance(afterMs);
      line.attempts.push(line.bench.ask({ priority: 'high' }));
    }
    expect(await orderServed(line)).toEqual([1, 2, 0, 3]);
  });

  it('starves nobody: under a constant stream of urgent calls a low one is served after five seconds', async () => {
    const bench = poolBench({ maxSize: 1 });
    let held = await bench.lend();
    const low = bench.ask({ priority: 'low', timeoutMs: 20_000 });
    for (let step = 0; low.lease === undefined; step += 1) {
      expect(step).toBeLessThan(60);
      const urgent = bench.ask({ priority: 'high' });
      await bench.clock.advance(100);
      held.release();
      await bench.clock.settle();
      if (urgent.lease !== undefined) held = urgent.lease;
    }
    // The urgent call of 5.0 s has the same virtual arrival and goes first; the one of 5.1 s does not.
    expect(low.at).toBe(5_200);
  });

  it('never lets a newcomer take what somebody in line of a lower priority is about to get', async () => {
    const bench = poolBench({ maxSize: 1 });
    const held = await bench.lend();
    const low = bench.ask({ priority: 'low' });
    held.release();
    const high = bench.ask({ priority: 'high' });
    await bench.clock.settle();
    expect([low.lease !== undefined, high.lease !== undefined]).toEqual([true, false]);
  });

  it('hands a newborn to the most urgent, whoever it was made for', async () => {
    const bench = poolBench({ maxSize: 1 });
    bench.factory.acts.create = slow(50);
    const low = bench.ask({ priority: 'low' });
    await bench.clock.advance(25);
    const high = bench.ask({ priority: 'high' });
    await bench.clock.advance(25);
    expect([low.lease, high.lease?.entry.id]).toEqual([undefined, 1]);
  });

  it('gives each its own deadline and abort, whatever the priority', async () => {
    const bench = poolBench({ maxSize: 1 });
    bench.factory.acts.create = NEVER;
    const abort = new AbortController();
    const attempts = (['high', 'normal', 'low'] as const).map((priority) => bench.ask({ priority, timeoutMs: 100 }));
    const called = bench.ask({ priority: 'low', signal: abort.signal });
    abort.abort();
    await bench.clock.advance(101);
    expect(called).toMatchObject({ at: 0, error: { code: 'CANCELLED' } });
    for (const { error } of attempts) expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'acquire' });
    expect(bench.pool.stats().waiting).toBe(0);
  });

  it('counts all priorities together against `maxWaiting`', async () => {
    const bench = poolBench({ maxSize: 1, maxWaiting: 2 });
    await bench.lend();
    const [low, , high] = [bench.ask({ priority: 'low' }), bench.ask(), bench.ask({ priority: 'high' })];
    await bench.clock.settle();
    expect(high.error).toMatchObject({ code: 'POOL_EXHAUSTED' });
    expect(low.error).toBeUndefined();
  });
});

interface Crowd {
  readonly bench: PoolBench;
  readonly held: Lease<FakeResource>;
  readonly attempts: Attempt[];
}

/** One resource in use, and callers of these priorities waiting for it. */
async function crowd(priorities: readonly (Priority | undefined)[]): Promise<Crowd> {
  const bench = poolBench({ maxSize: 1 });
  const held = await bench.lend();
  return { bench, held, attempts: priorities.map((priority) => bench.ask({ priority })) };
}

/** Releases what is held until everybody was served; answers in which order they were. */
async function orderServed({ bench, held, attempts }: Crowd): Promise<number[]> {
  const order: number[] = [];
  for (let lease: Lease<FakeResource> | undefined = held; lease !== undefined;) {
    lease.release();
    await bench.clock.settle();
    const place = attempts.findIndex((attempt, index) => attempt.lease !== undefined && !order.includes(index));
    if (place !== -1) order.push(place);
    lease = attempts[place]?.lease;
  }
  return order;
}
