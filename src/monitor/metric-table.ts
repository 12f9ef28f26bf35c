/**
 * Every metric once: what the brief calls it, what it is, and what Prometheus and OpenTelemetry call it. The doors to both are
 * made from this table, and docs/reference/metrics.md is checked against it.
 * Over 300 lines because it is one table, and a metric that stands elsewhere would be forgotten.
 * Invariants: durations are in seconds; every label takes few values, and never a text, a user's word or an address.
 */
import type { CircuitState } from '../gate/circuit-state.js';
import type { BucketCounts } from '../kernel/bucket-histogram.js';
import type { MetricsSnapshot } from '../runtime/metrics.js';

export type MetricType = 'gauge' | 'counter' | 'histogram';
export type MetricUnit = 's' | '1' | '{connection}' | '{query}' | '{wait}' | '{request}' | '{timeout}' | '{row}';

/** One series of a metric, now. Whoever shows it adds the name of the runtime as the label `pool`. */
export interface MetricPoint {
  readonly labels: Readonly<Record<string, string>>;
  /** A number of a gauge or counter. */
  readonly value?: number;
  /** Of a histogram, in the metric's unit. */
  readonly histogram?: BucketCounts;
}

/** How OpenTelemetry's semantic conventions (1.45.0) call it, or we where they have no name. */
export interface OtelMetric {
  readonly name: string;
  readonly instrument: 'Histogram' | 'ObservableCounter' | 'ObservableGauge' | 'ObservableUpDownCounter';
  /** What sets it apart from others of the name. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface Metric {
  /** As in the brief. */
  readonly name: string;
  readonly type: MetricType;
  readonly unit: MetricUnit;
  readonly help: string;
  readonly prometheus: string;
  /** Absent where another one says the same. */
  readonly otel?: OtelMetric;
  /** Beside `pool`. */
  readonly labels: readonly string[];
  readonly read: (metrics: MetricsSnapshot) => readonly MetricPoint[];
}

/** By severity, so that the worst of several runtimes is the maximum. What lets every call pass counts as closed. */
export const CIRCUIT_STATE_NUMBERS: Readonly<Record<CircuitState, number>> = Object.freeze({
  closed: 0,
  disabled: 0,
  'metrics-only': 0,
  'half-open': 1,
  open: 2,
  'forced-open': 3,
});

const SECOND = 1_000;

const one = (value: number): readonly MetricPoint[] => [{ labels: {}, value }];

const by = (label: string, counts: Readonly<Record<string, number>>): readonly MetricPoint[] =>
  Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }));

/** Milliseconds as seconds. */
function inSeconds({ bounds, counts, count, sum }: BucketCounts): BucketCounts {
  return { bounds: bounds.map((bound) => bound / SECOND), counts, count, sum: sum / SECOND };
}

const seconds = (counts: BucketCounts): readonly MetricPoint[] => [{ labels: {}, histogram: inSeconds(counts) }];

function durationsByOperation({ queries }: MetricsSnapshot): readonly MetricPoint[] {
  return Object.entries(queries.byOperation).flatMap(([op, { success, failed }]) => [
    { labels: { op, outcome: 'success' }, histogram: inSeconds(success) },
    { labels: { op, outcome: 'failed' }, histogram: inSeconds(failed) },
  ]);
}

