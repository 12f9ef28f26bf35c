import { describe, expect, it } from 'vitest';
import { FAILS, slow } from '../../test/fakes/fake-resources.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import { describeStats } from './pool-stats.js';

checkLeftovers();

describe('Pool, what it tells', () => {
  it('tells the life of a resource in order', async () => {
    const bench = poolBench();
    bench.factory.next.create.push(slow(30));
    const waiting = bench.ask();
    await bench.clock.advance(40);
    await bench.clock.advance(100);
    if (waiting.lease !== undefined) waiting.lease.resource.condition = 'dirty';
    waiting.lease?.release();
    await bench.clock.settle();
    (await bench.lend()).discard();
    await bench.clock.settle();
    expect(bench.facts.map(({ name, fact }) => [name, fact])).toMatchObject([
      ['connection:created', { connectionId: 1, durationMs: 30 }],
      ['lease:acquired', { connectionId: 1, waitedMs: 30 }],
      ['lease:released', { connectionId: 1, heldMs: 110, end: 'released' }],
      ['connection:reset', { connectionId: 1, durationMs: 0 }],
      ['lease:acquired', { connectionId: 1, waitedMs: 0 }],
      ['lease:released', { connectionId: 1, heldMs: 0, end: 'discarded' }],
      ['connection:closed', { connectionId: 1, reason: 'discarded', ageMs: 140 }],
    ]);
  });

  it('says when it will try again, and nothing of it when nobody waits', async () => {
    const bench = poolBench({}, () => 1);
    bench.factory.next.create.push({ ...FAILS, afterMs: 5 }, { ...FAILS, afterMs: 5 });
    bench.ask({ timeoutMs: 18 });
    await bench.clock.advance(100);
    const told = bench.names('connection:create-failed');
    expect(told).toMatchObject([{ durationMs: 5, retryInMs: 10 }, { durationMs: 5 }]);
    expect(told[1]).not.toHaveProperty('retryInMs');
    expect(bench.names('acquire:timed-out')).toMatchObject([{ waitedMs: 18, error: { code: 'CONNECTION' } }]);
  });

  it('tells a lost resource once, with the reason it was given', async () => {
    const bench = poolBench();
    await bench.warmUp(1);
    bench.factory.made[0]?.break();
    bench.factory.made[0]?.break();
    expect(bench.names('connection:lost')).toMatchObject([{ connectionId: 1, error: { reason: 'lost' } }]);
    expect(bench.names('connection:closed')).toMatchObject([{ connectionId: 1, reason: 'broken' }]);
  });

  it('stays whole when a listener throws or acquires and releases in the middle of a change', async () => {
    const bench = poolBench({ maxSize: 2 });
    let depth = 0;
    for (const name of ['lease:acquired', 'lease:released', 'connection:created', 'connection:closed'] as const) {
      bench.hub.on(name, () => {
        bench.assertSums();
        if (depth < 3) {
          depth += 1;
          void bench.ask().promise.then((lease) => lease.release());
        }
        throw new Error('a listener that throws');
      });
    }
    const first = await bench.lend();
    first.release();
    (await bench.lend()).discard();
    await bench.clock.advance(1_000);
    expect(bench.pool.stats()).toMatchObject({ inUse: 0, waiting: 0, creating: 0 });
  });

  it('counts every resource in exactly one state', async () => {
    const bench = poolBench({ maxSize: 6, maxCreating: 6 });
    await bench.warmUp(3);
    await bench.clock.advance(1_000);
    bench.factory.acts.validate = slow(100);
    bench.factory.acts.create = slow(100);
    bench.factory.acts.reset = slow(100);
    bench.factory.acts.close = slow(100);
    for (let index = 0; index < 4; index += 1) bench.ask();
    expect(bench.pool.stats()).toMatchObject({
      isSuspended: false,
      breaker: 'closed',
      maxSize: 6,
      total: 4,
      idle: 0,
      inUse: 0,
      creating: 1,
      checking: 3,
      resetting: 0,
      closing: 0,
      waiting: 4,
    });
    bench.assertSums();
    await bench.clock.advance(100);
    expect(bench.pool.stats()).toMatchObject({ inUse: 4, total: 4, waiting: 0 });
  });

  it('prints itself with what is rare only when it is there', () => {
    const stats = { ...poolBench().pool.stats(), total: 3, inUse: 1, creating: 1, resetting: 1, waiting: 2 };
    expect(describeStats(stats)).toBe('3/3 connections, 1 in use, 0 idle, 1 connecting, 1 being cleaned, 2 waiting');
  });
});
