/** What went wrong once, each named after what happened. Most of it took a listener that acts, or a bad moment. */
import { describe, expect, it } from 'vitest';
import { FAILS, NEVER, OK, refused, slow, wrongPassword } from '../../test/fakes/fake-resources.js';
import type { PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, POOL_CONFIG, poolBench } from '../../test/fakes/pool-bench.js';
import { LeaseScope } from './lease-scopes.js';
import type { PoolConfig, ValidationConfig } from './pool-options.js';

checkLeftovers();

const VALIDATION = POOL_CONFIG.validation as ValidationConfig;

describe('A listener that acts', () => {
  it.each([
    ['evicts the connection that was lost', (bench: PoolBench, id: number) => void bench.pool.evict(id)],
    ['evicts all', (bench: PoolBench) => void bench.pool.evict()],
    ['acquires, which finds the broken one first', (bench: PoolBench) => void bench.ask()],
  ])('threw out of the loss of a connection when it %s', async (_what, act) => {
    const bench = poolBench();
    await bench.warmUp(1);
    bench.hub.on('connection:lost', ({ connectionId }) => act(bench, connectionId));
    expect(() => bench.factory.made[0]?.break()).not.toThrow();
    await bench.clock.settle();
    expect(bench.names('listener:failed')).toEqual([]);
    expect(bench.names('connection:closed')).toHaveLength(1);
  });

  it('saw sums that did not hold', async () => {
    const bench = poolBench({ leak: { thresholdMs: 1_000, intervalMs: 1_000, stack: false, reclaim: false } });
    const wrong: unknown[] = [];
    const look = () => {
      const { inUse, total, creating, closing, totals } = bench.pool.stats();
      const holds =
        inUse === totals.lent - totals.returned && total - creating + closing === totals.created - totals.closed;
      if (!holds) wrong.push(bench.pool.stats());
    };
    for (const name of ['connection:created', 'connection:closed', 'lease:acquired', 'lease:released'] as const) {
      bench.hub.on(name, look);
    }
    bench.hub.on('lease:leak-resolved', look);
    void bench.pool.start();
    const held = await bench.lend({ holder: 'session' });
    await bench.clock.advance(2_000);
    held.release();
    (await bench.lend()).discard();
    await bench.clock.settle();
    expect(wrong).toEqual([]);
  });

  it.each([
    ['one by its id', (bench: PoolBench) => bench.pool.evict(1)],
    ['all', (bench: PoolBench) => bench.pool.evict()],
  ])('acquired when it heard of the eviction of %s, and got the very one', async (_what, evict) => {
    const bench = poolBench();
    await bench.warmUp(1);
    let asked: ReturnType<PoolBench['ask']> | undefined;
    bench.hub.on('pool:evicted', () => (asked = bench.ask()));
    evict(bench);
    await bench.clock.settle();
    expect(asked?.lease?.entry.id).toBe(2);
    asked?.lease?.release();
  });

  it('acquired when it heard of a newborn, and got one that had been told to go while it was made', async () => {
    const bench = poolBench();
    bench.factory.next.create.push(slow(100));
    const first = bench.ask();
    bench.pool.evict();
    let asked: ReturnType<PoolBench['ask']> | undefined;
    bench.hub.on('connection:created', () => (asked ??= bench.ask({ priority: 'high' })));
    await bench.clock.advance(100);
    expect(bench.names('connection:closed')).toMatchObject([{ connectionId: 1, reason: 'evicted' }]);
    expect([first, asked].map((attempt) => attempt?.lease?.entry.id).sort()).toEqual([2, 3]);
    for (const attempt of [first, asked]) attempt?.lease?.release();
  });

  it('released a leaked lease, and its connection was taken from the next borrower', async () => {
    const leak = { thresholdMs: 1_000, intervalMs: 1_000, stack: false, reclaim: true } as const;
    const bench = poolBench({ maxSize: 1, leak });
    void bench.pool.start();
    const leaked = await bench.lend({ holder: 'session' });
    const innocent = bench.ask({ holder: 'session' });
    bench.hub.on('lease:leak-suspected', () => leaked.release());
    await bench.clock.advance(1_000);
    expect(innocent.lease?.isReleased).toBe(false);
    expect(bench.names('lease:reclaimed')).toEqual([]);
    innocent.lease?.release();
  });
});

describe('A proof of life that took long', () => {
  const long: Partial<PoolConfig> = { validation: { ...VALIDATION, attempts: 10, backoffMs: 1_000 } };

  it('was asked again and again while a caller with room for a new connection timed out', async () => {
    const bench = poolBench(long);
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = FAILS;
    const waiting = bench.ask({ timeoutMs: 4_000 });
    await bench.clock.advance(2_100);
    expect(waiting.lease?.entry.id).toBe(2);
  });

  it('belonged to a keepalive, and a caller counted on its answer', async () => {
    const bench = poolBench({ keepaliveMs: 2_000, validation: { ...VALIDATION, timeoutMs: 30_000 } });
    void bench.pool.start();
    await bench.warmUp(1);
    bench.factory.acts.validate = NEVER;
    await bench.clock.advance(2_000);
    expect(bench.pool.stats().checking).toBe(1);
    const waiting = bench.ask({ timeoutMs: 500 });
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(2);
  });
});

