import { describe, expect, it } from 'vitest';
import { FAILS, NEVER, slow } from '../../test/fakes/fake-resources.js';
import { checkLeftovers, poolBench, POOL_CONFIG } from '../../test/fakes/pool-bench.js';

checkLeftovers();

describe('Pool, validating', () => {
  it('asks nothing of a resource used within the bypass window', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    await bench.clock.advance(500);
    await bench.lend();
    expect(bench.factory.count('validate')).toBe(0);
  });

  it('asks a resource that rested longer, and lends it when it answers', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    await bench.clock.advance(501);
    bench.factory.next.validate.push(slow(20));
    const waiting = bench.ask();
    await bench.clock.advance(20);
    expect(bench.factory.log).toEqual(['create 1', 'validate 1']);
    expect(waiting.lease?.entry.id).toBe(1);
  });

  it('asks nothing at all with validation off', async () => {
    const bench = poolBench({ validation: false });
    await bench.warmUp(1);
    await bench.clock.advance(3_600_000);
    await bench.lend();
    expect(bench.factory.log).toEqual(['create 1']);
  });

  it('replaces a resource that says no three times, and the borrower does not notice', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = FAILS;
    const waiting = bench.ask();
    // Pauses of 100 ms and 200 ms between the three questions.
    await bench.clock.advance(299);
    expect(bench.factory.count('validate')).toBe(3 - 1);
    await bench.clock.advance(1);
    expect(bench.factory.log).toEqual(['create 1', 'validate 1', 'validate 1', 'validate 1', 'destroy 1', 'create 2']);
    expect(waiting.lease?.entry.id).toBe(2);
    expect(bench.names('connection:closed')[0]).toMatchObject({ connectionId: 1, reason: 'validation-failed' });
  });

  it('lends a resource that says no once and then yes', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.next.validate.push(FAILS);
    const waiting = bench.ask();
    await bench.clock.advance(100);
    expect(waiting.lease?.entry.id).toBe(1);
  });

  it('asks only once when there is no answer at all', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = NEVER;
    const waiting = bench.ask();
    await bench.clock.advance(1_001);
    expect(bench.factory.count('validate')).toBe(1);
    expect(waiting.lease?.entry.id).toBe(2);
  });

  it('costs a caller one proof of life and one connect when a whole pool is behind a cut cable', async () => {
    const bench = poolBench({ maxSize: 10 });
    await bench.warmUp(10);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = NEVER;
    bench.factory.acts.create = slow(50);
    const waiting = bench.ask();
    await bench.clock.advance(1_051);
    expect(waiting.lease?.entry.id).toBe(11);
  });

  it('opens nothing beside a proof of life once one has succeeded again', async () => {
    const bench = poolBench({ maxSize: 10 });
    await bench.warmUp(3);
    await bench.clock.advance(1_000);
    bench.factory.next.validate.push(NEVER, slow(10));
    bench.factory.acts.create = slow(50);
    bench.ask();
    await bench.clock.advance(1_051);
    expect(bench.factory.count('create')).toBe(4);
    bench.factory.acts.validate = slow(10);
    await bench.clock.advance(1_000);
    const waiting = bench.ask();
    await bench.clock.advance(20);
    expect(waiting.lease).toBeDefined();
    expect(bench.factory.count('create')).toBe(4);
  });

  it('asks as many resources as callers wait, and no more', async () => {
    const bench = poolBench({ maxSize: 5 });
    await bench.warmUp(5);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = slow(10);
    bench.ask();
    bench.ask();
    expect(bench.pool.stats()).toMatchObject({ checking: 2, idle: 3, creating: 0 });
    await bench.clock.advance(10);
    expect(bench.pool.stats()).toMatchObject({ checking: 0, inUse: 2, idle: 3 });
  });

  it('lends nothing that stopped being clean while it was asked', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = slow(10);
    const waiting = bench.ask();
    const [resource] = bench.factory.made;
    if (resource !== undefined) resource.condition = 'dirty';
    await bench.clock.advance(10);
    expect(waiting.lease?.entry.id).toBe(2);
  });

  it('asks no further question of a resource that was lost between two', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = FAILS;
    const waiting = bench.ask();
    await bench.clock.advance(50);
    bench.factory.made[0]?.break();
    await bench.clock.settle();
    expect(bench.clock.pendingTimers.filter((timer) => timer.keepAlive)).toEqual([]);
    await bench.clock.advance(1_000);
    expect(bench.factory.count('validate')).toBe(1);
    expect(waiting.lease?.entry.id).toBe(2);
  });

  it('keeps the deadline of the caller while a resource is asked', async () => {
    const bench = poolBench({ validation: { ...POOL_CONFIG.validation, timeoutMs: 5_000 } as never, maxSize: 1 });
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = NEVER;
    bench.factory.acts.create = NEVER;
    const waiting = bench.ask({ timeoutMs: 300 });
    await bench.clock.advance(301);
    expect(waiting.error).toMatchObject({ code: 'TIMEOUT', phase: 'acquire' });
    expect(String(waiting.error)).toContain('1 connecting');
  });

  it('spends half of what the caller has left on one dead resource, and the rest on a new one', async () => {
    const bench = poolBench({ validation: { ...POOL_CONFIG.validation, timeoutMs: 5_000 } as never, maxSize: 1 });
    await bench.warmUp(1);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = NEVER;
    const waiting = bench.ask({ timeoutMs: 300 });
    await bench.clock.advance(151);
    expect(waiting.lease?.entry.id).toBe(2);
  });
});
