/**
 * The facade: one API over all parts. Thin on purpose; every method reads like a sentence, and what it needs is in the
 * House it was given by create-runtime.ts. Over 300 lines because the public contract stands here, next to what keeps it.
 */
import type { RuntimeConfig } from '../config/runtime-options.js';
import { Deadline } from '../kernel/deadline.js';
import type { Duration } from '../kernel/duration.js';
import type { FailureSituation } from '../driver/driver.js';
import type { CircuitState } from '../gate/circuit-state.js';
import { createDeferred } from '../kernel/deferred.js';
import type { LeaseScope } from '../pool/lease-scopes.js';
import type { PoolStats } from '../pool/pool-stats.js';
import type { EventName, FluxorEvents, LeakReport } from '../telemetry/events.js';
import type { Tracer } from '../telemetry/tracer.js';
import { ConfigError } from '../errors/config-error.js';
import type { ErrorContext } from '../errors/fluxor-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';
import type { BatchWay } from './batch-call.js';
import { sendBatch } from './batch.js';
import type { BatchOptions, BatchResult, ParamSets } from './batch-options.js';
import { RUN_BATCH } from '../connection/batch-work.js';
import type { Call } from './call.js';
import { connectionOf, leaseOf, passOf } from './call.js';
import type { Diagnostics } from './diagnostics.js';
import { diagnose } from './diagnostics.js';
import type { Executor, Row, Statement, StatementParams, Take } from './executor.js';
import { assertEvent } from './event-name.js';
import { StatementExecutor } from './executor.js';
import type { Health, HealthCheck } from './health.js';
import type { House } from './house.js';
import type { RuntimeState } from './lifecycle.js';
import { listen } from './listen.js';
import type { ListenOptions } from './listen-options.js';
import type { NotificationStream } from './notification-stream.js';
import type { GateControl } from './gate-control.js';
import { snapshotOf } from './metrics-snapshot.js';
import type { MetricsSnapshot } from './metrics.js';
import type { PoolControl } from './pool-control.js';
import type { AcquireOptions, QueryOptions, StreamOptions, TransactionOptions } from './query-options.js';
import { ACQUIRE_OPTIONS, assertFunction, checkOptions, DISCONNECT_OPTIONS, readTimeout } from './query-options.js';
import type { RowSource } from './row-stream.js';
import { ON_A_CONNECTION, sendStatement } from './send-statement.js';
import type { Session } from './session.js';
import { SessionHandle } from './session.js';
import { STREAM_ON_A_CONNECTION } from './stream-plan.js';
import { StreamSource } from './stream-source.js';
import { tracedBegin, tracedTransact } from './traced-transactions.js';
import type { Transaction } from './transaction.js';

/** Where a failure to load the client library finds us. */
const LOADING: FailureSituation = {
  phase: 'connect',
  wasSent: false,
  isReadOnly: false,
  isSafeToRepeat: false,
  inTransaction: false,
  askedReadOnly: false,
  context: {},
};

/** What is told when the circuit breaker changes its state. */
export type CircuitFact = FluxorEvents['circuit:state-changed'];

/** How long `disconnect()` lets calls finish by default. */
const DRAIN_TIMEOUT_MS = 10_000;

