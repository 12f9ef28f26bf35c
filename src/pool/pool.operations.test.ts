import { describe, expect, it } from 'vitest';
import { FAILS, slow } from '../../test/fakes/fake-resources.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';

checkLeftovers();

describe('Pool.suspend', () => {
  it('lends nothing, neither what rests nor what comes back, and creates nothing', async () => {
    const bench = poolBench({ minIdle: 2 });
    void bench.pool.start();
    await bench.clock.settle();
    const held = await bench.lend();
    bench.pool.suspend();
    const waiting = [bench.ask(), bench.ask(), bench.ask()];
    held.release();
    await bench.clock.advance(5_000);
    expect(waiting.map(({ at }) => at)).toEqual([undefined, undefined, undefined]);
    expect(bench.pool.stats()).toMatchObject({ isSuspended: true, idle: 2, inUse: 0, waiting: 3, creating: 0 });
    expect(bench.factory.count('create')).toBe(2);
  });

  it('lets everything that was lent go on, and what was being made rest', async () => {
    const bench = poolBench({ maxSize: 2 });
    const held = await bench.lend();
    bench.factory.acts.create = slow(100);
    const waiting = bench.ask();
    bench.pool.suspend();
    await bench.clock.advance(100);
    expect([held.isReleased, waiting.at]).toEqual([false, undefined]);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, inUse: 1, waiting: 1 });
  });

  it('lets callers wait until their own deadline, with a message that says why', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    bench.pool.suspend();
    const waiting = bench.ask({ timeoutMs: 500 });
    await bench.clock.advance(500);
    expect(waiting).toMatchObject({ at: 500, error: { code: 'TIMEOUT', phase: 'acquire' } });
    expect(String(waiting.error)).toContain('the pool is suspended');
  });

  it('refuses callers as ever when the line is full', async () => {
    const bench = poolBench({ maxWaiting: 1 });
    bench.pool.suspend();
    const [, second] = [bench.ask(), bench.ask()];
    await bench.clock.settle();
    expect(second.error).toMatchObject({ code: 'POOL_EXHAUSTED' });
  });

  it('ends with `resume`: the line is served at once, in order, and what is missing is made', async () => {
    const bench = poolBench({ maxSize: 3 });
    await bench.warmUp(1);
    bench.pool.suspend();
    const waiting = [bench.ask(), bench.ask({ priority: 'high' })];
    bench.pool.resume();
    await bench.clock.settle();
    expect(waiting.map(({ lease }) => lease?.entry.id)).toEqual([2, 1]);
  });

  it('tells once that it began and once that it ended, however often it is called', async () => {
    const bench = poolBench();
    bench.pool.resume();
    bench.pool.suspend();
    bench.pool.suspend();
    bench.pool.resume();
    bench.pool.resume();
    expect(bench.facts.map(({ name }) => name)).toEqual(['pool:suspended', 'pool:resumed']);
  });

  it('does not keep the pool from closing', async () => {
    const bench = poolBench();
    await bench.warmUp(2);
    bench.pool.suspend();
    const waiting = bench.ask();
    void bench.pool.close(bench.clock.now());
    await bench.clock.settle();
    expect(waiting.error).toMatchObject({ code: 'RUNTIME_CLOSED' });
    bench.pool.resume();
    bench.pool.suspend();
    expect(bench.pool.stats().total).toBe(0);
  });
});

describe('Pool.evict', () => {
  it('closes one at once when it is idle, and answers one', async () => {
    const bench = poolBench();
    await bench.warmUp(2);
    expect(bench.pool.evict(1)).toBe(1);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, total: 1 });
    await bench.clock.settle();
    expect(bench.names('connection:closed')).toMatchObject([{ connectionId: 1, reason: 'evicted' }]);
    expect(bench.names('pool:evicted')).toMatchObject([{ reason: 'asked', count: 1 }]);
    expect([bench.pool.evict(1), bench.pool.evict(99)]).toEqual([0, 0]);
    expect(bench.names('pool:evicted')).toHaveLength(1);
  });

  it('closes one in use when it is released, and does not touch it before', async () => {
    const bench = poolBench({ maxSize: 1 });
    const held = await bench.lend();
    expect(bench.pool.evict(1)).toBe(1);
    const waiting = bench.ask();
    await bench.clock.advance(100);
    expect(held.resource.condition).toBe('clean');
    held.release();
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(2);
    expect(bench.names('connection:closed')).toMatchObject([{ connectionId: 1, reason: 'evicted' }]);
  });

  it('closes one that is being made when it is there, one that is asked or cleaned when that is done', async () => {
    const bench = poolBench({ maxSize: 3 });
    const [asked, cleaned] = [await bench.lend(), await bench.lend()];
    for (const act of ['create', 'validate', 'reset'] as const) bench.factory.acts[act] = slow(100);
    asked.release();
    await bench.clock.advance(1_000);
    const waiting = [bench.ask(), bench.ask()];
    cleaned.resource.condition = 'dirty';
    cleaned.release();
    expect(bench.pool.stats()).toMatchObject({ checking: 1, creating: 1, resetting: 1 });
    expect([1, 2, 3].map((id) => bench.pool.evict(id))).toEqual([1, 1, 1]);
    await bench.clock.advance(100);
    const gone = bench.names('connection:closed').map((fact) => fact['connectionId']);
    expect(new Set(gone)).toEqual(new Set([1, 2, 3]));
    await bench.clock.advance(100);
    expect(waiting.map(({ lease }) => lease?.entry.id)).toEqual([4, 5]);
  });

  it('of all closes the idle at once and the others when they come free, and answers how many', async () => {
    const bench = poolBench({ maxSize: 4 });
    const leases = [await bench.lend(), await bench.lend()];
    await (await bench.lend())[Symbol.asyncDispose]();
    bench.factory.acts.create = slow(100);
    const waiting = [bench.ask(), bench.ask()];
    await bench.clock.settle();
    expect(bench.pool.stats()).toMatchObject({ inUse: 3, creating: 1 });
    waiting[0]?.lease?.release();
    await bench.clock.settle();
    expect(bench.pool.evict()).toBe(4);
    expect(bench.names('pool:evicted')).toMatchObject([{ reason: 'asked', count: 4 }]);
    await bench.clock.advance(100);
    for (const lease of leases) lease.release();
    waiting[1]?.lease?.release();
    await bench.clock.advance(100);
    expect(bench.pool.stats().total).toBe(0);
    expect((await settledAfter(bench, 100)).lease?.entry.id).toBe(5);
  });

  it('of all makes room for new ones, which are not touched', async () => {
    const bench = poolBench({ maxSize: 2 });
    await bench.warmUp(2);
    bench.pool.evict();
    const lease = await bench.lend();
    lease.release();
    await bench.clock.advance(100);
    expect((await bench.lend()).entry.id).toBe(3);
  });

  it('of all may be repeated at any time by those who ask for it', async () => {
    const bench = poolBench();
    for (let round = 1; round <= 3; round += 1) {
      await bench.warmUp(2);
      expect(bench.pool.evict()).toBe(2);
    }
  });

  it('of all is followed by what `minIdle` asks for', async () => {
    const bench = poolBench({ minIdle: 2 });
    void bench.pool.start();
    await bench.clock.settle();
    bench.pool.evict();
    await bench.clock.settle();
    expect(bench.pool.stats()).toMatchObject({ idle: 2, total: 2 });
    expect(bench.factory.made.filter(({ isDestroyed }) => !isDestroyed).map(({ id }) => id)).toEqual([3, 4]);
  });
});

