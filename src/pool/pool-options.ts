/** What a user may say about the pool, and the complete numbers it works with. */
import type { Duration } from '../kernel/duration.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';

/** How a connection's readiness is proved before it is lent. */
export interface ValidationOptions {
  /** A connection used within this time is lent without a question. 0 to 1 h. Default `'500ms'`. */
  readonly bypass?: Duration;
  /** How long one proof may take before the connection is given up. 10 ms to 1 min. Default `'1s'`. */
  readonly timeout?: Duration;
  /** Proofs before a connection that answers with errors is given up. 1 to 10. Default 3. */
  readonly attempts?: number;
  /** Pause after the first failed proof; doubles with each. 1 ms to 10 s. Default `'100ms'`. */
  readonly backoff?: Duration;
  /** A statement to run instead of the protocol's cheapest round trip. Default none. */
  readonly query?: string;
}

/** What happens to a connection that comes back with an open transaction or a running statement. */
export type ReleasePolicy = 'rollback' | 'reset' | 'destroy';

/** Options `pool.*`. */
export interface PoolOptions {
  /** Most connections at once, creating ones included. 1 to 10,000. Default 50 (1 for embedded databases). */
  readonly maxSize?: number;
  /**
   * The longest wait for a connection: queueing, connecting and validating together. A query's own shorter timeout wins.
   * 1 ms to 1 h. Default `'10s'`.
   */
  readonly acquireTimeout?: Duration;
  /** The longest one attempt to connect may take, login included. 1 ms to 10 min. Default `'5s'`. */
  readonly connectTimeout?: Duration;
  /** Most callers waiting at once; the next is refused with `POOL_EXHAUSTED`. 1 to 1,000,000. Default 1000. */
  readonly maxWaiting?: number;
  /** Most attempts to connect at once; one while the database is failing. 1 to 100. Default 2. */
  readonly maxCreating?: number;
  /** Proof of life before lending; `false` trusts every connection that has not reported its own end. */
  readonly validation?: ValidationOptions | false;
  /**
   * For connections that come back unclean: `'rollback'` ends the transaction, `'reset'` also forgets session settings
   * (and does so after every session and transaction), `'destroy'` closes them. Always off the caller's path.
   * Default `'rollback'`.
   */
  readonly onRelease?: ReleasePolicy;
  /** Not in this version yet; `false` says so. */
  readonly maxIdle?: false;
  /** Not in this version yet; `false` says so. */
  readonly minIdle?: false;
  /** Not in this version yet; `false` says so: a connection is never too old. */
  readonly maxLifetime?: false;
  /** Not in this version yet; `false` says so: a connection may rest for ever. */
  readonly idleTimeout?: false;
  /** Not in this version yet; `false` says so. */
  readonly keepalive?: false;
  /** Not in this version yet; `false` says so. */
  readonly warmUp?: false;
  /** Not in this version yet; `false` says so. */
  readonly leak?: false;
}

export interface ValidationConfig {
  readonly bypassMs: number;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly backoffMs: number;
  readonly query: string | undefined;
}

export interface PoolConfig {
  readonly maxSize: number;
  readonly acquireTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxWaiting: number;
  readonly maxCreating: number;
  readonly validation: ValidationConfig | false;
  readonly onRelease: ReleasePolicy;
}

/** Options that later versions fill. */
const LATER = ['maxIdle', 'minIdle', 'maxLifetime', 'idleTimeout', 'keepalive', 'warmUp', 'leak'] as const;

/** `maxSessions` is what the driver can hold; `Infinity` when the server decides. */
export function resolvePoolOptions(options: unknown, maxSessions: number, issues: OptionIssue[]): PoolConfig {
  const reader = new OptionReader(options, 'pool', issues);
  const largest = Math.min(10_000, maxSessions);
  const config: PoolConfig = {
    maxSize: reader.integer('maxSize', Math.min(50, maxSessions), { min: 1, max: largest }),
    acquireTimeoutMs: reader.duration('acquireTimeout', 10_000, { minMs: 1, maxMs: 3_600_000 }),
    connectTimeoutMs: reader.duration('connectTimeout', 5_000, { minMs: 1, maxMs: 600_000 }),
    maxWaiting: reader.integer('maxWaiting', 1_000, { min: 1, max: 1_000_000 }),
    maxCreating: reader.integer('maxCreating', 2, { min: 1, max: 100 }),
    validation: readValidation(reader),
    onRelease: reader.oneOf('onRelease', ['rollback', 'reset', 'destroy'], 'rollback'),
  };
  for (const name of LATER) reader.onlyOff(name);
  reader.refuseUnknown();
  return config;
}

function readValidation(pool: OptionReader): ValidationConfig | false {
  if (pool.raw('validation') === false) return false;
  const reader = pool.group('validation');
  const config: ValidationConfig = {
    bypassMs: reader.duration('bypass', 500, { minMs: 0, maxMs: 3_600_000 }),
    timeoutMs: reader.duration('timeout', 1_000, { minMs: 10, maxMs: 60_000 }),
    attempts: reader.integer('attempts', 3, { min: 1, max: 10 }),
    backoffMs: reader.duration('backoff', 100, { minMs: 1, maxMs: 10_000 }),
    query: reader.text('query', undefined),
  };
  reader.refuseUnknown();
  return config;
}
