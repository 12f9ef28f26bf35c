import { describe, expect, it } from 'vitest';
import type { FluxorError } from '../errors/fluxor-error.js';
import type { FakeAct } from '../../test/fakes/fake-resources.js';
import { FAILS, OK, refused, slow, wrongPassword } from '../../test/fakes/fake-resources.js';
import type { PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import type { PoolConfig } from './pool-options.js';

checkLeftovers();

describe('Pool, while the breaker is open and nothing lives', () => {
  it('refuses a caller in the same tick, without an attempt, with the cause and when to come back', async () => {
    const bench = await downBench();
    const { length } = bench.factory.log;
    const attempt = bench.ask();
    expect(bench.pool.stats()).toMatchObject({ waiting: 0, breaker: 'open' });
    await Promise.resolve();
    await Promise.resolve();
    const error = attempt.error as FluxorError;
    expect(error).toMatchObject({ code: 'CONNECTION', reason: 'refused', outcome: 'not-sent', retryable: true });
    expect(error.message).toContain('connect ECONNREFUSED (so did the last');
    const nextAt = bench.clock.pendingTimers[0]?.at ?? NaN;
    expect(bench.clock.now() + (error.retryAfterMs ?? NaN)).toBe(nextAt);
    expect(bench.factory.log).toHaveLength(length);
    expect(attempt.at).toBe(bench.clock.now());
  });

  it('gives each caller an error of their own', async () => {
    const bench = await downBench();
    const attempts = [bench.ask(), bench.ask(), bench.ask()];
    await bench.clock.settle();
    const errors = attempts.map((attempt) => attempt.error as FluxorError);
    errors.forEach((error, index) => error.fillContext({ queryId: index }));
    expect(errors.map((error) => error.context.queryId)).toEqual([0, 1, 2]);
  });

  it('refuses also while the one attempt is under way', async () => {
    const bench = await downBench({ end: 'error', afterMs: 500 });
    await untilBreaker(bench, 'half-open');
    const attempt = bench.ask();
    await bench.clock.settle();
    expect(attempt.error).toMatchObject({ code: 'CONNECTION', retryAfterMs: 0 });
  });

  it('lets those who were in line before keep waiting, and serves them at the recovery', async () => {
    const bench = poolBench();
    bench.factory.acts.create = FAILS;
    const early = [bench.ask(), bench.ask(), bench.ask()];
    await untilBreaker(bench, 'open');
    expect(bench.pool.stats().waiting).toBe(3);
    bench.factory.acts.create = OK;
    await bench.clock.advance(1_000);
    expect(early.map((attempt) => attempt.lease?.entry.id)).not.toContain(undefined);
  });

  it('ends their wait at their own deadline, with the cause', async () => {
    const bench = poolBench();
    bench.factory.acts.create = FAILS;
    const early = bench.ask({ timeoutMs: 3_000 });
    await bench.clock.advance(3_000);
    expect(early).toMatchObject({ at: 3_000, error: { code: 'CONNECTION', reason: 'refused' } });
  });

  it('goes on finding out, one attempt at a time, and serves the first caller after the recovery', async () => {
    const bench = await downBench();
    bench.factory.acts.create = OK;
    await bench.clock.advance(1_000);
    expect(bench.pool.stats()).toMatchObject({ breaker: 'closed', idle: 1, total: 1 });
    expect((await bench.lend()).entry.id).toBe(bench.factory.made[0]?.id);
  });

  it('stops trying 30 s after somebody last asked', async () => {
    const bench = await downBench();
    bench.ask();
    await bench.clock.advance(29_000);
    const tries = bench.factory.count('create');
    expect(tries).toBeGreaterThan(10);
    await bench.clock.advance(7_000);
    const { length } = bench.factory.log;
    expect(length).toBeLessThanOrEqual(tries + 2);
    await bench.clock.advance(3_600_000);
    expect(bench.factory.log).toHaveLength(length);
    expect(bench.clock.pendingTimers).toEqual([]);
    expect(bench.pool.stats().breaker).toBe('open');
  });

  it('keeps trying for as long as callers ask, although each is refused', async () => {
    const bench = await downBench();
    for (let minute = 1; minute <= 5; minute += 1) {
      const before = bench.factory.count('create');
      for (let step = 0; step < 3; step += 1) {
        bench.ask();
        await bench.clock.advance(20_000);
      }
      expect(bench.factory.count('create') - before).toBeGreaterThanOrEqual(11);
    }
  });

  it('makes an attempt for the first caller after it has stopped, and lets them wait for it', async () => {
    const bench = await downBench();
    await bench.clock.advance(3_600_000);
    const { length } = bench.factory.log;
    bench.factory.acts.create = slow(20);
    const attempt = bench.ask();
    await bench.clock.advance(20);
    expect(bench.factory.log).toHaveLength(length + 1);
    expect(attempt.lease).toBeDefined();
  });

  it('tells nothing old as news: all who come during that attempt wait for its end', async () => {
    const bench = await downBench();
    await bench.clock.advance(3_600_000);
    bench.factory.acts.create = slow(20);
    const attempts = [bench.ask(), bench.ask()];
    await bench.clock.advance(10);
    expect(bench.pool.stats().breaker).toBe('half-open');
    attempts.push(bench.ask());
    await bench.clock.advance(60);
    expect(attempts.map(({ error, lease }) => [error, lease?.isReleased])).toEqual(Array(3).fill([undefined, false]));
  });

  it('refuses at once again when that attempt fails, and those who waited have the new cause at their deadline', async () => {
    const bench = await downBench();
    await bench.clock.advance(3_600_000);
    bench.factory.acts.create = { end: 'error', error: refused('connect EHOSTUNREACH') };
    const early = bench.ask({ timeoutMs: 2_000 });
    await bench.clock.settle();
    const late = bench.ask();
    const askedAt = bench.clock.now();
    await bench.clock.advance(2_000);
    expect([early.at, late.at]).toEqual([askedAt + 2_000, askedAt]);
    for (const { error } of [early, late]) expect(String(error)).toContain('EHOSTUNREACH');
  });

  it('makes an attempt of its own, at once, for a caller who fails fast', async () => {
    const bench = await downBench();
    const { length } = bench.factory.log;
    const error = refused('still down');
    bench.factory.next.create.push({ end: 'error', error });
    const hasty = bench.ask({ failFast: true });
    await bench.clock.settle();
    expect(bench.factory.log.slice(length)).toEqual([expect.stringMatching(/^create /)]);
    expect(hasty.error).toBe(error);
    bench.factory.acts.create = OK;
    expect((await bench.lend({ failFast: true })).isReleased).toBe(false);
  });

  it('lets callers wait while it is suspended: what will be at the resume is not known', async () => {
    const bench = await downBench();
    bench.pool.suspend();
    const attempt = bench.ask();
    await bench.clock.advance(2_000);
    expect(attempt.error).toBeUndefined();
    bench.factory.acts.create = OK;
    bench.pool.resume();
    await bench.clock.advance(1_000);
    expect(attempt.lease).toBeDefined();
  });
});

describe('Pool, while the breaker is open and something lives', () => {
  it('goes on lending it, and callers join the line for it', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    bench.factory.acts.create = FAILS;
    const first = bench.ask({ timeoutMs: 60_000 });
    await untilBreaker(bench, 'open');
    const second = bench.ask({ timeoutMs: 60_000 });
    await bench.clock.settle();
    expect([second.error, bench.pool.stats().waiting]).toEqual([undefined, 2]);
    held.release();
    await bench.clock.settle();
    first.lease?.release();
    await bench.clock.settle();
    expect(second.lease?.entry.id).toBe(1);
    second.lease?.release();
    expect((await bench.lend()).entry.id).toBe(1);
  });

  it('refuses again as soon as the last one is gone', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    bench.factory.acts.create = FAILS;
    bench.ask({ timeoutMs: 60_000 });
    await untilBreaker(bench, 'open');
    held.discard();
    const attempt = bench.ask();
    await bench.clock.settle();
    expect(attempt.error).toMatchObject({ code: 'CONNECTION', reason: 'refused' });
  });
});

