import { describe, expect, it } from 'vitest';
import { slow } from '../../test/fakes/fake-resources.js';
import type { FakeResource } from '../../test/fakes/fake-resources.js';
import type { AcquireOptions, Attempt, PoolBench } from '../../test/fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import type { Lease } from './lease.js';
import { LeaseScope } from './lease-scopes.js';
import type { PoolConfig } from './pool-options.js';

checkLeftovers();

/** A function given to `use()`: it holds a resource, and may ask for more. */
interface Holder {
  readonly lease: Lease<FakeResource>;
  readonly scope: LeaseScope;
  /** Asks from inside the function. */
  ask(options?: AcquireOptions): Attempt;
}

async function use(bench: PoolBench, parent?: LeaseScope): Promise<Holder> {
  const scope = new LeaseScope(parent);
  const lease = await inScope(bench, parent, () => bench.lend({ holder: 'session', scope }));
  return { lease, scope, ask: (options) => inScope(bench, scope, () => bench.ask({ timeoutMs: 60_000, ...options })) };
}

function inScope<T>(bench: PoolBench, scope: LeaseScope | undefined, work: () => T): T {
  bench.scope = scope;
  const result = work();
  bench.scope = undefined;
  return result;
}

/** So many functions, each holding one of all the resources there can be. */
async function full(count: number, config: Partial<PoolConfig> = {}): Promise<{ bench: PoolBench; holders: Holder[] }> {
  const bench = poolBench({ maxSize: count, ...config });
  const holders: Holder[] = [];
  for (let index = 0; index < count; index += 1) holders.push(await use(bench));
  return { bench, holders };
}

const nested = { code: 'NESTED_LEASE' };

describe('Pool, when every holder waits for another resource', () => {
  it('fails the youngest waiter after 250 ms of stillness, and the others are served when its function ends', async () => {
    const { bench, holders } = await full(3);
    const attempts: Attempt[] = [];
    for (const holder of holders) {
      attempts.push(holder.ask());
      await bench.clock.advance(10);
    }
    await bench.clock.advance(239);
    expect(attempts.map(({ at }) => at)).toEqual([undefined, undefined, undefined]);
    await bench.clock.advance(1);
    expect(attempts[2]).toMatchObject({ at: 270, error: nested });
    holders[2]?.lease.release();
    await bench.clock.settle();
    expect(attempts[0]?.lease?.entry.id).toBe(3);
    attempts[0]?.lease?.release();
    await bench.clock.settle();
    expect(attempts[1]?.lease?.entry.id).toBe(3);
    expect(bench.pool.stats().totals.refused).toBe(1);
  });

  it('says what to do about it', async () => {
    const { bench, holders } = await full(2);
    const attempts = holders.map((holder) => holder.ask());
    await bench.clock.advance(250);
    expect(String(attempts[1]?.error)).toContain('all 2 connections are held by callers who wait for another one');
    expect(String(attempts[1]?.error)).toContain('raise pool.maxSize; nothing was sent');
  });

  it('finds the deadlock of one', async () => {
    const { bench, holders } = await full(1);
    const attempt = holders[0]?.ask();
    await bench.clock.advance(250);
    expect(attempt?.error).toMatchObject(nested);
    expect(String(attempt?.error)).toContain('the one connection is held');
  });

  it('fails one after the other, 250 ms apart, while the functions that were told do not end', async () => {
    const { bench, holders } = await full(3);
    const attempts = holders.flatMap((holder) => [holder.ask(), holder.ask()]);
    await bench.clock.advance(2_000);
    expect(attempts.map(({ at }) => at)).toEqual([undefined, undefined, undefined, undefined, 500, 250]);
  });

  it('spares those who hold nothing: they stand in line, and are served later', async () => {
    const { bench, holders } = await full(2);
    const attempts = holders.map((holder) => holder.ask());
    const stranger = bench.ask({ timeoutMs: 60_000 });
    await bench.clock.advance(250);
    expect([attempts[0]?.error, attempts[1]?.error, stranger.error]).toMatchObject([undefined, nested, undefined]);
    holders[1]?.lease.release();
    await bench.clock.settle();
    attempts[0]?.lease?.release();
    await bench.clock.settle();
    expect(stranger.lease?.isReleased).toBe(false);
  });

  it('counts a function that waits in a function nested in it', async () => {
    const bench = poolBench({ maxSize: 2 });
    const outer = await use(bench);
    const inner = await use(bench, outer.scope);
    const attempt = inner.ask();
    await bench.clock.advance(250);
    expect(attempt.error).toMatchObject(nested);
    expect([outer.scope.waiting, inner.scope.waiting]).toEqual([0, 0]);
  });

  it('counts a function whose own lease has ended by what is held around it', async () => {
    const bench = poolBench({ maxSize: 1 });
    const outer = await use(bench);
    const scope = new LeaseScope(outer.scope);
    const attempt = inScope(bench, scope, () => bench.ask({ timeoutMs: 60_000 }));
    await bench.clock.advance(250);
    expect(attempt.error).toMatchObject(nested);
  });
});

