import { describe, expect, it } from 'vitest';
import type { Driver } from '../driver/driver.js';
import { pglite } from '../driver/pglite/pglite.js';
import { postgres } from '../driver/postgres/postgres.js';
import { ConfigError } from '../errors/config-error.js';
import { systemClock } from '../kernel/clock.js';
import { seededRandom, systemRandom } from '../kernel/random.js';
import { fakeClock } from '../testing/fake-clock.js';
import { describeConfig } from './describe-config.js';
import { resolveConfig } from './resolve-config.js';
import type { QueryDefaults, RuntimeOptions } from './runtime-options.js';

const driver: Driver = postgres({ url: 'postgres://app:secret-marker@db.example/shop' });

/** What a program without types may hand over. */
const resolve = (options: unknown) => resolveConfig(options as RuntimeOptions);

function refusal(options: unknown): ConfigError {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const pathsOf = (options: unknown): string[] => refusal(options).issues.map(({ path }) => path);

/** Of the objects inside `parent`, the ones that could still be changed. */
function unfrozenPaths(path: string, parent: object): string[] {
  return Object.entries(parent).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value !== 'object' || value === null) return [];
    const own = Object.isFrozen(value) ? [] : [`${path}.${name}`];
    return [...own, ...unfrozenPaths(`${path}.${name}`, value)];
  });
}