describe('Pool, what one resource says about the others', () => {
  it('`validate` lets each of them prove itself before it is lent again', async () => {
    const bench = poolBench();
    await bench.warmUp(3);
    await bench.clock.advance(10);
    bench.factory.made[0]?.doubtSiblings('validate');
    expect(bench.pool.stats()).toMatchObject({ idle: 3, total: 3 });
    await bench.clock.advance(10);
    bench.factory.next.validate.push(FAILS, FAILS, FAILS);
    const waiting = bench.ask();
    await bench.clock.advance(301);
    expect(waiting.lease?.entry.id).toBeLessThan(3);
    expect(bench.names('connection:closed')).toMatchObject([{ connectionId: 3, reason: 'validation-failed' }]);
    expect(bench.names('pool:evicted')).toEqual([]);
  });

  it('`validate` asks each once: who has proved itself since is trusted', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    bench.factory.made[0]?.doubtSiblings('validate');
    await bench.clock.advance(1);
    for (let times = 1; times <= 3; times += 1) (await bench.lend()).release();
    expect(bench.factory.count('validate')).toBe(1);
  });

  it('`evict` closes all that were made before, the idle at once and the others when they come free', async () => {
    const bench = poolBench({ maxSize: 5 });
    await bench.warmUp(3);
    const held = await bench.lend();
    held.resource.doubtSiblings('evict');
    await bench.clock.settle();
    expect(bench.pool.stats()).toMatchObject({ idle: 0, inUse: 1 });
    expect(bench.names('pool:evicted')).toMatchObject([{ reason: 'siblings', count: 3 }]);
    held.release();
    await bench.clock.settle();
    expect(bench.pool.stats().total).toBe(0);
  });

  it('`evict` is not heeded from one of an earlier generation: it was said already', async () => {
    const bench = poolBench({ maxSize: 5 });
    const [first, second] = [await bench.lend(), await bench.lend()];
    first.resource.doubtSiblings('evict');
    await bench.clock.advance(120_000);
    const third = await bench.lend();
    second.resource.doubtSiblings('evict');
    first.resource.doubtSiblings('evict');
    third.release();
    expect(bench.pool.stats().idle).toBe(1);
    expect(bench.names('pool:evicted')).toHaveLength(1);
  });

  it('`evict` is not heeded twice within 60 s, and then the others prove themselves all the same', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    bench.factory.made[0]?.doubtSiblings('evict');
    await bench.warmUp(2);
    await bench.clock.advance(59_999);
    for (const lease of [await bench.lend(), await bench.lend()]) lease.release();
    const asked = bench.factory.count('validate');
    bench.factory.made[1]?.doubtSiblings('evict');
    expect(bench.pool.stats().idle).toBe(2);
    await bench.clock.advance(1);
    (await bench.lend()).release();
    expect(bench.factory.count('validate')).toBe(asked + 1);
    bench.factory.made[1]?.doubtSiblings('evict');
    expect(bench.pool.stats().idle).toBe(0);
    expect(bench.names('pool:evicted')).toHaveLength(2);
  });

  it('`evict` is heeded at once after somebody asked for it, if that is 60 s ago', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    bench.pool.evict();
    await bench.warmUp(1);
    bench.factory.made[1]?.doubtSiblings('evict');
    expect(bench.pool.stats().idle).toBe(1);
    await bench.clock.advance(60_000);
    bench.factory.made[1]?.doubtSiblings('evict');
    expect(bench.pool.stats().idle).toBe(0);
  });
});

/** Asks, lets `ms` pass, and answers how it went. */
async function settledAfter(bench: ReturnType<typeof poolBench>, ms: number): Promise<ReturnType<typeof bench.ask>> {
  const attempt = bench.ask();
  await bench.clock.advance(ms);
  return attempt;
}
