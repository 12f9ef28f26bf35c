import { describe, expect, it } from 'vitest';
import { FAILS, NEVER, OK, refused, slow, wrongPassword } from '../../test/fakes/fake-resources.js';
import type { PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import type { WarmUpConfig } from './pool-options.js';
import type { WarmUpResult } from './warm-up.js';

checkLeftovers();

const FIVE: WarmUpConfig = { connections: 5, timeoutMs: 30_000, failFast: false };

/** How a warm-up went, as it goes. */
interface Warming {
  result: WarmUpResult | undefined;
  error: unknown;
}

function watch(ended: Promise<WarmUpResult> | undefined): Warming {
  const warming: Warming = { result: undefined, error: undefined };
  ended?.then(
    (result) => (warming.result = result),
    (error: unknown) => (warming.error = error),
  );
  return warming;
}

function warm(bench: PoolBench, config: Partial<WarmUpConfig> = {}): Warming {
  return watch(bench.pool.warmUp({ ...FIVE, ...config }));
}

describe('Pool, warming up', () => {
  it('opens so many in the background at the start, no more than `maxCreating` at once, and tells the end', async () => {
    const bench = poolBench({ maxSize: 10, maxIdle: 10, maxCreating: 2, warmUp: FIVE });
    bench.factory.acts.create = slow(100);
    const warming = watch(bench.pool.start());
    for (const [idle, creating] of [
      [0, 2],
      [2, 2],
      [4, 1],
      [5, 0],
    ] as const) {
      expect(bench.pool.stats()).toMatchObject({ idle, creating });
      await bench.clock.advance(100);
    }
    const result = { wanted: 5, opened: 5, durationMs: 300 };
    expect(warming).toEqual({ result, error: undefined });
    expect(bench.names('pool:warmed')).toMatchObject([result]);
    expect(bench.names('pool:warmed')[0]).not.toHaveProperty('error');
  });

  it('opens none at the start when it is off, and begins once only', async () => {
    const off = poolBench({ warmUp: false });
    expect(off.pool.start()).toBeUndefined();
    const bench = poolBench({ warmUp: { ...FIVE, connections: 1 } });
    watch(bench.pool.start());
    expect(bench.pool.start()).toBeUndefined();
    await bench.clock.settle();
    expect([off.factory.count('create'), bench.factory.count('create')]).toEqual([0, 1]);
  });

  // Was: a script that had failed to connect, and forgot `disconnect()`, ended 30 s later.
  it.each<[string, boolean, (bench: PoolBench) => Warming]>([
    ['begun at the start, which nobody awaits', false, (bench) => watch(bench.pool.start())],
    ['begun at the start, which is awaited', true, (bench) => watch(bench.pool.start(true))],
    ['that somebody has asked for', true, (bench) => warm(bench)],
  ])('%s keeps the process alive: %s', async (_what, isAlive, begin) => {
    const bench = poolBench({ maxSize: 10, maxIdle: 10, warmUp: FIVE });
    bench.factory.acts.create = FAILS;
    const warming = begin(bench);
    await bench.clock.settle();
    expect(warming).toEqual({ result: undefined, error: undefined });
    expect(bench.clock.pendingTimers.some(({ keepAlive }) => keepAlive)).toBe(isAlive);
  });

  it('counts what is open and being used already', async () => {
    const bench = poolBench({ maxSize: 10 });
    await bench.warmUp(2);
    await bench.lend();
    const warming = warm(bench);
    await bench.clock.settle();
    expect(warming.result).toMatchObject({ wanted: 5, opened: 5 });
    expect(bench.factory.count('create')).toBe(5);
    const again = warm(bench);
    await bench.clock.settle();
    expect(again.result).toMatchObject({ opened: 5, durationMs: 0 });
    expect(bench.factory.count('create')).toBe(5);
  });

  it('is capped by `maxSize`', async () => {
    const bench = poolBench({ maxSize: 2 });
    const warming = warm(bench, { connections: 100 });
    await bench.clock.settle();
    expect(warming.result).toMatchObject({ wanted: 2, opened: 2 });
  });

  it('keeps what is open when its time is up, and opens no more', async () => {
    const bench = poolBench({ maxSize: 10 });
    bench.factory.next.create.push(OK, OK, NEVER, NEVER, NEVER);
    const warming = warm(bench, { timeoutMs: 1_000 });
    await bench.clock.advance(1_000);
    expect(warming.result).toEqual({ wanted: 5, opened: 2, durationMs: 1_000 });
    await bench.clock.advance(60_000);
    expect(bench.pool.stats()).toMatchObject({ idle: 2, total: 2 });
    expect(bench.factory.count('create')).toBe(4);
  });

  it('goes on after failures, with their pauses', async () => {
    const bench = poolBench({ maxSize: 10 });
    bench.factory.next.create.push(FAILS, FAILS, FAILS);
    const warming = warm(bench);
    await bench.clock.advance(1_000);
    expect(warming.result).toMatchObject({ opened: 5 });
    expect(bench.names('pool:warmed')[0]).not.toHaveProperty('error');
  });

  it('tells what was in the way when its time is up, and rejects nothing', async () => {
    const bench = poolBench();
    bench.factory.acts.create = FAILS;
    const warming = warm(bench, { connections: 2, timeoutMs: 1_000 });
    await bench.clock.advance(1_000);
    expect(warming).toEqual({ result: { wanted: 2, opened: 0, durationMs: 1_000 }, error: undefined });
    expect(bench.names('pool:warmed')).toMatchObject([{ opened: 0, error: { reason: 'refused' } }]);
  });

  it('rejects with the first failure’s own error where it fails fast, and keeps what is open', async () => {
    const bench = poolBench({ maxSize: 10, maxCreating: 1 });
    const error = refused();
    bench.factory.next.create.push(OK, { end: 'error', error });
    const warming = warm(bench, { failFast: true });
    await bench.clock.settle();
    expect(warming.error).toBe(error);
    expect(bench.names('pool:warmed')).toMatchObject([{ wanted: 5, opened: 1, error }]);
    await bench.clock.advance(60_000);
    expect(bench.pool.stats().total).toBe(1);
  });

  it('that fails fast rejects when time is up with less than was wanted, although no attempt failed', async () => {
    const bench = poolBench();
    bench.factory.acts.create = NEVER;
    const warming = warm(bench, { connections: 1, timeoutMs: 100, failFast: true });
    await bench.clock.advance(100);
    expect(warming.error).toMatchObject({ code: 'TIMEOUT', phase: 'connect', outcome: 'not-sent' });
    expect(String(warming.error)).toContain('0 of 1 connections');
  });

  it('repeats no attempt that repeating will not change', async () => {
    const bench = poolBench();
    bench.factory.acts.create = { end: 'error', error: wrongPassword() };
    const warming = warm(bench, { connections: 2, timeoutMs: 60_000 });
    await bench.clock.advance(60_000);
    expect(bench.factory.count('create')).toBeLessThanOrEqual(2);
    expect(warming.result).toMatchObject({ opened: 0 });
  });

  it('lets callers go first: what it opens serves whoever waits', async () => {
    const bench = poolBench({ maxSize: 3, maxCreating: 1 });
    bench.factory.acts.create = slow(100);
    const warming = warm(bench, { connections: 3 });
    const waiting = bench.ask();
    await bench.clock.advance(100);
    expect(waiting.at).toBe(100);
    await bench.clock.advance(200);
    expect(warming.result).toMatchObject({ opened: 3, durationMs: 300 });
  });

  it('runs beside another one: the higher number counts, and each ends by itself', async () => {
    const bench = poolBench({ maxSize: 10, maxCreating: 1 });
    bench.factory.acts.create = slow(100);
    const [small, large] = [warm(bench, { connections: 2 }), warm(bench, { connections: 4 })];
    await bench.clock.advance(400);
    expect([small.result?.durationMs, large.result?.durationMs]).toEqual([200, 400]);
  });

  it('ends when the pool closes, and none begins after that', async () => {
    const bench = poolBench();
    bench.factory.acts.create = NEVER;
    const warming = warm(bench, { failFast: true });
    await bench.clock.advance(50);
    void bench.pool.close(bench.clock.now());
    await bench.clock.settle();
    expect(warming.error).toMatchObject({ code: 'RUNTIME_CLOSED' });
    expect(bench.names('pool:warmed')[0]).toMatchObject({ opened: 0, durationMs: 50 });
    const late = warm(bench);
    await bench.clock.settle();
    expect(late.error).toMatchObject({ code: 'RUNTIME_CLOSED' });
  });

  it('opens nothing while the pool is suspended, and goes on at the resume', async () => {
    const bench = poolBench();
    bench.pool.suspend();
    const warming = warm(bench, { connections: 2 });
    await bench.clock.advance(1_000);
    expect(bench.factory.count('create')).toBe(0);
    bench.pool.resume();
    await bench.clock.settle();
    expect(warming.result).toMatchObject({ opened: 2 });
  });

  it('holds the pool to nothing once it has ended: what rests too long goes', async () => {
    const bench = poolBench({ warmUp: { ...FIVE, connections: 3 }, idleTimeoutMs: 5_000 });
    watch(bench.pool.start());
    await bench.clock.advance(20_000);
    expect(bench.pool.stats().total).toBe(0);
  });
});
