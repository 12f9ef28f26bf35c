import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../kernel/random.js';
import type { BackoffConfig, Jitter } from './backoff.js';
import { backoffMs, JITTERS } from './backoff.js';

const DEFAULTS: BackoffConfig = { initialMs: 100, multiplier: 2, maxMs: 5_000, jitter: 'none' };
const [LOWEST, HIGHEST] = [() => 0, () => 1 - Number.EPSILON];

/** The pauses before retries 0, 1, 2, …, each told the one before. */
function pauses(config: BackoffConfig, count: number, random: () => number): number[] {
  const all: number[] = [];
  for (let retry = 0; retry < count; retry += 1) all.push(backoffMs(config, retry, all.at(-1) ?? 0, random));
  return all;
}

const anyConfig = (jitter: Jitter) =>
  fc
    .record({
      initialMs: fc.integer({ min: 1, max: 10_000 }),
      multiplier: fc.double({ min: 1, max: 10, noNaN: true }),
      extraMs: fc.integer({ min: 0, max: 600_000 }),
    })
    .map(({ initialMs, multiplier, extraMs }) => ({ initialMs, multiplier, maxMs: initialMs + extraMs, jitter }));

describe('backoffMs', () => {
  it('doubles from the first pause up to the cap', () => {
    expect(pauses(DEFAULTS, 8, LOWEST)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  it.each<[Jitter, number[], number[]]>([
    ['full', [0, 0, 0, 0], [100, 200, 400, 800]],
    ['equal', [50, 100, 200, 400], [100, 200, 400, 800]],
    ['decorrelated', [100, 100, 100, 100], [100, 300, 900, 2_700]],
    ['none', [100, 200, 400, 800], [100, 200, 400, 800]],
  ])('spreads %s jitter from the lower to the upper end', (jitter, low, high) => {
    const config = { ...DEFAULTS, jitter };
    expect(pauses(config, 4, LOWEST)).toEqual(low);
    expect(pauses(config, 4, HIGHEST).map(Math.round)).toEqual(high);
  });

  it.each(JITTERS)('keeps %s jitter within its bounds for every seed and every option', (jitter) => {
    fc.assert(
      fc.property(anyConfig(jitter), fc.integer(), fc.integer({ min: 1, max: 100 }), (config, seed, count) => {
        const exact = pauses({ ...config, jitter: 'none' }, count, LOWEST);
        for (const [retry, ms] of pauses(config, count, seededRandom(seed)).entries()) {
          const capMs = exact[retry] ?? NaN;
          const [low, high] = {
            full: [0, capMs],
            equal: [capMs / 2, capMs],
            decorrelated: [config.initialMs, config.maxMs],
            none: [capMs, capMs],
          }[jitter] as [number, number];
          expect(ms).toBeGreaterThanOrEqual(low);
          expect(ms).toBeLessThanOrEqual(high);
        }
      }),
    );
  });

  it.each<Jitter>(['full', 'equal'])(
    'still spreads %s jitter at the cap, so that clients do not fall into step',
    (jitter) => {
      const random = seededRandom(1);
      const atCap = Array.from({ length: 100 }, () => backoffMs({ ...DEFAULTS, jitter }, 50, 5_000, random));
      expect(new Set(atCap.map(Math.round)).size).toBeGreaterThan(90);
    },
  );
});
