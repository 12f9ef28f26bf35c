/**
 * What happened to users of other pools, as far as a pool can be blamed for it without a database: each test is named after
 * it, and cites who told of it. On real servers: test/integration/pains/. Told elsewhere beside this file:
 * node-mysql2#1280, #3559, #2325 (a second release) in pool.release.test.ts; node-mysql2#4497, sequelize#10976, #7884
 * (nested acquires) in deadlock.test.ts; node-pg-pool#104, tarn#82, slonik#255 (a minimum that is none) in
 * pool.maintenance.test.ts and warm-up.test.ts; node-postgres#137, mariadb#176, tarn#43 (who has it?) in pool.leaks.test.ts.
 */
import { describe, expect, it } from 'vitest';
import type { FluxorError } from '../errors/fluxor-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { FAILS, NEVER, slow, wrongPassword } from '../../test/fakes/fake-resources.js';
import type { FakeResource } from '../../test/fakes/fake-resources.js';
import type { Attempt, PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import type { Lease } from './lease.js';
import { resolvePoolOptions } from './pool-options.js';

checkLeftovers();

const HOUR_MS = 3_600_000;
const PATIENT = { bypassMs: 500, timeoutMs: 1_000, attempts: 3, backoffMs: 100, query: undefined };

describe('Waiting for a connection', () => {
  // node-mysql2#673, #4497, PR#4498, mysqljs/mysql#2105
  it('had no end unless one was configured', async () => {
    const issues: OptionIssue[] = [];
    const { acquireTimeoutMs, maxWaiting, connectTimeoutMs } = resolvePoolOptions({}, Infinity, issues);
    expect({ acquireTimeoutMs, maxWaiting, connectTimeoutMs }).toEqual({
      acquireTimeoutMs: 10_000,
      maxWaiting: 1_000,
      connectTimeoutMs: 5_000,
    });
    const bench = poolBench({ maxSize: 1 });
    await bench.lend();
    const waiting = bench.ask({ timeoutMs: acquireTimeoutMs });
    await bench.clock.advance(acquireTimeoutMs);
    expect(waiting).toMatchObject({ at: acquireTimeoutMs, error: { code: 'TIMEOUT', phase: 'acquire' } });
  });

  // knex#1381, #2302, #2820, #1909, #4395, #6034, mariadb#268, #93, #305,
  // prisma#7249, #9622, #12858, #13353, #17057, #28612, #28417
  it('ended in "the pool is probably full", whatever the cause', async () => {
    const ends: [cause: string, error: unknown][] = [];
    const note = async (cause: string, bench: PoolBench, advanceMs: number) => {
      const attempt = bench.ask({ timeoutMs: 2_000 });
      await bench.clock.advance(advanceMs);
      ends.push([cause, attempt.error]);
    };

    const busy = poolBench({ maxSize: 1 });
    const held = await busy.lend({ holder: 'transaction', label: 'checkout' });
    held.resource.facts = { lastStatement: 'update stock set count = ?', state: 'in-transaction' };
    await note('busy', busy, 2_000);

    const crowded = poolBench({ maxSize: 1, maxWaiting: 1 });
    await crowded.lend();
    crowded.ask();
    await note('crowded', crowded, 0);
    await crowded.clock.advance(10_000);

    const unreachable = poolBench();
    unreachable.factory.acts.create = FAILS;
    await note('unreachable', unreachable, 2_000);
    await note('unreachable for long', unreachable, 0);

    const refused = poolBench();
    refused.factory.acts.create = { end: 'error', error: wrongPassword() };
    await note('refused', refused, 0);

    const hung = poolBench({ connectTimeoutMs: 500 });
    hung.factory.acts.create = NEVER;
    await note('hung', hung, 2_000);

    expect(ends).toMatchObject([
      ['busy', { code: 'TIMEOUT', phase: 'acquire' }],
      ['crowded', { code: 'POOL_EXHAUSTED' }],
      ['unreachable', { code: 'CONNECTION', reason: 'refused' }],
      ['unreachable for long', { code: 'CONNECTION', reason: 'refused' }],
      ['refused', { code: 'AUTH', retryable: false }],
      ['hung', { code: 'TIMEOUT', phase: 'connect' }],
    ]);
    const text = (index: number) => (ends[index]?.[1] as FluxorError).message;
    expect(text(0)).toContain('1/1 connections, 1 in use, 0 idle');
    expect(text(0)).toMatch(/by a transaction 'checkout', last statement: update stock set count = \?/);
    expect(text(1)).toContain('too many callers are waiting');
    expect(text(2)).toMatch(/ECONNREFUSED.*attempts to connect within 2,000 ms/);
    expect(text(3)).toMatch(/ECONNREFUSED.*no new one was made for this call/);
    // Each says that nothing was sent.
    expect(ends.map(([, error]) => (error as FluxorError).outcome)).toEqual(ends.map(() => 'not-sent'));
  });

  // tarn#61, knex#1694, #5379
  it.each([
    [100, 10_000],
    [10_000, 100],
    [1_000, 1_000],
    [1_000, 999],
  ])(
    'ended at another time than told when several times were set (acquire %i ms, connect %i ms)',
    async (timeoutMs, connectTimeoutMs) => {
      const bench = poolBench({ connectTimeoutMs });
      bench.factory.acts.create = NEVER;
      const waiting = bench.ask({ timeoutMs });
      await bench.clock.advance(timeoutMs - 1);
      expect(waiting.at).toBeUndefined();
      await bench.clock.advance(2);
      expect(waiting.error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-sent' });
      expect(bench.pool.stats().waiting).toBe(0);
    },
  );

  // mariadb#116, #45
  it('went beyond its timeout, for the ping of a dead connection had one of its own', async () => {
    const bench = poolBench({ maxSize: 3, validation: { ...PATIENT, timeoutMs: 60_000 } });
    await bench.warmUp(3);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = NEVER;
    const waiting = bench.ask({ timeoutMs: 400 });
    await bench.clock.advance(400);
    // Half of the time for the proof of life; then a new connection was made, and in time.
    expect(waiting).toMatchObject({ at: 1_200, error: undefined });
    expect(waiting.lease?.entry.id).toBe(4);
  });

  // mariadb#45
  it('kept a processor busy with pings that failed', async () => {
    const bench = poolBench({ maxSize: 1, validation: PATIENT });
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = FAILS;
    bench.factory.acts.create = FAILS;
    const waiting = bench.ask({ timeoutMs: 2_000 });
    await bench.clock.advance(2_000);
    expect(waiting.error).toMatchObject({ code: 'CONNECTION' });
    expect(bench.factory.count('validate')).toBe(3);
    expect(bench.factory.count('create')).toBeLessThan(12);
  });
});

describe('Making connections', () => {
  // mariadb#331, kind_robots PR#1491
  it('stopped for good after all were lost, where the minimum was zero', async () => {
    const bench = poolBench({ maxSize: 3, minIdle: 0, maxIdle: 3 });
    void bench.pool.start();
    await bench.warmUp(3);
    for (let round = 0; round < 3; round += 1) {
      for (const resource of bench.factory.made) resource.break();
      await bench.clock.advance(60_000);
      expect(bench.pool.stats().total).toBe(0);
      const attempts = [bench.ask(), bench.ask(), bench.ask()];
      await bench.clock.settle();
      expect(attempts.map(({ lease }) => lease?.isReleased)).toEqual([false, false, false]);
      for (const { lease } of attempts) lease?.release();
    }
  });

  // generic-pool#175, #183, #194, #273, #161, #298, haraka PR#3104: 29,918 attempts in 300 ms
  it('was tried again in a loop as long as it failed', async () => {
    const bench = poolBench({ maxSize: 10 });
    bench.factory.acts.create = FAILS;
    for (let caller = 0; caller < 20; caller += 1) bench.ask({ timeoutMs: 60_000 });
    await bench.clock.advance(300);
    expect(bench.factory.count('create')).toBeLessThanOrEqual(8);
    await bench.clock.advance(59_700);
    expect(bench.factory.count('create')).toBeLessThanOrEqual(30);
  });

  // generic-pool#161, sequelize-pool PR#44: attempts that never ended wedged three pools for good
  it('never began again after attempts that did not end', async () => {
    const bench = poolBench({ maxSize: 2, connectTimeoutMs: 1_000 });
    bench.factory.next.create = [
      { ...NEVER, isDeaf: true },
      { ...NEVER, isDeaf: true },
    ];
    const attempts = [bench.ask(), bench.ask(), bench.ask()];
    await bench.clock.advance(2_000);
    expect(attempts.slice(0, 2).map(({ lease }) => lease?.isReleased)).toEqual([false, false]);
    attempts[0]?.lease?.release();
    await bench.clock.settle();
    expect(attempts[2]?.lease?.isReleased).toBe(false);
  });
});

describe('Whoever waits', () => {
  // sequelize-pool PR#44
  it.each<[end: string, act: (bench: PoolBench, held: Lease<FakeResource>) => void]>([
    ['was discarded', (_bench, held) => held.discard()],
    [
      'broke and was released',
      (_bench, held) => {
        held.resource.break();
        held.release();
      },
    ],
    [
      'could not be cleaned',
      (bench, held) => {
        bench.factory.acts.reset = FAILS;
        held.resource.condition = 'dirty';
        held.release();
      },
    ],
    [
      'hung while it was cleaned',
      (bench, held) => {
        bench.factory.acts.reset = NEVER;
        held.resource.condition = 'dirty';
        held.release();
      },
    ],
    [
      'hung while it was closed',
      (bench, held) => {
        bench.factory.acts.close = NEVER;
        held.discard();
      },
    ],
    [
      'was evicted',
      (bench, held) => {
        bench.pool.evict();
        held.release();
      },
    ],
    [
      'went when the pool became smaller and larger again',
      (bench, held) => {
        bench.reconfigure({ maxSize: 1 });
        held.release();
        bench.reconfigure({ maxSize: 2 });
      },
    ],
  ])('was forgotten when the connection in use %s', async (_end, act) => {
    const bench = poolBench({ maxSize: 1 });
    const held = await bench.lend();
    const attempts: Attempt[] = [bench.ask(), bench.ask()];
    act(bench, held);
    await bench.clock.advance(6_000);
    expect(attempts[0]?.lease?.isReleased).toBe(false);
    attempts[0]?.lease?.release();
    await bench.clock.settle();
    expect(attempts[1]?.lease?.isReleased).toBe(false);
  });

  // slonik#719, #627
  it('stood behind the cleaning of a connection that nobody needed any more', async () => {
    const bench = poolBench({ maxSize: 2 });
    const [dirty, clean] = [await bench.lend(), await bench.lend()];
    bench.factory.acts.reset = slow(3_000);
    dirty.resource.condition = 'dirty';
    dirty.release();
    clean.release();
    const waiting = bench.ask();
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(2);
    waiting.lease?.release();
    // A clean one is never cleaned.
    expect(bench.factory.count('reset')).toBe(1);
    await bench.clock.advance(3_000);
    expect(bench.pool.stats()).toMatchObject({ idle: 2, resetting: 0 });
  });
});

describe('A process that stands still', () => {
  // node-postgres#2718, #2112, #2243, knex#3636
  it('(a frozen Lambda, a closed laptop) woke up to dead connections and to callers who had timed out asleep', async () => {
    const bench = poolBench({ maxSize: 2 });
    void bench.pool.start();
    await bench.warmUp(2);
    const held = await bench.lend();
    const other = await bench.lend();
    const waiting = bench.ask({ timeoutMs: 5_000 });
    await bench.clock.advance(100);
    bench.clock.freeze(HOUR_MS);
    await bench.clock.advance(1);
    expect(waiting.at).toBeUndefined();
    // What was in use is as dead as the rest, and says so at its next word.
    for (const lease of [held, other]) {
      lease.resource.break();
      lease.release();
    }
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(3);
    waiting.lease?.release();
    bench.clock.leapWall(HOUR_MS);
    bench.factory.next.validate = [NEVER];
    // Used all the time, it is asked all the same, once the leap was noticed.
    const calls: Attempt[] = [];
    for (let call = 0; call < 30; call += 1) {
      const attempt = bench.ask();
      calls.push(attempt);
      void attempt.promise.then((lease) => lease.release());
      await bench.clock.advance(100);
    }
    expect(calls.map(({ error }) => error)).toEqual(calls.map(() => undefined));
    expect(bench.factory.count('validate')).toBe(1);
    expect(bench.factory.made.map(({ isDestroyed }) => isDestroyed)).toEqual([true, true, true, false]);
  });
});
