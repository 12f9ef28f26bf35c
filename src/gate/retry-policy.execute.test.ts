import { describe, expect, it, vi } from 'vitest';
import { ConnectionError } from '../errors/connection-error.js';
import { FluxorError, isFluxorError } from '../errors/fluxor-error.js';
import { QueryError } from '../errors/query-error.js';
import { RejectedError } from '../errors/rejected-error.js';
import { DeadlineTimer } from '../kernel/deadline.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { RetryOptions } from './retry-options.js';
import { RetryPolicy } from './retry-policy.js';

const refused = (): ConnectionError => new ConnectionError('refused', 'x', { decision: 'new-connection' });
const unknown = (): ConnectionError =>
  new ConnectionError('lost', 'x', { decision: 'new-connection', outcome: 'unknown', context: { connectionId: 7 } });

function bench(options: RetryOptions = { jitter: 'none' }) {
  const clock = fakeClock();
  const timers = new DeadlineTimer(clock);
  const policy = new RetryPolicy(options, { clock, timers, random: () => 0.5 });
  /** What a promise has become by now. */
  const watch = (promise: Promise<unknown>) => {
    const seen: { value?: unknown; error?: unknown } = {};
    promise.then(
      (value) => (seen.value = value),
      (error: unknown) => (seen.error = error),
    );
    return seen;
  };
  return { clock, timers, policy, watch };
}

/** Fails with each error in turn, then succeeds. */
function failing(...errors: unknown[]) {
  const times: number[] = [];
  const fn = (clock: { now(): number }) => (attempt: number) => {
    times.push(clock.now());
    const error = errors[attempt - 1];
    return error === undefined ? Promise.resolve(`attempt ${attempt}`) : Promise.reject(error);
  };
  return { times, fn };
}

describe('RetryPolicy.execute', () => {
  it('answers at once where nothing fails, and starts no timer', async () => {
    const { clock, policy } = bench();
    await expect(policy.execute(failing().fn(clock))).resolves.toBe('attempt 1');
    expect(clock.pendingTimerCount).toBe(0);
    expect(policy.stats()).toMatchObject({ calls: 1, retries: 0 });
  });

  it('waits 100, 200 and 400 ms and tells each attempt its number', async () => {
    const { clock, timers, policy, watch } = bench();
    const { times, fn } = failing(refused(), refused(), refused());
    const seen = watch(policy.execute(fn(clock)));
    await clock.advance(1_000);
    expect(seen).toEqual({ value: 'attempt 4' });
    expect(times).toEqual([0, 100, 300, 700]);
    expect(timers.size).toBe(0);
  });

  it('rejects with the error of the last attempt, which has those before it', async () => {
    const { clock, policy, watch } = bench();
    const errors = [refused(), refused(), refused(), refused()];
    const seen = watch(policy.execute(failing(...errors).fn(clock)));
    await clock.advance(1_000);
    expect(seen.error).toBe(errors[3]);
    expect(errors[3]?.attempts).toEqual(errors.slice(0, 3));
    expect(errors[3]?.retryBudgetExhausted).toBe(false);
    expect(errors[0]?.attempts).toBeUndefined();
  });

  it('says that the budget was spent', async () => {
    const { clock, policy, watch } = bench({ budget: { ratio: 0, perSecond: 0 } });
    const seen = watch(policy.execute(failing(refused()).fn(clock)));
    await clock.settle();
    expect(seen.error).toMatchObject({ code: 'CONNECTION', retryBudgetExhausted: true, attempts: undefined });
  });

  // The first attempt may have been applied; that the second was refused says nothing about it.
  it('claims no less than the attempts before: what may have been applied is not told as unsent', async () => {
    const { clock, policy, watch } = bench({ jitter: 'none', maxRetries: 1 });
    const seen = watch(policy.execute(failing(unknown(), refused()).fn(clock), { idempotent: true }));
    await clock.advance(1_000);
    expect(seen.error).toMatchObject({ reason: 'refused', outcome: 'unknown', attempts: [{ outcome: 'unknown' }] });
  });

  it('says in the message how many attempts there were, and that the budget was spent', async () => {
    const { clock, policy, watch } = bench({ jitter: 'none', maxRetries: 2 });
    const seen = watch(policy.execute(failing(refused(), refused(), refused()).fn(clock)));
    await clock.advance(1_000);
    expect(seen.error).toMatchObject({ message: 'x (after 3 attempts)' });
    expect((seen.error as FluxorError).stack).toContain('x (after 3 attempts)');
    const poor = bench({ budget: { ratio: 0, perSecond: 0 } });
    const alone = poor.watch(poor.policy.execute(failing(refused()).fn(poor.clock)));
    await poor.clock.settle();
    expect(alone.error).toMatchObject({ message: 'x (the retry budget is spent)' });
  });

  it('says the number once where a retry stands around a retry, and counts the attempts of both', async () => {
    const { clock, policy, watch } = bench({ jitter: 'none', maxRetries: 1 });
    const inner = () => policy.execute(failing(refused(), refused()).fn(clock));
    const seen = watch(policy.execute(inner));
    await clock.advance(1_000);
    expect(seen.error).toMatchObject({ message: 'x (after 4 attempts)' });
  });

  it('leaves the message of a first attempt as it is', async () => {
    const { clock, policy } = bench();
    const error = new QueryError('syntax', 'x', { outcome: 'not-applied' });
    await expect(policy.execute(failing(error).fn(clock))).rejects.toMatchObject({ message: 'x' });
  });

  it('repeats what has an unknown outcome only where that was declared safe', async () => {
    const { clock, policy, watch } = bench();
    const [unsafe, safe] = [failing(unknown()), failing(unknown())];
    const seen = [watch(policy.execute(unsafe.fn(clock))), watch(policy.execute(safe.fn(clock), { idempotent: true }))];
    await clock.advance(1_000);
    expect(seen).toEqual([{ error: expect.any(ConnectionError) as unknown }, { value: 'attempt 2' }]);
    expect(unsafe.times).toHaveLength(1);
  });

  it.each([new RejectedError('CIRCUIT_OPEN', 'x', { retryAfterMs: 1 }), new Error('not of the house'), 'a text'])(
    'passes %s on as it is',
    async (error) => {
      const { clock, policy } = bench();
      await expect(policy.execute(failing(error).fn(clock))).rejects.toBe(error);
      expect(clock.pendingTimerCount).toBe(0);
    },
  );

  it('ends with the real error, and not with a timeout, where the next attempt would come too late', async () => {
    const { clock, policy, watch } = bench();
    const { times, fn } = failing(refused(), refused(), refused());
    const seen = watch(policy.execute(fn(clock), { deadlineAt: 250 }));
    await clock.advance(1_000);
    expect(seen.error).toMatchObject({ code: 'CONNECTION', attempts: [{ code: 'CONNECTION' }] });
    expect(times).toEqual([0, 100]);
  });

  it('gives back the error of another copy of the package, which cannot be told its attempts', async () => {
    const { clock, policy } = bench();
    const foreign = Object.assign(new Error('x'), {
      [Symbol.for('fluxor.error')]: true,
      code: 'QUERY',
      decision: 'never',
    });
    expect(isFluxorError(foreign)).toBe(true);
    expect(foreign).not.toBeInstanceOf(FluxorError);
    await expect(policy.execute(failing(foreign).fn(clock))).rejects.toBe(foreign);
  });

  it('is not troubled by a fault that raises the same error object every time', async () => {
    const { clock, policy, watch } = bench();
    const same = new QueryError('resource', 'x', { decision: 'new-connection', outcome: 'not-applied' });
    const seen = watch(policy.execute(failing(same, same, same, same).fn(clock)));
    await clock.advance(1_000);
    expect(seen.error).toBe(same);
    expect(() => JSON.stringify(same)).not.toThrow();
  });
});