describe('Pool, what it tells of an outage', () => {
  it('tells once that the database cannot be reached, and once for how long it could not', async () => {
    const bench = await downBench();
    await bench.clock.advance(10_000);
    bench.factory.acts.create = OK;
    await bench.clock.advance(5_000);
    const [failures, recovered] = [bench.names('connection:create-failed'), bench.names('pool:reachable')];
    expect(bench.names('pool:unreachable')).toMatchObject([{ failures: 8, error: { code: 'CONNECTION' } }]);
    // The outage began with the first failure, at 0, and ended with the first connection.
    expect(failures.length).toBeGreaterThan(8);
    expect(recovered).toHaveLength(1);
    expect(recovered[0]?.['downMs']).toBeGreaterThan(10_000);
    expect(recovered[0]?.['downMs']).toBeLessThanOrEqual(16_500);
  });

  it('tells neither of a trouble that is shorter than a second', async () => {
    const bench = poolBench();
    bench.factory.next.create.push(FAILS, FAILS, FAILS, FAILS, FAILS, FAILS);
    bench.ask();
    await bench.clock.advance(1_000);
    expect(bench.names('connection:create-failed')).toHaveLength(6);
    expect(bench.names('connection:created')).toHaveLength(1);
    for (const name of ['pool:unreachable', 'pool:reachable'] as const) expect(bench.names(name)).toEqual([]);
  });

  it('starts slowly after it: one attempt, then two, then four at once', async () => {
    const bench = await downBench(FAILS, { maxSize: 20, maxCreating: 8 });
    bench.factory.acts.create = slow(100);
    await untilBreaker(bench, 'half-open');
    const atOnce: number[] = [];
    await bench.clock.advance(100);
    for (let index = 0; index < 20; index += 1) bench.ask();
    for (let round = 0; round < 4; round += 1) {
      await bench.clock.settle();
      atOnce.push(bench.pool.stats().creating);
      await bench.clock.advance(100);
    }
    expect(atOnce).toEqual([1, 2, 8, 8]);
  });
});

