import { describe, expect, it } from 'vitest';
import { ConfigError } from '../errors/config-error.js';
import { DeadlineTimer } from '../kernel/deadline.js';
import type { FakeClock } from '../testing/fake-clock.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { ConnectionLimitOptions } from './connection-limiter-options.js';
import type { LimitPermit } from './connection-limiter-permit.js';
import type { SlotRequest } from './connection-limiter-request.js';
import { ConnectionLimiter } from './connection-limiter.js';

interface Bench {
  readonly clock: FakeClock;
  readonly timers: DeadlineTimer;
  readonly limiter: ConnectionLimiter;
  /** What became of those who asked, in order. */
  readonly log: string[];
  readonly held: Map<string, LimitPermit>;
  /** Asks as an awaiting caller does. */
  readonly ask: (name: string, request?: SlotRequest) => void;
  readonly release: (name: string) => void;
}

function limiterBench(options: ConnectionLimitOptions | number): Bench {
  const clock = fakeClock();
  const timers = new DeadlineTimer(clock);
  const limiter = new ConnectionLimiter(options, { clock, timers });
  const log: string[] = [];
  const held = new Map<string, LimitPermit>();
  const ask = (name: string, request?: SlotRequest) => {
    const got = limiter.acquire(request);
    const take = (permit: LimitPermit) => {
      held.set(name, permit);
      log.push(name);
    };
    if (!(got instanceof Promise)) take(got);
    else got.then(take, (error: { code: string }) => log.push(`${name} ${error.code} at ${clock.now()}`));
  };
  return { clock, timers, limiter, log, held, ask, release: (name) => held.get(name)?.release() };
}

