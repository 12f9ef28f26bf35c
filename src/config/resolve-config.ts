/**
 * The one function between what a user says and what the runtime works with: asks each room to resolve its part, then
 * applies the rules between rooms. Refuses, never repairs: everything wrong is reported at once in one ConfigError.
 */
import type { Driver } from '../driver/driver.js';
import type { TypeConfig } from '../driver/query.js';
import { ConfigError } from '../errors/config-error.js';
import { resolveErrorsOptions } from '../errors/error-override.js';
import { resolveGateOptions } from '../gate/gate-options.js';
import { resolveRetryOptions } from '../gate/retry-options.js';
import type { Clock } from '../kernel/clock.js';
import { systemClock } from '../kernel/clock.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';
import type { Random } from '../kernel/random.js';
import { systemRandom } from '../kernel/random.js';
import { resolvePoolOptions } from '../pool/pool-options.js';
import { resolveLoggerOptions } from '../telemetry/log-options.js';
import type { ConfigOrigin } from './config-origin.js';
import { isBuilt, withOrigin } from './config-origin.js';
import { checkRules } from './config-rules.js';
import { originOfOptions } from './option-layers.js';
import { isTree, withoutOption } from './option-tree.js';
import type { RuntimeConfig, RuntimeOptions } from './runtime-options.js';

const DAY_MS = 86_400_000;

/**
 * A configuration that is complete already passes as it is: there is one way in for both.
 *
 * @throws ConfigError with every issue.
 */
export function resolveConfig(options: RuntimeOptions | RuntimeConfig): RuntimeConfig {
  if (isBuilt(options)) return options;
  const issues: OptionIssue[] = [];
  if (isCopy(options)) {
    const expected = 'what build() gave, as it is: a configuration is changed by building another one';
    throw ConfigError.fromIssues([{ path: 'options', got: 'a copy of a configuration', expected }]);
  }
  const config = isTree(options) ? resolveOrigin(originOfOptions(options), issues) : resolveOptions(options, issues);
  if (issues.length > 0 || config === undefined) throw ConfigError.fromIssues(issues);
  return config;
}

/**
 * What a preset says gives way, as a default does, where it cannot be beside what else was said: PGlite has one connection,
 * and whoever wants a pool of five has said nothing about ten at rest. Then the default stands in its place.
 */
export function resolveOrigin(origin: ConfigOrigin, issues: OptionIssue[]): RuntimeConfig | undefined {
  const { options, sources } = origin;
  const found: OptionIssue[] = [];
  const config = resolveOptions(options, found);
  const yielding = found.map(({ path }) => path).filter((path) => sources.get(path) === 'preset');
  if (yielding.length > 0) {
    const others = new Map([...sources].filter(([path]) => !yielding.includes(path)));
    return resolveOrigin({ options: yielding.reduce(withoutOption, options), sources: others }, issues);
  }
  issues.push(...found);
  return config && withOrigin(config, origin);
}

/** Its times have names that no option has. One issue says more than twenty. */
function isCopy(options: unknown): boolean {
  const { query, monitor } = isTree(options) ? options : {};
  return isTree(query) && isTree(monitor) && 'timeoutMs' in query && 'intervalMs' in monitor;
}

/** `undefined` without a driver; what else is wrong is in `issues`, and has its default in what is returned. */
export function resolveOptions(options: object, issues: OptionIssue[]): RuntimeConfig | undefined {
  const reader = new OptionReader(options, '', issues);
  const driver = readDriver(reader);
  const pool = resolvePoolOptions(reader.raw('pool'), driver?.capabilities.maxSessions ?? Infinity, issues);
  const gate = resolveGateOptions(reader.raw('gate'), pool.maxSize, issues);
  const query = readQueryDefaults(reader.group('query'), driver, issues);
  const config = {
    name: reader.text('name', driver?.name ?? 'fluxor'),
    pool,
    gate,
    query: Object.freeze(query),
    errors: resolveErrorsOptions(reader.raw('errors'), issues),
    types: Object.freeze(readTypes(reader.group('types'))),
    monitor: Object.freeze(readMonitor(reader.group('monitor'))),
    logger: resolveLoggerOptions(reader.raw('logger'), issues),
    clock: readClock(reader),
    random: readRandom(reader),
  };
  reader.refuseUnknown();
  checkRules(config, options, issues);
  return driver && { ...config, driver };
}

function readDriver(reader: OptionReader): Driver | undefined {
  const value = reader.raw('driver') as Partial<Driver> | undefined;
  if (typeof value?.connect === 'function' && typeof value.classify === 'function') return value as Driver;
  return reader.refuse('driver', "a driver, such as postgres({ url }) from 'fluxor-db/postgres'", undefined);
}