describe('an abort', () => {
  it('before the first attempt: nothing is called and nothing counted', async () => {
    const { policy } = bench();
    const fn = vi.fn(() => Promise.resolve());
    const call = policy.execute(fn, { signal: AbortSignal.abort('why') });
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED', outcome: 'not-sent', cause: 'why' });
    expect(fn).not.toHaveBeenCalled();
    expect(policy.stats().calls).toBe(0);
  });

  it('in the pause: it ends at once, leaves no timer and no listener, and says what is known', async () => {
    const { clock, timers, policy, watch } = bench();
    const controller = new AbortController();
    const { times, fn } = failing(unknown(), unknown());
    const seen = watch(policy.execute(fn(clock), { idempotent: true, signal: controller.signal }));
    await clock.advance(20);
    controller.abort('why');
    await clock.settle();
    expect(seen.error).toMatchObject({
      code: 'CANCELLED',
      reason: 'caller',
      outcome: 'unknown',
      context: { connectionId: 7 },
      attempts: [{ code: 'CONNECTION' }],
      cause: 'why',
    });
    expect(timers.size).toBe(0);
    await clock.advance(10_000);
    expect(times).toEqual([0]);
    expect(clock.pendingTimerCount).toBe(0);
  });

  it('in the pause after a refusal: an earlier attempt may still have been applied', async () => {
    const { clock, policy, watch } = bench();
    const controller = new AbortController();
    const { fn } = failing(unknown(), refused());
    const seen = watch(policy.execute(fn(clock), { idempotent: true, signal: controller.signal }));
    await clock.advance(150);
    controller.abort();
    await clock.settle();
    expect(seen.error).toMatchObject({ code: 'CANCELLED', outcome: 'unknown' });
  });

  it('under an attempt: the attempt ends as it will, and no other begins', async () => {
    const { clock, policy, watch } = bench();
    const controller = new AbortController();
    const fn = vi.fn(() => {
      controller.abort();
      return Promise.reject(refused());
    });
    const seen = watch(policy.execute(fn, { signal: controller.signal }));
    await clock.settle();
    expect(seen.error).toMatchObject({ code: 'CANCELLED', attempts: [{ code: 'CONNECTION' }] });
    expect(fn).toHaveBeenCalledTimes(1);
    expect(clock.pendingTimerCount).toBe(0);
  });
});

describe('many pauses', () => {
  it('share one timer, which holds the process only while somebody waits', async () => {
    const { clock, policy, watch } = bench();
    const calls = Array.from({ length: 50 }, () => watch(policy.execute(failing(refused()).fn(clock))));
    await clock.settle();
    expect(clock.pendingTimers).toEqual([{ at: 100, keepAlive: true }]);
    await clock.advance(100);
    expect(calls.every(({ value }) => value === 'attempt 2')).toBe(true);
    expect(clock.pendingTimerCount).toBe(0);
  });

  it('take no notice of the wall clock', async () => {
    const { clock, policy, watch } = bench();
    const { times, fn } = failing(refused(), refused());
    const seen = watch(policy.execute(fn(clock)));
    await clock.advance(50);
    clock.leapWall(3_600_000);
    await clock.advance(100);
    clock.leapWall(-7_200_000);
    await clock.advance(1_000);
    expect(seen).toEqual({ value: 'attempt 3' });
    expect(times).toEqual([0, 100, 300]);
  });
});
