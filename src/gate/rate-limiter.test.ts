import { describe, expect, it } from 'vitest';
import { ConfigError } from '../errors/config-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { DeadlineTimer } from '../kernel/deadline.js';
import { fakeClock } from '../testing/fake-clock.js';
import { RateLimiter } from './rate-limiter.js';
import type { RateLimitOptions } from './rate-limiter-options.js';

function limiterBench(options?: RateLimitOptions | number) {
  const clock = fakeClock({ now: 1_000 });
  const limiter = new RateLimiter(options, { clock, timers: new DeadlineTimer(clock) });
  return { clock, limiter };
}

function refusal(act: () => unknown): FluxorError {
  try {
    void act();
  } catch (error) {
    if (isFluxorError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('RateLimiter', () => {
  it('lets a thousand calls pass at once and a thousand a second, when nobody says otherwise', async () => {
    const { clock, limiter } = limiterBench();
    for (let call = 0; call < 1_000; call += 1) expect(limiter.take()).toBeUndefined();
    expect(refusal(() => limiter.take()).code).toBe('RATE_LIMIT');
    await clock.advance(1);
    expect(limiter.take()).toBeUndefined();
    expect(refusal(() => limiter.take()).code).toBe('RATE_LIMIT');
  });

  it('means five when it says five', () => {
    const { clock, limiter } = limiterBench(5);
    const passed = Array.from({ length: 20 }, () => limiter.tryTake(1, clock.now())).filter(Boolean);
    expect(passed).toHaveLength(5);
  });

  it('says when to come again, and that is neither too early nor too late', async () => {
    const { clock, limiter } = limiterBench({ perSecond: 3, burst: 1 });
    void limiter.take();
    const error = refusal(() => limiter.take());
    expect(error).toMatchObject({ code: 'RATE_LIMIT', retryAfterMs: 334, outcome: 'not-sent', breaker: 'ignore' });
    expect(error.retryable).toBe(false);
    expect(error.message).toBe(
      'Refused by the rate limit of 3 a second (gate.rateLimit): no token is there, and the call may not wait ' +
        '(burst 1, 0 waiting); nothing was sent',
    );
    await clock.advance(333);
    expect(refusal(() => limiter.take()).retryAfterMs).toBe(1);
    await clock.advance(1);
    expect(limiter.take()).toBeUndefined();
  });

  it('charges what a call costs', () => {
    const { limiter } = limiterBench({ perSecond: 10, burst: 10 });
    expect(limiter.take({ cost: 7 })).toBeUndefined();
    expect(refusal(() => limiter.take({ cost: 4 })).retryAfterMs).toBe(100);
    expect(limiter.take({ cost: 3 })).toBeUndefined();
    expect(limiter.stats().tokens).toBe(0);
  });

  it('tells a call that costs more than the burst that it can never pass', () => {
    const { limiter } = limiterBench({ perSecond: 10, burst: 10, maxWait: '1h' });
    const error = refusal(() => limiter.take({ cost: 11 }));
    expect(error.message).toContain('a call of 11 tokens never fits into the burst');
    expect(error.retryAfterMs).toBeUndefined();
  });

  it('refuses costs that are no costs', () => {
    const { limiter } = limiterBench();
    for (const cost of [0, -1, NaN, Infinity]) expect(() => limiter.take({ cost })).toThrow(ConfigError);
    expect(() => limiter.refund(-1)).toThrow('a number above 0');
  });

  it('gives tokens back for what was not sent, and not more than the burst', () => {
    const { limiter } = limiterBench(2);
    void limiter.take();
    void limiter.take();
    limiter.refund();
    expect(limiter.take()).toBeUndefined();
    for (let refund = 0; refund < 5; refund += 1) limiter.refund();
    expect(limiter.stats()).toMatchObject({ tokens: 2, refunded: 6 });
  });

  it('takes nothing for a call that was aborted before', () => {
    const { limiter } = limiterBench(1);
    const error = refusal(() => limiter.take({ signal: AbortSignal.abort(new Error('gone')) }));
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller' });
    expect((error.cause as Error).message).toBe('gone');
    expect(limiter.stats().tokens).toBe(1);
  });

  it('does not care what the wall clock says', () => {
    const { clock, limiter } = limiterBench(1);
    void limiter.take();
    for (const leap of [3_600_000, -7_200_000]) {
      clock.leapWall(leap);
      expect(refusal(() => limiter.take()).retryAfterMs).toBe(1_000);
    }
  });

  it('counts what happened', () => {
    const { limiter } = limiterBench({ perSecond: 10, burst: 2 });
    void limiter.take();
    void limiter.take();
    refusal(() => limiter.take());
    expect(limiter.stats()).toEqual({
      perSecond: 10,
      burst: 2,
      tokens: 0,
      waiting: 0,
      allowed: 2,
      waited: 0,
      rejected: 1,
      cancelled: 0,
      refunded: 0,
    });
  });

  it('works with the clock of the machine when it is given nothing', () => {
    const limiter = new RateLimiter();
    expect(limiter.take()).toBeUndefined();
    limiter.stop();
    expect(refusal(() => limiter.take()).code).toBe('RUNTIME_CLOSED');
  });

  it('changes its rate while it runs; what is not given gets its default', async () => {
    const { clock, limiter } = limiterBench(10);
    void limiter.take({ cost: 10 });
    limiter.set(1_000);
    expect(limiter.stats()).toMatchObject({ perSecond: 1_000, burst: 1_000, tokens: 0 });
    await clock.advance(10);
    expect(limiter.stats().tokens).toBe(10);
    limiter.set({ burst: 4 });
    expect(limiter.stats()).toMatchObject({ perSecond: 1_000, burst: 4, tokens: 4 });
  });

  it('refuses wrong options all at once, and changes nothing then', () => {
    const { limiter } = limiterBench(10);
    const wrong: unknown = { perSecond: 0, burst: 1.5, maxWait: 'soon', maxQueue: 0, persecond: 1 };
    const error = refusal(() => limiter.set(wrong as RateLimitOptions)) as ConfigError;
    const paths = ['perSecond', 'burst', 'maxWait', 'maxQueue', 'persecond'].map((name) => `rateLimit.${name}`);
    expect(error.issues.map(({ path }) => path)).toEqual(paths);
    expect(() => new RateLimiter(-1)).toThrow('rateLimit.perSecond: got -1, expected a whole number, 1 to 1,000,000');
    expect(() => new RateLimiter('fast' as unknown as number)).toThrow("got 'fast', expected an object");
    expect(limiter.stats().perSecond).toBe(10);
  });
});
