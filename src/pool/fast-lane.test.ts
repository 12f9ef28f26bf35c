import { describe, expect, it } from 'vitest';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import { FastLane } from './fast-lane.js';
import type { PoolEntry } from './pool-entry.js';
import type { PoolSettings } from './pool-settings.js';

checkLeftovers();

const sharing = (maxSize: number) =>
  poolBench({ maxSize, maxIdle: maxSize }, undefined, { depth: () => 4, maxStatementMs: 5 });

/** The same, where somebody has asked for a short one a moment ago. */
async function busy(maxSize: number) {
  const bench = sharing(maxSize);
  (await bench.lend(SHORT)).release();
  return bench;
}

const LONG = { lane: 'long' } as const;
const SHORT = { lane: 'short' } as const;

describe('FastLane', () => {
  it.each([
    [1, 1],
    [3, 3],
    [4, 3],
    [5, 4],
    [10, 9],
    [50, 49],
  ])('leaves long statements in a pool of %i at most %i connections', async (maxSize, most) => {
    const bench = await busy(maxSize);
    await bench.warmUp(maxSize);
    const asked = Array.from({ length: maxSize + 1 }, () => bench.ask(LONG));
    await bench.clock.settle();
    expect(asked.filter(({ lease }) => lease !== undefined)).toHaveLength(most);
  });

  it.each([
    [10, 0, 9],
    [10, 8, 9],
    [10, 20, 8],
    [10, 160, 8],
    [50, 20, 47],
    [50, 800, 40],
  ])(
    'is wide enough: of %i connections, with %i short ones in flight, long ones may have %i',
    (maxSize, short, most) => {
      const lane = new FastLane<object>({ current: { maxSize } } as PoolSettings, 5, () => short);
      const entry = {} as PoolEntry<object>;
      for (let look = 0; look < 100; look += 1) {
        lane.begun(entry, 0, undefined);
        lane.ended(entry);
      }
      expect(lane.limit).toBe(most);
    },
  );

  it('lets long ones have everything where no short one has asked for a second', async () => {
    const bench = await busy(4);
    void bench.pool.start();
    await bench.warmUp(4);
    for (let count = 1; count <= 3; count += 1) await bench.lend(LONG);
    const waiting = bench.ask(LONG);
    await bench.clock.advance(900);
    expect(waiting.lease).toBeUndefined();
    // The pool looks after itself once a second.
    await bench.clock.advance(1_200);
    expect(waiting.lease).toBeDefined();
    waiting.lease?.release();
  });

  it('does not count or limit transactions', async () => {
    const bench = sharing(10);
    for (let count = 1; count <= 10; count += 1) expect((await bench.lend()).isShared).toBe(false);
    expect(bench.pool.stats().inUse).toBe(10);
  });

  it('keeps neither short statements nor transactions waiting behind long ones that must wait', async () => {
    const bench = await busy(4);
    for (let count = 1; count <= 3; count += 1) await bench.lend(LONG);
    const blocked = bench.ask(LONG);
    await bench.clock.settle();
    // A connection would not help it, so none is made for it.
    expect([blocked.lease, bench.pool.stats().total]).toEqual([undefined, 3]);
    const short = await bench.lend(SHORT);
    expect(short.entry.id).toBe(4);
    short.release();
    expect((await bench.lend()).entry.id).toBe(4);
  });

  it('serves the next long one in order when one has come back', async () => {
    const bench = await busy(4);
    const [first] = [await bench.lend(LONG), await bench.lend(LONG), await bench.lend(LONG)];
    const [second, third] = [bench.ask(LONG), bench.ask(LONG)];
    first.release();
    await bench.clock.settle();
    expect([second.lease?.entry.id, third.lease]).toEqual([first.entry.id, undefined]);
  });

  it('makes a connection for a long one that can be served only now', async () => {
    const bench = await busy(4);
    const [first] = [await bench.lend(LONG), await bench.lend(LONG), await bench.lend(LONG)];
    const second = bench.ask(LONG);
    first.discard();
    await bench.clock.settle();
    expect(second.lease?.entry.id).toBe(4);
  });

  it('lets one more begin for each that is expected back within the time of a short statement', async () => {
    const bench = await busy(4);
    await bench.warmUp(4);
    await bench.lend({ ...LONG, expectedMs: 50 });
    for (let count = 1; count <= 2; count += 1) await bench.lend(LONG);
    await bench.clock.advance(44);
    expect(bench.pool.tryAcquire({ ...LONG, deadlineAt: Infinity }, bench.clock.now())).toBeUndefined();
    await bench.clock.advance(1);
    expect(bench.pool.tryAcquire({ ...LONG, deadlineAt: Infinity }, bench.clock.now())).toBeDefined();
    expect(bench.pool.tryAcquire({ ...LONG, deadlineAt: Infinity }, bench.clock.now())).toBeUndefined();
  });

  it('expects nothing of what has taken twice its usual time', async () => {
    const bench = await busy(4);
    await bench.warmUp(4);
    for (let count = 1; count <= 3; count += 1) await bench.lend({ ...LONG, expectedMs: 20 });
    await bench.clock.advance(41);
    expect(bench.pool.tryAcquire({ ...LONG, deadlineAt: Infinity }, bench.clock.now())).toBeUndefined();
  });

  it('serves a waiting long one from what rests as soon as anything happens after its time has come', async () => {
    const bench = await busy(4);
    await bench.warmUp(4);
    await bench.lend({ ...LONG, expectedMs: 50 });
    for (let count = 1; count <= 2; count += 1) await bench.lend(LONG);
    const waiting = bench.ask(LONG);
    await bench.clock.advance(46);
    expect(waiting.lease).toBeUndefined();
    const transaction = bench.ask();
    await bench.clock.settle();
    expect([waiting.lease?.entry.id === undefined, transaction.lease === undefined]).toEqual([false, true]);
    waiting.lease?.release();
  });
});
