import { describe, expect, it } from 'vitest';
import type { Driver } from '../driver/driver.js';
import { postgres } from '../driver/postgres/postgres.js';
import { ConfigError } from '../errors/config-error.js';
import { createRuntime } from '../runtime/create-runtime.js';
import { resolveConfig } from './resolve-config.js';
import type { RuntimeOptions } from './runtime-options.js';

const driver: Driver = postgres({ url: 'postgres://app@db.example/shop' });

function refused(options: Omit<RuntimeOptions, 'driver'>): (readonly [string, string])[] {
  try {
    resolveConfig({ driver, ...options });
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map(({ path, expected }) => [path, expected]);
    throw error;
  }
  return [];
}

const containing = (text: string): string => expect.stringContaining(text) as string;

describe('options that make no sense together', () => {
  it.each<[Omit<RuntimeOptions, 'driver'>, string, string]>([
    [{ pool: { maxSize: 5, maxIdle: 6 } }, 'pool.maxIdle', '0 to 5'],
    [{ pool: { maxSize: 5, warmUp: 6 } }, 'pool.warmUp', '1 to 5'],
    [{ pool: { maxIdle: 3, minIdle: 4 } }, 'pool.minIdle', '0 to 3'],
    [{ pool: { acquireTimeout: '1s', connectTimeout: '2s' } }, 'pool.connectTimeout', 'at most pool.acquireTimeout'],
    [
      { pool: { acquireTimeout: '1s', validation: { timeout: '2s' } } },
      'pool.validation.timeout',
      'at most pool.acquireTimeout (1000 ms)',
    ],
    [{ pool: { maxLifetime: '5m', keepalive: '5m' } }, 'pool.keepalive', 'less than pool.maxLifetime'],
    [{ pool: { maxLifetime: '5m', idleTimeout: '6m' } }, 'pool.idleTimeout', 'at most pool.maxLifetime (300000 ms)'],
    [
      { pool: { leak: { threshold: '10s', interval: '11s' } } },
      'pool.leak.interval',
      'at most pool.leak.threshold (10000 ms)',
    ],
    [
      { gate: { rateLimit: { perSecond: 50_000, burst: 49, maxWait: '1s' } } },
      'gate.rateLimit.burst',
      'at least a thousandth of perSecond (50)',
    ],
    [
      { gate: { circuitBreaker: { resetTimeout: '5s', earlyProbe: { interval: '6s' } } } },
      'gate.circuitBreaker.earlyProbe.interval',
      'at most gate.circuitBreaker.resetTimeout (5000 ms)',
    ],
    [
      { query: { statementCache: { perConnection: 9, total: 8 } } },
      'query.statementCache.perConnection',
      'at most total',
    ],
  ])('refuses %j', (options, path, expected) => {
    expect(refused(options)).toEqual([[path, containing(expected)]]);
  });

  it('are all refused at once', () => {
    const pool = {
      acquireTimeout: 500,
      connectTimeout: 501,
      validation: { timeout: 502 },
      maxLifetime: 1_000,
      idleTimeout: 1_001,
    };
    expect(refused({ pool }).map(([path]) => path)).toEqual([
      'pool.connectTimeout',
      'pool.validation.timeout',
      'pool.idleTimeout',
    ]);
  });

  it('do so at the very border', () => {
    const pool = {
      acquireTimeout: '1s',
      connectTimeout: '1s',
      validation: { timeout: '1s' },
      leak: { threshold: '2s', interval: '2s' },
    } as const;
    const circuitBreaker = { resetTimeout: '5s', earlyProbe: { interval: '5s' } } as const;
    const rateLimit = { perSecond: 50_000, burst: 50, maxWait: '1s' } as const;
    expect(
      refused({ pool: { ...pool, maxLifetime: '5m', idleTimeout: '5m' }, gate: { circuitBreaker, rateLimit } }),
    ).toEqual([]);
  });

  it('are no two of which one is the default: that gives way', () => {
    expect(refused({ pool: { acquireTimeout: 100 } })).toEqual([]);
    expect(refused({ pool: { maxLifetime: '1m' } })).toEqual([]);
    expect(refused({ pool: { maxSize: 2 } })).toEqual([]);
    expect(refused({ gate: { circuitBreaker: { resetTimeout: 100 } } })).toEqual([]);
    const { leak } = resolveConfig({ driver, pool: { leak: { threshold: '10s' } } }).pool;
    expect(leak).toMatchObject({ thresholdMs: 10_000, intervalMs: 10_000 });
  });

  it('are no two of which one is off', () => {
    expect(refused({ pool: { maxLifetime: false, idleTimeout: '30m', keepalive: '20m' } })).toEqual([]);
    expect(refused({ pool: { maxLifetime: '5m', idleTimeout: false, keepalive: false } })).toEqual([]);
    expect(refused({ pool: { acquireTimeout: 100, validation: false, leak: false } })).toEqual([]);
    expect(refused({ gate: { circuitBreaker: false, rateLimit: { burst: 1, perSecond: 9_000 } } })).toEqual([]);
  });

  it('are not looked for in what was refused by itself', () => {
    const pool = {
      acquireTimeout: 'x' as never,
      connectTimeout: '9m',
      validation: { timeout: 9 },
      leak: { threshold: 1, interval: '9m' },
    } as const;
    expect(refused({ pool }).map(([path]) => path)).toEqual([
      'pool.acquireTimeout',
      'pool.validation.timeout',
      'pool.leak.threshold',
    ]);
  });

  it('are refused in a running pool too', () => {
    const db = createRuntime({ driver, pool: { acquireTimeout: '2s', connectTimeout: '2s' } });
    expect(() => db.pool.reconfigure({ acquireTimeout: '1s' })).toThrow(
      /pool\.connectTimeout.*at most pool\.acquireTimeout/,
    );
    expect(() => db.pool.reconfigure({ leak: { threshold: '5s', interval: '6s' } })).toThrow(/pool\.leak\.interval/);
  });
});