describe('An outage', () => {
  it('was hidden by one broken connection that somebody still held', async () => {
    const bench = poolBench();
    const held = await bench.lend();
    held.resource.break();
    bench.factory.acts.create = FAILS;
    bench.ask({ timeoutMs: 1_500 });
    await bench.clock.advance(2_000);
    expect(bench.pool.stats()).toMatchObject({ breaker: 'open', inUse: 1 });
    const late = bench.ask();
    await bench.clock.settle();
    expect(late.error).toMatchObject({ code: 'CONNECTION', reason: 'refused' });
    held.release();
  });

  it('of a driver that fails in no way it should left the line waiting and the process with an unhandled rejection', async () => {
    const bench = poolBench();
    bench.factory.next.create.push({ end: 'error', error: new TypeError('not of this house') as never });
    const waiting = bench.ask();
    await bench.clock.advance(100);
    expect(bench.names('connection:create-failed')[0]).toMatchObject({
      error: { code: 'CONNECTION', reason: 'protocol' },
    });
    expect(waiting.lease?.entry.id).toBe(2);
  });
});

describe('A process that stood still', () => {
  it('called the answers that lay in its sockets too late, and closed what had answered', async () => {
    const bench = poolBench({ connectTimeoutMs: 1_000 });
    void bench.pool.start();
    bench.factory.acts.create = slow(500);
    const connecting = bench.ask({ failFast: true });
    await bench.clock.settle();
    // The answer came during the freeze, and is read after the deadlines.
    bench.clock.freeze(30_000);
    await bench.clock.advance(600);
    expect(connecting.lease?.entry.id).toBe(1);
    expect(bench.names('connection:create-failed')).toEqual([]);
    connecting.lease?.release();
  });
});

describe('A deadlock', () => {
  it('was not found when a pool was made smaller while one plain lease was still out', async () => {
    const bench = poolBench({ maxSize: 3 });
    const scopes = [new LeaseScope(undefined), new LeaseScope(undefined)];
    for (const scope of scopes) await bench.lend({ holder: 'session', scope });
    const plain = await bench.lend();
    const attempts = scopes.map((scope) => {
      bench.scope = scope;
      return bench.ask({ timeoutMs: 60_000 });
    });
    bench.scope = undefined;
    bench.reconfigure({ maxSize: 2, maxIdle: 2 });
    plain.release();
    await bench.clock.advance(300);
    expect(attempts.filter(({ error }) => error !== undefined)).toMatchObject([{ error: { code: 'NESTED_LEASE' } }]);
  });
});

describe('A warm-up', () => {
  it('that somebody waited for made no attempt after a refused password, and hid it behind its own timeout', async () => {
    const bench = poolBench();
    bench.factory.acts.create = { end: 'error', error: wrongPassword() };
    bench.ask();
    await bench.clock.advance(10);
    const outcome = bench.pool
      .warmUp({ connections: 1, timeoutMs: 30_000, failFast: true })
      .catch((error: unknown) => error);
    await bench.clock.settle();
    expect(await outcome).toMatchObject({ code: 'AUTH' });
  });

  it('ran to its timeout although everything was open, because the pool was suspended or made smaller', async () => {
    const bench = poolBench({ maxSize: 3 });
    await bench.warmUp(2);
    bench.pool.suspend();
    const enough = await bench.pool.warmUp({ connections: 2, timeoutMs: 30_000, failFast: false });
    expect(enough).toMatchObject({ opened: 2, durationMs: 0 });
    const shrunk = bench.pool.warmUp({ connections: 3, timeoutMs: 30_000, failFast: false });
    bench.reconfigure({ maxSize: 2, maxIdle: 2 });
    expect(await shrunk).toMatchObject({ opened: 2 });
    bench.pool.resume();
  });
});

describe('Thousands of connections that broke without a word', () => {
  it('ended the process by recursion when somebody asked for one', async () => {
    const count = 6_000;
    const bench = poolBench({ maxSize: count, maxIdle: count, maxCreating: count, maxWaiting: count });
    await bench.pool.warmUp({ connections: count, timeoutMs: 1_000, failFast: false });
    for (const resource of bench.factory.made) resource.condition = 'broken';
    bench.factory.acts.create = OK;
    bench.pool.suspend();
    const waiting = bench.ask();
    expect(() => bench.pool.resume()).not.toThrow();
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(count + 1);
    expect(bench.names('connection:create-failed').map(({ error }) => error)).not.toContain(refused());
  });
});
