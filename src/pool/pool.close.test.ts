import { describe, expect, it } from 'vitest';
import { FAILS, NEVER, OK, slow } from '../../test/fakes/fake-resources.js';
import type { FakeAct } from '../../test/fakes/fake-resources.js';
import type { PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';

checkLeftovers();

describe('Pool.close', () => {
  it('resolves at once when there is nothing', async () => {
    const { pool } = poolBench();
    expect(await pool.close(0)).toBe(0);
  });

  it('rejects those who wait at once, and everybody who comes later', async () => {
    const bench = poolBench({ maxSize: 1 });
    const held = await bench.lend();
    const waiting = bench.ask();
    const closing = close(bench, 1_000);
    const later = bench.ask();
    await bench.clock.settle();
    for (const attempt of [waiting, later]) expect(attempt.error).toMatchObject({ code: 'RUNTIME_CLOSED' });
    expect(closing.forced).toBeUndefined();
    held.release();
    await bench.clock.settle();
    expect(closing.forced).toBe(0);
  });

  it('closes what rests gently, and waits for leases to come home', async () => {
    const bench = poolBench();
    const [held, other] = [await bench.lend(), await bench.lend()];
    other.release();
    const closing = close(bench, 10_000);
    await bench.clock.advance(3_000);
    expect(bench.factory.log.slice(2)).toEqual(['close 2', 'destroy 2']);
    expect(held.resource.condition).toBe('clean');
    held.release();
    await bench.clock.settle();
    expect(closing).toMatchObject({ forced: 0, at: 3_000 });
  });

  it('takes leases away at the deadline, and says how many', async () => {
    const bench = poolBench();
    const [held] = [await bench.lend(), await bench.lend()];
    const closing = close(bench, 1_000);
    await bench.clock.advance(1_001);
    expect(closing.forced).toBe(2);
    expect(held.isReleased).toBe(true);
    expect(() => held.resource).toThrow(expect.objectContaining({ code: 'LEASE_RELEASED' }));
  });

  it('does nothing when a lease that was taken away is released afterwards', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    close(bench, 10);
    await bench.clock.advance(20);
    held.release();
    held.discard();
    await held[Symbol.asyncDispose]();
    expect(bench.pool.stats().total).toBe(0);
  });

  it('stops at the server what a lease still runs when it is taken away, then says goodbye', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    held.resource.condition = 'dirty';
    bench.factory.acts.reset = slow(100);
    const closing = close(bench, 1_000);
    await bench.clock.advance(2_000);
    expect(bench.factory.log).toEqual(['create 1', 'reset 1', 'close 1', 'destroy 1']);
    expect(closing).toMatchObject({ forced: 1, at: 1_100 });
    expect(bench.names('connection:closed')[0]).toMatchObject({ reason: 'shutdown' });
    expect(bench.names('lease:released')).toMatchObject([{ connectionId: 1, end: 'discarded' }]);
  });

  it('destroys what cannot be stopped within two seconds of the deadline', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    held.resource.condition = 'dirty';
    bench.factory.acts.reset = NEVER;
    const closing = close(bench, 1_000);
    await bench.clock.advance(3_001);
    expect(bench.factory.log).toEqual(['create 1', 'reset 1', 'destroy 1']);
    expect(closing.forced).toBe(1);
    expect(bench.names('connection:closed')[0]).toMatchObject({ reason: 'shutdown' });
  });

  it('destroys what broke under its lease', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    held.resource.break();
    const closing = close(bench, 10);
    await bench.clock.advance(11);
    expect(bench.factory.log).toEqual(['create 1', 'destroy 1']);
    expect(closing.forced).toBe(1);
  });

  it('cleans a dirty lease that comes home during the shutdown before it says goodbye', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    const closing = close(bench, 1_000);
    await bench.clock.advance(10);
    held.resource.condition = 'dirty';
    held.release();
    await bench.clock.settle();
    expect(bench.factory.log).toEqual(['create 1', 'reset 1', 'close 1', 'destroy 1']);
    expect(closing.forced).toBe(0);
  });

  it('joins a second close to the first', async () => {
    const bench = poolBench();
    await bench.lend();
    const first = bench.pool.close(bench.clock.now() + 500);
    expect(bench.pool.close(0)).toBe(first);
    await bench.clock.advance(501);
    expect(await first).toBe(1);
  });

  it('resolves only when a gentle close that hangs has been cut off', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    bench.factory.acts.close = NEVER;
    const closing = close(bench, 10_000);
    await bench.clock.advance(1_999);
    expect(closing.forced).toBeUndefined();
    await bench.clock.advance(2);
    expect(closing.forced).toBe(0);
    expect(bench.factory.alive).toBe(0);
  });

  it('gives up attempts to create, also one that does not listen, and destroys what they bring', async () => {
    const bench = poolBench();
    bench.factory.next.create.push({ end: 'ok', afterMs: 300, isDeaf: true }, NEVER);
    const waiting = [bench.ask(), bench.ask()];
    const closing = close(bench, 10_000);
    await bench.clock.settle();
    expect(waiting.map((attempt) => attempt.error)).toMatchObject([
      { code: 'RUNTIME_CLOSED' },
      { code: 'RUNTIME_CLOSED' },
    ]);
    expect(closing.forced).toBe(0);
    await bench.clock.advance(300);
    expect(bench.factory.made.map((resource) => resource.isDestroyed)).toEqual([true]);
    expect(bench.names('connection:create-failed')).toEqual([]);
  });

  it('closes a resource that is made in the tick of the close', async () => {
    const bench = poolBench();
    const waiting = bench.ask();
    const closing = close(bench, 10_000);
    await bench.clock.settle();
    expect(waiting.at).toBeDefined();
    waiting.lease?.release();
    await bench.clock.settle();
    expect(closing.forced).toBe(0);
    expect(bench.factory.alive).toBe(0);
  });

  it('does not wait for the answer of a resource that is being asked for its life', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = NEVER;
    bench.ask();
    const closing = close(bench, 10_000);
    await bench.clock.settle();
    expect(closing.forced).toBe(0);
    expect(bench.timers.size).toBe(0);
  });

  it('does not wait for the pause between two questions', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = FAILS;
    bench.ask();
    await bench.clock.advance(10);
    const closing = close(bench, 10_000);
    await bench.clock.settle();
    expect(closing.forced).toBe(0);
    expect(bench.clock.pendingTimers.filter((timer) => timer.keepAlive)).toEqual([]);
  });

  it('waits for a reset under way, and no longer after the deadline than for one it began itself', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    held.resource.condition = 'dirty';
    bench.factory.acts.reset = NEVER;
    held.release();
    const closing = close(bench, 100);
    await bench.clock.advance(2_099);
    expect(closing.forced).toBeUndefined();
    await bench.clock.advance(2);
    expect(closing.forced).toBe(0);
  });

  it('cancels the pause after a failed attempt', async () => {
    const bench = poolBench({}, () => 1);
    bench.factory.acts.create = FAILS;
    bench.ask();
    await bench.clock.settle();
    const closing = close(bench, 1_000);
    await bench.clock.settle();
    expect(closing.forced).toBe(0);
    expect(bench.clock.pendingTimers.filter((timer) => timer.keepAlive)).toEqual([]);
  });
});

