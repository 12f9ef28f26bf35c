/**
 * Every act of the factory × every way it can go: made, asked, cleaned and closed, each of them well, with an error, slowly
 * or never, in all combinations. Under one small workload nobody waits beyond their deadline, afterwards every count is
 * back at zero, and once the trouble is over the pool lends as if nothing had been.
 */
import { describe, expect, it } from 'vitest';
import type { FakeAct, FakeVerb } from '../fakes/fake-resources.js';
import { FAILS, NEVER, OK, slow } from '../fakes/fake-resources.js';
import type { PoolBench } from '../fakes/pool-bench.js';
import { checkLeftovers, poolBench } from '../fakes/pool-bench.js';

const VERBS: readonly FakeVerb[] = ['create', 'validate', 'reset', 'close'];

const WAYS: Readonly<Record<string, FakeAct>> = { ok: OK, error: FAILS, slow: slow(400), never: NEVER };

/** Longer than every bound of the pool together: connect 1 s, three proofs, reset 5 s, close 2 s. */
const AFTERMATH_MS = 20_000;

checkLeftovers();

const products = Object.keys(WAYS).flatMap((create) =>
  Object.keys(WAYS).flatMap((validate) =>
    Object.keys(WAYS).flatMap((reset) => Object.keys(WAYS).map((close) => [create, validate, reset, close] as const)),
  ),
);

describe('A pool whose factory', () => {
  it.each(products)('creates: %s, validates: %s, resets: %s, closes: %s', async (...ways) => {
    const bench = poolBench({
      maxSize: 3,
      minIdle: 1,
      connectTimeoutMs: 1_000,
      keepaliveMs: 5_000,
      maxLifetimeMs: 8_000,
      idleTimeoutMs: 12_000,
    });
    void bench.pool.start();
    await bench.warmUp(2);
    VERBS.forEach((verb, index) => (bench.factory.acts[verb] = WAYS[ways[index] ?? 'ok'] ?? OK));
    // Stale, so the first callers ask for proofs; one more than there is room for.
    await bench.clock.advance(1_000);
    const callers = [1, 2, 3, 4].map(() => bench.ask({ timeoutMs: 3_000 }));
    for (let half = 0; half < 8; half += 1) {
      await bench.clock.advance(500);
      bench.assertSums();
      giveBack(bench, callers);
    }
    // Keepalive, lifetime with its replacement, and idle timeout meet the same trouble.
    await bench.clock.advance(AFTERMATH_MS);
    giveBack(bench, callers);
    await bench.clock.advance(AFTERMATH_MS);
    for (const { at } of callers) expect(at, 'settled by the deadline').toBeLessThanOrEqual(1_000 + 3_000 + 1);
    expect(bench.pool.stats()).toMatchObject({ inUse: 0, waiting: 0 });
    await assertWorksAgain(bench);
  });
});

const atRest = Object.keys(WAYS).flatMap((proof) =>
  Object.keys(WAYS).flatMap((successor) => Object.keys(WAYS).map((close) => [proof, successor, close] as const)),
);

describe('A pool at rest', () => {
  it.each(atRest)(
    'whose keepalives go: %s, replacements of the old: %s, closes: %s',
    async (proof, successor, close) => {
      const bench = poolBench({
        maxSize: 4,
        minIdle: 2,
        keepaliveMs: 3_000,
        maxLifetimeMs: 12_000,
        connectTimeoutMs: 1_000,
      });
      void bench.pool.start();
      await bench.clock.advance(1_000);
      Object.assign(bench.factory.acts, { validate: WAYS[proof], close: WAYS[close] });
      // Whatever keepalives find dead is made anew without trouble; the old meet theirs.
      await bench.clock.advance(6_000);
      bench.assertSums();
      expect(bench.factory.count('validate'), 'keepalives').toBeGreaterThan(0);
      const old = bench.factory.count('create');
      Object.assign(bench.factory.acts, { create: WAYS[successor] });
      await bench.clock.advance(AFTERMATH_MS);
      bench.assertSums();
      expect(bench.factory.count('create'), 'replacements').toBeGreaterThan(old);
      await assertWorksAgain(bench);
    },
  );
});

/** One clean, one unclean, one discarded: every way a lease can end. */
function giveBack(bench: PoolBench, callers: readonly ReturnType<PoolBench['ask']>[]): void {
  callers.forEach(({ lease }, index) => {
    if (lease === undefined || lease.isReleased) return;
    if (index % 3 === 1) lease.resource.condition = 'dirty';
    if (index % 3 === 2) lease.discard();
    else lease.release();
    bench.assertSums();
  });
}

async function assertWorksAgain(bench: PoolBench): Promise<void> {
  for (const verb of VERBS) bench.factory.acts[verb] = OK;
  // The longest pause after failed attempts, and what was begun in the old times.
  await bench.clock.advance(AFTERMATH_MS);
  const lease = await bench.lend();
  lease.release();
  await bench.clock.advance(AFTERMATH_MS);
  const { creating, checking, resetting, closing, waiting, inUse, idle } = bench.pool.stats();
  expect({ creating, checking, resetting, closing, waiting, inUse }).toEqual({
    ...{ creating: 0, checking: 0, resetting: 0, closing: 0, waiting: 0, inUse: 0 },
  });
  expect(idle, 'the floor is kept').toBeGreaterThanOrEqual(1);
}
