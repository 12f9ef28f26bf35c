import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Random } from './random.js';
import { fullJitter, seededRandom, systemRandom } from './random.js';

const take = (random: Random, count: number): number[] => Array.from({ length: count }, () => random());

describe('seededRandom', () => {
  it('repeats its sequence for the same seed', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(take(seededRandom(seed), 20)).toEqual(take(seededRandom(seed), 20));
      }),
    );
  });

  it('keeps to its algorithm, so that a seed printed by an old failure still replays it', () => {
    expect(take(seededRandom(42), 3).map((value) => value.toFixed(6))).toEqual(['0.601104', '0.448291', '0.852466']);
  });

  it('gives different sequences for neighbouring seeds', () => {
    expect(take(seededRandom(1), 5)).not.toEqual(take(seededRandom(2), 5));
  });

  it('stays in [0, 1) and reaches every tenth of it', () => {
    const values = take(seededRandom(7), 10_000);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const counts = new Map<number, number>();
    for (const value of values) counts.set(Math.floor(value * 10), (counts.get(Math.floor(value * 10)) ?? 0) + 1);
    expect([...counts.values()].every((count) => count > 800 && count < 1_200)).toBe(true);
  });
});

describe('systemRandom', () => {
  it('stays in [0, 1)', () => {
    expect(take(systemRandom, 100).every((value) => value >= 0 && value < 1)).toBe(true);
  });
});

describe('fullJitter', () => {
  it('stays between 0 and the cap', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat({ max: 60_000 }), (seed, capMs) => {
        const pause = fullJitter(capMs, seededRandom(seed));
        expect(pause >= 0 && pause <= capMs).toBe(true);
      }),
    );
  });

  it('uses the whole width: nothing at one end, almost the cap at the other', () => {
    expect(fullJitter(5_000, () => 0)).toBe(0);
    expect(fullJitter(5_000, () => 0.999)).toBeCloseTo(4_995);
  });
});
