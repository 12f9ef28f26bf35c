/**
 * What the runtime is made of, in one record: built by create-runtime.ts, where the rooms are put together,
 * used by the runtime, its sessions and its transactions. Nothing here is module-level: two runtimes share nothing.
 */
import { copyWithOrigin } from '../config/config-origin.js';
import type { RuntimeConfig } from '../config/runtime-options.js';
import type { Connection } from '../connection/connection.js';
import type { StatementBook } from '../connection/statement-book.js';
import { ConfigError } from '../errors/config-error.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { Lease } from '../pool/lease.js';
import type { PoolSettings } from '../pool/pool-settings.js';
import type { Pool } from '../pool/pool.js';
import type { StatementCompiler } from '../sql/statement-compiler.js';
import type { Hub } from '../telemetry/hub.js';
import type { QueryMeter } from '../telemetry/query-meter.js';
import type { Gate } from '../gate/gate.js';
import type { CallRetryOptions } from '../gate/retry-options.js';
import { resolveCallRetry } from '../gate/retry-options.js';
import { RetryPolicy } from '../gate/retry-policy.js';
import type { CallRetry } from './attempts.js';
import type { Callbacks } from './callbacks.js';
import type { CallInit } from './call.js';
import { Call } from './call.js';
import type { AsyncLeaseScopes } from './async-lease-scopes.js';
import type { GateControl } from './gate-control.js';
import type { ListenParts } from './listen-parts.js';
import type { HealthMetrics, StatementCacheMetrics } from './metrics.js';
import type { OutcomeResolver } from './outcome-resolver.js';
import type { Pauses } from './pauses.js';
import type { PoolControl } from './pool-control.js';
import type { Lifecycle } from './lifecycle.js';
import type { Road } from './road.js';
import type { TraceParts } from './call-trace.js';
import type { TransactionCounters } from './transaction-metrics.js';

export interface HouseParts {
  /** What never changes; the pool's part is in `settings`. */
  readonly config: Omit<RuntimeConfig, 'pool'>;
  readonly hub: Hub;
  readonly timers: DeadlineTimer;
  readonly pool: Pool<Connection>;
  readonly settings: PoolSettings;
  readonly poolControl: PoolControl;
  readonly gateControl: GateControl;
  readonly scopes: AsyncLeaseScopes;
  readonly compiler: StatementCompiler;
  /** What is known of every statement; `undefined` where none travel together, so that nobody needs to ask before the connection does. */
  readonly book: StatementBook | undefined;
  readonly lifecycle: Lifecycle;
  readonly gate: Gate;
  readonly pauses: Pauses;
  /** For calls that say nothing else; `undefined` where retries are off. */
  readonly retry: CallRetry;
  /** `undefined` where the driver cannot tell what became of a COMMIT. */
  readonly outcomes: OutcomeResolver | undefined;
  readonly road: Road;
  readonly meter: QueryMeter;
  readonly tracing: TraceParts;
  readonly callbacks: Callbacks;
  readonly transactions: TransactionCounters;
  readonly listening: ListenParts;
  /** Of the prepared statements of all connections. */
  readonly statementMetrics: () => StatementCacheMetrics;
}

export class House {
  readonly parts: HouseParts;
  /** What the last health check found; `undefined` before the first. */
  lastHealth: HealthMetrics | undefined;
  readonly #handles = new FinalizationRegistry<Lease<Connection>>((lease) => this.parts.pool.dropped(lease));
  readonly #streams = new FinalizationRegistry<{ onDropped(): void }>((source) => source.onDropped());
  #config: RuntimeConfig | undefined;
  #requested: CallRetry;
  #lastCallId = 0;
  #lastTransactionId = 0;

  constructor(parts: HouseParts) {
    this.parts = parts;
  }

  /** The configuration in force now; the pool's part of it may change. */
  get config(): RuntimeConfig {
    const { config, settings } = this.parts;
    if (this.#config?.pool !== settings.current) this.#config = copyWithOrigin(config, { pool: settings.current });
    return this.#config;
  }

  /** A handle that user code dropped without releasing it gives its connection back when the garbage collector finds it. */
  watchHandle(handle: object, lease: Lease<Connection>): void {
    this.#handles.register(handle, lease);
  }

  /** The same for streams, which may be part of a lease that goes on. */
  watchStream(handle: object, source: { onDropped(): void }): void {
    this.#streams.register(handle, source);
  }

  newCall(init: CallInit): Call {
    this.#lastCallId += 1;
    return new Call(this.#lastCallId, this.parts.config.name, init);
  }

  /** How one call is repeated: as the runtime says, not at all, or with other numbers on the same budget. @throws ConfigError */
  retryFor(option: CallRetryOptions | boolean | undefined): CallRetry {
    const { retry } = this.parts;
    if (option === undefined) return retry;
    if (option === false) return undefined;
    const base = retry ?? this.#retryOnRequest();
    if (option === true) return base;
    const issues: OptionIssue[] = [];
    const numbers = resolveCallRetry(option, base.numbers, issues);
    if (issues.length > 0) throw ConfigError.fromIssues(issues);
    return { policy: base.policy, numbers };
  }

  /** For calls that ask for retries where the runtime makes none by itself. One for all, because it keeps their budget. */
  #retryOnRequest(): Exclude<CallRetry, undefined> {
    const { clock, random } = this.parts.config;
    if (this.#requested === undefined) {
      const policy = new RetryPolicy({}, { clock, random, timers: this.parts.timers });
      this.#requested = { policy, numbers: policy.numbers };
    }
    return this.#requested;
  }

  /** Who asks for the answer of a transaction's COMMIT when it was lost. @throws ConfigError where nobody can and one must. */
  resolverFor(option: boolean | undefined): OutcomeResolver | undefined {
    const { outcomes, config } = this.parts;
    if (!(option ?? config.query.resolveOutcome)) return undefined;
    if (outcomes !== undefined) return outcomes;
    const expected = `false; the ${config.driver.name} driver cannot ask what became of a transaction`;
    throw ConfigError.fromIssues([{ path: 'resolveOutcome', got: 'true', expected }]);
  }

  nextTransactionId(): number {
    this.#lastTransactionId += 1;
    return this.#lastTransactionId;
  }
}
