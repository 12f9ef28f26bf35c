/**
 * What `db.metrics()` answers: everything that is counted, of one moment. Where it is read from is in metrics-snapshot.ts, and
 * what each number is called elsewhere (Prometheus, OpenTelemetry) in monitor/metric-table.ts.
 * Invariants: open = inUse + idle ≤ maxOpen, but for a pool that was made smaller; total = success + failed; the buckets of
 * `duration` add up to total; slow ≤ total.
 */
import type { StatementCounts } from '../connection/statement-book.js';
import type { CircuitState } from '../gate/circuit-state.js';
import type { BucketCounts } from '../kernel/bucket-histogram.js';
import type { Operation } from '../sql/operation.js';
import type { CloseReason } from '../telemetry/events.js';
import type { TransactionMetrics } from './transaction-metrics.js';

/** Prepared statements, over all connections, since the runtime was made. */
export interface StatementCacheMetrics {
  readonly hits: number;
  readonly misses: number;
  /** Hits among both; 0 when there were none. */
  readonly hitRate: number;
  /** Prepared at the server now. */
  readonly prepared: number;
  readonly evicted: number;
  /** Prepared anew, because the server had lost or outgrown them. */
  readonly healed: number;
}

/** Connections, now and since the runtime was made. Distributions in milliseconds. */
export interface ConnectionMetrics {
  /** Physical connections: lent, or open and not lent. */
  readonly open: number;
  /** Open and not lent, those that are being asked for a proof of life or cleaned among them. */
  readonly idle: number;
  readonly inUse: number;
  /** Being opened; not counted as open. */
  readonly connecting: number;
  readonly maxOpen: number;
  /** How long a caller waits for one at most. */
  readonly acquireTimeoutMs: number;
  /** Callers who wait now, and how long the one who came first has waited. */
  readonly pending: number;
  readonly oldestWaitMs: number;
  /** Callers who had to wait, and how long they all waited until they were served or gave up. */
  readonly waitCount: number;
  readonly waitDurationMs: number;
  /** Callers who waited until their time was up. */
  readonly timeouts: number;
  readonly acquire: BucketCounts;
  readonly create: BucketCounts;
  readonly use: BucketCounts;
  readonly created: number;
  readonly createFailed: number;
  readonly closed: number;
  readonly closedBy: Readonly<Record<CloseReason, number>>;
  /** Leases that were held too long, or dropped without release. */
  readonly leaked: number;
}

/** Of one kind of statement. */
export interface OperationMetrics {
  readonly success: BucketCounts;
  readonly failed: BucketCounts;
}

/**
 * Logical queries: a statement, a stream or a chunk of a batch, with its retries and waits, is one. Of a stream, the
 * duration is what it has waited for the database.
 */
export interface QueryMetrics {
  /** Those that have ended. */
  readonly total: number;
  readonly success: number;
  readonly failed: number;
  /** Took `query.slowThreshold` or longer, however they ended. */
  readonly slow: number;
  readonly inFlight: number;
  /** Second and later attempts, and by the code of the error before. */
  readonly retries: number;
  readonly retriesBy: Readonly<Record<string, number>>;
  /** By code of the error. */
  readonly failedBy: Readonly<Record<string, number>>;
  /** Milliseconds. */
  readonly duration: BucketCounts;
  readonly totalMs: number;
  readonly maxMs: number;
  /** At most an eighth away from the true ones. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Rows that came back, by query that succeeded. */
  readonly rows: BucketCounts;
  /** Only kinds that have occurred. */
  readonly byOperation: Readonly<Partial<Record<Operation, OperationMetrics>>>;
}

/** The circuit breaker. */
export interface CircuitMetrics {
  readonly state: CircuitState;
  readonly failures: number;
  readonly rejected: number;
  readonly transitions: readonly { readonly from: string; readonly to: string; readonly count: number }[];
}

/** The rate limiter; zeros where there is none. */
export interface RateLimitMetrics {
  readonly isEnabled: boolean;
  readonly allowed: number;
  readonly rejected: number;
  readonly tokens: number;
}

/**
 * The connection limit: who is kept waiting here has not asked the pool yet. With a limit as large as the pool nobody is;
 * zeros where there is none.
 */
export interface ConnectionLimitMetrics {
  readonly isEnabled: boolean;
  /** What may be in use now; the adaptive mode moves it. */
  readonly limit: number;
  readonly inUse: number;
  readonly waiting: number;
  readonly oldestWaitMs: number;
}

/** What is told to callbacks and monitors. */
export interface CallbackMetrics {
  /** Times one threw or rejected. */
  readonly errors: number;
  /** Those that are not called any more, because they failed ten times in a row. */
  readonly detached: number;
}

export type HealthStatus = 'up' | 'degraded' | 'down';

/** What the last `healthCheck()` found. Nothing is asked for it, so that it is as old as that. */
export interface HealthMetrics {
  /** `unknown` before the first check. */
  readonly status: HealthStatus | 'unknown';
  /** Epoch milliseconds of the check; `undefined` before the first. */
  readonly at: number | undefined;
}

/** The runtime in numbers, frozen. */
export interface MetricsSnapshot {
  /** Epoch milliseconds. */
  readonly at: number;
  /** The runtime's name. */
  readonly name: string;
  /** The driver's name: `postgres`, `mysql`. */
  readonly driver: string;
  /** Of Fluxor-DB. */
  readonly version: string;
  readonly health: HealthMetrics;
  readonly connections: ConnectionMetrics;
  readonly queries: QueryMetrics;
  readonly circuit: CircuitMetrics;
  readonly rateLimit: RateLimitMetrics;
  readonly connectionLimit: ConnectionLimitMetrics;
  readonly transactions: TransactionMetrics;
  readonly statements: StatementCacheMetrics;
  readonly callbacks: CallbackMetrics;
}

export function statementMetrics(counts: StatementCounts): StatementCacheMetrics {
  const { hits, misses } = counts;
  const hitRate = hits + misses === 0 ? 0 : hits / (hits + misses);
  return Object.freeze({ ...counts, hitRate });
}