/** A database runtime: executor, transactions, sessions and a life of its own. `await using` disconnects it. */
export interface DBRuntime extends Executor, AsyncDisposable {
  /** The configuration in force: frozen, without secrets. Print it with `describeConfig()`. */
  readonly config: RuntimeConfig;
  readonly state: RuntimeState;
  /**
   * Proves that the database can be reached, with one attempt. Optional: the first call connects too, and waits longer.
   * @throws ConnectionError, TimeoutError or ConfigError `DRIVER_MISSING`; the runtime may be connected again.
   */
  connect(): Promise<void>;
  /**
   * Takes no more calls, refuses those that wait, lets running ones finish for `timeout` (default `'10s'`), then
   * cancels them. Resolves when every connection is closed. A second call joins the first.
   */
  disconnect(options?: { readonly timeout?: Duration }): Promise<void>;
  /**
   * Runs `fn` in a transaction: commits when it resolves, rolls back when it rejects.
   * @throws whatever `fn` throws; OutcomeUnknownError when COMMIT was sent and its answer lost.
   * @example await db.transaction(async (tx) => { await tx.exec('…'); await tx.exec('…'); });
   */
  transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Begins a transaction for the caller to end.
   * @example await using tx = await db.begin(); // rolls back unless committed
   */
  begin(options?: TransactionOptions): Promise<Transaction>;
  /** One connection, exclusively; release it, or declare it with `await using`. */
  acquire(options?: AcquireOptions): Promise<Session>;
  /** Acquires, runs `fn`, releases. */
  use<T>(fn: (session: Session) => Promise<T>, options?: AcquireOptions): Promise<T>;
  /**
   * Listens to channels (LISTEN), on one session for all subscriptions, outside the pool. Resolves when nothing sent from
   * now on is missed. After a lost connection a `gap` item says that something may be.
   * @throws ConfigError; the ConnectionError or TimeoutError of the attempt to get there.
   * @example for await (const item of await db.listen('jobs')) if (item.type === 'notification') run(item.payload);
   */
  listen(channels: string | readonly string[], options?: ListenOptions): Promise<NotificationStream>;
  /** The pool in numbers, now. The same as `pool.stats()`. */
  stats(): PoolStats;
  /**
   * Everything that is counted, now: connections, queries, the gate, transactions, prepared statements. Counts since the
   * runtime was made, durations in milliseconds, rates over the last 60 s.
   * @example const { queries, connections } = db.metrics(); console.log(queries.p99Ms, connections.oldestWaitMs);
   */
  metrics(): MetricsSnapshot;
  /** Operations on the pool: suspend, resume, evict, reconfigure, warm up. */
  readonly pool: PoolControl;
  /** Operations on the gate: the circuit breaker's state, other limits, numbers. */
  readonly gate: GateControl;
  /**
   * Calls `fn` whenever the circuit breaker changes its state. A callback that throws hurts nobody. Dispose the answer to
   * stop.
   * @example db.setCircuitBreakerCallback((from, to, { why }) => log.warn({ from, to, why }, 'circuit'));
   */
  setCircuitBreakerCallback(fn: (from: CircuitState, to: CircuitState, fact: CircuitFact) => void): Disposable;
  /**
   * Calls `fn` for every session or transaction that is held longer than `pool.leak.threshold`, once, and for every one
   * that was dropped without release. A callback that throws hurts nobody. Dispose the answer to stop.
   * @example db.setLeakCallback((connectionId, ageMs, { stack }) => log.warn({ connectionId, ageMs, stack }, 'leak'));
   */
  setLeakCallback(fn: (connectionId: number, ageMs: number, report: LeakReport) => void): Disposable;
  /**
   * Hears a fact (see `FluxorEvents`). Dispose the answer to stop; a listener that throws hurts nobody.
   * @example db.on('connection:lost', ({ error }) => log.warn(error));
   */
  on<E extends EventName>(event: E, listener: (fact: FluxorEvents[E]) => void): Disposable;
  /**
   * Lets `tracer` stand around every statement, stream, transaction and attempt to connect of this runtime, in an async context
   * of its own. Dispose the answer to stop; what has begun by then is still ended. `fluxor-db/otel` is made of it.
   * @throws ConfigError when `tracer` has no `begin`.
   * @example using tracing = db.trace({ begin: (trace) => ({ end: () => console.log(trace.type, trace.durationMs) }) });
   */
  trace(tracer: Tracer): Disposable;
  /**
   * Calls `fn` with the metrics every `interval` (default: `monitor.interval`, 60 s; `false` for never), until disposed or
   * disconnected. A callback that throws or rejects hurts nobody; after ten failures in a row it is not called any more.
   * @throws ConfigError when `interval` is no duration of 100 ms to 24 h.
   * @example db.setMetricsCallback(({ queries }) => statsd.gauge('db.queries.p99', queries.p99Ms), '10s');
   */
  setMetricsCallback(fn: (metrics: MetricsSnapshot) => unknown, interval?: Duration | false): Disposable;
  /**
   * Asks the database, with one connection and for one second at most, whether it can be used; connects where nothing has yet.
   * Rejects only where its own code cannot be loaded. However many ask at once, one probe is made, and its answer is good for a
   * second.
   * @example if ((await db.healthCheck()).status === 'down') response.writeHead(503);
   */
  healthCheck(): Promise<Health>;
  /**
   * Everything a person on call wants to see at once, as plain JSON: configuration, connections, who waits, statements by their
   * shape, the latest slow queries and errors. No I/O, no secrets, no bind values.
   * @example app.get('/debug/db', (_request, response) => response.json(db.diagnostics()));
   */
  diagnostics(): Diagnostics;
}

