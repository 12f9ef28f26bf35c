import { describe, expect, it } from 'vitest';
import { NEVER, slow } from '../../test/fakes/fake-resources.js';
import type { PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';

checkLeftovers();

const HOUR_MS = 3_600_000;

/** Ways to stand still: a stopped process (both clocks go on), and a sleeping machine (only the wall clock does). */
const WAYS: readonly [name: string, standStill: (bench: PoolBench, ms: number) => void][] = [
  ['the process was stopped', ({ clock }, ms) => clock.freeze(ms)],
  ['the machine was asleep', ({ clock }, ms) => clock.leapWall(ms)],
];

describe.each(WAYS)('Pool, after %s', (_name, standStill) => {
  it('lets every idle resource prove itself before it is lent, however lately it was used', async () => {
    const bench = await running(2);
    standStill(bench, 60_000);
    await bench.clock.advance(1_000);
    const attempts = [bench.ask(), bench.ask(), bench.ask()];
    await bench.clock.settle();
    expect(bench.factory.log.slice(2).sort()).toEqual(['create 3', 'validate 1', 'validate 2']);
    expect(attempts.map(({ lease }) => lease?.isReleased)).toEqual([false, false, false]);
  });

  it('finds those that did not survive it, and no caller notices', async () => {
    const bench = await running(2);
    standStill(bench, HOUR_MS);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = NEVER;
    const waiting = bench.ask();
    await bench.clock.advance(3_000);
    expect(waiting.lease?.entry.id).toBe(3);
  });

  it('trusts again what has proved itself since', async () => {
    const bench = await running(1);
    standStill(bench, HOUR_MS);
    await bench.clock.advance(1_001);
    (await bench.lend()).release();
    await bench.lend();
    expect(bench.factory.count('validate')).toBe(1);
  });

  it('tells it once, with how long it was', async () => {
    const bench = await running(1);
    await bench.clock.advance(400);
    standStill(bench, 20_000);
    await bench.clock.advance(10_000);
    const told = bench.names('pool:frozen');
    expect(told).toHaveLength(1);
    expect(Math.abs(Number(told[0]?.['frozenMs']) - 20_000)).toBeLessThan(1_000);
  });

  it('makes nothing of less than five seconds', async () => {
    const bench = await running(1);
    (await bench.lend()).release();
    standStill(bench, 4_900);
    await bench.clock.advance(1_000);
    expect(bench.names('pool:frozen')).toEqual([]);
  });
});

describe('Pool, callers in line when the process was stopped', () => {
  it('are not expired for time that nobody lived through', async () => {
    const bench = await running(3);
    const held = [await bench.lend(), await bench.lend(), await bench.lend()];
    const waiting = [
      bench.ask({ timeoutMs: 2_000 }),
      bench.ask({ timeoutMs: 8_000 }),
      bench.ask({ timeoutMs: 60_000 }),
    ];
    await bench.clock.advance(500);
    bench.clock.freeze(30_000);
    await bench.clock.advance(0);
    expect([bench.pool.stats().waiting, bench.names('acquire:timed-out')]).toEqual([3, []]);
    await bench.clock.advance(1_000);
    held[0]?.release();
    await bench.clock.settle();
    expect(waiting[0]?.lease?.entry.id).toBe(held[0]?.entry.id);
  });

  it('are not expired who had lived through a few milliseconds of their time only', async () => {
    const bench = await running(1);
    bench.reconfigure({ maxSize: 1 });
    const held = await bench.lend();
    const waiting = bench.ask({ timeoutMs: 500 });
    await bench.clock.advance(10);
    bench.clock.freeze(30_000);
    await bench.clock.advance(400);
    expect(waiting.error).toBeUndefined();
    held.release();
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(1);
  });

  it('are given no more than they lost: who comes after it keeps their own deadline', async () => {
    const bench = await running(1);
    bench.reconfigure({ maxSize: 1 });
    await bench.lend();
    const early = bench.ask({ timeoutMs: 20_000 });
    await bench.clock.advance(500);
    bench.clock.freeze(HOUR_MS);
    // Before the late housekeeper has had its turn.
    const late = bench.ask({ timeoutMs: 2_000 });
    const askedAt = bench.clock.now();
    await bench.clock.advance(3_000);
    expect([bench.names('pool:frozen').length, early.at, late.at]).toEqual([1, undefined, askedAt + 2_000]);
    await bench.clock.advance(20_000);
    expect(early.error).toMatchObject({ code: 'TIMEOUT' });
  });

  it('keep what was left of their time, to within the second of the housekeeper', async () => {
    const bench = await running(1);
    await bench.lend();
    bench.reconfigure({ maxSize: 1 });
    const waiting = bench.ask({ timeoutMs: 3_000 });
    await bench.clock.advance(1_000);
    bench.clock.freeze(30_000);
    await bench.clock.advance(3_000);
    expect(waiting.error).toMatchObject({ code: 'TIMEOUT' });
    expect(Number(waiting.at) - 30_000).toBeGreaterThanOrEqual(2_000);
    expect(Number(waiting.at) - 30_000).toBeLessThanOrEqual(3_000);
  });

  it('are told apart by whose time was up before: it is added once', async () => {
    const bench = poolBench({ maxSize: 1 });
    void bench.pool.start();
    await bench.lend();
    const waiting = [100, 200, 300].map((timeoutMs) => bench.ask({ timeoutMs }));
    bench.clock.freeze(10_000);
    await bench.clock.advance(20_000);
    expect(waiting.map(({ at }) => Number(at) < 11_000 && Number(at) >= 9_000)).toEqual([true, true, true]);
    expect(bench.names('pool:frozen')).toHaveLength(1);
  });

  it('are expired as ever by a stall of less than five seconds', async () => {
    const bench = await running(1);
    bench.reconfigure({ maxSize: 1 });
    await bench.lend();
    const waiting = bench.ask({ timeoutMs: 2_000 });
    bench.clock.freeze(4_000);
    await bench.clock.advance(0);
    expect(waiting.error).toMatchObject({ code: 'TIMEOUT' });
  });

  it('are expired as ever in a pool that was not started: it cannot know', async () => {
    const bench = poolBench({ maxSize: 1 });
    await bench.lend();
    const waiting = bench.ask({ timeoutMs: 2_000 });
    bench.clock.freeze(60_000);
    await bench.clock.advance(0);
    expect(waiting.error).toMatchObject({ code: 'TIMEOUT' });
  });

  it('may abort meanwhile, and are gone', async () => {
    const bench = poolBench({ maxSize: 1 });
    void bench.pool.start();
    await bench.lend();
    const abort = new AbortController();
    const waiting = bench.ask({ timeoutMs: 2_000, signal: abort.signal });
    bench.clock.freeze(60_000);
    abort.abort();
    await bench.clock.advance(0);
    expect(waiting.error).toMatchObject({ code: 'CANCELLED' });
  });
});

describe('Pool, clocks that move', () => {
  it('keeps the deadlines of callers when only the wall clock leaps: they are measured by the other one', async () => {
    const bench = await running(1);
    bench.reconfigure({ maxSize: 1 });
    await bench.lend();
    const waiting = [bench.ask({ timeoutMs: 500 }), bench.ask({ timeoutMs: 3_000 })];
    bench.clock.leapWall(HOUR_MS);
    await bench.clock.advance(4_000);
    expect(waiting.map(({ at }) => at)).toEqual([500, 3_000]);
    expect(bench.names('pool:frozen')).toHaveLength(1);
  });

  it('makes nothing of a wall clock that is set back', async () => {
    const bench = await running(1);
    for (const ms of [-1_000, -HOUR_MS, -24 * HOUR_MS]) {
      bench.clock.leapWall(ms);
      await bench.clock.advance(2_000);
    }
    expect(bench.names('pool:frozen')).toEqual([]);
  });

  it('makes nothing of a wall clock that drifts by less than five seconds at a time', async () => {
    const bench = await running(1);
    for (let minute = 0; minute < 60; minute += 1) {
      bench.clock.leapWall(4_000);
      await bench.clock.advance(60_000);
    }
    expect(bench.names('pool:frozen')).toEqual([]);
  });

  it('gives up an attempt that was under way when its own time is over, and makes another', async () => {
    const bench = poolBench({ connectTimeoutMs: 5_000 });
    void bench.pool.start();
    bench.factory.next.create.push(slow(3_000), slow(100));
    const waiting = bench.ask({ timeoutMs: 4_000 });
    await bench.clock.advance(100);
    bench.clock.freeze(HOUR_MS);
    await bench.clock.advance(2_000);
    expect(waiting.lease).toBeDefined();
  });
});

/** A started pool with `count` resources at rest, used just now. */
async function running(count: number): Promise<PoolBench> {
  const bench = poolBench();
  void bench.pool.start();
  await bench.warmUp(count);
  return bench;
}
