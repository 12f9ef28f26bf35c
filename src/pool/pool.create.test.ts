import { describe, expect, it } from 'vitest';
import { ConnectionError } from '../errors/connection-error.js';
import { FAILS, NEVER, OK, refused, slow, wrongPassword } from '../../test/fakes/fake-resources.js';
import type { PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';

checkLeftovers();

const largest: () => number = () => 1;

describe('Pool, creating', () => {
  it('makes at most `maxCreating` at once, and never more than there are waiters', async () => {
    const bench = poolBench({ maxSize: 10, maxCreating: 3 });
    bench.factory.acts.create = slow(100);
    bench.ask();
    expect(bench.pool.stats().creating).toBe(1);
    for (let index = 0; index < 9; index += 1) bench.ask();
    expect(bench.pool.stats().creating).toBe(3);
    await bench.clock.advance(100);
    expect(bench.pool.stats()).toMatchObject({ creating: 3, inUse: 3, waiting: 7 });
  });

  it('sends one prober at a time while the database fails', async () => {
    const bench = poolBench({ maxSize: 10, maxCreating: 4 }, largest);
    bench.factory.acts.create = { end: 'error', afterMs: 50 };
    for (let index = 0; index < 8; index += 1) bench.ask();
    expect(bench.pool.stats().creating).toBe(4);
    await bench.clock.advance(50);
    for (let step = 0; step < 200; step += 1) {
      await bench.clock.advance(10);
      expect(bench.pool.stats().creating).toBeLessThanOrEqual(1);
    }
  });

  it('waits 10 ms, 20 ms, 40 ms … up to 800 ms between attempts while the outage is young, then 5 s, less the jitter', async () => {
    const most = [10, 20, 40, 80, 160, 320, 640, 800, 800, 800, 800, 800, 800, 5_000];
    expect((await pauses(largest)).slice(0, 14)).toEqual(most);
    expect((await pauses(() => 0)).slice(0, 8)).toEqual(most.slice(0, 8).map((ms) => ms * 0.8));
    expect((await pauses(() => 0)).at(-1)).toBe(4_000);
  });

  it.each([0, 0.5, 1 - Number.EPSILON])(
    'makes at most 30 attempts in an outage of a minute (jitter %f)',
    async (jitter) => {
      const bench = poolBench({}, () => jitter);
      bench.factory.acts.create = FAILS;
      for (let second = 0; second < 60; second += 1) {
        for (let caller = 0; caller < 64; caller += 1) bench.ask({ timeoutMs: 500 });
        await bench.clock.advance(1_000);
      }
      expect(bench.factory.count('create')).toBeLessThanOrEqual(30);
      expect(bench.factory.count('create')).toBeGreaterThan(15);
    },
  );

  it('forgets the failures with the first success', async () => {
    const bench = poolBench({}, largest);
    bench.factory.next.create.push(FAILS, FAILS, OK, FAILS);
    (await settled(bench, 100)).lease?.discard();
    bench.ask();
    await bench.clock.settle();
    expect(bench.names('connection:create-failed').map((fact) => fact['retryInMs'])).toEqual([10, 20, 10]);
    await bench.clock.advance(10);
  });

  it('does not sit out the pause of a failed attempt after another one has succeeded', async () => {
    const bench = poolBench({ maxSize: 5 });
    bench.factory.next.create.push({ end: 'error', error: wrongPassword(), afterMs: 1 }, slow(2));
    const waiting = [bench.ask(), bench.ask(), bench.ask()];
    await bench.clock.advance(10);
    expect(waiting.map((attempt) => attempt.lease?.entry.id)).toEqual([2, 3, 4]);
  });

  it('ends an attempt at its own timeout, and destroys what it still brings', async () => {
    const bench = poolBench({ connectTimeoutMs: 100 });
    bench.factory.next.create.push({ end: 'ok', afterMs: 500, isDeaf: true });
    const waiting = bench.ask();
    await bench.clock.advance(101);
    expect(bench.names('connection:create-failed')[0]).toMatchObject({ error: { code: 'TIMEOUT', phase: 'connect' } });
    await bench.clock.advance(1_000);
    expect(waiting.lease?.entry.id).toBe(2);
    expect(bench.factory.made.map(({ id, isDestroyed }) => [id, isDestroyed])).toEqual([
      [2, false],
      [1, true],
    ]);
  });

  it('hears nothing of a fenced resource that breaks later', async () => {
    const bench = poolBench({ connectTimeoutMs: 100 });
    bench.factory.next.create.push({ end: 'ok', afterMs: 500, isDeaf: true, isStillborn: true });
    bench.ask();
    await bench.clock.advance(1_000);
    expect(bench.names('connection:lost')).toEqual([]);
  });

  it('frees the place of an attempt that never ends', async () => {
    const bench = poolBench({ maxSize: 1, connectTimeoutMs: 100 });
    bench.factory.next.create.push(NEVER);
    const waiting = bench.ask();
    await bench.clock.advance(200);
    expect(waiting.lease?.entry.id).toBe(2);
  });

  it('pauses between attempts when the server accepts and hangs up at once', async () => {
    const bench = poolBench({}, largest);
    bench.factory.acts.create = { end: 'ok', isStillborn: true };
    const waiting = bench.ask({ timeoutMs: 1_000 });
    await bench.clock.advance(1_001);
    expect(bench.factory.count('create')).toBe(7);
    expect(waiting.error).toBeInstanceOf(ConnectionError);
    expect(waiting.error).toMatchObject({ reason: 'lost' });
    expect(bench.factory.alive).toBe(0);
    expect(bench.names('connection:lost')).toEqual([]);
    expect(bench.names('connection:created')).toEqual([]);
  });

  it('keeps no corpse among the idle when a newborn breaks with nobody waiting', async () => {
    const bench = poolBench();
    bench.factory.next.create.push({ end: 'ok', afterMs: 10, isStillborn: true });
    const abort = new AbortController();
    bench.ask({ signal: abort.signal });
    abort.abort();
    await bench.clock.advance(10);
    expect(bench.pool.stats()).toMatchObject({ idle: 0, total: 0 });
  });

  it('tries again by itself for as long as somebody waits, and not after', async () => {
    const bench = poolBench({}, largest);
    bench.factory.acts.create = FAILS;
    bench.ask({ timeoutMs: 100 });
    await bench.clock.advance(101);
    const { length } = bench.factory.log;
    expect(length).toBe(4);
    await bench.clock.advance(20_000);
    expect(bench.factory.log).toHaveLength(length);
  });

  it('serves callers with what lives while attempts fail', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    bench.factory.acts.create = FAILS;
    const waiting = bench.ask();
    await bench.clock.advance(30);
    held.release();
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(1);
  });
});