function readClock(reader: OptionReader): Clock {
  const value = reader.raw('clock') as Partial<Clock> | null | undefined;
  if (value === undefined) return systemClock;
  const isClock = [value?.now, value?.wallNow, value?.setTimer].every((method) => typeof method === 'function');
  return isClock ? (value as Clock) : reader.refuse('clock', 'a Clock: now(), wallNow() and setTimer()', systemClock);
}

function readRandom(reader: OptionReader): Random {
  const value = reader.raw('random');
  if (value === undefined) return systemRandom;
  return typeof value === 'function' ? (value as Random) : reader.refuse('random', 'a function', systemRandom);
}

function readQueryDefaults(
  reader: OptionReader,
  driver: Driver | undefined,
  issues: OptionIssue[],
): RuntimeConfig['query'] {
  const timeoutMs = reader.duration('timeout', 30_000, { minMs: 1, maxMs: DAY_MS, canBeFalse: true });
  const retry = reader.raw('retry');
  const resolveOutcome = readResolveOutcome(reader, driver);
  const statementCache = readStatementCache(reader);
  const serverTimeout = reader.boolean('serverTimeout', true);
  const pipelining = readPipelining(reader, driver);
  const slowThresholdMs = reader.duration('slowThreshold', 1_000, { minMs: 1, maxMs: DAY_MS, canBeFalse: true });
  reader.refuseUnknown();
  const retries = retry !== false && resolveRetryOptions(retry, 'query.retry', issues);
  return { timeoutMs, slowThresholdMs, retry: retries, resolveOutcome, statementCache, serverTimeout, pipelining };
}

function readPipelining(reader: OptionReader, driver: Driver | undefined): RuntimeConfig['query']['pipelining'] {
  const value = reader.raw('pipelining');
  if (value === false) return false;
  const canPipeline = driver?.capabilities.pipelining ?? true;
  if (value !== undefined && !canPipeline) {
    const expected = `false; the ${driver?.name} driver cannot have several statements in flight on one connection`;
    return reader.refuse('pipelining', expected, false);
  }
  const group = value === undefined || value === true ? undefined : reader.group('pipelining');
  const depth = group?.integer('depth', 16, { min: 1, max: 64 }) ?? 16;
  const time = { minMs: 0.1, maxMs: 10_000 };
  const maxStatementTimeMs = group?.duration('maxStatementTime', 5, time) ?? 5;
  group?.refuseUnknown();
  return canPipeline && Object.freeze({ depth, maxStatementTimeMs });
}

const PER_CONNECTION = { min: 1, max: 10_000 };

function readStatementCache(reader: OptionReader): RuntimeConfig['query']['statementCache'] {
  const value = reader.raw('statementCache');
  if (value === false) return false;
  const defaults = { perConnection: 200, total: 2_000 };
  if (typeof value === 'number') {
    const perConnection = reader.integer('statementCache', defaults.perConnection, PER_CONNECTION);
    return Object.freeze({ perConnection, total: Math.max(defaults.total, perConnection) });
  }
  const group = reader.group('statementCache');
  // Either is enough: what is left out is as its default, or agrees with the other.
  const wanted = group.integer('perConnection', defaults.perConnection, PER_CONNECTION);
  const total = group.integer('total', Math.max(defaults.total, wanted), { min: 1, max: 1_000_000 });
  const perConnection = group.has('perConnection') ? wanted : Math.min(wanted, total);
  group.refuseUnknown();
  if (perConnection > total) return group.refuse('perConnection', `at most total, which is ${total}`, defaults);
  return Object.freeze({ perConnection, total });
}

function readResolveOutcome(reader: OptionReader, driver: Driver | undefined): boolean {
  const isWanted = reader.boolean('resolveOutcome', false);
  if (!isWanted || driver === undefined || driver.outcomes !== undefined) return isWanted;
  const expected = `false; the ${driver.name} driver cannot ask what became of a transaction`;
  return reader.refuse('resolveOutcome', expected, false);
}

function readTypes(reader: OptionReader): TypeConfig {
  const types: TypeConfig = {
    bigint: reader.oneOf('bigint', ['bigint', 'string', 'number'], 'bigint'),
    decimal: reader.oneOf('decimal', ['string', 'number'], 'string'),
    date: reader.oneOf('date', ['string', 'Date'], 'string'),
    json: reader.oneOf('json', ['parsed', 'string'], 'parsed'),
  };
  reader.refuseUnknown();
  return types;
}

function readMonitor(reader: OptionReader): RuntimeConfig['monitor'] {
  const intervalMs = reader.duration('interval', 60_000, { minMs: 100, maxMs: DAY_MS, canBeFalse: true });
  reader.refuseUnknown();
  return { intervalMs };
}
