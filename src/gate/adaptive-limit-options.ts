/** What a user may say about the adaptive mode of the connection limiter, and the numbers it works with. */
import type { OptionReader } from '../kernel/option-reader.js';

/** Options of the adaptive mode. */
export interface AdaptiveOptions {
  /**
   * The limit never falls below.
   * @when Raise it when too few calls at once would hurt more than a slow database.
   * @limits 1 to `max`
   * @default `5` (a tenth of `max`, at least 1)
   */
  readonly min?: number;
  /**
   * Where the limit begins; it grows by one a second from there.
   * @when Keep it well below what the database can take: what it takes for normal is learnt there.
   * @limits `min` to `max`
   * @default `5` (`adaptive.min`)
   */
  readonly initial?: number;
  /**
   * How much slower than normal statements may become before the limit shrinks.
   * @when Raise it when latencies scatter a lot.
   * @limits 1.05 to 5
   * @default `1.2`
   */
  readonly tolerance?: number;
}

export interface AdaptiveConfig {
  readonly min: number;
  readonly max: number;
  readonly initial: number;
  readonly tolerance: number;
}

/** Reads through `reader`, which stands on the group. */
export function resolveAdaptiveOptions(reader: OptionReader, max: number): AdaptiveConfig {
  const min = reader.integer('min', Math.max(1, Math.floor(max / 10)), { min: 1, max });
  const tolerance = reader.raw('tolerance') ?? 1.2;
  const isTolerance = typeof tolerance === 'number' && tolerance >= 1.05 && tolerance <= 5;
  const config: AdaptiveConfig = {
    min,
    max,
    initial: reader.integer('initial', min, { min, max }),
    tolerance: isTolerance ? tolerance : reader.refuse('tolerance', 'a number, 1.05 to 5', 1.2),
  };
  reader.refuseUnknown();
  return Object.freeze(config);
}