describe('Pool, no deadlock', () => {
  it.each<[string, (bench: PoolBench, holders: Holder[]) => Promise<unknown>]>([
    ['one of the holders does not wait', async (_bench, [, ...waiting]) => waiting.map((holder) => holder.ask())],
    [
      'one lease belongs to no function',
      async (bench, [first, ...others]) => {
        first?.lease.release();
        await bench.lend({ holder: 'session' });
        return others.map((holder) => holder.ask());
      },
    ],
    [
      'one lease is a single statement’s',
      async (bench, [first, ...others]) => {
        first?.lease.release();
        await bench.lend();
        return others.map((holder) => holder.ask());
      },
    ],
    [
      'what comes back is still being cleaned',
      async (bench, [first, ...others]) => {
        bench.factory.acts.reset = slow(4_000);
        if (first !== undefined) first.lease.resource.condition = 'dirty';
        first?.lease.release();
        return others.map((holder) => holder.ask());
      },
    ],
    [
      'a waiter goes away in time',
      async (bench, holders) => {
        for (const holder of holders) holder.ask({ timeoutMs: 200 });
        await bench.clock.advance(200);
      },
    ],
  ])('when %s', async (_name, arrange) => {
    const { bench, holders } = await full(3);
    await arrange(bench, holders);
    await bench.clock.advance(3_000);
    expect(bench.pool.stats().totals.refused).toBe(0);
  });

  it('while there is room to grow', async () => {
    const bench = poolBench({ maxSize: 3 });
    const holders = [await use(bench), await use(bench)];
    bench.factory.acts.create = slow(2_000);
    const attempts = holders.map((holder) => holder.ask());
    await bench.clock.advance(1_999);
    expect(attempts.map(({ error }) => error)).toEqual([undefined, undefined]);
    await bench.clock.advance(1);
    expect(attempts[0]?.lease?.entry.id).toBe(3);
  });

  it('when something has come back within the 250 ms, but a second look is taken', async () => {
    const { bench, holders } = await full(2);
    const attempts = [holders[0]?.ask(), holders[1]?.ask()];
    await bench.clock.advance(100);
    // Ends, comes back, and waits again, all within the time of suspicion.
    holders[1]?.lease.release();
    await bench.clock.settle();
    expect(attempts[0]?.lease?.entry.id).toBe(2);
    attempts[0]?.lease?.release();
    await bench.clock.settle();
    attempts[1]?.lease?.release();
    const again = await use(bench);
    const stuck = [holders[0]?.ask(), again.ask()];
    await bench.clock.advance(150);
    expect(stuck.map((attempt) => attempt?.at)).toEqual([undefined, undefined]);
    await bench.clock.advance(250);
    expect(stuck[1]).toMatchObject({ at: 500, error: nested });
  });

  it('is looked for with `deadlockDetection` off', async () => {
    const { bench, holders } = await full(2, { deadlockDetection: false });
    const attempts = holders.map((holder) => holder.ask({ timeoutMs: 5_000 }));
    await bench.clock.advance(5_000);
    for (const { error, at } of attempts) expect([at, error]).toMatchObject([5_000, { code: 'TIMEOUT' }]);
    expect(bench.names('lease:nested')).toEqual([]);
  });

  it('is looked for once the pool closes, and nothing of it stays behind', async () => {
    const { bench, holders } = await full(2);
    const attempts = holders.map((holder) => holder.ask());
    await bench.clock.advance(100);
    void bench.pool.close(bench.clock.now() + 1_000);
    await bench.clock.advance(500);
    for (const { error } of attempts) expect(error).toMatchObject({ code: 'RUNTIME_CLOSED' });
  });
});

