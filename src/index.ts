/**
 * The front door of Fluxor-DB. Importing it loads no driver: those come through their own doors
 * (`fluxor-db/postgres`, `fluxor-db/pglite`), or when `connect()` meets their scheme.
 */

// Two ways in
export { connect } from './runtime/connect.js';
export { createRuntime } from './runtime/create-runtime.js';
export { sharedRuntime } from './runtime/shared-runtime.js';

// What they give
export type { CircuitFact, DBRuntime } from './runtime/runtime.js';
export type { ExecResult, Executor, Field, QueryResult, ResultSet } from './runtime/executor.js';
export type { Row, Statement, StatementParams } from './runtime/executor.js';
export type { Transaction } from './runtime/transaction.js';
export type { Session } from './runtime/session.js';
export type { RowStream } from './runtime/row-stream.js';
export type { NotificationStream } from './runtime/notification-stream.js';
export type { ChannelNotification, NotificationGap, NotificationItem } from './runtime/notification-buffer.js';
export type { ListenOptions } from './runtime/listen-options.js';
export type { SchemaIssue, SchemaOption, SchemaOutput, SchemaResult, StandardSchema } from './runtime/row-schema.js';
export type { BatchOptions, BatchResult, ParamSets } from './runtime/batch-options.js';
export type { AcquireOptions, QueryOptions, StreamOptions, TransactionOptions } from './runtime/query-options.js';
export type { RuntimeState } from './runtime/lifecycle.js';
export type { TransactionState } from './connection/transaction-control.js';
export type { PoolChanges, PoolControl, WarmUpCallOptions } from './runtime/pool-control.js';
export type {
  CircuitControl,
  CircuitStats,
  ConnectionLimitControl,
  GateControl,
  GateStats,
  RateLimitControl,
} from './runtime/gate-control.js';
export type { PoolStats, PoolTotals } from './pool/pool-stats.js';
export type { BreakerState } from './pool/connect-pacer.js';
export type { Priority } from './kernel/priority.js';
export type { WarmUpResult } from './pool/warm-up.js';

// Writing SQL
export { sql } from './sql/template.js';
export type { Sql } from './sql/fragment.js';
export type { Dialect } from './sql/dialect.js';

// Reading SQL
export { classify } from './sql/classify.js';
export type { StatementKind } from './sql/classify.js';
export { fingerprint } from './sql/fingerprint.js';
export { summarise } from './sql/summary.js';

// Options
export { ConfigBuilder, configFromEnv } from './config/config-builder.js';
export { presets } from './config/presets.js';
export { describeConfig } from './config/describe-config.js';
export { explainConfig } from './config/explain-config.js';
export type { ExplainedOption } from './config/explain-config.js';
export type { OptionSource } from './config/config-origin.js';
export type {
  MonitorDefaults,
  PipeliningOptions,
  QueryDefaults,
  RuntimeConfig,
  RuntimeOptions,
  StatementCacheOptions,
} from './config/runtime-options.js';
export type { GateConfig, GateOptions } from './gate/gate-options.js';
export type { LeakOptions, PoolOptions, ReleasePolicy, ValidationOptions, WarmUpOptions } from './pool/pool-options.js';
export type { TypeOptions } from './driver/query.js';
export type { Duration } from './kernel/duration.js';

// The parts of the gate, each usable alone
export { CircuitBreaker } from './gate/circuit-breaker.js';
export type { CircuitBreakerPorts } from './gate/circuit-breaker.js';
export type { CircuitEvents, IgnoredBecause } from './gate/circuit-events.js';
export type {
  CircuitBackoffOptions,
  CircuitBreakerConfig,
  CircuitBreakerOptions,
  CircuitRateOptions,
  EarlyProbeOptions,
  StatementTimeoutPolicy,
} from './gate/circuit-options.js';
export type { CallFacts, CircuitPermit } from './gate/circuit-permit.js';
export type { CircuitSnapshot } from './gate/circuit-snapshot.js';
export type { CircuitState } from './gate/circuit-state.js';
export type { CircuitTotals } from './gate/circuit-tally.js';
export { RateLimiter } from './gate/rate-limiter.js';
export type { RateLimiterStats, TakeRequest } from './gate/rate-limiter.js';
export type { RateLimitConfig, RateLimitOptions } from './gate/rate-limiter-options.js';
export { ConnectionLimiter } from './gate/connection-limiter.js';
export type { AdaptiveOptions } from './gate/adaptive-limit-options.js';
export type {
  ConnectionLimitConfig,
  ConnectionLimitOptions,
  PartitionOptions,
} from './gate/connection-limiter-options.js';
export type { LimitPermit, ReleaseSample } from './gate/connection-limiter-permit.js';
export type { SlotRequest } from './gate/connection-limiter-request.js';
export type { ConnectionLimiterEvents, ConnectionLimiterStats } from './gate/connection-limiter-stats.js';
export { RetryPolicy } from './gate/retry-policy.js';
export type { FinalCause, RetryExecuteOptions, RetryStats, RetryVerdict } from './gate/retry-policy.js';
export type { FailedAttempt } from './gate/retry-rules.js';
export type { Jitter } from './gate/backoff.js';
export type { CallRetryOptions, RetryBudgetOptions, RetryConfig, RetryOptions } from './gate/retry-options.js';
export type { GatePorts } from './gate/gate-ports.js';