describe('resolveConfig', () => {
  it('has the defaults of the public surface', () => {
    const config = resolveConfig({ driver });
    expect(config).toEqual({
      name: 'postgres',
      driver,
      pool: {
        maxSize: 50,
        acquireTimeoutMs: 10_000,
        connectTimeoutMs: 5_000,
        maxWaiting: 1_000,
        maxCreating: 2,
        validation: { bypassMs: 500, timeoutMs: 1_000, attempts: 3, backoffMs: 100, query: undefined },
        onRelease: 'rollback',
        maxIdle: 10,
        minIdle: 0,
        maxLifetimeMs: 1_800_000,
        idleTimeoutMs: 600_000,
        keepaliveMs: 120_000,
        connectRate: Infinity,
        warmUp: { connections: 5, timeoutMs: 30_000, failFast: false },
        leak: { thresholdMs: 600_000, intervalMs: 60_000, stack: 'sampled', reclaim: false },
        deadlockDetection: true,
      },
      gate: {
        circuitBreaker: {
          failures: 5,
          failureWindowMs: 60_000,
          resetTimeoutMs: 60_000,
          halfOpenPeriodMs: 10_000,
          halfOpenMaxConcurrent: 1,
          halfOpenMaxCalls: 10,
          halfOpenSuccesses: 3,
          backoff: false,
          rate: false,
          countStatementTimeouts: 'always',
          earlyProbe: { intervalMs: 1_000 },
        },
        rateLimit: { perSecond: 1_000, burst: 1_000, maxWaitMs: 0, maxQueue: 10_000 },
        connectionLimit: {
          max: 50,
          queue: 1_000,
          reserve: 1,
          partitions: [0.7, 0.2, 0.1],
          lifo: false,
          adaptive: false,
        },
      },
      query: {
        timeoutMs: 30_000,
        slowThresholdMs: 1_000,
        retry: {
          maxRetries: 3,
          backoff: { initialMs: 100, multiplier: 2, maxMs: 5_000, jitter: 'full' },
          budget: { ratio: 0.2, perSecond: 10, ttlMs: 10_000 },
        },
        resolveOutcome: false,
        statementCache: { perConnection: 200, total: 2_000 },
        serverTimeout: true,
        pipelining: { depth: 16, maxStatementTimeMs: 5 },
      },
      errors: { override: undefined },
      types: { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' },
      monitor: { intervalMs: 60_000 },
      logger: { to: 'warnings of the process', level: 'warn' },
      clock: systemClock,
      random: systemRandom,
    });
    expect(config.driver).toBe(driver);
  });

  it('takes what is said, in milliseconds', () => {
    const [clock, random] = [fakeClock(), seededRandom(1)];
    const config = resolveConfig({
      driver,
      name: 'shop',
      pool: { maxSize: 7, acquireTimeout: '2s', connectTimeout: 1_500, validation: { bypass: 0, query: 'select 1' } },
      query: { timeout: false },
      types: { bigint: 'string', decimal: 'number', date: 'Date' },
      clock,
      random,
    });
    expect(config).toMatchObject({
      name: 'shop',
      pool: { maxSize: 7, acquireTimeoutMs: 2_000, connectTimeoutMs: 1_500, validation: { bypassMs: 0, attempts: 3 } },
      query: { timeoutMs: Infinity },
      types: { bigint: 'string', decimal: 'number', date: 'Date' },
    });
    expect([config.clock, config.random]).toEqual([clock, random]);
    expect(resolveConfig({ driver, pool: { validation: false } }).pool.validation).toBe(false);
  });

  it('refuses everything that is wrong at once, with path, what was got and what is expected', () => {
    const error = refusal({
      driver: 'postgres://app:secret-marker@db.example/shop',
      name: '',
      pool: { maxSize: 0, maxSise: 7, acquireTimeout: '5x', maxWaiting: 0.5, validation: { attempts: 11 }, leak: 5 },
      query: { timeout: 0, slowThreshold: 0, retry: { maxRetries: -1, budget: 2 }, resolveOutcome: 'yes' },
      gate: {
        circuitBreaker: { failures: 0, backoff: { multiplier: 11 }, rate: { window: '1ms' }, earlyProbe: 5 },
        rateLimit: 0,
        rateLimt: 5,
        connectionLimit: { max: 4, partitions: { low: 2 }, adaptive: { min: 5 } },
      },
      errors: { override: 'CONSTRAINT', overide: 1 },
      types: { bigint: 'float' },
      monitor: { interval: '1ms' },
      clock: {},
      random: 4,
      drivr: 1,
    });
    expect(error.code).toBe('CONFIG');
    expect(error.issues.map(({ path }) => path).sort()).toEqual([
      'clock',
      'driver',
      'drivr',
      'errors.overide',
      'errors.override',
      'gate.circuitBreaker.backoff.multiplier',
      'gate.circuitBreaker.earlyProbe',
      'gate.circuitBreaker.failures',
      'gate.circuitBreaker.rate.window',
      'gate.connectionLimit.adaptive.min',
      'gate.connectionLimit.partitions.low',
      'gate.rateLimit.perSecond',
      'gate.rateLimt',
      'monitor.interval',
      'name',
      'pool.acquireTimeout',
      'pool.leak',
      'pool.maxSise',
      'pool.maxSize',
      'pool.maxWaiting',
      'pool.validation.attempts',
      'query.resolveOutcome',
      'query.retry.budget',
      'query.retry.maxRetries',
      'query.slowThreshold',
      'query.timeout',
      'random',
      'types.bigint',
    ]);
    for (const issue of error.issues) {
      expect(issue.got).not.toBe('');
      expect(issue.expected).not.toBe('');
      expect(error.message).toContain(`${issue.path}: got ${issue.got}`);
      expect(error.message).toContain(issue.expected);
    }
    expect(error.issues.find(({ path }) => path === 'pool.maxSize')).toEqual({
      path: 'pool.maxSize',
      got: '0',
      expected: 'a whole number, 1 to 10,000',
    });
    expect(error.message).not.toContain('secret-marker');
  });

  it.each([undefined, null, 5, 'postgres://app:secret-marker@db/shop', []])(
    'refuses %s as options with a ConfigError, and without showing what may be a URL',
    (options) => {
      const error = refusal(options);
      expect(error.issues.map(({ path }) => path)).toContain('driver');
      expect(error.message).not.toContain('secret-marker');
    },
  );

  it.each(['pool', 'query', 'gate', 'errors', 'types', 'monitor', 'logger'])(
    'refuses null where the options of %s belong',
    (group) => {
      expect(pathsOf({ driver, [group]: null })).toEqual([group]);
    },
  );

  it.each([undefined, null, {}, { connect: () => undefined }, 'pg'])('refuses %s as a driver', (value) => {
    expect(pathsOf({ driver: value })).toEqual(['driver']);
  });

  it('has no threshold and no interval where they are false', () => {
    const { query, monitor } = resolve({ driver, query: { slowThreshold: false }, monitor: { interval: false } });
    expect([query.slowThresholdMs, monitor.intervalMs]).toEqual([Infinity, Infinity]);
  });

  it('has one session for an embedded database, and refuses a second', () => {
    const embedded = pglite();
    expect(resolveConfig({ driver: embedded }).pool.maxSize).toBe(1);
    expect(resolveConfig({ driver: embedded, pool: { maxSize: 1 } }).pool.maxSize).toBe(1);
    expect(refusal({ driver: embedded, pool: { maxSize: 2 } }).issues).toEqual([
      { path: 'pool.maxSize', got: '2', expected: 'a whole number, 1 to 1' },
    ]);
  });

  describe('between the rooms', () => {
    it('refuses a connectTimeout longer than anybody would wait', () => {
      expect(refusal({ driver, pool: { connectTimeout: '11s' } }).issues).toEqual([
        {
          path: 'pool.connectTimeout',
          got: '11000 ms',
          expected: 'at most pool.acquireTimeout (10000 ms): nobody waits longer than that',
        },
      ]);
      expect(() => resolve({ driver, pool: { connectTimeout: '11s', acquireTimeout: '11s' } })).not.toThrow();
    });

    it('does not hold the default connectTimeout against a short acquireTimeout', () => {
      expect(resolve({ driver, pool: { acquireTimeout: '1s' } }).pool).toMatchObject({
        acquireTimeoutMs: 1_000,
        connectTimeoutMs: 5_000,
      });
    });

    it('does not complain about defaults that stand in for what was refused', () => {
      expect(pathsOf({ driver, pool: { connectTimeout: 'x', acquireTimeout: '1s' } })).toEqual(['pool.connectTimeout']);
      expect(pathsOf({ driver, pool: { connectTimeout: '11s', acquireTimeout: 'x' } })).toEqual([
        'pool.acquireTimeout',
      ]);
    });
  });

  it('is frozen all the way down', () => {
    const config = resolveConfig({ driver });
    const { driver: _driver, clock: _clock, random: _random, ...ours } = config;
    const gate = {
      circuitBreaker: { backoff: true, rate: {}, earlyProbe: true },
      connectionLimit: { max: 5, adaptive: true },
    };
    const full = resolveConfig({ driver, gate, query: { retry: { budget: 0.5 } } });
    expect(Object.isFrozen(config)).toBe(true);
    expect([...unfrozenPaths('config', ours), ...unfrozenPaths('full', { ...full.gate, ...full.query })]).toEqual([]);
  });

  it('does not change with the options it was made of, and leaves them unfrozen', () => {
    const validation = { attempts: 5 };
    const options = { driver, pool: { maxSize: 5, validation }, types: { bigint: 'string' as const } };
    const config = resolveConfig(options);
    options.pool.maxSize = 6;
    validation.attempts = 1;
    Object.assign(options.types, { bigint: 'number' });
    expect(config).toMatchObject({ pool: { maxSize: 5, validation: { attempts: 5 } }, types: { bigint: 'string' } });
  });
});

describe('the statement cache', () => {
  it('takes a number for each connection, an object for both, or false', () => {
    const cache = (statementCache: number | false | object | undefined) =>
      resolveConfig({ driver, query: { statementCache } as QueryDefaults }).query.statementCache;
    expect(cache(undefined)).toEqual({ perConnection: 200, total: 2_000 });
    expect(cache(50)).toEqual({ perConnection: 50, total: 2_000 });
    expect(cache({ total: 100 })).toEqual({ perConnection: 100, total: 100 });
    // One connection that may keep 5,000 was once given 2,000 of them, without a word.
    expect(cache(5_000)).toEqual({ perConnection: 5_000, total: 5_000 });
    expect(cache({ perConnection: 5_000 })).toEqual({ perConnection: 5_000, total: 5_000 });
    expect(cache(false)).toBe(false);
  });

  it('refuses more for one connection than for all of them', () => {
    const { issues } = refusal({ driver, query: { statementCache: { perConnection: 300, total: 200 } } });
    const expected = 'at most total, which is 200';
    expect(issues).toEqual([{ path: 'query.statementCache.perConnection', got: '300', expected }]);
  });

  it('refuses sizes that are none, and what it does not know', () => {
    const paths = refusal({ driver, query: { statementCache: { perConnection: 0, total: 1.5, size: 3 } } });
    expect(paths.issues.map(({ path }) => path)).toEqual([
      'query.statementCache.perConnection',
      'query.statementCache.total',
      'query.statementCache.size',
    ]);
    expect(refusal({ driver, query: { statementCache: 0 } }).issues.map(({ path }) => path)).toEqual([
      'query.statementCache',
    ]);
  });
});

describe('describeConfig', () => {
  it('prints every value in force, one a line, with its unit', () => {
    const pool = { maxSize: 7, validation: false as const, leak: false as const, warmUp: 2, keepalive: false as const };
    const gate = {
      circuitBreaker: { rate: { slowCall: 2_000 }, earlyProbe: true },
      rateLimit: false as const,
      connectionLimit: { partitions: false as const, adaptive: true },
    };
    const query = { timeout: false as const, retry: { budget: false as const } };
    expect(describeConfig(resolveConfig({ driver, name: 'shop', pool, gate, query })).split('\n')).toEqual([
      'name: shop',
      'driver: postgres (postgres://app@db.example:5432/shop)',
      'pool.maxSize: 7',
      'pool.acquireTimeoutMs: 10000 ms',
      'pool.connectTimeoutMs: 5000 ms',
      'pool.maxWaiting: 1000',
      'pool.maxCreating: 2',
      'pool.validation: false',
      'pool.onRelease: rollback',
      'pool.maxIdle: 7',
      'pool.minIdle: 0',
      'pool.maxLifetimeMs: 1800000 ms',
      'pool.idleTimeoutMs: 600000 ms',
      'pool.keepaliveMs: never',
      'pool.connectRate: no limit',
      'pool.warmUp.connections: 2',
      'pool.warmUp.timeoutMs: 30000 ms',
      'pool.warmUp.failFast: false',
      'pool.leak: false',
      'pool.deadlockDetection: true',
      'gate.circuitBreaker.failures: 5',
      'gate.circuitBreaker.failureWindowMs: 60000 ms',
      'gate.circuitBreaker.resetTimeoutMs: 60000 ms',
      'gate.circuitBreaker.halfOpenPeriodMs: 10000 ms',
      'gate.circuitBreaker.halfOpenMaxConcurrent: 1',
      'gate.circuitBreaker.halfOpenMaxCalls: 10',
      'gate.circuitBreaker.halfOpenSuccesses: 3',
      'gate.circuitBreaker.backoff: false',
      'gate.circuitBreaker.rate.minCalls: 20',
      'gate.circuitBreaker.rate.failureRate: 0.5',
      'gate.circuitBreaker.rate.windowMs: 10000 ms',
      'gate.circuitBreaker.rate.slowCallMs: 2000 ms',
      'gate.circuitBreaker.rate.slowRate: 1',
      'gate.circuitBreaker.countStatementTimeouts: always',
      'gate.circuitBreaker.earlyProbe.intervalMs: 1000 ms',
      'gate.rateLimit: false',
      'gate.connectionLimit.max: 7',
      'gate.connectionLimit.queue: 1000',
      'gate.connectionLimit.reserve: 1',
      'gate.connectionLimit.partitions: false',
      'gate.connectionLimit.lifo: false',
      'gate.connectionLimit.adaptive.min: 1',
      'gate.connectionLimit.adaptive.max: 7',
      'gate.connectionLimit.adaptive.initial: 1',
      'gate.connectionLimit.adaptive.tolerance: 1.2',
      'query.timeoutMs: never',
      'query.slowThresholdMs: 1000 ms',
      'query.retry.maxRetries: 3',
      'query.retry.backoff.initialMs: 100 ms',
      'query.retry.backoff.multiplier: 2',
      'query.retry.backoff.maxMs: 5000 ms',
      'query.retry.backoff.jitter: full',
      'query.retry.budget: false',
      'query.resolveOutcome: false',
      'query.statementCache.perConnection: 200',
      'query.statementCache.total: 2000',
      'query.serverTimeout: true',
      'query.pipelining.depth: 16',
      'query.pipelining.maxStatementTimeMs: 5 ms',
      'types.bigint: bigint',
      'types.decimal: string',
      'types.date: string',
      'types.json: parsed',
      'monitor.intervalMs: 60000 ms',
      'logger.to: warnings of the process',
      'logger.level: warn',
    ]);
  });

  it('holds no secret, and neither does the configuration as JSON', () => {
    const config = resolveConfig({ driver });
    expect(describeConfig(config)).not.toContain('secret-marker');
    expect(JSON.stringify(config)).not.toContain('secret-marker');
  });
});
