/** What a user may say to `createRuntime`, and the complete configuration the runtime works with. */
import type { Driver } from '../driver/driver.js';
import type { TypeConfig, TypeOptions } from '../driver/query.js';
import type { ErrorsConfig, ErrorsOptions } from '../errors/error-override.js';
import type { GateConfig, GateOptions } from '../gate/gate-options.js';
import type { RetryConfig, RetryOptions } from '../gate/retry-options.js';
import type { Clock } from '../kernel/clock.js';
import type { Duration } from '../kernel/duration.js';
import type { Random } from '../kernel/random.js';
import type { PoolConfig, PoolOptions } from '../pool/pool-options.js';
import type { LoggerConfig, LoggerOption } from '../telemetry/log-options.js';

/** Options `query.*`. */
export interface QueryDefaults {
  /**
   * The longest a call may take, waiting for a connection included; `false` for no limit. A call's own `timeout` wins.
   * @when Shorter than whoever asks will wait.
   * @limits 1 ms to 24 h
   * @default `'30s'`
   */
  readonly timeout?: Duration | false;
  /**
   * A call that took this long or longer is slow: it is counted, and remembered with its phases. `false`: none is.
   * @when Near the longest that a caller should have to wait; short in development.
   * @limits 1 ms to 24 h
   * @default `'1s'`
   */
  readonly slowThreshold?: Duration | false;
  /**
   * How many prepared statements each connection keeps, least recently used first out; an object bounds all connections
   * together as well. A text is prepared with its second execution on whatever connection. `false` prepares none under a
   * name.
   * @when Less where the server is short of memory; `false` behind a pooler that loses them.
   * @limits 1 to 10,000
   * @default as below
   * @see docs/guide/statements.md
   */
  readonly statementCache?: number | StatementCacheOptions | false;
  /**
   * Whether the server is given a limit of its own for each statement, 5 s longer than `timeout`, for when nobody is left
   * here to cancel it (PostgreSQL's `statement_timeout`). Set once for each connection that has none already; a call with
   * a longer timeout raises it there. `false` gives none.
   * @when `false` where the server has limits of its own.
   * @default `true`
   */
  readonly serverTimeout?: boolean;
  /**
   * What is tried again, how often and how fast; `false` for one attempt.
   * @when `false` where the caller repeats by itself: retries multiply.
   * @default as below
   * @see docs/guide/resilience.md
   */
  readonly retry?: RetryOptions | false;
  /**
   * Whether transactions ask the database what became of a COMMIT whose answer was lost; a transaction's own
   * `resolveOutcome` wins.
   * @when Turn it on where a lost COMMIT must not wait for a person.
   * @warning Costs one round trip before every COMMIT, on PostgreSQL 17 and later with a flush of the log. `true` is
   * refused where the database cannot tell.
   * @default `false`
   * @see docs/guide/transactions.md#a-lost-commit
   */
  readonly resolveOutcome?: boolean;
  /**
   * Whether short statements travel together: when no connection is free, one is sent behind those that are in flight on
   * another, and not kept waiting for them here. On where the driver can (`pg`, `mariadb`).
   * @warning `true` and an object are refused where the driver cannot.
   * @default as below
   * @see docs/guide/pipelining.md
   */
  readonly pipelining?: boolean | PipeliningOptions;
}

/** Options `query.pipelining.*`. */
export interface PipeliningOptions {
  /**
   * Statements in flight on one connection, at most; fewer where they take longer.
   * @when Lower where one slow statement must not keep many waiting.
   * @limits 1 to 64
   * @default `16`
   */
  readonly depth?: number;
  /**
   * Statements that take longer at the server, by a moving value for each text, have a connection to themselves, and
   * leave up to a fifth of the pool to the short ones. Nor does anybody join a statement that has taken longer already.
   * @when Longer where statements are alike and connections are dear.
   * @limits 0.1 ms to 10 s
   * @default `'5ms'`
   */
  readonly maxStatementTime?: Duration;
}

/** Options `query.statementCache.*`. */
export interface StatementCacheOptions {
  /**
   * Prepared statements that one connection keeps.
   * @limits 1 to 10,000
   * @warning At most `total`.
   * @default `200` (`total` if that is less)
   */
  readonly perConnection?: number;
  /**
   * Prepared statements that all connections keep together: each takes memory at the server.
   * @when Less where the server is short of memory: each takes some kilobytes there.
   * @limits 1 to 1,000,000
   * @default `2000` (`perConnection` if that is more)
   */
  readonly total?: number;
}

/** Options `monitor.*`. */
export interface MonitorDefaults {
  /**
   * How often a `Monitor` and `setMetricsCallback()` tell, where they have no interval of their own. `false` for never.
   * @when Longer where somebody pays for each line; `false` where nothing may run between calls.
   * @limits 100 ms to 24 h
   * @default `'60s'`
   */
  readonly interval?: Duration | false;
}

/** Options of `createRuntime()`. Everything but `driver` has a default. */
export interface RuntimeOptions {
  /**
   * The database, made by a door: `postgres({ url })`, `pglite()`.
   * @takes a driver
   */
  readonly driver: Driver;
  /**
   * Names the runtime in errors and events.
   * @when Set it when a process has several.
   * @takes text
   * @default the driver's name
   */
  readonly name?: string;
  /** How connections are opened, lent, proved and closed. */
  readonly pool?: PoolOptions;
  /** How each call is treated, unless it says otherwise. */
  readonly query?: QueryDefaults;
  /** What a call has to pass: circuit breaker, rate limit, connection limit. */
  readonly gate?: GateOptions;
  /** The last word on what errors mean. */
  readonly errors?: ErrorsOptions;
  /** How values come back; the defaults lose nothing. */
  readonly types?: TypeOptions;
  /** How the runtime watches itself. */
  readonly monitor?: MonitorDefaults;
  /**
   * Where a log is written to: a function, a logger such as pino's, or the options; `false` writes nothing at all. Without it
   * there are only leaks and lost connections, as warnings of the process.
   * @see docs/guide/logging.md
   */
  readonly logger?: LoggerOption;
  /**
   * Time, for tests and simulation.
   * @default the machine's clock
   * @see docs/guide/testing.md
   */
  readonly clock?: Clock;
  /**
   * Randomness, for tests and simulation.
   * @default `Math.random`
   */
  readonly random?: Random;
}

/** Complete, in milliseconds, deeply frozen, without secrets. */
export interface RuntimeConfig {
  readonly name: string;
  readonly driver: Driver;
  readonly pool: PoolConfig;
  readonly gate: GateConfig;
  readonly query: {
    readonly timeoutMs: number;
    /** `Infinity`: nothing is slow. */
    readonly slowThresholdMs: number;
    readonly retry: RetryConfig | false;
    readonly resolveOutcome: boolean;
    readonly statementCache: Required<StatementCacheOptions> | false;
    readonly serverTimeout: boolean;
    /** `false` also where the driver cannot. */
    readonly pipelining: { readonly depth: number; readonly maxStatementTimeMs: number } | false;
  };
  readonly errors: ErrorsConfig;
  readonly types: TypeConfig;
  /** `Infinity`: never. */
  readonly monitor: { readonly intervalMs: number };
  /** Of the logger itself nothing is shown. */
  readonly logger: LoggerConfig;
  readonly clock: Clock;
  readonly random: Random;
}