/** In the order of the reference. */
export const METRICS: readonly Metric[] = Object.freeze<Metric[]>([
  {
    ...gauge('db.connections.open', '{connection}', 'Physical connections open.'),
    prometheus: 'db_connections_open',
    read: ({ connections }) => one(connections.open),
  },
  {
    ...gauge('db.connections.idle', '{connection}', 'Connections open and not lent.'),
    prometheus: 'db_connections_idle',
    otel: { name: 'db.client.connection.count', instrument: 'ObservableUpDownCounter', attributes: state('idle') },
    read: ({ connections }) => one(connections.idle),
  },
  {
    ...gauge('db.connections.in_use', '{connection}', 'Connections lent.'),
    prometheus: 'db_connections_in_use',
    otel: { name: 'db.client.connection.count', instrument: 'ObservableUpDownCounter', attributes: state('used') },
    read: ({ connections }) => one(connections.inUse),
  },
  {
    ...gauge('db.connections.connecting', '{connection}', 'Connections being opened.'),
    prometheus: 'db_connections_connecting',
    otel: { name: 'fluxor.connection.connecting', instrument: 'ObservableUpDownCounter' },
    read: ({ connections }) => one(connections.connecting),
  },
  {
    ...gauge('db.connections.max_open', '{connection}', 'Connections the pool may open.'),
    prometheus: 'db_connections_max_open',
    otel: { name: 'db.client.connection.max', instrument: 'ObservableUpDownCounter' },
    read: ({ connections }) => one(connections.maxOpen),
  },
  {
    ...gauge('db.connections.acquire_timeout', 's', 'How long a caller waits for a connection at most.'),
    prometheus: 'db_connections_acquire_timeout_seconds',
    otel: { name: 'fluxor.connection.acquire_timeout', instrument: 'ObservableGauge' },
    read: ({ connections }) => one(connections.acquireTimeoutMs / SECOND),
  },
  {
    ...counter('db.connections.wait_count', '{wait}', 'Acquires that had to wait.'),
    prometheus: 'db_connections_wait_count_total',
    read: ({ connections }) => one(connections.waitCount),
  },
  {
    ...counter('db.connections.wait_duration', 's', 'Time that acquires have waited, together.'),
    prometheus: 'db_connections_wait_duration_seconds_total',
    read: ({ connections }) => one(connections.waitDurationMs / SECOND),
  },
  {
    ...histogram('db.connections.acquire', 's', 'From asking for a connection to having it; at once counts as 0.'),
    prometheus: 'db_connections_acquire_seconds',
    otel: { name: 'db.client.connection.wait_time', instrument: 'Histogram' },
    read: ({ connections }) => seconds(connections.acquire),
  },
  {
    ...gauge('db.connections.pending', '{request}', 'Callers who wait for a connection now.'),
    prometheus: 'db_connections_pending',
    otel: { name: 'db.client.connection.pending_requests', instrument: 'ObservableUpDownCounter' },
    read: ({ connections }) => one(connections.pending),
  },
  {
    ...gauge('db.connections.oldest_wait', 's', 'How long the caller who came first has waited; 0 when nobody waits.'),
    prometheus: 'db_connections_oldest_wait_seconds',
    otel: { name: 'fluxor.connection.max_wait', instrument: 'ObservableGauge' },
    read: ({ connections }) => one(connections.oldestWaitMs / SECOND),
  },
  {
    ...counter('db.connections.timeouts', '{timeout}', 'Acquires that waited until their time was up.'),
    prometheus: 'db_connections_timeouts_total',
    otel: { name: 'db.client.connection.timeouts', instrument: 'ObservableCounter' },
    read: ({ connections }) => one(connections.timeouts),
  },
  {
    ...histogram('db.connections.create', 's', 'How long it took to open connections.'),
    prometheus: 'db_connections_create_seconds',
    otel: { name: 'db.client.connection.create_time', instrument: 'Histogram' },
    read: ({ connections }) => seconds(connections.create),
  },
  {
    ...histogram('db.connections.use', 's', 'From lending a connection to having it back.'),
    prometheus: 'db_connections_use_seconds',
    otel: { name: 'db.client.connection.use_time', instrument: 'Histogram' },
    read: ({ connections }) => seconds(connections.use),
  },
  {
    ...counter('db.connections.create_failed', '{connection}', 'Attempts to open a connection that failed.'),
    prometheus: 'db_connections_create_failed_total',
    otel: { name: 'fluxor.connection.create_failed', instrument: 'ObservableCounter' },
    read: ({ connections }) => one(connections.createFailed),
  },
  {
    ...counter('db.connections.closed', '{connection}', 'Connections closed, by reason.'),
    prometheus: 'db_connections_closed_total',
    otel: { name: 'fluxor.connection.closed', instrument: 'ObservableCounter' },
    labels: ['reason'],
    read: ({ connections }) => by('reason', connections.closedBy),
  },
  {
    ...counter('db.connections.leaked', '{connection}', 'Leases held too long, or dropped without release.'),
    prometheus: 'db_connections_leaked_total',
    otel: { name: 'fluxor.connection.leaked', instrument: 'ObservableCounter' },
    read: ({ connections }) => one(connections.leaked),
  },
  {
    ...counter('db.queries.total', '{query}', 'Logical queries that have ended, retries included.'),
    prometheus: 'db_queries_total',
    read: ({ queries }) => one(queries.total),
  },
  {
    ...counter('db.queries.success', '{query}', 'Logical queries that succeeded.'),
    prometheus: 'db_queries_success_total',
    read: ({ queries }) => one(queries.success),
  },
  {
    ...counter('db.queries.failed', '{query}', 'Logical queries that failed, by the code of the error.'),
    prometheus: 'db_queries_failed_total',
    labels: ['error_type'],
    read: ({ queries }) => by('error_type', queries.failedBy),
  },
  {
    ...counter('db.queries.slow', '{query}', 'Logical queries that took the slow threshold or longer.'),
    prometheus: 'db_queries_slow_total',
    otel: { name: 'fluxor.query.slow', instrument: 'ObservableCounter' },
    read: ({ queries }) => one(queries.slow),
  },
  {
    ...histogram('db.queries.duration', 's', 'Duration of logical queries, waits and retries included.'),
    prometheus: 'db_queries_duration_seconds',
    otel: { name: 'db.client.operation.duration', instrument: 'Histogram' },
    labels: ['op', 'outcome'],
    read: durationsByOperation,
  },
  {
    ...histogram('db.queries.rows', '{row}', 'Rows that queries brought back.'),
    prometheus: 'db_query_rows',
    otel: { name: 'db.client.response.returned_rows', instrument: 'Histogram' },
    read: ({ queries }) => [{ labels: {}, histogram: queries.rows }],
  },
  {
    ...gauge('db.queries.in_flight', '{query}', 'Logical queries under way now.'),
    prometheus: 'db_queries_in_flight',
    otel: { name: 'fluxor.query.in_flight', instrument: 'ObservableUpDownCounter' },
    read: ({ queries }) => one(queries.inFlight),
  },
  {
    ...counter('db.queries.retries', '{query}', 'Attempts after the first, by the code of the error before.'),
    prometheus: 'db_query_retries_total',
    otel: { name: 'fluxor.query.retries', instrument: 'ObservableCounter' },
    labels: ['reason'],
    read: ({ queries }) => by('reason', queries.retriesBy),
  },
  {
    ...gauge('db.circuit.state', '1', 'State of the circuit breaker: 0 closed, 1 half open, 2 open, 3 forced open.'),
    prometheus: 'db_circuit_state',
    otel: { name: 'fluxor.circuit.state', instrument: 'ObservableGauge' },
    read: ({ circuit }) => one(CIRCUIT_STATE_NUMBERS[circuit.state]),
  },
  {
    ...counter('db.circuit.failures', '{query}', 'Failures that the circuit breaker counted.'),
    prometheus: 'db_circuit_failures_total',
    otel: { name: 'fluxor.circuit.failures', instrument: 'ObservableCounter' },
    read: ({ circuit }) => one(circuit.failures),
  },
  {
    ...counter('db.circuit.rejected', '{query}', 'Calls that the circuit breaker refused.'),
    prometheus: 'db_circuit_rejected_total',
    otel: { name: 'fluxor.circuit.rejected', instrument: 'ObservableCounter' },
    read: ({ circuit }) => one(circuit.rejected),
  },
  {
    ...counter('db.circuit.transitions', '1', 'Moves of the circuit breaker.'),
    prometheus: 'db_circuit_transitions_total',
    otel: { name: 'fluxor.circuit.transitions', instrument: 'ObservableCounter' },
    labels: ['from', 'to'],
    read: ({ circuit }) => circuit.transitions.map(({ from, to, count }) => ({ labels: { from, to }, value: count })),
  },
  {
    ...counter('db.ratelimit.allowed', '{query}', 'Calls that the rate limiter let pass.'),
    prometheus: 'db_ratelimit_allowed_total',
    otel: { name: 'fluxor.ratelimit.allowed', instrument: 'ObservableCounter' },
    read: ({ rateLimit }) => one(rateLimit.allowed),
  },
  {
    ...counter('db.ratelimit.rejected', '{query}', 'Calls that the rate limiter refused.'),
    prometheus: 'db_ratelimit_rejected_total',
    otel: { name: 'fluxor.ratelimit.rejected', instrument: 'ObservableCounter' },
    read: ({ rateLimit }) => one(rateLimit.rejected),
  },
  {
    ...gauge('db.ratelimit.tokens', '1', 'Tokens that could be taken now.'),
    prometheus: 'db_ratelimit_tokens',
    otel: { name: 'fluxor.ratelimit.tokens', instrument: 'ObservableGauge' },
    read: ({ rateLimit }) => one(rateLimit.tokens),
  },
  {
    ...gauge('db.connectionlimit.limit', '{connection}', 'Calls that the connection limit lets be under way at once.'),
    prometheus: 'db_connectionlimit_limit',
    otel: { name: 'fluxor.connectionlimit.limit', instrument: 'ObservableGauge' },
    read: ({ connectionLimit: { isEnabled, limit } }) => (isEnabled ? one(limit) : []),
  },
  {
    ...gauge('db.connectionlimit.in_use', '{connection}', 'Calls under way that count for the connection limit.'),
    prometheus: 'db_connectionlimit_in_use',
    otel: { name: 'fluxor.connectionlimit.in_use', instrument: 'ObservableUpDownCounter' },
    read: ({ connectionLimit }) => one(connectionLimit.inUse),
  },
  {
    ...gauge('db.connectionlimit.waiting', '{request}', 'Calls that the connection limit keeps waiting now.'),
    prometheus: 'db_connectionlimit_waiting',
    otel: { name: 'fluxor.connectionlimit.waiting', instrument: 'ObservableUpDownCounter' },
    read: ({ connectionLimit }) => one(connectionLimit.waiting),
  },
  {
    ...gauge('db.connectionlimit.oldest_wait', 's', 'How long the first of them has waited; 0 when nobody waits.'),
    prometheus: 'db_connectionlimit_oldest_wait_seconds',
    otel: { name: 'fluxor.connectionlimit.max_wait', instrument: 'ObservableGauge' },
    read: ({ connectionLimit }) => one(connectionLimit.oldestWaitMs / SECOND),
  },
  {
    ...counter('db.transactions.ended', '1', 'Transactions that have ended, by how.'),
    prometheus: 'db_transactions_ended_total',
    otel: { name: 'fluxor.transaction.ended', instrument: 'ObservableCounter' },
    labels: ['end'],
    read: ({ transactions: { committed, rolledBack, lost, unknown } }) =>
      by('end', { committed, 'rolled-back': rolledBack, lost, unknown }),
  },
  {
    ...gauge('db.transactions.active', '1', 'Transactions open now.'),
    prometheus: 'db_transactions_active',
    otel: { name: 'fluxor.transaction.active', instrument: 'ObservableUpDownCounter' },
    read: ({ transactions }) => one(transactions.active),
  },
  {
    ...counter('db.statements.cache', '1', 'Statements that ran as prepared before, or not.'),
    prometheus: 'db_statement_cache_total',
    otel: { name: 'fluxor.statement.cache', instrument: 'ObservableCounter' },
    labels: ['result'],
    read: ({ statements: { hits, misses } }) => by('result', { hit: hits, miss: misses }),
  },
  {
    ...counter('db.monitor.callback_errors', '1', 'Times a callback or monitor threw or rejected.'),
    prometheus: 'db_monitor_callback_errors_total',
    otel: { name: 'fluxor.monitor.callback_errors', instrument: 'ObservableCounter' },
    read: ({ callbacks }) => one(callbacks.errors),
  },
  {
    ...gauge('db.health.up', '1', 'Whether the last health check could use the database: 1 up or degraded, 0 down.'),
    prometheus: 'db_health_up',
    otel: { name: 'fluxor.health.up', instrument: 'ObservableGauge' },
    read: ({ health: { status } }) => (status === 'unknown' ? [] : one(status === 'down' ? 0 : 1)),
  },
  {
    ...gauge('db.pool.info', '1', 'Always 1: which version of Fluxor-DB, over which driver.'),
    prometheus: 'db_pool_info',
    otel: { name: 'fluxor.pool.info', instrument: 'ObservableGauge' },
    labels: ['version', 'driver'],
    read: ({ version, driver }) => [{ labels: { version, driver }, value: 1 }],
  },
]);

function gauge(name: string, unit: MetricUnit, help: string) {
  return { name, type: 'gauge' as const, unit, help, labels: [] };
}

function counter(name: string, unit: MetricUnit, help: string) {
  return { name, type: 'counter' as const, unit, help, labels: [] };
}

function histogram(name: string, unit: MetricUnit, help: string) {
  return { name, type: 'histogram' as const, unit, help, labels: [] };
}

function state(value: 'idle' | 'used') {
  return { 'db.client.connection.state': value };
}
