/** The composition root: the one file in which the rooms are put together. */
import { resolveConfig } from '../config/resolve-config.js';
import { originOf } from '../config/config-origin.js';
import type { RuntimeConfig, RuntimeOptions } from '../config/runtime-options.js';
import { classifierOf } from '../connection/classifier.js';
import type { ConnectionConfig } from '../connection/connection-options.js';
import { SERVER_LIMIT_GRACE_MS } from '../connection/connection-options.js';
import { ConnectionFactory } from '../connection/connection-factory.js';
import { ListeningSession } from '../connection/listening-session.js';
import { StatementBook } from '../connection/statement-book.js';
import { StatementPace } from '../connection/statement-pace.js';
import type { GatePorts } from '../gate/gate-ports.js';
import type { RetryOptions } from '../gate/retry-options.js';
import { RetryPolicy } from '../gate/retry-policy.js';
import { DeadlineTimer } from '../kernel/deadline.js';
import { PoolSettings } from '../pool/pool-settings.js';
import { Pool } from '../pool/pool.js';
import { StatementCompiler } from '../sql/statement-compiler.js';
import { fingerprint } from '../sql/fingerprint.js';
import { operationOf } from '../sql/operation.js';
import { LOGGER_NAME, writeLog } from '../telemetry/event-log.js';
import { Hub } from '../telemetry/hub.js';
import { QueryMeter } from '../telemetry/query-meter.js';
import { Tracing } from '../telemetry/tracing.js';
import { AsyncLeaseScopes, createDetached, detachClock } from './async-lease-scopes.js';
import { Callbacks } from './callbacks.js';
import { House } from './house.js';
import { Lifecycle } from './lifecycle.js';
import { createGate } from './create-gate.js';
import { GateController } from './gate-control.js';
import { statementMetrics } from './metrics.js';
import { OutcomeResolver } from './outcome-resolver.js';
import { Pauses } from './pauses.js';
import { PoolController } from './pool-control.js';
import { Road } from './road.js';
import type { DBRuntime } from './runtime.js';
import { Runtime } from './runtime.js';
import { TransactionCounters } from './transaction-metrics.js';

/**
 * Makes a runtime. No I/O happens here: the first call, or `connect()`, opens the first connection.
 *
 * Takes options, or a configuration that `ConfigBuilder.build()` has made of them.
 *
 * @throws ConfigError listing every wrong option.
 *
 * @example
 * const db = createRuntime({ driver: postgres({ url }), pool: { maxSize: 20 } });
 * const user = await db.queryRow('select * from users where id = $1', [id]);
 * await db.disconnect();
 */
