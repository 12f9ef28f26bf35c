import { describe, expect, it } from 'vitest';
import type { AcquireOptions, PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import { FAILS, slow } from '../../test/fakes/fake-resources.js';
import type { LeakConfig, PoolConfig } from './pool-options.js';

checkLeftovers();

const MINUTE_MS = 60_000;
const LEAK: LeakConfig = { thresholdMs: 10 * MINUTE_MS, intervalMs: MINUTE_MS, stack: 'sampled', reclaim: false };
const session: AcquireOptions = { holder: 'session' };

describe('Pool, leases held for long', () => {
  it('are suspected at the threshold, at the next look of the interval', async () => {
    const bench = watched();
    await bench.clock.advance(30_000);
    const held = await bench.lend(session);
    await bench.clock.advance(10 * MINUTE_MS);
    expect(bench.names('lease:leak-suspected')).toEqual([]);
    await bench.clock.advance(MINUTE_MS);
    expect(bench.names('lease:leak-suspected')).toMatchObject([
      { connectionId: 1, ageMs: expect.any(Number) as number },
    ]);
    const { ageMs } = bench.names('lease:leak-suspected')[0] ?? {};
    expect(ageMs).toBeGreaterThanOrEqual(10 * MINUTE_MS);
    expect(ageMs).toBeLessThanOrEqual(11 * MINUTE_MS);
    held.release();
  });

  it('are reported with everything that helps to find who has them', async () => {
    const bench = watched({ thresholdMs: 5_000, intervalMs: 1_000 });
    await bench.clock.advance(1_234);
    const acquiredAt = bench.clock.wallNow();
    const held = await bench.lend({ holder: 'transaction', label: 'checkout' });
    held.resource.facts = { lastStatement: 'update stock set n = ?', state: 'in-transaction' };
    await bench.clock.advance(6_000);
    const [report] = bench.names('lease:leak-suspected');
    expect(report).toMatchObject({
      connectionId: 1,
      holder: 'transaction',
      label: 'checkout',
      acquiredAt,
      lastStatement: 'update stock set n = ?',
      state: 'in-transaction',
      stack: expect.stringContaining('pool.leaks.test.ts') as string,
    });
    expect(bench.pool.stats().totals).toMatchObject({ leaksSuspected: 1, leaksReclaimed: 0 });
    held.release();
  });

  it('are reported without what is not known', async () => {
    const bench = watched({ stack: false, thresholdMs: 1_000, intervalMs: 1_000 });
    await bench.lend(session);
    await bench.clock.advance(2_000);
    const [report] = bench.names('lease:leak-suspected');
    expect(Object.keys(report ?? {}).sort()).toEqual(['acquiredAt', 'ageMs', 'at', 'connectionId', 'holder']);
  });

  it('are told once, however long they last', async () => {
    const bench = watched({ thresholdMs: 1_000, intervalMs: 1_000 });
    await bench.lend(session);
    await bench.clock.advance(5 * MINUTE_MS);
    expect(bench.names('lease:leak-suspected')).toHaveLength(1);
    expect(bench.pool.stats().totals.leaksSuspected).toBe(1);
  });

  it('are told as resolved when they end after all, and only those that were suspected', async () => {
    const bench = watched({ thresholdMs: 5_000, intervalMs: 1_000 });
    const [late, soon] = [await bench.lend(session), await bench.lend(session)];
    await bench.clock.advance(4_000);
    soon.release();
    await bench.clock.advance(3_000);
    expect(bench.names('lease:leak-resolved')).toEqual([]);
    late.release();
    late.release();
    expect(bench.names('lease:leak-resolved')).toMatchObject([{ connectionId: 1, heldMs: 7_000 }]);
    const next = await bench.lend(session);
    await bench.clock.advance(10_000);
    expect(next.entry.id).toBe(1);
    expect(bench.names('lease:leak-suspected').map((fact) => fact['connectionId'])).toEqual([1, 1]);
  });

  it('are nobody’s when only a statement runs on them', async () => {
    const bench = watched({ thresholdMs: 1_000, intervalMs: 1_000, reclaim: true });
    const held = await bench.lend();
    await bench.clock.advance(60 * MINUTE_MS);
    expect([bench.names('lease:leak-suspected'), bench.pool.leaks(), held.isReleased]).toEqual([[], [], false]);
  });

  it('are not looked for with `leak` off', async () => {
    const bench = poolBench({ leak: false });
    void bench.pool.start();
    await bench.lend(session);
    await bench.clock.advance(60 * MINUTE_MS);
    expect([bench.names('lease:leak-suspected'), bench.pool.leaks()]).toEqual([[], []]);
  });

  it('are listed by `leaks()` from the threshold on, whether told or not, until they end', async () => {
    const bench = watched({ thresholdMs: 5_000, intervalMs: 60 * MINUTE_MS });
    const held = await bench.lend({ ...session, label: 'import' });
    await bench.clock.advance(4_999);
    expect(bench.pool.leaks()).toEqual([]);
    await bench.clock.advance(1);
    expect(bench.pool.leaks()).toMatchObject([{ connectionId: 1, label: 'import', ageMs: 5_000 }]);
    held.release();
    expect(bench.pool.leaks()).toEqual([]);
  });

  it('are named in the message of callers who time out, the longest first', async () => {
    const bench = poolBench({ maxSize: 2 });
    const held = await bench.lend({ holder: 'transaction', label: 'checkout' });
    held.resource.facts = { lastStatement: 'select 1' };
    await bench.clock.advance(50);
    await bench.lend({ ...session, label: 'other' });
    const waiting = bench.ask({ timeoutMs: 100 });
    await bench.clock.advance(101);
    const text = "longest held: connection 1 for 150 ms by a transaction 'checkout', last statement: select 1";
    expect(String(waiting.error)).toContain(text);
  });
});

describe('Pool, stacks of leases', () => {
  /** Lends and releases `count` leases, all of which are reported; answers which had a stack. */
  async function withStack(bench: PoolBench, count: number): Promise<boolean[]> {
    const seen: boolean[] = [];
    for (let index = 0; index < count; index += 1) {
      const lease = await bench.lend(session);
      seen.push(lease.note?.stack !== undefined);
      lease.release();
    }
    return seen;
  }

  it('are noted for one lease in 16', async () => {
    const seen = await withStack(watched(), 48);
    expect(seen.flatMap((isSeen, index) => (isSeen ? [index] : []))).toEqual([0, 16, 32]);
  });

  it('are noted for every lease from the first suspicion on', async () => {
    const bench = watched({ thresholdMs: 1_000, intervalMs: 1_000 });
    const held = await bench.lend(session);
    await bench.clock.advance(2_000);
    held.release();
    expect(await withStack(bench, 20)).toEqual(Array(20).fill(true));
  });

  it('are noted for all with `stack: true`, and for none with `stack: false` or `leak: false`', async () => {
    expect(await withStack(watched({ stack: true }), 5)).toEqual(Array(5).fill(true));
    expect(await withStack(watched({ stack: false }), 5)).toEqual(Array(5).fill(false));
    expect(await withStack(poolBench({ leak: false }), 5)).toEqual(Array(5).fill(false));
  });

  it('show who asked, not whose release let them have it', async () => {
    const bench = watched({ stack: true }, { maxSize: 1 });
    const held = await bench.lend();
    const culprit = () => bench.ask(session);
    const innocent = () => held.release();
    const waiting = culprit();
    innocent();
    await bench.clock.settle();
    expect(waiting.lease?.note?.stack).toContain('culprit');
    expect(waiting.lease?.note?.stack).not.toContain('innocent');
  });

  it('leave the limit of frames as it was', async () => {
    const before = Error.stackTraceLimit;
    await withStack(watched({ stack: true }), 1);
    expect(Error.stackTraceLimit).toBe(before);
  });
});

describe('Pool, leases of a process that stood still', () => {
  it('are not suspected for time that nobody lived through', async () => {
    const bench = watched();
    await bench.lend(session);
    await bench.clock.advance(5_000);
    bench.clock.freeze(60 * MINUTE_MS);
    await bench.clock.advance(9 * MINUTE_MS);
    expect(bench.names('lease:leak-suspected')).toEqual([]);
    await bench.clock.advance(2 * MINUTE_MS);
    expect(bench.names('lease:leak-suspected')).toHaveLength(1);
  });

  it('are no younger for a wall clock that leaps, nor for a stop before they began', async () => {
    const bench = watched({ thresholdMs: 5_000, intervalMs: 1_000 });
    bench.clock.freeze(60 * MINUTE_MS);
    await bench.lend(session);
    bench.clock.leapWall(60 * MINUTE_MS);
    await bench.clock.advance(6_000);
    expect(bench.names('pool:frozen')).toHaveLength(1);
    expect(bench.pool.leaks()).toMatchObject([{ ageMs: 6_000 }]);
    expect(bench.names('lease:leak-suspected')).toHaveLength(1);
  });
});

describe('Pool, reclaiming', () => {
  const reclaiming = { thresholdMs: 5_000, intervalMs: 1_000, reclaim: true } as const;

  it('takes a suspected lease away, cleans what it left, and lends it to the next in line', async () => {
    const bench = watched(reclaiming, { maxSize: 1 });
    const held = await bench.lend(session);
    held.resource.condition = 'dirty';
    bench.factory.acts.reset = slow(100);
    const waiting = bench.ask({ timeoutMs: 60_000 });
    await bench.clock.advance(6_200);
    expect(waiting.lease?.entry.id).toBe(1);
    expect(bench.factory.log).toEqual(['create 1', 'reset 1']);
    expect(held.isReleased).toBe(true);
    expect(() => held.resource).toThrow(expect.objectContaining({ code: 'LEASE_RELEASED' }));
    held.release();
    held.discard();
    expect(waiting.lease?.isReleased).toBe(false);
  });

  it('tells the suspicion, then that it was taken away, and nothing of an end after all', async () => {
    const bench = watched(reclaiming);
    const held = await bench.lend(session);
    await bench.clock.advance(20_000);
    held.release();
    const told = bench.facts.map(({ name }) => name).filter((name) => name.startsWith('lease:'));
    expect(told).toEqual(['lease:acquired', 'lease:leak-suspected', 'lease:released', 'lease:reclaimed']);
    expect(bench.names('lease:reclaimed')[0]).toMatchObject({ connectionId: 1, heldMs: expect.any(Number) as number });
    expect(bench.pool.stats().totals).toMatchObject({ leaksSuspected: 1, leaksReclaimed: 1 });
  });

  it('closes what was broken, or cannot be cleaned', async () => {
    const bench = watched(reclaiming);
    const [broken, stuck] = [await bench.lend(session), await bench.lend(session)];
    broken.resource.condition = 'broken';
    stuck.resource.condition = 'dirty';
    bench.factory.acts.reset = FAILS;
    await bench.clock.advance(10_000);
    expect(bench.pool.stats()).toMatchObject({ total: 0, closing: 0 });
  });

  it('leaves alone what a listener of the suspicion has released', async () => {
    const bench = watched(reclaiming);
    const held = await bench.lend(session);
    bench.hub.on('lease:leak-suspected', () => held.release());
    await bench.clock.advance(10_000);
    expect(bench.names('lease:reclaimed')).toEqual([]);
    expect(bench.pool.stats()).toMatchObject({ idle: 1, inUse: 0 });
  });

  it('takes away also what was suspected before it was switched on', async () => {
    const bench = watched({ ...reclaiming, reclaim: false });
    const held = await bench.lend(session);
    await bench.clock.advance(10_000);
    expect(held.isReleased).toBe(false);
    bench.reconfigure({ leak: { ...LEAK, ...reclaiming } });
    await bench.clock.advance(1_000);
    expect(held.isReleased).toBe(true);
  });
});

describe('Pool.dropped', () => {
  it('takes back what nobody can release any more, at once, whatever the options', async () => {
    for (const leak of [LEAK, false] as const) {
      const bench = poolBench({ leak });
      const held = await bench.lend({ holder: 'session', label: 'forgotten' });
      held.resource.condition = 'dirty';
      bench.pool.dropped(held);
      await bench.clock.settle();
      expect(bench.names('lease:dropped')).toMatchObject([{ connectionId: 1, label: 'forgotten' }]);
      expect(bench.pool.stats()).toMatchObject({ idle: 1, inUse: 0 });
      expect(bench.pool.stats().totals).toMatchObject({ leaksSuspected: 1, leaksReclaimed: 0 });
    }
  });

  it('does nothing for a lease that has ended, though its resource serves somebody else', async () => {
    const bench = watched();
    const first = await bench.lend(session);
    first.release();
    const second = await bench.lend(session);
    bench.pool.dropped(first);
    expect([bench.names('lease:dropped'), second.isReleased]).toEqual([[], false]);
    second.release();
    bench.pool.dropped(second);
    expect(bench.names('lease:dropped')).toEqual([]);
  });

  it('takes nothing from whoever has it by now, because a listener ended the dropped lease', async () => {
    const bench = watched({}, { maxSize: 1, maxIdle: 1 });
    const held = await bench.lend(session);
    const next = bench.ask(session);
    bench.hub.on('lease:dropped', () => held.release());
    bench.pool.dropped(held);
    await bench.clock.settle();
    expect(next.lease?.isReleased).toBe(false);
    expect(bench.pool.stats()).toMatchObject({ inUse: 1, waiting: 0 });
  });

  it('tells no end after all of one that was suspected, and counts it once', async () => {
    const bench = watched({ thresholdMs: 1_000, intervalMs: 1_000 });
    const held = await bench.lend(session);
    await bench.clock.advance(2_000);
    bench.pool.dropped(held);
    expect(bench.names('lease:leak-resolved')).toEqual([]);
    expect(bench.pool.stats().totals.leaksSuspected).toBe(1);
  });
});

/** A started pool that watches its leases. */
function watched(leak: Partial<LeakConfig> = {}, config: Partial<PoolConfig> = {}): PoolBench {
  const bench = poolBench({ ...config, leak: { ...LEAK, ...leak } });
  void bench.pool.start();
  return bench;
}
