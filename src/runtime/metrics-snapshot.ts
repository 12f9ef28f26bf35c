/** Reads what `db.metrics()` answers from the rooms that count it. Nothing is counted here. */
import type { BucketCounts } from '../kernel/bucket-histogram.js';
import { mergeCounts } from '../kernel/bucket-histogram.js';
import type { Operation } from '../sql/operation.js';
import { OPERATIONS } from '../sql/operation.js';
import type { QueryMeter } from '../telemetry/query-meter.js';
import { DURATION_BOUNDS_MS } from '../telemetry/query-meter.js';
import type { OperationMeter } from '../telemetry/statement-statistics.js';
import { VERSION } from '../telemetry/version.js';
import type { House } from './house.js';
import type {
  CircuitMetrics,
  ConnectionLimitMetrics,
  ConnectionMetrics,
  HealthMetrics,
  MetricsSnapshot,
  OperationMetrics,
  QueryMetrics,
  RateLimitMetrics,
} from './metrics.js';

const NOT_CHECKED: HealthMetrics = Object.freeze({ status: 'unknown', at: undefined });

export function snapshotOf({ parts, lastHealth = NOT_CHECKED }: House): MetricsSnapshot {
  return Object.freeze({
    at: parts.config.clock.wallNow(),
    name: parts.config.name,
    driver: parts.config.driver.name,
    version: VERSION,
    health: lastHealth,
    connections: connectionMetrics(parts),
    queries: queryMetrics(parts.meter),
    circuit: circuitMetrics(parts),
    rateLimit: rateLimitMetrics(parts),
    connectionLimit: connectionLimitMetrics(parts),
    transactions: parts.transactions.snapshot(),
    statements: parts.statementMetrics(),
    callbacks: Object.freeze({ ...parts.callbacks.counts }),
  });
}

type Parts = House['parts'];

function connectionMetrics({ pool, settings }: Parts): ConnectionMetrics {
  const { maxSize, total, inUse, creating, waiting, totals } = pool.stats();
  const { acquire, create, use, closedBy, oldestWaitMs } = pool.inspection.times();
  const open = total - creating;
  return Object.freeze({
    open,
    idle: open - inUse,
    inUse,
    connecting: creating,
    maxOpen: maxSize,
    acquireTimeoutMs: settings.current.acquireTimeoutMs,
    pending: waiting,
    oldestWaitMs,
    waitCount: totals.waits,
    waitDurationMs: totals.waitedMs,
    timeouts: totals.timedOut,
    acquire,
    create,
    use,
    created: totals.created,
    createFailed: totals.createFailed,
    closed: totals.closed,
    closedBy,
    leaked: totals.leaksSuspected,
  });
}

const NO_DURATIONS: BucketCounts = Object.freeze({
  bounds: DURATION_BOUNDS_MS,
  counts: Object.freeze(Array.from({ length: DURATION_BOUNDS_MS.length + 1 }, () => 0)),
  count: 0,
  sum: 0,
});

function queryMetrics(meter: QueryMeter): QueryMetrics {
  const { succeeded, failed, slow, inFlight, durations, retries, failures } = meter;
  const byOperation: Partial<Record<Operation, OperationMetrics>> = {};
  for (const name of OPERATIONS) {
    const counted = meter.operations.get(name);
    if (counted !== undefined) byOperation[name] = operationMetrics(counted);
  }
  const all = Object.values(byOperation).flatMap(({ success, failed: failure }) => [success, failure]);
  return Object.freeze({
    total: succeeded + failed,
    success: succeeded,
    failed,
    slow,
    inFlight,
    retries: [...retries.values()].reduce((sum, count) => sum + count, 0),
    retriesBy: Object.freeze(Object.fromEntries(retries)),
    failedBy: Object.freeze(Object.fromEntries(failures)),
    duration: mergeCounts([NO_DURATIONS, ...all]),
    totalMs: durations.total,
    maxMs: durations.max,
    p50Ms: durations.quantile(0.5),
    p95Ms: durations.quantile(0.95),
    p99Ms: durations.quantile(0.99),
    rows: meter.rows.snapshot(),
    byOperation: Object.freeze(byOperation),
  });
}

function operationMetrics({ success, failure }: OperationMeter): OperationMetrics {
  return Object.freeze({ success: success.snapshot(), failed: failure.snapshot() });
}

function circuitMetrics({ gate }: Parts): CircuitMetrics {
  const { failures, rejected } = gate.circuit.totals;
  const transitions = [...gate.transitions].flatMap(([from, moves]) =>
    [...moves].map(([to, count]) => Object.freeze({ from, to, count })),
  );
  return Object.freeze({ state: gate.circuit.state, failures, rejected, transitions: Object.freeze(transitions) });
}

function rateLimitMetrics({ gate }: Parts): RateLimitMetrics {
  const stats = gate.rate?.stats();
  const { retiredRate } = gate;
  return Object.freeze({
    isEnabled: stats !== undefined,
    allowed: retiredRate.allowed + (stats?.allowed ?? 0),
    rejected: retiredRate.rejected + (stats?.rejected ?? 0),
    tokens: stats?.tokens ?? 0,
  });
}

function connectionLimitMetrics({ gate }: Parts): ConnectionLimitMetrics {
  const { limit = 0, inUse = 0, waiting = 0, oldestWaitMs = 0 } = gate.limiter?.stats() ?? {};
  return Object.freeze({ isEnabled: gate.limiter !== undefined, limit, inUse, waiting, oldestWaitMs });
}