export function createRuntime(config: RuntimeConfig): DBRuntime;
export function createRuntime(options: RuntimeOptions): DBRuntime;
export function createRuntime(given: RuntimeOptions | RuntimeConfig): DBRuntime {
  const config = resolveConfig(given);
  // Frozen, and so what the rooms make of them is what the configuration says.
  const { options } = originOf(config) ?? bugNoOrigin();
  const { random, driver } = config;
  const detached = createDetached();
  const clock = detachClock(config.clock, detached);
  const settings = new PoolSettings(config.pool);
  const timers = new DeadlineTimer(clock);
  const hub = new Hub(clock);
  const connectionConfig = liveConnectionConfig(settings);
  const tracing = new Tracing((error) => hub.tell('listener:failed', { event: 'trace', error }), detached);
  const place = Object.freeze({ runtime: config.name, driver: driver.name, endpoint: driver.endpoint });
  const classify = classifierOf(driver, config.errors.override, (refusal) =>
    hub.tell('error:override-refused', refusal),
  );
  const meter = new QueryMeter({
    slowThresholdMs: config.query.slowThresholdMs,
    shapeOf: (text) => {
      const shape = fingerprint(driver.dialect, text);
      return { fingerprint: shape, operation: operationOf(driver.dialect, shape) };
    },
    stamp: (now) => hub.stamp(now),
    onSlow: (query) => hub.tell('query:slow', query),
  });
  const callbacks = new Callbacks(hub, clock);
  if (config.logger !== false)
    writeLog(config.logger, {
      hub,
      clock,
      runtime: config.name,
      endpoint: driver.endpoint,
      onFailure: (error) => callbacks.noteFailure(LOGGER_NAME, error),
    });
  const isNamedHere = driver.capabilities.statements === 'runtime';
  const book = new StatementBook(driver.dialect, isNamedHere && config.query.statementCache);
  const { serverTimeout, timeoutMs, statementCache, pipelining } = config.query;
  const pace = pipelining === false ? undefined : new StatementPace(pipelining);
  const fingerprintOf = (text: string) => meter.statements.fingerprintOf(text);
  const ports = {
    driver,
    classify,
    clock,
    timers,
    hub,
    book,
    pace,
    config: () => connectionConfig,
    fingerprintOf,
    tracing,
  };
  const statementLimitMs = serverTimeout && timeoutMs !== Infinity ? timeoutMs + SERVER_LIMIT_GRACE_MS : 0;
  const preparedStatements = statementCache === false ? 0 : statementCache.perConnection;
  const limits = { statementLimitMs, preparedStatements };
  const factory = new ConnectionFactory(ports, config.types, limits, config.name);
  const scopes = new AsyncLeaseScopes(settings);
  const sharing = pace && {
    depth: () => pace.depth,
    maxStatementMs: pace.config.maxStatementTimeMs,
    statementMs: () => pace.meanMs,
  };
  const pool = new Pool(factory, settings, { clock, timers, random, hub, scopes, detached, sharing });
  const lifecycle = new Lifecycle(config.name);
  const start = () => {
    lifecycle.move('running');
    hub.tell('runtime:started', {});
    // Its end is told as `pool:warmed`; only `connect()` waits for it.
    void pool.start();
  };
  const gatePorts: GatePorts = { clock, random, timers };
  const gate = createGate(options.gate, { config, ports: gatePorts, hub, pool, settings, scopes });
  const policy = config.query.retry === false ? undefined : new RetryPolicy(retryOptionsOf(options), gatePorts);
  const retry = policy && { policy, numbers: policy.numbers };
  const poolSize = () => settings.current.maxSize;
  const { connectionLimit } = options.gate ?? {};
  const gateControl = new GateController({ gate, retry: policy, ports: gatePorts, poolSize, connectionLimit });
  const poolControl = new PoolController({
    pool,
    settings,
    options: structuredClone(options.pool ?? {}),
    maxSessions: driver.capabilities.maxSessions,
    dependent: gateControl,
  });
  const pauses = new Pauses(clock, timers);
  const traces = { tracing, place, clock, stamp: (now: number) => hub.stamp(now) };
  const road = new Road({ lifecycle, start, hub, meter, clock, pauses, gate, pool, settings, tracing: traces });
  const outcomePorts = { name: config.name, words: driver.transactions, pool, clock, hub };
  const outcomes = driver.outcomes && new OutcomeResolver(driver.outcomes, outcomePorts);
  const answerTimeoutMs = () => settings.current.connectTimeoutMs;
  const listeningPorts = {
    driver,
    classify,
    clock,
    timers,
    types: config.types,
    answerTimeoutMs,
    random,
    hub,
    detached,
    tracing,
  };
  const compiler = new StatementCompiler(driver.dialect);
  const controls = { poolControl, gateControl };
  const parts = {
    hub,
    timers,
    pool,
    settings,
    scopes,
    compiler,
    book: pace && book,
    lifecycle,
    gate,
    pauses,
    retry,
    outcomes,
    road,
    meter,
    tracing: traces,
    callbacks,
    transactions: new TransactionCounters(clock),
    listening: { session: new ListeningSession(listeningPorts), start },
    statementMetrics: () => statementMetrics(book.counts),
    ...controls,
  };
  return new Runtime(new House({ config, ...parts }));
}

function bugNoOrigin(): never {
  throw new Error('bug: a configuration that nobody resolved');
}

function retryOptionsOf({ query }: RuntimeOptions): RetryOptions {
  return query?.retry === undefined || query.retry === false ? {} : query.retry;
}

/** Read at every release, so it is one object for ever whose fields follow the settings. */
function liveConnectionConfig(settings: PoolSettings): ConnectionConfig {
  return {
    get onRelease() {
      return settings.current.onRelease;
    },
    get validationQuery() {
      const { validation } = settings.current;
      return validation === false ? undefined : validation.query;
    },
  };
}