export class Runtime extends StatementExecutor implements DBRuntime {
  readonly #house: House;
  #starting: Promise<void> | undefined;
  #disconnecting: Promise<void> | undefined;
  #health: HealthCheck | undefined;

  constructor(house: House) {
    super();
    this.#house = house;
  }

  get config(): RuntimeConfig {
    return this.#house.config;
  }

  get state(): RuntimeState {
    return this.#house.parts.lifecycle.state;
  }

  async connect(): Promise<void> {
    const { lifecycle } = this.#house.parts;
    lifecycle.assertOpen();
    this.#starting ??= this.#start().finally(() => (this.#starting = undefined));
    await this.#starting;
  }

  async disconnect(options: { readonly timeout?: Duration } = {}): Promise<void> {
    // Read first: a wrong timeout must not leave a runtime that can never be disconnected.
    checkOptions(options, DISCONNECT_OPTIONS);
    const timeoutMs = readTimeout(options.timeout, DRAIN_TIMEOUT_MS);
    if (this.#disconnecting === undefined) {
      // Set before anything is told: a listener may call this too.
      const ending = createDeferred<void>();
      this.#disconnecting = ending.promise;
      this.#disconnect(timeoutMs).then(
        () => ending.resolve(),
        (error: unknown) => ending.reject(error),
      );
    }
    await this.#disconnecting;
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    assertFunction(fn, 'transaction');
    return tracedTransact(this.#house, fn, options, { road: 'outer' });
  }

