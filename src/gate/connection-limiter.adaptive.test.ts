import { describe, expect, it } from 'vitest';
import { DeadlineTimer } from '../kernel/deadline.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { LimitMove } from './adaptive-limit.js';
import type { ConnectionLimitOptions } from './connection-limiter-options.js';
import type { ReleaseSample } from './connection-limiter-permit.js';
import { ConnectionLimiter } from './connection-limiter.js';

function adaptiveBench(options: ConnectionLimitOptions) {
  const clock = fakeClock();
  const limiter = new ConnectionLimiter({ adaptive: true, ...options }, { clock, timers: new DeadlineTimer(clock) });
  const moves: LimitMove[] = [];
  limiter.on('limitChange', (move) => moves.push(move));
  const end = (sample: ReleaseSample): void => limiter.tryAcquire()?.release(sample);
  /** A second with so many calls, one after the other. */
  const second = async (sample: ReleaseSample, calls = 10): Promise<void> => {
    for (let call = 0; call < calls; call += 1) {
      if (call === calls - 1) await clock.advance(1_000);
      end(sample);
    }
  };
  return { clock, limiter, moves, end, second };
}

const FAST: ReleaseSample = { outcome: 'sample', latencyMs: 10, key: 'select' };

describe('ConnectionLimiter, adaptive', () => {
  it('begins at a tenth of max, and tells of every move', async () => {
    const { limiter, moves, second, end } = adaptiveBench({ max: 20 });
    expect(limiter.stats()).toMatchObject({ limit: 2, max: 20 });
    expect(limiter.isAdaptive).toBe(true);
    await second(FAST);
    end({ outcome: 'drop' });
    expect(moves).toEqual([
      { from: 2, to: 3, cause: 'grew' },
      { from: 3, to: 2, cause: 'drop' },
    ]);
  });

  it('serves those who wait when it grows, before a listener of the move can ask', async () => {
    const { clock, limiter, end } = adaptiveBench({ max: 10, adaptive: { initial: 1 } });
    const log: string[] = [];
    for (let call = 0; call < 9; call += 1) end(FAST);
    const last = limiter.tryAcquire();
    for (const name of ['a', 'b']) void Promise.resolve(limiter.acquire()).then(() => log.push(name));
    limiter.on('limitChange', () => log.push(limiter.tryAcquire() === undefined ? 'nothing left' : 'overtaken'));
    await clock.advance(1_000);
    last?.release(FAST);
    await clock.settle();
    expect(log).toEqual(['nothing left', 'a', 'b']);
    expect(limiter.stats()).toMatchObject({ limit: 2, inUse: 2 });
  });

  it('learns nothing from samples to be ignored, from none, and from control calls', async () => {
    const { clock, limiter, moves } = adaptiveBench({ max: 20 });
    for (let call = 0; call < 50; call += 1) {
      limiter.tryAcquire()?.release();
      limiter.tryAcquire()?.release({ outcome: 'ignore', latencyMs: 9_999 });
      limiter.tryAcquire({ isControl: true })?.release({ outcome: 'drop' });
      await clock.advance(100);
    }
    expect(moves).toEqual([]);
  });

  it('cannot be hurt by a listener that throws', async () => {
    const { limiter, second } = adaptiveBench({ max: 20 });
    limiter.on('limitChange', () => {
      throw new Error('listener');
    });
    await second(FAST);
    expect(limiter.stats().limit).toBe(3);
  });

  it('keeps what it has found when its bounds change, and forgets it when it is switched off', async () => {
    const { limiter, second } = adaptiveBench({ max: 20 });
    for (let count = 0; count < 6; count += 1) await second(FAST);
    // One call at once uses no more than a limit of 2: it grew to 3 and rests.
    expect(limiter.stats().limit).toBe(3);
    limiter.set({ max: 100, adaptive: true });
    expect(limiter.stats().limit).toBe(10);
    limiter.set({ max: 5, adaptive: true });
    expect(limiter.stats().limit).toBe(5);
    limiter.set({ max: 100 });
    expect(limiter.stats().limit).toBe(100);
    expect(limiter.isAdaptive).toBe(false);
  });

  it('ramps up to the limit it has found, not to max', async () => {
    const { clock, limiter } = adaptiveBench({ max: 100 });
    limiter.ramp(1_000);
    expect(limiter.stats().limit).toBe(1);
    await clock.advance(1_000);
    expect(limiter.stats().limit).toBe(10);
  });
});