describe('Pool, nested acquires', () => {
  it('are told the first time that a holder has to wait, with both stacks, and never again', async () => {
    const bench = poolBench({ maxSize: 1, leak: { thresholdMs: 1e9, intervalMs: 1_000, stack: true, reclaim: false } });
    const holder = await use(bench);
    for (let times = 1; times <= 3; times += 1) {
      holder.ask({ timeoutMs: 10 });
      await bench.clock.advance(20);
    }
    const stack = expect.stringContaining('deadlock.test.ts') as string;
    expect(bench.names('lease:nested')).toMatchObject([{ connectionId: 1, stack, outerStack: stack }]);
  });

  it('are told without the outer stack where that was not noted', async () => {
    const { bench, holders } = await full(1, { leak: false });
    holders[0]?.ask({ timeoutMs: 10 });
    await bench.clock.advance(20);
    expect(bench.names('lease:nested')[0]).not.toHaveProperty('outerStack');
    expect(bench.names('lease:nested')).toHaveLength(1);
  });

  it('that need not wait are nobody’s business', async () => {
    const bench = poolBench({ maxSize: 3 });
    await bench.warmUp(3);
    const holder = await use(bench);
    const attempt = holder.ask();
    await bench.clock.settle();
    expect(attempt.lease).toBeDefined();
    expect(bench.names('lease:nested')).toEqual([]);
  });

  it('are no nested ones when the function has released what it held', async () => {
    const bench = poolBench({ maxSize: 1 });
    const holder = await use(bench);
    holder.lease.release();
    await bench.lend();
    holder.ask({ timeoutMs: 300 });
    await bench.clock.advance(300);
    expect(bench.names('lease:nested')).toEqual([]);
    expect(holder.scope.waiting).toBe(0);
  });
});

describe('A call in the background of functions whose statements take long', () => {
  it('was failed as deadlocked although the statement ended and everything came back', async () => {
    const { bench, holders } = await full(2);
    const attempts = holders.map((holder) => {
      holder.lease.resource.isBusy = true;
      return holder.ask();
    });
    await bench.clock.advance(1_000);
    expect(attempts.map(({ error }) => error)).toEqual([undefined, undefined]);
    for (const { lease } of holders) {
      lease.resource.isBusy = false;
      lease.release();
    }
    await bench.clock.settle();
    expect(attempts.map(({ lease }) => lease?.entry.id).sort()).toEqual([1, 2]);
  });

  it('is failed when the statements have ended and nothing comes back all the same', async () => {
    const { bench, holders } = await full(2);
    const attempts = holders.map((holder) => {
      holder.lease.resource.isBusy = true;
      return holder.ask();
    });
    await bench.clock.advance(1_000);
    for (const { lease } of holders) lease.resource.isBusy = false;
    await bench.clock.advance(250);
    expect(attempts.filter(({ error }) => error !== undefined)).toMatchObject([{ error: nested }]);
  });
});