// Errors
export { FluxorError, FluxorError as DBError, isFluxorError } from './errors/fluxor-error.js';
export type { ErrorOverride, ErrorOverrideHook, ErrorsOptions, OverrideRefusal } from './errors/error-override.js';
export type {
  BreakerVerdict,
  ErrorContext,
  ErrorVerdict,
  Outcome,
  RetryDecision,
  SetError,
  Siblings,
} from './errors/fluxor-error.js';
export { ERROR_CATALOGUE } from './errors/catalogue.js';
export type { ErrorCode } from './errors/catalogue.js';
export { ConfigError } from './errors/config-error.js';
export type { ConfigIssue } from './errors/config-error.js';
export { UsageError } from './errors/usage-error.js';
export { ConnectionError } from './errors/connection-error.js';
export { CancelledError, TimeoutError } from './errors/timeout-error.js';
export type { TimeoutPhase } from './errors/timeout-error.js';
export { RejectedError } from './errors/rejected-error.js';
export { ConstraintError, OutcomeUnknownError, QueryError, TransactionError } from './errors/query-error.js';

// Watching
export { Monitor } from './monitor/monitor.js';
export { METRICS } from './monitor/metric-table.js';
export type { Metric, MetricPoint, MetricType, MetricUnit, OtelMetric } from './monitor/metric-table.js';
export type { MonitorEvent, MonitorOptions } from './monitor/monitor.js';
export type { Health } from './runtime/health.js';
export type { Diagnostics, StatementReport } from './runtime/diagnostics.js';
export type { ConnectionReport, WaiterReport } from './pool/pool-inspection.js';
export type { QueryPhases, RecentError, SlowQuery } from './telemetry/query-meter.js';
export type {
  AcquireTrace,
  AttemptTrace,
  ConnectTrace,
  QueryTrace,
  TraceContext,
  TracePlace,
  TransactionTrace,
  WaitTrace,
} from './telemetry/channels.js';
export type { Trace, TraceBracket, Tracer } from './telemetry/tracer.js';
export type { BucketCounts } from './kernel/bucket-histogram.js';
export type {
  CallbackMetrics,
  CircuitMetrics,
  ConnectionLimitMetrics,
  ConnectionMetrics,
  HealthMetrics,
  HealthStatus,
  MetricsSnapshot,
  OperationMetrics,
  QueryMetrics,
  RateLimitMetrics,
  StatementCacheMetrics,
} from './runtime/metrics.js';
export type { Operation } from './sql/operation.js';
export type { DurationMetrics, TransactionMetrics } from './runtime/transaction-metrics.js';
export type { LogLevel, LogRecord } from './telemetry/log-records.js';
export type { LogFunction, Logger, LoggerConfig, LoggerOption, LoggerOptions } from './telemetry/log-options.js';
export type { CloseReason, EventName, FluxorEvents, LeakReport, SlowQueryFact } from './telemetry/events.js';

// Plugging in a database or a clock of one's own
export type {
  BeginOptions,
  ConnectRequest,
  Driver,
  DriverConnection,
  DriverListener,
  DriverNotification,
  FailureSituation,
  InFlight,
  IsolationLevel,
  OwnCommit,
  SessionState,
  TransactionStatements,
} from './driver/driver.js';
export type { OutcomeProtocol, OutcomeSource, OutcomeTicket, TransactionFate } from './driver/outcome.js';
export type { CursorPage, DriverCursor, DriverQuery, DriverResult } from './driver/query.js';
export type { Capabilities } from './driver/capabilities.js';
export { SESSION_EFFECTS } from './sql/session-effects.js';
export type { SessionEffect, SessionEffects } from './sql/session-effects.js';
export type { Clock, Timer } from './kernel/clock.js';
export type { Random } from './kernel/random.js';
