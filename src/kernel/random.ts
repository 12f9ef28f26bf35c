/**
 * Randomness as an argument, so that a simulation can be replayed from its seed.
 * Nothing here is for secrets.
 */

/** A number in [0, 1). */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();

/**
 * A repeatable sequence. Algorithm: mulberry32 by Tommy Ettinger (public domain); 32 bits of state are plenty for
 * schedules of tests and simulations.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * "Full jitter": anything between 0 and `capMs`, applied after the cap, so that clients at the cap don't fall into step.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function fullJitter(capMs: number, random: Random): number {
  return random() * capMs;
}
