import { describe, expect, it } from 'vitest';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import type { ShortOnes } from './fast-lane.js';
import { FastLane } from './fast-lane.js';
import type { PoolEntry } from './pool-entry.js';
import type { PoolSettings } from './pool-settings.js';

checkLeftovers();

const sharing = (maxSize: number) =>
  poolBench({ maxSize, maxIdle: maxSize }, undefined, { depth: () => 4, maxStatementMs: 5, statementMs: () => 0.1 });

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

  /** What long ones may have of so many connections, where so many short ones of so many milliseconds are in flight. */
  function limitOf(maxSize: number, inFlight: () => number, statementMs: number, looks: number): number {
    const times = { maxStatementMs: 5, statementMs: () => statementMs };
    const short: ShortOnes = {
      get inFlight() {
        return inFlight();
      },
      waiting: 0,
    };
    const lane = new FastLane<object>({ current: { maxSize } } as PoolSettings, times, short);
    const entry = {} as PoolEntry<object>;
    for (let look = 0; look < looks; look += 1) {
      lane.begun(entry);
      lane.ended(entry);
    }
    return lane.limit;
  }

  it.each([
    [10, 0, 0.05, 9],
    [10, 90, 0.05, 9],
    [10, 160, 0.05, 8],
    [10, 10, 0, 9],
    [10, 2, 2, 9],
    [10, 5, 2, 8],
    [10, 1_000, 2, 8],
    [50, 5, 2, 48],
    [50, 1_000, 2, 40],
  ])(
    'is as wide as it must be: of %i connections, with %i short ones of %f ms in flight, long ones may have %i',
    (maxSize, short, statementMs, most) => {
      expect(limitOf(maxSize, () => short, statementMs, 100)).toBe(most);
    },
  );

  it('is not widened by a burst', () => {
    let look = 0;
    const short = () => ((look += 1) % 16 === 0 ? 64 : 0);
    // Looked at when a long one begins and when it ends: the last time in the middle of a burst.
    expect(limitOf(10, short, 0.5, 96)).toBe(9);
    expect(look % 16).toBe(0);
  });

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

  it('is there when the pool resumes, where a short one asked while it was suspended, and has given up', async () => {
    const bench = sharing(4);
    bench.pool.suspend();
    const short = bench.ask({ ...SHORT, timeoutMs: 10 });
    await bench.clock.advance(10);
    expect(short.error).toMatchObject({ code: 'TIMEOUT' });
    const long = Array.from({ length: 4 }, () => bench.ask(LONG));
    bench.pool.resume();
    await bench.clock.settle();
    expect(long.map(({ lease }) => lease !== undefined)).toEqual([true, true, true, false]);
  });

  it('is kept for those in line, however long ago they asked', async () => {
    const bench = sharing(4);
    bench.pool.suspend();
    // More urgent, and earlier: so the long ones are served first.
    const long = Array.from({ length: 4 }, () => bench.ask({ ...LONG, priority: 'high' }));
    const short = bench.ask(SHORT);
    await bench.clock.advance(5_000);
    bench.pool.resume();
    await bench.clock.settle();
    expect(long.map(({ lease }) => lease !== undefined)).toEqual([true, true, true, false]);
    expect(short.lease).toBeDefined();
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

  it('does not give way, however much there is to do for long ones', async () => {
    const bench = await busy(4);
    await bench.warmUp(4);
    const working = [await bench.lend(LONG), await bench.lend(LONG), await bench.lend(LONG)];
    const waiting = Array.from({ length: 20 }, () => bench.ask(LONG));
    // Those who wait came before every short one, and a connection rests.
    for (let time = 1; time <= 10; time += 1) {
      await bench.clock.advance(50);
      const short = bench.pool.tryAcquire({ ...SHORT, deadlineAt: Infinity }, bench.clock.now());
      expect(short).toBeDefined();
      short?.release();
      working.shift()?.release();
      await bench.clock.settle();
      working.push(...waiting.splice(0, 1).flatMap(({ lease }) => lease ?? []));
      expect([working.length, bench.pool.stats().inUse]).toEqual([3, 3]);
    }
  });

  it('serves a waiting long one from what rests as soon as anything happens after the last short one is long ago', async () => {
    const bench = await busy(4);
    await bench.warmUp(4);
    for (let count = 1; count <= 3; count += 1) await bench.lend(LONG);
    const waiting = bench.ask(LONG);
    await bench.clock.advance(1_001);
    expect(waiting.lease).toBeUndefined();
    const transaction = bench.ask();
    await bench.clock.settle();
    expect([waiting.lease === undefined, transaction.lease === undefined]).toEqual([false, true]);
    waiting.lease?.release();
  });
});
