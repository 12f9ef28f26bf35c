import { describe, expect, it } from 'vitest';
import type { FluxorError } from '../errors/fluxor-error.js';
import type { FakeClock } from '../testing/fake-clock.js';
import { fakeClock } from '../testing/fake-clock.js';
import { refused, wrongPassword } from '../../test/fakes/fake-resources.js';
import { POOL_CONFIG } from '../../test/fakes/pool-bench.js';
import { ConnectPacer } from './connect-pacer.js';
import type { PoolConfig } from './pool-options.js';
import { PoolSettings } from './pool-settings.js';

interface Bench {
  readonly pacer: ConnectPacer;
  readonly clock: FakeClock;
  readonly settings: PoolSettings;
  /** When the pacer said that the next attempt may be made. */
  readonly retries: number[];
  readonly fail: (error?: FluxorError) => ReturnType<ConnectPacer['failed']>;
  readonly succeed: () => number | undefined;
}

const largest = () => 1;

function pacerBench(config: Partial<PoolConfig> = {}, random: () => number = largest): Bench {
  const clock = fakeClock();
  const settings = new PoolSettings({ ...POOL_CONFIG, ...config });
  const retries: number[] = [];
  const pacer = new ConnectPacer({ clock, random, settings, onRetry: () => retries.push(clock.now()) });
  return {
    pacer,
    clock,
    settings,
    retries,
    fail: (error = refused()) => {
      pacer.begun();
      return pacer.failed(error);
    },
    succeed: () => {
      pacer.begun();
      return pacer.succeeded();
    },
  };
}

/** Fails, and sits out each pause, until the outage is that old; answers the pauses. */
async function failFor(bench: Bench, ms: number): Promise<number[]> {
  const [pauses, end] = [[] as number[], bench.clock.now() + ms];
  while (bench.clock.now() <= end) {
    const { delayMs } = bench.fail();
    pauses.push(delayMs);
    await bench.clock.advance(delayMs);
  }
  return pauses;
}

describe('ConnectPacer, pausing', () => {
  it('doubles the pause from 10 ms to 800 ms, and after six seconds on to 5 s', async () => {
    const expected = [10, 20, 40, 80, 160, 320, 640, 800, 800, 800, 800, 800, 800, 5_000, 5_000];
    expect(await failFor(pacerBench(), 12_000)).toEqual(expected);
  });

  it('takes up to a fifth off the pauses', async () => {
    const pauses = await failFor(
      pacerBench({}, () => 0),
      20_000,
    );
    expect(pauses.slice(0, 8)).toEqual([8, 16, 32, 64, 128, 256, 512, 640]);
    expect(pauses.slice(-2)).toEqual([4_000, 4_000]);
  });

  it('grew to its longest pause after one hiccup that met ten attempts made at once', () => {
    const { pacer } = pacerBench({ maxCreating: 10 });
    for (let count = 0; count < 10; count += 1) pacer.begun();
    const pauses = Array.from({ length: 10 }, () => pacer.failed(refused()).delayMs);
    expect(pauses).toEqual(Array(10).fill(10));
  });

  it('begins each outage with the shortest pause', async () => {
    const bench = pacerBench();
    await failFor(bench, 500);
    bench.succeed();
    expect(bench.fail().delayMs).toBe(10);
  });

  it('lets nothing begin during the pause, says how long it still is, and says when it is over', async () => {
    const { pacer, clock, retries, fail } = pacerBench();
    expect([pacer.mayBegin(), pacer.isPausing, pacer.pauseLeftMs]).toEqual([true, false, 0]);
    fail();
    await clock.advance(4);
    expect([pacer.mayBegin(), pacer.isPausing, pacer.pauseLeftMs]).toEqual([false, true, 6]);
    await clock.advance(6);
    expect([pacer.mayBegin(), pacer.isPausing, pacer.pauseLeftMs]).toEqual([true, false, 0]);
    expect(retries).toEqual([10]);
  });

  it('says nothing of a pause that was cleared, or that a success made needless', async () => {
    const { pacer, clock, retries, fail, succeed } = pacerBench();
    fail();
    pacer.clearPause();
    fail();
    succeed();
    expect(clock.pendingTimers).toEqual([]);
    await clock.advance(10_000);
    expect([retries, pacer.mayBegin()]).toEqual([[], true]);
  });

  it('holds no process open', () => {
    const { clock, fail } = pacerBench();
    fail();
    expect(clock.pendingTimers).toEqual([{ at: 10, keepAlive: false }]);
  });

  it('pauses five seconds after a refusal that another attempt will not change', () => {
    expect(pacerBench({}, () => 0).fail(wrongPassword()).delayMs).toBe(5_000);
  });
});

