import { describe, expect, it } from 'vitest';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { PoolConfig, PoolOptions } from './pool-options.js';
import { mergePoolOptions, resolvePoolOptions } from './pool-options.js';

/** Options as a program without types may write them. */
function read(
  options: unknown,
  maxSessions = Infinity,
): { readonly config: PoolConfig; readonly issues: OptionIssue[] } {
  const issues: OptionIssue[] = [];
  return { config: resolvePoolOptions(options, maxSessions, issues), issues };
}

function accepted(options: unknown, maxSessions?: number): PoolConfig {
  const { config, issues } = read(options, maxSessions);
  expect(issues).toEqual([]);
  return config;
}

const pathsOf = (options: unknown, maxSessions?: number): string[] =>
  read(options, maxSessions).issues.map(({ path }) => path);

describe('resolvePoolOptions', () => {
  it('has the documented defaults', () => {
    expect(accepted(undefined)).toEqual({
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
    });
    expect(accepted({})).toEqual(accepted(undefined));
  });

  it('takes what is said, in milliseconds', () => {
    const config = accepted({
      maxSize: 20,
      maxIdle: 15,
      minIdle: 3,
      maxLifetime: '2h',
      idleTimeout: 90_000,
      keepalive: '45s',
      connectRate: 10,
      warmUp: { connections: 20, timeout: '1m', failFast: true },
      leak: { threshold: '30s', interval: '5s', stack: true, reclaim: true },
      deadlockDetection: false,
    });
    expect(config).toMatchObject({
      maxSize: 20,
      maxIdle: 15,
      minIdle: 3,
      maxLifetimeMs: 7_200_000,
      idleTimeoutMs: 90_000,
      keepaliveMs: 45_000,
      connectRate: 10,
      warmUp: { connections: 20, timeoutMs: 60_000, failFast: true },
      leak: { thresholdMs: 30_000, intervalMs: 5_000, stack: true, reclaim: true },
      deadlockDetection: false,
    });
  });

  it('reads `false` as never, none and no limit', () => {
    const off = {
      maxLifetime: false,
      idleTimeout: false,
      keepalive: false,
      connectRate: false,
      warmUp: false,
      leak: false,
    };
    expect(accepted(off)).toMatchObject({
      maxLifetimeMs: Infinity,
      idleTimeoutMs: Infinity,
      keepaliveMs: Infinity,
      connectRate: Infinity,
      warmUp: false,
      leak: false,
    });
  });

  it('takes a number alone for how many to warm up', () => {
    expect(accepted({ warmUp: 7 }).warmUp).toEqual({ connections: 7, timeoutMs: 30_000, failFast: false });
  });

  it('takes each of the words for `leak.stack`', () => {
    for (const stack of ['sampled', true, false]) expect(accepted({ leak: { stack } }).leak).toMatchObject({ stack });
    expect(read({ leak: { stack: 'always' } })).toMatchObject({
      config: { leak: { stack: 'sampled' } },
      issues: [{ path: 'pool.leak.stack', got: "'always'", expected: "true, false or 'sampled'" }],
    });
  });

  it('answers something that nobody can change, groups included', () => {
    const config = accepted({});
    for (const part of [config, config.validation, config.warmUp, config.leak])
      expect(Object.isFrozen(part)).toBe(true);
  });
});

describe('resolvePoolOptions, bounds', () => {
  it.each<[path: string, least: unknown, most: unknown, outside: readonly unknown[]]>([
    ['maxIdle', 0, 50, [-1, 51, 1.5, '5', false]],
    ['minIdle', 0, 10, [-1, 11, true]],
    ['maxLifetime', '1s', '720h', ['999ms', '721h', true, 'soon', -1]],
    ['idleTimeout', '1s', '720h', ['999ms', '721h', true, 0]],
    ['keepalive', '1s', '29m', ['999ms', '25h', true, 0]],
    ['connectRate', 1, 10_000, [0, 10_001, 0.5, true, Infinity]],
    ['warmUp', 1, 50, [0, 51, 1.5, -1, NaN]],
    ['warmUp', {}, { connections: 50 }, [true, 'all', []]],
    ['warmUp.connections', 1, 50, [0, 51]],
    ['warmUp.timeout', 1, '10m', [0, '11m', false]],
    ['warmUp.failFast', true, false, ['yes', 1]],
    ['leak', {}, { reclaim: true }, [true, 5, 'off']],
    ['leak.threshold', '1s', '24h', ['999ms', '25h', false]],
    ['leak.interval', '1s', '1h', ['999ms', '61m', false]],
    ['leak.reclaim', true, false, ['yes']],
    ['deadlockDetection', true, false, ['on', 0]],
  ])('of `%s` are kept', (path, least, most, outside) => {
    const write = (value: unknown) => {
      const [first = '', second] = path.split('.');
      return { [first]: second === undefined ? value : { [second]: value } };
    };
    for (const value of [least, most]) accepted(write(value));
    for (const value of outside) expect(pathsOf(write(value)), String(value)).toEqual([`pool.${path}`]);
  });

  it('refuses names it does not know, in groups too', () => {
    expect(read({ maxIdel: 3, warmUp: { conections: 1 }, leak: { treshold: '1m' } }).issues).toEqual([
      { path: 'pool.warmUp.conections', got: 'an unknown option', expected: 'did you mean pool.warmUp.connections?' },
      { path: 'pool.leak.treshold', got: 'an unknown option', expected: 'did you mean pool.leak.threshold?' },
      { path: 'pool.maxIdel', got: 'an unknown option', expected: 'did you mean pool.maxIdle?' },
    ]);
  });
});

