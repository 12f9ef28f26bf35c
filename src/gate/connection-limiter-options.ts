/** What a user may say about the connection limiter, and the complete numbers it works with. */
import { ConfigError } from '../errors/config-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';
import { PRIORITIES } from '../kernel/priority.js';
import type { AdaptiveConfig, AdaptiveOptions } from './adaptive-limit-options.js';
import { resolveAdaptiveOptions } from './adaptive-limit-options.js';

/** The share of the slots that each priority is sure of while all of them have calls waiting. */
export interface PartitionOptions {
  /**
   * What urgent calls are sure of.
   * @when Raise it when they wait behind slots that others hold.
   * @limits 0.01 to 1
   * @warning All three add up to 1 at most.
   * @default `0.7`
   */
  readonly high?: number;
  /**
   * What ordinary calls are sure of when urgent ones crowd.
   * @limits 0.01 to 1
   * @default `0.2`
   */
  readonly normal?: number;
  /**
   * What background work is sure of; it never stands still for ever.
   * @limits 0.01 to 1
   * @default `0.1`
   */
  readonly low?: number;
}

/** Options of the connection limiter; a number alone is `max`. */
export interface ConnectionLimitOptions {
  /**
   * Most calls at once.
   * @when Keep it at the size of the pool: more would only wait there.
   * @limits 1 to 10,000
   * @default `50` (`pool.maxSize`)
   * @see docs/guide/resilience.md#connection-limit
   */
  readonly max?: number;
  /**
   * Most calls waiting for a slot; the next is refused with `POOL_EXHAUSTED`.
   * @when Lower it to refuse early rather than answer late; 0 lets nobody wait.
   * @limits 0 to 1,000,000
   * @default `1000`
   */
  readonly queue?: number;
  /**
   * Slots on top of `max` for control calls: a cancel or a rollback must get through when all is busy.
   * @limits 0 to 100
   * @default `1`
   * @see docs/guide/resilience.md#the-parts-alone
   */
  readonly reserve?: number;
  /**
   * Shares of the slots by priority. They count only while calls wait; what one priority does not use, the others may
   * borrow. `false` serves all in order of arrival, whatever their priority.
   * @default as below
   */
  readonly partitions?: PartitionOptions | false;
  /**
   * True serves the newest first while the oldest has waited over 100 ms for more than a second: in a jam that lasts,
   * those who have waited long are likely to give up, and serving them first makes everybody late.
   * @when Set it where callers give up early: in a jam that lasts, those served last are served for nobody.
   * @default `false`
   */
  readonly lifo?: boolean;
  /**
   * Finds the limit between a tenth of `max` and `max` by what the database can take.
   * @when Where the database is shared, and nobody knows the number.
   * @default `false`
   * @see docs/guide/resilience.md#adaptive
   */
  readonly adaptive?: boolean | AdaptiveOptions;
}

/** By priority, in the order of `PRIORITIES`. */
export type Shares = readonly [high: number, normal: number, low: number];

export interface ConnectionLimitConfig {
  readonly max: number;
  readonly queue: number;
  readonly reserve: number;
  readonly partitions: Shares | false;
  readonly lifo: boolean;
  readonly adaptive: AdaptiveConfig | false;
}

const DEFAULT_SHARES = { high: 0.7, normal: 0.2, low: 0.1 } as const;

export function resolveConnectionLimitOptions(
  options: unknown,
  path: string,
  issues: OptionIssue[],
): ConnectionLimitConfig {
  const reader = new OptionReader(typeof options === 'number' ? { max: options } : options, path, issues);
  const max = reader.integer('max', 50, { min: 1, max: 10_000 });
  const config: ConnectionLimitConfig = {
    max,
    queue: reader.integer('queue', 1_000, { min: 0, max: 1_000_000 }),
    reserve: reader.integer('reserve', 1, { min: 0, max: 100 }),
    partitions: readPartitions(reader),
    lifo: reader.boolean('lifo', false),
    adaptive: readAdaptive(reader, max),
  };
  reader.refuseUnknown();
  return Object.freeze(config);
}

/** For a limiter that is used alone. @throws ConfigError with everything that is wrong. */
export function readConnectionLimitOptions(options: unknown): ConnectionLimitConfig {
  const issues: OptionIssue[] = [];
  const config = resolveConnectionLimitOptions(options, 'connectionLimit', issues);
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  return config;
}

function readPartitions(limiter: OptionReader): Shares | false {
  if (limiter.raw('partitions') === false) return false;
  const reader = limiter.group('partitions');
  const [high = 0, normal = 0, low = 0] = PRIORITIES.map((priority) => {
    const share = reader.raw(priority) ?? DEFAULT_SHARES[priority];
    if (typeof share === 'number' && share >= 0.01 && share <= 1) return share;
    return reader.refuse(priority, 'a number, 0.01 to 1', 0);
  });
  reader.refuseUnknown();
  // A billionth, because 0.7 + 0.2 + 0.1 is not 1 in binary fractions.
  if (high + normal + low <= 1 + 1e-9) return Object.freeze([high, normal, low] as const);
  return limiter.refuse('partitions', `shares that add up to 1 at most, not ${high} + ${normal} + ${low}`, false);
}

function readAdaptive(limiter: OptionReader, max: number): AdaptiveConfig | false {
  const value = limiter.raw('adaptive');
  if (value === undefined || value === false) return false;
  if (value === true) return resolveAdaptiveOptions(new OptionReader(undefined, '', []), max);
  return resolveAdaptiveOptions(limiter.group('adaptive'), max);
}
