import { describe, expect, it } from 'vitest';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';

checkLeftovers();

/** One connection, and each holder has it for 10 ms. */
async function slowPool() {
  const bench = poolBench({ maxSize: 1, maxWaiting: 1_000 });
  const work = async (timeoutMs: number, priority: 'high' | 'normal' = 'normal') => {
    const attempt = bench.ask({ timeoutMs, priority });
    const done = attempt.promise.then(
      (lease) => void bench.clock.setTimer(10, () => lease.release()),
      () => undefined,
    );
    return { attempt, done };
  };
  for (let caller = 0; caller < 200; caller += 1) void work(60_000);
  await bench.clock.advance(1_000);
  return { ...bench, bench, work };
}

describe('a pool of which more is asked than it can do', () => {
  it('says so at once to whom it could not serve in time, with the time after which it could', async () => {
    const { bench } = await slowPool();
    // About 100 wait, 10 ms each.
    const late = bench.ask({ timeoutMs: 900 });
    await bench.clock.settle();
    expect(late.error).toMatchObject({ code: 'POOL_EXHAUSTED', outcome: 'not-sent', retryable: false });
    expect(String(late.error)).toMatch(
      /those who wait already take 1,0\d\d ms at the present pace, and this call has 900 ms/,
    );
    expect((late.error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(100);
    await bench.clock.advance(5_000);
  });

  it('lets in whom it can serve in time, and those are served', async () => {
    const { bench, work } = await slowPool();
    const { attempt } = await work(1_300);
    await bench.clock.advance(1_300);
    expect(attempt.lease).toBeDefined();
    await bench.clock.advance(5_000);
  });

  it('lets urgent callers in, who need not wait for all others', async () => {
    const { bench, work } = await slowPool();
    const { attempt } = await work(500, 'high');
    await bench.clock.advance(500);
    expect(attempt.error).toBeUndefined();
    await bench.clock.advance(5_000);
  });

  // 200 background calls shut a foreground call out that would have been next.
  it('does not count those whom the newcomer would overtake', async () => {
    const bench = poolBench({ maxSize: 1, maxWaiting: 1_000 });
    for (let caller = 0; caller < 200; caller += 1) {
      const { promise } = bench.ask({ timeoutMs: 60_000, priority: 'low' });
      void promise.then(
        (lease) => void bench.clock.setTimer(10, () => lease.release()),
        () => undefined,
      );
    }
    await bench.clock.advance(1_000);
    const next = bench.ask({ timeoutMs: 500 });
    await bench.clock.advance(500);
    expect(next.error).toBeUndefined();
    next.lease?.release();
    const late = bench.ask({ timeoutMs: 500, priority: 'low' });
    await bench.clock.settle();
    expect(late.error).toMatchObject({ code: 'POOL_EXHAUSTED' });
    await bench.clock.advance(5_000);
  });

  it('turns nobody away from a line that does not move: what blocks it may end', async () => {
    const bench = poolBench({ maxSize: 1 });
    const held = await bench.lend();
    for (let caller = 0; caller < 30; caller += 1)
      bench.ask({ timeoutMs: 60_000 }).promise.then(
        (lease) => lease.release(),
        () => undefined,
      );
    await bench.clock.advance(5_000);
    const hopeful = bench.ask({ timeoutMs: 100 });
    await bench.clock.settle();
    expect(hopeful.error).toBeUndefined();
    held.release();
    await bench.clock.settle();
    expect(hopeful.lease).toBeDefined();
    hopeful.lease?.release();
  });
});