describe('Pool, hopeless', () => {
  it('refuses the whole line at once, and tries nothing in the background', async () => {
    const bench = poolBench({ minIdle: 2, warmUp: { connections: 2, timeoutMs: 1_000, failFast: false } });
    bench.factory.acts.create = { end: 'error', error: wrongPassword(), afterMs: 10 };
    void bench.pool.start();
    const attempts = [bench.ask(), bench.ask(), bench.ask()];
    await bench.clock.advance(10);
    for (const { error, at } of attempts) expect([at, error]).toMatchObject([10, { code: 'AUTH', retryable: false }]);
    const { length } = bench.factory.log;
    await bench.clock.advance(3_600_000);
    expect(bench.factory.log).toHaveLength(length);
    expect(bench.names('pool:unreachable')).toHaveLength(1);
  });

  it('keeps the promises of the background again after a caller found the password corrected', async () => {
    const bench = poolBench({ minIdle: 1 });
    bench.factory.next.create.push({ end: 'error', error: wrongPassword() });
    void bench.pool.start();
    await bench.clock.advance(60_000);
    expect(bench.pool.stats().total).toBe(0);
    await bench.lend();
    expect(bench.pool.stats()).toMatchObject({ breaker: 'closed', inUse: 1, idle: 1 });
    expect(bench.names('pool:reachable')).toMatchObject([{ downMs: 60_000 }]);
  });
});

/** A pool whose database has just been found unreachable; nobody waits, nothing lives. */
async function downBench(act: FakeAct = FAILS, config: Partial<PoolConfig> = {}): Promise<PoolBench> {
  const bench = poolBench(config);
  bench.factory.acts.create = FAILS;
  const abort = new AbortController();
  bench.ask({ signal: abort.signal });
  await untilBreaker(bench, 'open');
  abort.abort();
  bench.factory.acts.create = act;
  return bench;
}

async function untilBreaker(bench: PoolBench, state: 'open' | 'half-open'): Promise<void> {
  for (let ms = 0; bench.pool.stats().breaker !== state; ms += 1) {
    if (ms > 5_000) throw new Error(`the breaker is not ${state} after 5 s`);
    await bench.clock.advance(1);
  }
}