describe('ConnectPacer, the breaker', () => {
  it('opens with the fifth failure in a row when they have gone on for a second', async () => {
    const { pacer, clock, fail } = pacerBench();
    for (const expected of ['closed', 'closed', 'closed', 'closed']) {
      expect([fail().hasOpened, pacer.breaker]).toEqual([false, expected]);
      await clock.advance(250);
    }
    expect([fail().hasOpened, pacer.breaker]).toEqual([true, 'open']);
  });

  it('does not open for any number of failures within less than a second', async () => {
    const { pacer, clock, fail } = pacerBench();
    for (let failures = 1; failures <= 20; failures += 1) {
      fail();
      await clock.advance(49);
    }
    expect([pacer.breaker, pacer.failures]).toEqual(['closed', 20]);
    await clock.advance(20);
    expect(fail().hasOpened).toBe(true);
  });

  it('does not open for four failures, however long they take', async () => {
    const { pacer, clock, fail } = pacerBench();
    for (let failures = 1; failures <= 4; failures += 1) {
      fail();
      await clock.advance(60_000);
    }
    expect(pacer.breaker).toBe('closed');
  });

  it('counts failures in a row only: a success between them begins anew', async () => {
    const { pacer, clock, fail, succeed } = pacerBench();
    for (let round = 1; round <= 5; round += 1) {
      for (let failures = 1; failures <= 4; failures += 1) fail();
      await clock.advance(2_000);
      expect(succeed()).toBeUndefined();
      expect([pacer.failures, pacer.lastError]).toEqual([0, undefined]);
    }
    expect(pacer.breaker).toBe('closed');
  });

  it('opens at once after a refusal that another attempt will not change', () => {
    const { pacer, fail } = pacerBench();
    expect(fail(wrongPassword()).hasOpened).toBe(true);
    expect([pacer.breaker, pacer.isHopeless]).toEqual(['open', true]);
  });

  it('has hope again when the refusal turns into a failure that may pass, and stays open', () => {
    const { pacer, fail } = pacerBench();
    fail(wrongPassword());
    expect(fail(refused()).hasOpened).toBe(false);
    expect([pacer.breaker, pacer.isHopeless]).toEqual(['open', false]);
  });

  it('is half-open while an attempt runs, and open again when that fails or is called off', () => {
    const { pacer, fail } = pacerBench();
    fail(wrongPassword());
    pacer.begun();
    expect(pacer.breaker).toBe('half-open');
    expect(pacer.failed(refused()).hasOpened).toBe(false);
    expect(pacer.breaker).toBe('open');
    pacer.begun();
    pacer.abandoned();
    expect(pacer.breaker).toBe('open');
  });

  it('closes with the first success, and says how long the outage was', async () => {
    const bench = pacerBench();
    await bench.clock.advance(1_000);
    await failFor(bench, 2_000);
    const { firstFailureAt } = bench.pacer;
    expect([bench.pacer.breaker, firstFailureAt]).toEqual(['open', 1_000]);
    expect(bench.succeed()).toBe(bench.clock.now() - 1_000);
    expect(bench.pacer.breaker).toBe('closed');
  });

  it('says nothing of an outage that was too short to open it', async () => {
    const bench = pacerBench();
    await failFor(bench, 500);
    expect(bench.succeed()).toBeUndefined();
  });
});