  async begin(options: TransactionOptions = {}): Promise<Transaction> {
    return tracedBegin(this.#house, options, { road: 'outer' });
  }

  async acquire(options: AcquireOptions = {}): Promise<Session> {
    return this.#acquire(options, undefined);
  }

  async #acquire(options: AcquireOptions, scope: LeaseScope | undefined): Promise<Session> {
    checkOptions(options, ACQUIRE_OPTIONS);
    const { settings, road, config } = this.#house.parts;
    const { label, priority, signal } = options;
    const call = this.#house.newCall({
      kind: 'session',
      startedAt: config.clock.now(),
      timeoutMs: readTimeout(options.timeout, settings.current.acquireTimeoutMs, false),
      signal,
      holding: { holder: 'session', label, priority, scope },
      work: async (self: Call) => new SessionHandle(this.#house, leaseOf(self), passOf(self)),
      retry: this.#house.retryFor(undefined),
    });
    return (await road.travel(call)) as Session;
  }

  async use<T>(fn: (session: Session) => Promise<T>, options: AcquireOptions = {}): Promise<T> {
    assertFunction(fn, 'use');
    const { scopes } = this.#house.parts;
    const scope = scopes.open();
    await using session = await this.#acquire(options, scope);
    return await scopes.run(scope, () => fn(session));
  }

  async listen(channels: string | readonly string[], options?: ListenOptions): Promise<NotificationStream> {
    return listen(this.#house, channels, options);
  }

  get pool(): PoolControl {
    return this.#house.parts.poolControl;
  }

  get gate(): GateControl {
    return this.#house.parts.gateControl;
  }

  setCircuitBreakerCallback(fn: (from: CircuitState, to: CircuitState, fact: CircuitFact) => void): Disposable {
    assertFunction(fn, 'setCircuitBreakerCallback');
    const { hub, callbacks } = this.#house.parts;
    return callbacks.add('circuit:state-changed', fn, (call) =>
      hub.on('circuit:state-changed', (fact) => call(fact.from, fact.to, fact)),
    );
  }

  stats(): PoolStats {
    return this.#house.parts.pool.stats();
  }

  metrics(): MetricsSnapshot {
    return snapshotOf(this.#house);
  }

  async healthCheck(): Promise<Health> {
    // Loaded by those who ask. Asked for each time, so that a failure is not kept.
    const { HealthCheck } = await import('./health.js');
    this.#health ??= new HealthCheck(this.#house);
    return this.#health.check();
  }

  diagnostics(): Diagnostics {
    return diagnose(this.#house);
  }

  on<E extends EventName>(event: E, listener: (fact: FluxorEvents[E]) => void): Disposable {
    assertFunction(listener, 'on');
    assertEvent(event);
    return this.#house.parts.hub.on(event, listener);
  }

  setLeakCallback(fn: (connectionId: number, ageMs: number, report: LeakReport) => void): Disposable {
    assertFunction(fn, 'setLeakCallback');
    const { hub, callbacks } = this.#house.parts;
    return callbacks.add('lease:leak-suspected', fn, (call) => {
      const tell = ({ at: _at, ...report }: LeakReport & { readonly at: number }) =>
        call(report.connectionId, report.ageMs, report);
      const subscriptions = [hub.on('lease:leak-suspected', tell), hub.on('lease:dropped', tell)];
      return { [Symbol.dispose]: () => subscriptions.forEach((subscription) => subscription[Symbol.dispose]()) };
    });
  }

  trace(tracer: Tracer): Disposable {
    assertFunction((tracer as Partial<Tracer> | undefined)?.begin, 'trace');
    return this.#house.parts.tracing.tracing.add(tracer);
  }

  setMetricsCallback(fn: (metrics: MetricsSnapshot) => unknown, interval?: Duration | false): Disposable {
    assertFunction(fn, 'setMetricsCallback');
    const { callbacks, config } = this.#house.parts;
    const intervalMs = interval === undefined ? config.monitor.intervalMs : readInterval(interval);
    return callbacks.add('metrics', fn, (call) => callbacks.every(intervalMs, () => call(this.metrics())));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
  }

  override async batch<R = Row>(sql: string, paramSets: ParamSets, options?: BatchOptions): Promise<BatchResult<R>> {
    const run: BatchWay['run'] = (call, work) => connectionOf(call).run(work, RUN_BATCH, call);
    return sendBatch<R>(this.#house, { connection: connectionOf, run }, sql, paramSets, options);
  }

  protected override get whereabouts(): ErrorContext {
    return { runtime: this.#house.parts.config.name };
  }

  protected override send(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions | undefined,
    take: Take,
  ): Promise<unknown> {
    return sendStatement(this.#house, ON_A_CONNECTION, sql, params, options, take);
  }

  protected override openStream(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: StreamOptions | undefined,
  ): RowSource {
    return new StreamSource(this.#house, STREAM_ON_A_CONNECTION, sql, params, options);
  }

  async #start(): Promise<void> {
    const { lifecycle, config, pool, settings, hub } = this.#house.parts;
    if (lifecycle.state === 'idle') lifecycle.move('starting');
    try {
      await config.driver.load().catch((error: unknown) => {
        throw config.driver.classify(error, LOADING);
      });
      const { at } = Deadline.after(config.clock, settings.current.acquireTimeoutMs);
      const lease = await pool.acquire({ deadlineAt: at, failFast: true });
      lease.release();
      await this.#warmUp();
      lifecycle.assertOpen();
      if (lifecycle.state !== 'starting') return;
      lifecycle.move('running');
      hub.tell('runtime:started', {});
    } catch (error) {
      if (lifecycle.state === 'starting') lifecycle.move('idle');
      throw error;
    }
  }

  /** Begins the warm-up in the background, or waits for it where that was asked for. */
  async #warmUp(): Promise<void> {
    const { pool, settings } = this.#house.parts;
    const { warmUp } = settings.current;
    const isAwaited = warmUp !== false && warmUp.failFast;
    const begun = pool.start(isAwaited);
    // Begun by an earlier call, or by a `connect()` that failed: it is gone through again, which costs nothing when all are open.
    if (isAwaited) await (begun ?? pool.warmUp(warmUp));
  }

  async #disconnect(timeoutMs: number): Promise<void> {
    const { lifecycle, config, pool, hub, timers, gate, pauses, listening, callbacks } = this.#house.parts;
    const startedAt = config.clock.now();
    lifecycle.move('draining');
    const { inUse, waiting } = pool.stats();
    hub.tell('runtime:draining', { inUse, waiting });
    callbacks.stop();
    gate.stop();
    pauses.stop();
    const silenced = listening.session.close();
    const forced = await pool.close(startedAt + timeoutMs);
    await silenced;
    try {
      await config.driver.close();
    } finally {
      timers.stop();
      lifecycle.move('closed');
      hub.tell('runtime:closed', { durationMs: config.clock.now() - startedAt, forced });
    }
  }
}

/** @throws ConfigError */
function readInterval(interval: Duration | false): number {
  const issues: OptionIssue[] = [];
  const limits = { minMs: 100, maxMs: 86_400_000, canBeFalse: true };
  const intervalMs = new OptionReader({ interval }, '', issues).duration('interval', Infinity, limits);
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  return intervalMs;
}