describe('Pool, the product of troubles', () => {
  const acts: readonly [string, FakeAct][] = [
    ['ok', OK],
    ['error', FAILS],
    ['slow', slow(700)],
    ['never', NEVER],
  ];
  const gates = ['create', 'validate', 'reset', 'close'] as const;
  const product = gates.reduce<Record<string, FakeAct>[]>(
    (rows, gate) => rows.flatMap((row) => acts.map(([, act]) => ({ ...row, [gate]: act }))),
    [{}],
  );

  it(`comes back to zero after each of the ${product.length} ways in which the four gates can go`, async () => {
    for (const row of product) {
      const bench = poolBench();
      await bench.warmUp(2);
      await bench.clock.advance(1_000);
      Object.assign(bench.factory.acts, row);
      const asked = [bench.ask({ timeoutMs: 2_000 }), bench.ask({ timeoutMs: 4_000 }), bench.ask({ timeoutMs: 6_000 })];
      for (let step = 0; step < 14; step += 1) {
        await bench.clock.advance(500);
        const [attempt] = asked.filter(({ lease }) => lease?.isReleased === false);
        if (attempt?.lease !== undefined) {
          attempt.lease.resource.condition = step % 2 === 0 ? 'dirty' : 'clean';
          attempt.lease.release();
        }
        bench.assertSums();
      }
      expect(asked.every((attempt) => attempt.at !== undefined)).toBe(true);
      await bench.clock.advance(10_000);
      const { inUse, creating, checking, resetting, closing, waiting } = bench.pool.stats();
      expect({ inUse, creating, checking, resetting, closing, waiting }).toEqual({
        inUse: 0,
        creating: 0,
        checking: 0,
        resetting: 0,
        closing: 0,
        waiting: 0,
      });
      await bench.assertNothingLeft();
    }
  });
});

function close(bench: PoolBench, timeoutMs: number): { forced: number | undefined; at: number | undefined } {
  const closing: ReturnType<typeof close> = { forced: undefined, at: undefined };
  void bench.pool.close(bench.clock.now() + timeoutMs).then((forced) => {
    Object.assign(closing, { forced, at: bench.clock.now() });
  });
  return closing;
}
