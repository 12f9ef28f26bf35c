import { describe, expect, it } from 'vitest';
import { NEVER, slow } from '../../test/fakes/fake-resources.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import type { PoolConfig } from './pool-options.js';

checkLeftovers();

/** A pool in which so many statements may be in flight on one connection. */
const sharing = (config: Partial<PoolConfig>, depth = 4) =>
  poolBench(config, undefined, { depth: () => depth, maxStatementMs: 5, statementMs: () => 0.1 });

const SHORT = { lane: 'short' } as const;

describe('Pool, shared leases', () => {
  it('gives short statements idle connections first, and lets them join when there is none', async () => {
    const bench = sharing({ maxSize: 2 });
    await bench.warmUp(1);
    const first = await bench.lend(SHORT);
    const second = await bench.lend(SHORT);
    expect([first.isShared, second.isShared, first.entry.id === second.entry.id]).toEqual([true, true, false]);
    const others = [await bench.lend(SHORT), await bench.lend(SHORT), await bench.lend(SHORT)];
    expect(others.map(({ entry }) => entry.id)).toEqual([first.entry.id, second.entry.id, first.entry.id]);
    expect(bench.pool.stats()).toMatchObject({ inUse: 2, sharing: 2, sharedLeases: 5, waiting: 0 });
    expect(bench.pool.stats().totals).toMatchObject({ joined: 3 });
  });

  it('lends one without a promise while all connections are shared', async () => {
    const bench = sharing({ maxSize: 1 });
    const first = await bench.lend(SHORT);
    const second = bench.pool.tryAcquire({ ...SHORT, deadlineAt: Infinity }, bench.clock.now());
    expect(second?.entry).toBe(first.entry);
    expect(bench.pool.tryAcquire({ deadlineAt: Infinity }, bench.clock.now())).toBeUndefined();
  });

  it('shares nothing where it was not told to, whatever lane a caller stands in', async () => {
    const bench = poolBench({ maxSize: 1 });
    const first = await bench.lend(SHORT);
    expect(first.isShared).toBe(false);
    const second = bench.ask(SHORT);
    await bench.clock.settle();
    expect(second.lease).toBeUndefined();
    first.release();
  });

  it('puts no more on a connection than its depth, and serves those beyond in order', async () => {
    const bench = sharing({ maxSize: 1 }, 2);
    const first = await bench.lend(SHORT);
    await bench.lend(SHORT);
    const [third, fourth] = [bench.ask(SHORT), bench.ask(SHORT)];
    await bench.clock.settle();
    expect([third.lease, fourth.lease]).toEqual([undefined, undefined]);
    first.release();
    await bench.clock.settle();
    expect([third.lease?.entry.id, fourth.lease]).toEqual([first.entry.id, undefined]);
  });

  it('takes a connection for free when the last of its statements has ended, and not before', async () => {
    const bench = sharing({ maxSize: 1 });
    const [first, second] = [await bench.lend(SHORT), await bench.lend(SHORT)];
    first.release();
    expect(bench.pool.stats()).toMatchObject({ idle: 0, inUse: 1, sharedLeases: 1 });
    first.release();
    expect(bench.pool.stats()).toMatchObject({ idle: 0, inUse: 1, sharedLeases: 1 });
    second.release();
    expect(bench.pool.stats()).toMatchObject({ idle: 1, inUse: 0, sharing: 0, sharedLeases: 0 });
  });

  it('waits for a connection that is being made rather than join, but for those beyond it', async () => {
    const bench = sharing({ maxSize: 2, maxCreating: 1 });
    await bench.lend(SHORT);
    bench.factory.acts.create = slow(50);
    const second = bench.ask(SHORT);
    await bench.clock.settle();
    expect([second.lease, bench.pool.stats().creating]).toEqual([undefined, 1]);
    const third = bench.ask(SHORT);
    await bench.clock.settle();
    // Whoever came first joins; the newcomer waits in its place.
    expect([second.lease?.entry.id, third.lease]).toEqual([1, undefined]);
    await bench.clock.advance(50);
    expect(third.lease?.entry.id).toBe(2);
  });

  it('keeps a connection from being joined for a transaction that waits, and hands it over when it is empty', async () => {
    const bench = sharing({ maxSize: 1 });
    const first = await bench.lend(SHORT);
    const transaction = bench.ask();
    const later = bench.ask(SHORT);
    await bench.clock.settle();
    expect([transaction.lease, later.lease, bench.pool.stats().reserved]).toEqual([undefined, undefined, 1]);
    first.release();
    await bench.clock.settle();
    expect([transaction.lease?.isShared, later.lease, bench.pool.stats().reserved]).toEqual([false, undefined, 0]);
    transaction.lease?.release();
    await bench.clock.settle();
    expect(later.lease?.isShared).toBe(true);
  });

  it('lets those join what comes free who came before whoever wants it alone, and nobody after', async () => {
    const bench = sharing({ maxSize: 1 });
    const held = await bench.lend();
    const [first, second] = [bench.ask(SHORT), bench.ask(SHORT)];
    await bench.clock.advance(1);
    const [transaction, later] = [bench.ask(), bench.ask(SHORT)];
    held.release();
    await bench.clock.settle();
    const served = [first, second, transaction, later].map(({ lease }) => lease !== undefined);
    expect(served).toEqual([true, true, false, false]);
    first.lease?.release();
    second.lease?.release();
    await bench.clock.settle();
    expect([transaction.lease?.isShared, later.lease]).toEqual([false, undefined]);
  });

  it('lets statements join again when whoever wanted the connection alone has left', async () => {
    const bench = sharing({ maxSize: 1 });
    await bench.lend(SHORT);
    const transaction = bench.ask({ timeoutMs: 100 });
    const statement = bench.ask(SHORT);
    await bench.clock.advance(100);
    expect(transaction.error).toMatchObject({ code: 'TIMEOUT', phase: 'acquire' });
    expect([statement.lease?.entry.id, statement.at]).toEqual([1, 100]);
  });

  it('keeps another connection when the one it kept has stopped moving', async () => {
    const bench = sharing({ maxSize: 2 });
    await bench.warmUp(2);
    const stuck = await bench.lend(SHORT);
    const [moving, beside] = [await bench.lend(SHORT), await bench.lend(SHORT)];
    await bench.lend(SHORT);
    expect(moving.entry).not.toBe(stuck.entry);
    const transaction = bench.ask();
    stuck.resource.isShareable = false;
    bench.pool.evict(99);
    for (const lease of [beside, moving]) lease.release();
    const last = bench.ask({ timeoutMs: 10 });
    await bench.clock.advance(10);
    expect(last.error).toMatchObject({ code: 'TIMEOUT' });
    expect(bench.pool.stats().reserved).toBe(1);
    expect(transaction.lease).toBeUndefined();
  });

  it('has nobody join what says that it cannot take one more, until one of its statements has ended', async () => {
    const bench = sharing({ maxSize: 1 });
    const [first] = [await bench.lend(SHORT), await bench.lend(SHORT)];
    first.resource.isShareable = false;
    const third = bench.ask(SHORT);
    await bench.clock.settle();
    expect(third.lease).toBeUndefined();
    first.resource.isShareable = true;
    first.release();
    await bench.clock.settle();
    expect(third.lease?.entry).toBe(first.entry);
  });

  it('closes a connection that one of several discarded when the last has ended, and has nobody join it', async () => {
    const bench = sharing({ maxSize: 1 });
    const [first, second] = [await bench.lend(SHORT), await bench.lend(SHORT)];
    first.discard('broken protocol');
    const third = bench.ask(SHORT);
    await bench.clock.settle();
    expect([third.lease, second.isReleased]).toEqual([undefined, false]);
    second.release();
    await bench.clock.settle();
    expect(bench.names('connection:closed')).toMatchObject([{ connectionId: 1, reason: 'discarded' }]);
    expect(third.lease?.entry.id).toBe(2);
  });

  it('lets a connection that was told to go end its statements, and puts no further ones on it', async () => {
    const bench = sharing({ maxSize: 1 });
    const first = await bench.lend(SHORT);
    bench.pool.evict();
    const second = bench.ask(SHORT);
    await bench.clock.settle();
    expect(second.lease).toBeUndefined();
    first.release();
    await bench.clock.settle();
    expect(second.lease?.entry.id).toBe(2);
  });

  it('empties as many connections as are too many when it is made smaller under load', async () => {
    const bench = sharing({ maxSize: 3 });
    await bench.warmUp(3);
    const leases = [await bench.lend(SHORT), await bench.lend(SHORT), await bench.lend(SHORT)];
    bench.reconfigure({ maxSize: 1, maxIdle: 1 });
    const joined = [await bench.lend(SHORT), await bench.lend(SHORT)];
    expect(new Set(joined.map(({ entry }) => entry.id)).size).toBe(1);
    for (const lease of leases) lease.release();
    await bench.clock.settle();
    expect(bench.pool.stats()).toMatchObject({ total: 1, inUse: 1, sharedLeases: 2 });
  });

  it('cleans what the last statement left dirty, whoever had made it so', async () => {
    const bench = sharing({ maxSize: 1 });
    const [first, second] = [await bench.lend(SHORT), await bench.lend(SHORT)];
    first.resource.condition = 'dirty';
    first.release();
    expect(bench.factory.count('reset')).toBe(0);
    second.release();
    await bench.clock.settle();
    expect([bench.factory.count('reset'), bench.pool.stats().idle]).toEqual([1, 1]);
  });

  it('is one connection at work for whoever counts them, until it is free, however many join it', async () => {
    const bench = sharing({ maxSize: 1 });
    const [first, second] = [await bench.lend(SHORT), await bench.lend(SHORT)];
    const free: string[] = [];
    first.tellWhenFree({ onResourceFree: () => free.push('first') });
    second.tellWhenFree({ onResourceFree: () => free.push('second') });
    expect(free).toEqual(['second']);
    first.release();
    expect(free).toEqual(['second']);
    second.release();
    expect(free).toEqual(['second', 'first']);
  });

  it('is at work until it has been cleaned', async () => {
    const bench = sharing({ maxSize: 1 });
    const lease = await bench.lend(SHORT);
    const free: string[] = [];
    lease.tellWhenFree({ onResourceFree: () => free.push('free') });
    lease.resource.condition = 'dirty';
    lease.release();
    expect(free).toEqual([]);
    await bench.clock.settle();
    expect(free).toEqual(['free']);
  });

  it('takes all statements off their connections at the deadline of a close, and counts each', async () => {
    const bench = sharing({ maxSize: 1 });
    const leases = [await bench.lend(SHORT), await bench.lend(SHORT), await bench.lend(SHORT)];
    let forced: number | undefined;
    void bench.pool.close(bench.clock.now() + 100).then((count) => (forced = count));
    await bench.clock.advance(100);
    expect([forced, leases.map(({ isReleased }) => isReleased)]).toEqual([3, [true, true, true]]);
    expect(bench.names('lease:released')).toHaveLength(3);
  });

  it('says in a timeout how many statements share the connections', async () => {
    const bench = sharing({ maxSize: 1 }, 2);
    for (const lease of [await bench.lend(SHORT), await bench.lend(SHORT)]) expect(lease.isShared).toBe(true);
    const late = bench.ask({ ...SHORT, timeoutMs: 10 });
    await bench.clock.advance(10);
    expect(String(late.error)).toContain('1 in use, 0 idle, 2 statements share 1 of those in use, 1 waiting');
  });

  it('lends nothing beside others while it is suspended', async () => {
    const bench = sharing({ maxSize: 1 });
    await bench.lend(SHORT);
    bench.pool.suspend();
    const second = bench.ask(SHORT);
    await bench.clock.settle();
    expect(second.lease).toBeUndefined();
    bench.pool.resume();
    await bench.clock.settle();
    expect(second.lease?.entry.id).toBe(1);
  });

  it('lets those join who would wait in vain for a connection that cannot be made', async () => {
    const bench = sharing({ maxSize: 2, connectTimeoutMs: 100 });
    await bench.lend(SHORT);
    bench.factory.acts.create = NEVER;
    const second = bench.ask(SHORT);
    await bench.clock.advance(100);
    expect([second.lease?.entry.id, second.at]).toEqual([1, 100]);
  });
});