describe('ConnectionLimiter', () => {
  it('means five when it says five', () => {
    const { limiter } = limiterBench(5);
    const permits = Array.from({ length: 20 }, () => limiter.tryAcquire());
    expect(permits.filter((permit) => permit !== undefined)).toHaveLength(5);
    expect(limiter.stats()).toMatchObject({ limit: 5, max: 5, inUse: 5, acquired: 5, waited: 0 });
  });

  it('gives a permit without a promise, a timer or a watch when a slot is free', () => {
    const { clock, timers, limiter } = limiterBench(1);
    expect(limiter.acquire({ deadlineAt: 100 })).not.toBeInstanceOf(Promise);
    expect([clock.pendingTimerCount, timers.size]).toEqual([0, 0]);
  });

  it('serves those who wait in order of arrival', async () => {
    const { clock, log, ask, release } = limiterBench(1);
    for (const name of ['a', 'b', 'c']) ask(name);
    for (const name of ['a', 'b', 'c']) {
      release(name);
      await clock.settle();
    }
    expect(log).toEqual(['a', 'b', 'c']);
  });

  it('hands a slot over in the tick of the release, so that no newcomer can take it', async () => {
    const { clock, limiter, log, ask, release } = limiterBench(1);
    ask('a');
    ask('b');
    release('a');
    expect(limiter.tryAcquire()).toBeUndefined();
    expect(limiter.stats()).toMatchObject({ inUse: 1, waiting: 0, waited: 1 });
    await clock.settle();
    expect(log).toEqual(['a', 'b']);
  });

  it('takes a second release for nothing', () => {
    const { limiter } = limiterBench(2);
    const [first] = [limiter.tryAcquire(), limiter.tryAcquire()];
    first?.release();
    first?.release();
    expect(limiter.stats().inUse).toBe(1);
  });

  it('refuses at once when the queue is full, and says how busy it is', async () => {
    const { limiter } = limiterBench({ max: 1, queue: 2 });
    for (let call = 0; call < 3; call += 1) void limiter.acquire();
    await expect(limiter.acquire()).rejects.toMatchObject({
      code: 'POOL_EXHAUSTED',
      outcome: 'not-sent',
      breaker: 'ignore',
      message:
        'Too many calls wait for a slot: gate.connectionLimit has queue 2 (limit 1, in use 1, waiting 2); nothing was sent',
    });
    expect(limiter.stats().rejected).toBe(1);
  });

  it('lets nobody wait with a queue of 0', async () => {
    const { limiter } = limiterBench({ max: 1, queue: 0 });
    limiter.tryAcquire();
    await expect(limiter.acquire()).rejects.toMatchObject({ code: 'POOL_EXHAUSTED' });
  });

  it('gives up at the deadline, at the deadline of each, with one timer for all', async () => {
    const { clock, timers, limiter, log, ask } = limiterBench(1);
    ask('held');
    ask('late', { deadlineAt: 300 });
    ask('soon', { deadlineAt: 100 });
    expect(clock.pendingTimerCount).toBe(1);
    await clock.advance(1_000);
    expect(log).toEqual(['held', 'soon TIMEOUT at 100', 'late TIMEOUT at 300']);
    expect([limiter.stats().timedOut, limiter.stats().waiting, timers.size]).toEqual([2, 0, 0]);
  });

  it('says which wait timed out, and that nothing was sent', async () => {
    const { clock, limiter } = limiterBench(1);
    limiter.tryAcquire();
    const wait = limiter.acquire({ deadlineAt: 50 }) as Promise<LimitPermit>;
    const check = expect(wait).rejects.toMatchObject({
      phase: 'acquire',
      outcome: 'not-sent',
      retryable: false,
      message: 'No slot came free within 50 ms (limit 1, in use 1, waiting 0); nothing was sent',
    });
    await clock.advance(50);
    await check;
  });

  it('lets nobody wait whose deadline has passed, but lends what is free', async () => {
    const { clock, limiter } = limiterBench(1);
    await clock.advance(100);
    expect(limiter.acquire({ deadlineAt: 100 })).not.toBeInstanceOf(Promise);
    await expect(limiter.acquire({ deadlineAt: 100 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('waits ten seconds when no deadline is given: nothing waits without one', async () => {
    const { clock, log, ask } = limiterBench(1);
    ask('a');
    ask('b');
    await clock.advance(20_000);
    expect(log).toEqual(['a', 'b TIMEOUT at 10000']);
  });

  it('frees the place of an aborted call at once', async () => {
    const { clock, timers, limiter, log, ask, release } = limiterBench({ max: 1, queue: 2 });
    const abort = new AbortController();
    ask('a');
    ask('b', { signal: abort.signal });
    ask('c');
    abort.abort();
    expect(limiter.stats()).toMatchObject({ waiting: 1, cancelled: 1 });
    ask('d');
    release('a');
    await clock.settle();
    expect(log).toEqual(['a', 'b CANCELLED at 0', 'c']);
    expect(timers.size).toBe(1);
  });

  it('takes no slot for a call that was aborted before', async () => {
    const { limiter } = limiterBench(1);
    const aborted = limiter.acquire({ signal: AbortSignal.abort(new Error('gone')) });
    await expect(aborted).rejects.toMatchObject({ code: 'CANCELLED', cause: { message: 'gone' } });
    expect(limiter.stats().inUse).toBe(0);
  });

  it('does not take back a permit because of an abort after it was given', async () => {
    const { clock, limiter, ask, release } = limiterBench(1);
    const abort = new AbortController();
    ask('a');
    ask('b', { signal: abort.signal });
    release('a');
    abort.abort();
    await clock.settle();
    expect(limiter.stats()).toMatchObject({ inUse: 1, cancelled: 0 });
    release('b');
    expect(limiter.stats().inUse).toBe(0);
  });

  it('cuts nobody off when the limit falls, and lets new calls wait until there is room', async () => {
    const { clock, limiter, log, ask, release } = limiterBench(3);
    for (const name of ['a', 'b', 'c', 'd']) ask(name);
    limiter.set(1);
    expect(limiter.stats()).toMatchObject({ limit: 1, inUse: 3 });
    release('a');
    release('b');
    await clock.settle();
    expect(log).toEqual(['a', 'b', 'c']);
    release('c');
    await clock.settle();
    expect(log).toEqual(['a', 'b', 'c', 'd']);
  });

  it('serves those who wait at once when the limit rises', async () => {
    const { clock, limiter, log, ask } = limiterBench(1);
    for (const name of ['a', 'b', 'c', 'd']) ask(name);
    limiter.set({ max: 3 });
    await clock.settle();
    expect(log).toEqual(['a', 'b', 'c']);
  });

  it('refuses everybody when it stops, takes back what is out, and leaves no timer', async () => {
    const clock = fakeClock();
    const limiter = new ConnectionLimiter({ max: 1, reserve: 0 }, { clock });
    const permit = limiter.tryAcquire();
    const waits = [limiter.acquire(), limiter.acquire({ priority: 'low' }), limiter.acquire({ isControl: true })];
    limiter.stop();
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: 'RUNTIME_CLOSED' });
    await expect(limiter.acquire()).rejects.toThrow('the limiter was stopped');
    permit?.release();
    expect(limiter.tryAcquire()).toBeUndefined();
    expect([clock.pendingTimerCount, limiter.stats().inUse, limiter.stats().waiting]).toEqual([0, 0, 0]);
  });

  it('does not care what the wall clock says', async () => {
    const { clock, log, ask } = limiterBench(1);
    ask('a');
    ask('b', { deadlineAt: 100 });
    clock.leapWall(-3_600_000);
    await clock.advance(99);
    expect(log).toEqual(['a']);
    clock.leapWall(7_200_000);
    await clock.advance(1);
    expect(log).toEqual(['a', 'b TIMEOUT at 100']);
  });

  it('refuses wrong options all at once, and changes nothing then', () => {
    const { limiter } = limiterBench(2);
    const wrong: unknown = {
      max: 0,
      queue: -1,
      reserve: 101,
      partitions: { high: 0, urgent: 1 },
      lifo: 'yes',
      adaptive: { min: 99, tolerance: 1 },
      maxx: 1,
    };
    const names = ['max', 'queue', 'reserve', 'partitions.high', 'partitions.urgent', 'lifo'];
    const all = [...names, 'adaptive.min', 'adaptive.tolerance', 'maxx'].map((name) => `connectionLimit.${name}`);
    let issues: readonly string[] = [];
    try {
      limiter.set(wrong as ConnectionLimitOptions);
    } catch (error) {
      issues = (error as ConfigError).issues.map(({ path }) => path);
    }
    expect(issues).toEqual(all);
    expect(limiter.stats().max).toBe(2);
    expect(() => new ConnectionLimiter({ partitions: { high: 0.8 } })).toThrow('add up to 1 at most');
    expect(() => new ConnectionLimiter('2' as unknown as number)).toThrow(ConfigError);
  });

  it('has the defaults that are written down', () => {
    expect(new ConnectionLimiter({}).stats()).toMatchObject({ limit: 50, max: 50 });
  });
});
