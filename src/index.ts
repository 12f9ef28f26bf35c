/**
 * The front door of Fluxor-DB. Importing it loads no driver: those come through their own doors
 * (`fluxor-db/postgres`, `fluxor-db/pglite`), or when `connect()` meets their scheme.
 */

// Two ways in
export { connect } from './runtime/connect.js';
export { createRuntime } from './runtime/create-runtime.js';
export { sharedRuntime } from './runtime/shared-runtime.js';

// What they give
export type { DBRuntime } from './runtime/runtime.js';
export type { ExecResult, Executor, Field, QueryResult, Row, Statement, StatementParams } from './runtime/executor.js';
export type { Transaction } from './runtime/transaction.js';
export type { Session } from './runtime/session.js';
export type { AcquireOptions, QueryOptions, TransactionOptions } from './runtime/query-options.js';
export type { RuntimeState } from './runtime/lifecycle.js';
export type { TransactionState } from './connection/transaction-control.js';
export type { PoolChanges, PoolControl, WarmUpCallOptions } from './runtime/pool-control.js';
export type { PoolStats, PoolTotals } from './pool/pool-stats.js';
export type { BreakerState } from './pool/connect-pacer.js';
export type { Priority } from './kernel/priority.js';
export type { WarmUpResult } from './pool/warm-up.js';

// Writing SQL
export { sql } from './sql/template.js';
export type { Sql } from './sql/fragment.js';
export type { Dialect } from './sql/dialect.js';

// Options
export { describeConfig } from './config/describe-config.js';
export type { QueryDefaults, RuntimeConfig, RuntimeOptions } from './config/runtime-options.js';
export type { GateConfig, GateOptions } from './gate/gate-options.js';
export type { LeakOptions, PoolOptions, ReleasePolicy, ValidationOptions, WarmUpOptions } from './pool/pool-options.js';
export type { TypeOptions } from './driver/query.js';
export type { Duration } from './kernel/duration.js';

// Errors
export { FluxorError, FluxorError as DBError, isFluxorError } from './errors/fluxor-error.js';
export type { BreakerVerdict, ErrorContext, Outcome, RetryDecision, Siblings } from './errors/fluxor-error.js';
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
export type { CloseReason, EventName, FluxorEvents, LeakReport } from './telemetry/events.js';

// Plugging in a database or a clock of one's own
export type {
  BeginOptions,
  ConnectRequest,
  Driver,
  DriverConnection,
  FailureSituation,
  IsolationLevel,
  SessionState,
  TransactionStatements,
} from './driver/driver.js';
export type { DriverQuery, DriverResult } from './driver/query.js';
export type { Capabilities } from './driver/capabilities.js';
export type { Clock, Timer } from './kernel/clock.js';
export type { Random } from './kernel/random.js';