describe('resolvePoolOptions, one option and another', () => {
  it('follows a small `maxSize` with the defaults of what must not exceed it', () => {
    const { maxIdle, minIdle, warmUp } = accepted({ maxSize: 3 });
    expect({ maxIdle, minIdle, warmUp }).toMatchObject({ maxIdle: 3, minIdle: 0, warmUp: { connections: 3 } });
    expect(accepted({ maxSize: 7 })).toMatchObject({ maxIdle: 7, warmUp: { connections: 5 } });
  });

  it('follows the one session of an embedded database in the same way', () => {
    expect(accepted(undefined, 1)).toMatchObject({ maxSize: 1, maxIdle: 1, warmUp: { connections: 1 } });
    expect(pathsOf({ maxSize: 2, maxIdle: 2, warmUp: 2 }, 1)).toEqual(['pool.maxSize', 'pool.maxIdle', 'pool.warmUp']);
  });

  it('refuses more at rest than there may be, and more ready than may rest', () => {
    expect(pathsOf({ maxSize: 5, maxIdle: 6 })).toEqual(['pool.maxIdle']);
    expect(pathsOf({ maxSize: 5, minIdle: 6 })).toEqual(['pool.minIdle']);
    expect(pathsOf({ maxIdle: 2, minIdle: 3 })).toEqual(['pool.minIdle']);
    expect(accepted({ maxSize: 20, maxIdle: 20, minIdle: 20 }).minIdle).toBe(20);
  });

  it('refuses to warm up more than there may be', () => {
    expect(pathsOf({ maxSize: 5, warmUp: 6 })).toEqual(['pool.warmUp']);
    expect(pathsOf({ maxSize: 5, warmUp: { connections: 6 } })).toEqual(['pool.warmUp.connections']);
  });

  it('refuses a keepalive that would come after the end of the connection', () => {
    expect(read({ keepalive: '30m' }).issues).toEqual([
      { path: 'pool.keepalive', got: '1800000 ms', expected: 'less than pool.maxLifetime (1800000 ms), or false' },
    ]);
    expect(pathsOf({ keepalive: '1m', maxLifetime: '1m' })).toEqual(['pool.keepalive']);
    accepted({ keepalive: '59s', maxLifetime: '1m' });
    accepted({ keepalive: '24h', maxLifetime: false });
    accepted({ keepalive: false, maxLifetime: '1s' });
  });

  it('lets the default keepalive be beside a lifetime that is shorter', () => {
    expect(accepted({ maxLifetime: '1m' })).toMatchObject({ maxLifetimeMs: 60_000, keepaliveMs: 120_000 });
  });

  it('says nothing of how two fit together when one of them is wrong by itself', () => {
    expect(pathsOf({ keepalive: '1m', maxLifetime: 'soon' })).toEqual(['pool.maxLifetime']);
    expect(pathsOf({ keepalive: 'often', maxLifetime: '1s' })).toEqual(['pool.keepalive']);
  });

  it('says everything that is wrong at once', () => {
    const wrong = {
      maxSize: 0,
      minIdle: 11,
      idleTimeout: 'x',
      connectRate: 0,
      warmUp: { timeout: 0, failFast: 1 },
      leak: { threshold: 1, stack: 2 },
      keepalive: '1h',
    };
    expect(pathsOf(wrong).sort()).toEqual([
      'pool.connectRate',
      'pool.idleTimeout',
      'pool.keepalive',
      'pool.leak.stack',
      'pool.leak.threshold',
      'pool.maxSize',
      'pool.minIdle',
      'pool.warmUp.failFast',
      'pool.warmUp.timeout',
    ]);
  });
});

describe('mergePoolOptions', () => {
  const base: PoolOptions = { maxSize: 10, acquireTimeout: '1s', leak: { threshold: '1m', reclaim: true } };

  it('lets changes win, and keeps the rest', () => {
    expect(mergePoolOptions(base, { maxSize: 20, minIdle: 2 })).toEqual({ ...base, maxSize: 20, minIdle: 2 });
    expect(mergePoolOptions(base, {})).toEqual(base);
  });

  it('merges groups field by field', () => {
    const changes: PoolOptions = { leak: { interval: '5s', reclaim: false }, validation: { attempts: 1 } };
    expect(mergePoolOptions({ ...base, validation: { bypass: 0 } }, changes)).toEqual({
      ...base,
      leak: { threshold: '1m', interval: '5s', reclaim: false },
      validation: { bypass: 0, attempts: 1 },
    });
  });

  it('switches groups off and on again as a whole', () => {
    expect(mergePoolOptions(base, { leak: false }).leak).toBe(false);
    expect(mergePoolOptions({ ...base, leak: false }, { leak: { threshold: '2m' } }).leak).toEqual({ threshold: '2m' });
    expect(mergePoolOptions({ validation: false }, { validation: {} }).validation).toEqual({});
  });

  it('takes `undefined` for unchanged', () => {
    const changes = { maxSize: undefined, leak: { threshold: undefined } } as unknown as PoolOptions;
    expect(mergePoolOptions(base, changes)).toEqual(base);
  });

  it('changes neither of what it is given', () => {
    const [before, changes] = [structuredClone(base), { leak: { interval: '5s' } } as const];
    mergePoolOptions(base, changes);
    expect([base, changes]).toEqual([before, { leak: { interval: '5s' } }]);
  });
});
