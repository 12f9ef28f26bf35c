/**
 * How long to wait before another attempt: an exponential that is capped first and jittered after. The other order lets
 * all clients at the cap fall into step, which is what jitter is there to prevent (p-retry does it that way).
 * Called by retry-policy.ts. Pure functions: chance comes in as an argument.
 * Sources: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015, for the names and the formulas.
 */
import type { Random } from '../kernel/random.js';
import { fullJitter } from '../kernel/random.js';

/**
 * How chance spreads the pauses, `cap` being the exponential's value: `full` 0 to cap, `equal` cap/2 to cap,
 * `decorrelated` the base to three times the pause before, `none` the cap itself.
 */
export type Jitter = 'full' | 'equal' | 'decorrelated' | 'none';

export const JITTERS: readonly Jitter[] = ['full', 'equal', 'decorrelated', 'none'];

export interface BackoffConfig {
  readonly initialMs: number;
  readonly multiplier: number;
  readonly maxMs: number;
  readonly jitter: Jitter;
}

/**
 * The pause before retry number `retry`, counted from 0. `previousMs` is the pause before the last one, 0 for none; only
 * `decorrelated` asks.
 */
export function backoffMs(config: BackoffConfig, retry: number, previousMs: number, random: Random): number {
  if (config.jitter === 'decorrelated') return decorrelatedMs(config, previousMs, random);
  const capMs = Math.min(config.maxMs, config.initialMs * config.multiplier ** retry);
  if (config.jitter === 'none') return capMs;
  if (config.jitter === 'equal') return capMs / 2 + fullJitter(capMs / 2, random);
  return fullJitter(capMs, random);
}

/** It grows by chance from the last pause, so the multiplier has no say. */
function decorrelatedMs({ initialMs, maxMs }: BackoffConfig, previousMs: number, random: Random): number {
  const upperMs = Math.max(initialMs, previousMs * 3);
  return Math.min(maxMs, initialMs + fullJitter(upperMs - initialMs, random));
}