describe('ConnectPacer, attempts at once', () => {
  it('allows `maxCreating` while all is well, also after it was changed, and one while anything fails', () => {
    const { pacer, settings, fail, succeed } = pacerBench({ maxCreating: 4 });
    expect(pacer.limit).toBe(4);
    settings.current = { ...settings.current, maxCreating: 7 };
    expect(pacer.limit).toBe(7);
    fail();
    expect(pacer.limit).toBe(1);
    succeed();
    expect(pacer.limit).toBe(7);
  });

  it('allows one, two, four … after the breaker was open', () => {
    const { pacer, fail, succeed } = pacerBench({ maxCreating: 10 });
    fail(wrongPassword());
    const limits = Array.from({ length: 6 }, () => {
      succeed();
      return pacer.limit;
    });
    expect(limits).toEqual([1, 2, 4, 8, 10, 10]);
  });

  it('does not start slowly after a failure or two', () => {
    const { pacer, fail, succeed } = pacerBench({ maxCreating: 10 });
    fail();
    fail();
    succeed();
    expect(pacer.limit).toBe(10);
  });

  it('starts slowly again after the next outage', () => {
    const { pacer, fail, succeed } = pacerBench({ maxCreating: 10 });
    for (let outage = 1; outage <= 2; outage += 1) {
      fail(wrongPassword());
      succeed();
      expect(pacer.limit).toBe(1);
      for (let success = 1; success <= 4; success += 1) succeed();
      expect(pacer.limit).toBe(10);
    }
  });
});

describe('ConnectPacer, attempts a second', () => {
  it('has no limit when there is none', () => {
    const { pacer } = pacerBench();
    for (let attempt = 1; attempt <= 1_000; attempt += 1) {
      expect(pacer.mayBegin()).toBe(true);
      pacer.begun();
    }
  });

  it('lets one begin every second for a rate of one, and says when', async () => {
    const { pacer, clock, retries } = pacerBench({ connectRate: 1 });
    expect(pacer.mayBegin()).toBe(true);
    pacer.begun();
    await clock.advance(400);
    expect([pacer.mayBegin(), pacer.pauseLeftMs]).toEqual([false, 600]);
    await clock.advance(600);
    expect([retries, pacer.mayBegin()]).toEqual([[1_000], true]);
  });

  it.each([1, 3, 10])('lets no more than that begin in any second (%i)', async (connectRate) => {
    const { pacer, clock } = pacerBench({ connectRate });
    const begun: number[] = [];
    for (let step = 0; step < 400; step += 1) {
      // A rest in the middle, as for any pool, must not be saved up.
      for (; (step < 150 || step > 300) && pacer.mayBegin(); begun.push(clock.now())) pacer.begun();
      await clock.advance(25);
    }
    const most = Math.max(...begun.map((at) => begun.filter((other) => other >= at && other < at + 1_000).length));
    expect(most).toBe(connectRate);
    const firstTwoSeconds = begun.filter((at) => at < 2_000).length;
    expect(firstTwoSeconds).toBeGreaterThanOrEqual(2 * connectRate - 1);
  });

  it('spends nothing on asking', async () => {
    const { pacer } = pacerBench({ connectRate: 1 });
    expect([pacer.mayBegin(), pacer.mayBegin(), pacer.mayBegin()]).toEqual([true, true, true]);
  });

  it('heeds a limit that comes while it runs, and forgets one that goes', async () => {
    const { pacer, clock, settings } = pacerBench();
    for (let attempt = 1; attempt <= 20; attempt += 1) pacer.begun();
    settings.current = { ...settings.current, connectRate: 1 };
    expect(pacer.mayBegin()).toBe(true);
    pacer.begun();
    expect(pacer.mayBegin()).toBe(false);
    await clock.advance(1_000);
    settings.current = { ...settings.current, connectRate: Infinity };
    for (let attempt = 1; attempt <= 20; attempt += 1) {
      expect(pacer.mayBegin()).toBe(true);
      pacer.begun();
    }
  });
});