describe('Pool.acquire with failFast', () => {
  it('rejects with the first failure, for those who asked for it only', async () => {
    const bench = poolBench();
    const error = refused();
    bench.factory.next.create.push({ end: 'error', error, afterMs: 5 });
    const patient = bench.ask();
    const hasty = bench.ask({ failFast: true });
    await bench.clock.advance(100);
    expect(hasty.error).toBe(error);
    expect(hasty.at).toBe(5);
    expect(patient.lease).toBeDefined();
  });

  it('makes an attempt of its own at once instead of waiting for the pause', async () => {
    const bench = poolBench({}, largest);
    bench.factory.acts.create = { end: 'error', error: wrongPassword() };
    await settled(bench, 0);
    bench.factory.acts.create = OK;
    expect((await bench.lend({ failFast: true })).entry.id).toBe(2);
  });

  it('leaves the line with a scheduled attempt when it is itself refused for a full line', async () => {
    const bench = poolBench({ maxWaiting: 1 }, largest);
    bench.factory.next.create.push(FAILS, FAILS);
    const waiting = bench.ask();
    await bench.clock.settle();
    const hasty = bench.ask({ failFast: true });
    await bench.clock.settle();
    expect(hasty.error).toMatchObject({ code: 'POOL_EXHAUSTED' });
    await bench.clock.advance(50);
    expect(waiting.lease).toBeDefined();
  });
});

