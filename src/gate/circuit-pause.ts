/** How long a circuit stays open: the same every time, or longer with each opening that follows a failed trial. */
import type { Random } from '../kernel/random.js';
import type { CircuitBreakerConfig } from './circuit-options.js';

/**
 * Milliseconds for the opening after `reopens` failed trials. The jitter is applied after the cap, or circuits at the cap
 * would fall into step; the cap is lowered by it, so that `max` is a bound and not a centre.
 */
export function openPauseMs(config: CircuitBreakerConfig, reopens: number, random: Random): number {
  const { resetTimeoutMs, backoff } = config;
  if (backoff === false || reopens === 0) return resetTimeoutMs;
  const { multiplier, maxMs, jitter } = backoff;
  const centre = Math.min(maxMs / (1 + jitter), resetTimeoutMs * multiplier ** reopens);
  return Math.min(maxMs, centre * (1 + jitter * (2 * random() - 1)));
}
