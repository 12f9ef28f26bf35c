import { describe, expect, it } from 'vitest';
import { FAILS, NEVER, slow } from '../../test/fakes/fake-resources.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';

checkLeftovers();

describe('Lease', () => {
  it('releases once: a second release cannot take the resource from its next borrower', async () => {
    const bench = poolBench({ maxSize: 1 });
    const first = await bench.lend();
    first.release();
    const second = await bench.lend();
    first.release();
    first.discard();
    expect(second.isReleased).toBe(false);
    expect(bench.pool.stats()).toMatchObject({ inUse: 1, idle: 0 });
  });

  it('is dead after its release', async () => {
    const bench = poolBench();
    const lease = await bench.lend();
    expect(lease.resource.id).toBe(1);
    lease.release();
    expect(lease.isReleased).toBe(true);
    expect(() => lease.resource).toThrow(
      expect.objectContaining({ code: 'LEASE_RELEASED', context: { connectionId: 1 } }),
    );
  });

  it('is released by `await using`', async () => {
    const bench = poolBench();
    {
      await using lease = await bench.lend();
      expect(lease.resource.id).toBe(1);
    }
    expect(bench.pool.stats()).toMatchObject({ inUse: 0, idle: 1 });
  });

  it('closes what is discarded, gently', async () => {
    const bench = poolBench();
    (await bench.lend()).discard();
    await bench.clock.settle();
    expect(bench.factory.log).toEqual(['create 1', 'close 1', 'destroy 1']);
    expect(bench.pool.stats()).toMatchObject({ total: 0, closing: 0 });
  });

  it('makes room at once for a discarded resource that is long in closing', async () => {
    const bench = poolBench({ maxSize: 1 });
    bench.factory.acts.close = NEVER;
    const held = await bench.lend();
    const waiting = bench.ask();
    held.discard();
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(2);
    expect(bench.pool.stats()).toMatchObject({ closing: 1, total: 1 });
    await bench.clock.advance(2_001);
    expect(bench.pool.stats()).toMatchObject({ closing: 0, total: 1 });
  });
});

describe('Pool, taking back', () => {
  it('cleans a dirty resource off the path of its caller, and lends it to nobody meanwhile', async () => {
    const bench = poolBench({ maxSize: 1 });
    bench.factory.acts.reset = slow(50);
    const lease = await bench.lend();
    lease.resource.condition = 'dirty';
    const waiting = bench.ask();
    lease.release();
    expect(bench.pool.stats()).toMatchObject({ resetting: 1, inUse: 0, idle: 0, waiting: 1 });
    await bench.clock.advance(49);
    expect(waiting.lease).toBeUndefined();
    await bench.clock.advance(1);
    expect(waiting.lease?.entry.id).toBe(1);
    expect(waiting.lease?.resource.condition).toBe('clean');
  });

  it('rests a cleaned resource when nobody waits', async () => {
    const bench = poolBench();
    const lease = await bench.lend();
    lease.resource.condition = 'dirty';
    lease.release();
    await bench.clock.settle();
    expect(bench.pool.stats()).toMatchObject({ idle: 1, resetting: 0 });
    expect(bench.factory.log).toEqual(['create 1', 'reset 1']);
  });

  it.each([
    ['fails', FAILS, 0],
    ['hangs', NEVER, 5_001],
  ])('destroys a resource whose reset %s, and serves the waiter with a new one', async (_how, act, ms) => {
    const bench = poolBench({ maxSize: 1 });
    bench.factory.acts.reset = act;
    const lease = await bench.lend();
    lease.resource.condition = 'dirty';
    lease.release();
    const waiting = bench.ask();
    await bench.clock.advance(ms);
    expect(bench.factory.log).toEqual(['create 1', 'reset 1', 'destroy 1', 'create 2']);
    expect(waiting.lease?.entry.id).toBe(2);
    expect(bench.names('connection:closed')[0]).toMatchObject({ reason: 'reset-failed' });
  });

  it('destroys a resource that a reset leaves dirty', async () => {
    const bench = poolBench();
    const lease = await bench.lend();
    const { resource } = lease;
    bench.factory.acts.reset = slow(10);
    resource.condition = 'dirty';
    lease.release();
    await bench.clock.advance(10);
    resource.condition = 'dirty';
    const again = await bench.lend();
    expect(again.entry.id).toBe(2);
  });

  it('destroys instead of cleaning where that is the policy', async () => {
    const bench = poolBench({ onRelease: 'destroy' });
    const lease = await bench.lend();
    lease.resource.condition = 'dirty';
    lease.release();
    await bench.clock.settle();
    expect(bench.factory.log).toEqual(['create 1', 'destroy 1']);
  });

  it('closes a resource that broke in use when its lease ends, not before', async () => {
    const bench = poolBench();
    const lease = await bench.lend();
    lease.resource.break();
    expect(bench.pool.stats()).toMatchObject({ inUse: 1 });
    expect(bench.names('connection:lost')).toHaveLength(1);
    lease.release();
    expect(bench.pool.stats()).toMatchObject({ inUse: 0, total: 0 });
    expect(bench.factory.log).toEqual(['create 1', 'destroy 1']);
  });

  it('closes a resource that is lost while it is cleaned, at once', async () => {
    const bench = poolBench({ maxSize: 1 });
    bench.factory.acts.reset = NEVER;
    const lease = await bench.lend();
    const { resource } = lease;
    resource.condition = 'dirty';
    lease.release();
    const waiting = bench.ask();
    resource.break();
    await bench.clock.settle();
    expect(waiting.lease?.entry.id).toBe(2);
    expect(bench.timers.size).toBe(0);
  });

  it('survives a factory that throws instead of rejecting', async () => {
    const bench = poolBench();
    const lease = await bench.lend();
    lease.resource.condition = 'dirty';
    bench.factory.reset = () => {
      throw new Error('thrown');
    };
    lease.release();
    const other = await bench.lend();
    bench.factory.close = () => {
      throw new Error('thrown');
    };
    other.discard();
    await bench.clock.settle();
    expect(bench.pool.stats()).toMatchObject({ resetting: 0, closing: 0, total: 0 });
  });
});