describe('Pool, hopeless', () => {
  it('rejects everybody at once when nothing lives and trying again would not help', async () => {
    const bench = poolBench();
    bench.factory.acts.create = { end: 'error', error: wrongPassword(), afterMs: 20 };
    const waiting = [bench.ask(), bench.ask(), bench.ask()];
    await bench.clock.advance(20);
    for (const attempt of waiting) {
      expect(attempt.error).toMatchObject({ code: 'AUTH', retryable: false, outcome: 'not-sent' });
      expect(attempt.at).toBe(20);
    }
  });

  it('tells later callers at once, without another attempt', async () => {
    const bench = poolBench();
    bench.factory.acts.create = { end: 'error', error: wrongPassword() };
    await settled(bench, 0);
    const later = await settled(bench, 0);
    expect(later.error).toMatchObject({ code: 'AUTH' });
    expect(String(later.error)).toContain('password refused (so said the last attempt to connect; no new one was made');
    expect(bench.factory.count('create')).toBe(1);
  });

  it('gives each caller an error of their own', async () => {
    const bench = poolBench();
    bench.factory.acts.create = { end: 'error', error: wrongPassword(), afterMs: 1 };
    const waiting = [bench.ask(), bench.ask()];
    await bench.clock.advance(1);
    const later = await settled(bench, 0);
    const errors = [...waiting, later].map((attempt) => attempt.error as ConnectionError);
    errors.forEach((error, index) => error.fillContext({ queryId: index }));
    expect(errors.map((error) => error.context.queryId)).toEqual([0, 1, 2]);
  });

  it('finds out anew after a while: the password may have been corrected at the server', async () => {
    const bench = poolBench();
    bench.factory.next.create.push({ end: 'error', error: wrongPassword() });
    expect((await settled(bench, 0)).error).toMatchObject({ code: 'AUTH' });
    await bench.clock.advance(4_999);
    expect((await settled(bench, 0)).error).toMatchObject({ code: 'AUTH' });
    await bench.clock.advance(1);
    expect((await settled(bench, 0)).lease).toBeDefined();
  });

  it('lets a living connection go on serving, and waiters wait for it', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    bench.factory.acts.create = { end: 'error', error: wrongPassword() };
    const waiting = bench.ask();
    await bench.clock.advance(1_000);
    expect(waiting.at).toBeUndefined();
    held.release();
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(1);
  });

  it('rejects those who wait when the last living connection goes', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    bench.factory.acts.create = { end: 'error', error: wrongPassword() };
    const waiting = bench.ask();
    await bench.clock.advance(1_000);
    held.discard();
    await bench.clock.settle();
    expect(waiting.error).toMatchObject({ code: 'AUTH' });
    expect(waiting.at).toBe(1_000);
  });

  it('waits for the attempt still under way before it gives up', async () => {
    const bench = poolBench();
    bench.factory.next.create.push({ end: 'error', error: wrongPassword(), afterMs: 5 }, slow(50));
    const waiting = [bench.ask(), bench.ask()];
    await bench.clock.advance(60);
    expect(waiting.map((attempt) => attempt.lease?.entry.id)).toEqual([2, 3]);
  });
});

/** Asks, lets `ms` pass, and answers how it went. */
async function settled(bench: PoolBench, ms: number): Promise<ReturnType<PoolBench['ask']>> {
  const attempt = bench.ask();
  await bench.clock.advance(ms);
  return attempt;
}

/** The pauses between attempts during a long outage. */
async function pauses(random: () => number): Promise<unknown[]> {
  const bench = poolBench({}, random);
  bench.factory.acts.create = FAILS;
  bench.ask({ timeoutMs: 60_000 });
  await bench.clock.advance(17_000);
  const failures = bench.names('connection:create-failed').map((fact) => fact['retryInMs']);
  return failures;
}
