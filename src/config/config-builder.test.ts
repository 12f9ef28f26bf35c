import { describe, expect, it } from 'vitest';
import type { Driver } from '../driver/driver.js';
import { pglite } from '../driver/pglite/pglite.js';
import { postgres } from '../driver/postgres/postgres.js';
import { ConfigError } from '../errors/config-error.js';
import { createRuntime } from '../runtime/create-runtime.js';
import { ConfigBuilder, configFromEnv } from './config-builder.js';
import { describeConfig } from './describe-config.js';
import { presets } from './presets.js';
import { resolveConfig } from './resolve-config.js';

const driver: Driver = postgres({ url: 'postgres://app@db.example/shop' });
const URL = 'postgres://app:secret@db.example/shop';

function issuesOf(builder: ConfigBuilder): readonly { path: string; got: string; expected: string }[] {
  try {
    builder.build();
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  return [];
}

const unfrozen = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && (!Object.isFrozen(value) || Object.values(value).some(unfrozen));

describe('ConfigBuilder', () => {
  it('says with each of its steps what createRuntime() takes', () => {
    const built = new ConfigBuilder()
      .withDriver(driver)
      .withConnectionPool(20, 5)
      .withConnectionLifetime('20m', '5m')
      .withWarmUp(3)
      .withValidation({ attempts: 2 })
      .withCircuitBreaker(7, '30s', '5s')
      .withRateLimit(500, 900)
      .withConnectionLimit(15, 100)
      .withRetry({ maxRetries: 1 })
      .withQuerySettings({ statementCache: 50, slowThreshold: '500ms', timeout: '10s' })
      .withLeakDetection(true, '30s')
      .withMonitor({ interval: '5s' })
      .withOptions({ name: 'shop', types: { date: 'Date' } })
      .build();
    const said = resolveConfig({
      driver,
      name: 'shop',
      pool: {
        maxSize: 20,
        maxIdle: 5,
        maxLifetime: '20m',
        idleTimeout: '5m',
        warmUp: 3,
        validation: { attempts: 2 },
        leak: { threshold: '30s' },
      },
      gate: {
        circuitBreaker: { failures: 7, resetTimeout: '30s', halfOpenPeriod: '5s' },
        rateLimit: { perSecond: 500, burst: 900 },
        connectionLimit: { max: 15, queue: 100 },
      },
      query: { retry: { maxRetries: 1 }, statementCache: 50, slowThreshold: '500ms', timeout: '10s' },
      types: { date: 'Date' },
      monitor: { interval: '5s' },
    });
    expect(built).toEqual(said);
    expect(built.driver).toBe(driver);
  });

  it('leaves to the defaults what a step does not say', () => {
    const builder = new ConfigBuilder()
      .withDriver(driver)
      .withConnectionPool(20)
      .withConnectionLifetime('20m')
      .withCircuitBreaker(7)
      .withRateLimit(500)
      .withConnectionLimit(15)
      .withLeakDetection(true);
    const { pool, gate } = builder.build();
    expect(pool).toMatchObject({ maxIdle: 10, idleTimeoutMs: 600_000, leak: { thresholdMs: 600_000 } });
    expect(gate).toMatchObject({
      circuitBreaker: { failures: 7, resetTimeoutMs: 60_000, halfOpenPeriodMs: 10_000 },
      rateLimit: { perSecond: 500, burst: 500 },
      connectionLimit: { max: 15, queue: 1_000 },
    });
  });

  it('switches off what false is said of', () => {
    const { pool, gate, query, monitor } = new ConfigBuilder()
      .withDriver(driver)
      .withConnectionLifetime(false, false)
      .withWarmUp(false)
      .withValidation(false)
      .withCircuitBreaker(false)
      .withRateLimit(false)
      .withConnectionLimit(false)
      .withRetry(false)
      .withLeakDetection(false)
      .withMonitor({ interval: false })
      .build();
    expect(pool).toMatchObject({ maxLifetimeMs: Infinity, idleTimeoutMs: Infinity, warmUp: false, validation: false });
    expect(pool.leak).toBe(false);
    expect(gate).toEqual({ circuitBreaker: false, rateLimit: false, connectionLimit: false });
    expect([query.retry, monitor.intervalMs]).toEqual([false, Infinity]);
  });

  it('is not changed by its steps', () => {
    const base = new ConfigBuilder().withDriver(driver).withConnectionPool(20, 5);
    const [small, large] = [base.withConnectionPool(4, 2), base.withConnectionPool(40)];
    const sizes = [base, small, large].map((builder) => builder.build().pool);
    expect(sizes.map(({ maxSize, maxIdle }) => [maxSize, maxIdle])).toEqual([
      [20, 5],
      [4, 2],
      [40, 5],
    ]);
  });

  it('gives a configuration that is frozen through and through, whatever happens to what was given', () => {
    const validation = { attempts: 2 };
    const builder = new ConfigBuilder().withDriver(driver).withValidation(validation);
    const config = builder.build();
    const { clock, random, driver: own, ...values } = config;
    expect([Object.isFrozen(config), Object.values(values).some(unfrozen)]).toEqual([true, false]);
    expect([typeof clock, typeof random, own]).toEqual(['object', 'function', driver]);
    validation.attempts = 9;
    expect(config.pool.validation).toMatchObject({ attempts: 2 });
    expect(createRuntime(config).config.pool.validation).toMatchObject({ attempts: 2 });
  });

  it('makes a configuration that createRuntime() works with, and passes on', () => {
    const config = new ConfigBuilder()
      .withDriver(driver)
      .withRateLimit(7)
      .withConnectionPool(3, 1)
      .withRetry(false)
      .build();
    const db = createRuntime(config);
    expect(db.config).toEqual(config);
    expect(createRuntime(db.config).config).toEqual(config);
    expect(db.gate.rateLimit.stats()).toMatchObject({ perSecond: 7 });
    db.pool.reconfigure({ maxSize: 6 });
    expect(() => db.pool.reconfigure({ maxSize: 6, maxIdle: 7 })).toThrow(ConfigError);
  });

  it('says of a copied configuration that it is one, and not that it has twenty unknown options', () => {
    const config = new ConfigBuilder().withDriver(driver).build();
    expect(() => createRuntime({ ...config } as never)).toThrow(
      /^One option is wrong:\n {2}options: got a copy of a configuration/,
    );
  });

  it('says where a database could be said where none was', () => {
    expect(issuesOf(new ConfigBuilder().fromEnv({}))).toMatchObject([
      { path: 'driver', got: 'no database', expected: expect.stringContaining('FLUXOR_URL') as string },
    ]);
    expect(() => configFromEnv({ DATABASE_URL: '' })).toThrow('no database');
    expect(configFromEnv({ DATABASE_URL: URL }).driver.endpoint).toBe('postgres://app@db.example:5432/shop');
  });

  it('ends with what goes round in circles', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(() => createRuntime({ driver, circle } as never)).toThrow('circle: got an unknown option');
    expect(issuesOf(new ConfigBuilder().withDriver(driver).withOptions({ circle } as never))).toMatchObject([
      { path: 'circle' },
    ]);
  });

  it('takes the last database that was said, with the options of its URL alone', () => {
    const builder = new ConfigBuilder().withUrl(`${URL}?pool.maxSize=7`).withUrl(`${URL}?query.timeout=5s`);
    expect(builder.build()).toMatchObject({ pool: { maxSize: 50 }, query: { timeoutMs: 5_000 } });
    expect(builder.withDriver(driver).build().driver).toBe(driver);
    expect(new ConfigBuilder().withDriver(driver).withDsn('pglite:').build().driver.name).toBe('pglite');
  });

  it('reads the options of a URL where it is said: what comes later wins', () => {
    const builder = new ConfigBuilder().withConnectionPool(5, 2).withUrl(`${URL}?pool.maxSize=7&name=123`);
    expect(builder.build()).toMatchObject({ name: '123', pool: { maxSize: 7, maxIdle: 2 } });
    expect(builder.withConnectionPool(9).build().pool.maxSize).toBe(9);
  });

  it('knows a number as what it means for its group, when a later step says more of that', () => {
    const builder = new ConfigBuilder()
      .withDriver(driver)
      .withOptions({ gate: { rateLimit: 500 }, query: { retry: { budget: 0.5 } } });
    const more = builder.withOptions({
      gate: { rateLimit: { burst: 7 } },
      query: { retry: { budget: { perSecond: 1 } } },
    });
    expect(more.build().gate.rateLimit).toMatchObject({ perSecond: 500, burst: 7 });
    expect(more.build().query.retry).toMatchObject({ budget: { ratio: 0.5, perSecond: 1 } });
  });

  it('reads no URL and refuses nothing before build(), and then everything at once', () => {
    const builder = new ConfigBuilder()
      .withUrl('mongodb://app:secret@h/d')
      .withConnectionPool(5, 9)
      .withWarmUp(7)
      .withRateLimit('fast' as never)
      .withLeakDetection('yes' as never)
      .withMonitor({ intervall: 5 } as never)
      .fromEnv({ FLUXOR_POOL_MAX_SISE: '1', FLUXOR_QUERY_TIMEOUT: 'soon' });
    expect(issuesOf(builder).map(({ path, got }) => [path, got])).toEqual([
      ['FLUXOR_POOL_MAX_SISE', 'an unknown variable'],
      ['url', "the scheme 'mongodb:'"],
      ['pool.maxIdle', '9'],
      ['pool.warmUp', '7'],
      ['pool.leak', expect.any(String)],
      ['gate.rateLimit.perSecond', "'fast'"],
      ['query.timeout', "'soon' (FLUXOR_QUERY_TIMEOUT)"],
      ['monitor.intervall', 'an unknown option'],
    ]);
  });

  it('wants a database', () => {
    expect(issuesOf(new ConfigBuilder()).map(({ path }) => path)).toEqual(['driver']);
    expect(issuesOf(new ConfigBuilder().withUrl(undefined as never)).map(({ path }) => path)).toEqual(['url']);
  });

  it.each([
    ['pol.maxSize', 'did you mean pool.maxSize?'],
    ['db.x.y.z.nothing.like.it', 'an option of docs/reference/options.md'],
  ])('refuses %s in a URL, which no driver has', (key, expected) => {
    expect(issuesOf(new ConfigBuilder().withUrl(`${URL}?${key}=5`))).toEqual([
      { path: `url?${key}`, got: 'an unknown option', expected },
    ]);
  });
});

describe('the presets', () => {
  it('are options: production says the defaults', () => {
    const { sources: _, ...byDefault } = { sources: 0, ...resolveConfig({ driver }) };
    expect(resolveConfig({ driver, ...presets.production })).toEqual(byDefault);
  });

  it("have the brief's numbers for development", () => {
    const { pool, query } = resolveConfig({ driver, ...presets.development });
    expect([pool.maxSize, pool.maxIdle, pool.leak && pool.leak.thresholdMs]).toEqual([10, 2, 60_000]);
    expect(query).toMatchObject({ statementCache: { perConnection: 50 }, slowThresholdMs: 500, timeoutMs: 10_000 });
  });

  it('keep hardly anything where a function is frozen between calls', () => {
    const { pool, monitor } = resolveConfig({ driver, ...presets.serverless });
    expect(pool).toMatchObject({ maxSize: 2, maxIdle: 1, minIdle: 0, warmUp: false, keepaliveMs: Infinity });
    expect(monitor.intervalMs).toBe(Infinity);
  });

  it.each(['production', 'development', 'serverless'] as const)(
    '%s: has a pool of one where the driver has one',
    (name) => {
      const { pool } = resolveConfig({ driver: pglite(), ...presets[name] });
      expect([pool.maxSize, pool.maxIdle]).toEqual([1, 1]);
      expect(new ConfigBuilder().withOptions(presets[name]).withUrl('pglite:').build().pool).toEqual(pool);
    },
  );

  it('give way to a smaller pool, and to leaks that are looked for sooner', () => {
    const builder = new ConfigBuilder().withDriver(driver).withOptions(presets.production);
    const config = builder.withConnectionPool(3).withLeakDetection(true, '10s').build();
    expect(config.pool).toMatchObject({ maxSize: 3, maxIdle: 3, warmUp: { connections: 3 } });
    expect(config.pool.leak).toMatchObject({ thresholdMs: 10_000, intervalMs: 10_000 });
    expect(describeConfig(config)).toMatch(/^pool\.maxIdle: 3$/m);
  });

  it('do not give way to what is wrong', () => {
    const builder = new ConfigBuilder().withDriver(driver).withOptions(presets.production);
    expect(issuesOf(builder.withConnectionPool(0))).toMatchObject([{ path: 'pool.maxSize' }]);
    expect(() => resolveConfig({ driver: pglite(), ...presets.production, pool: { maxSize: 2 } })).toThrow(
      'pool.maxSize',
    );
  });

  it('can be no other for anybody', () => {
    expect(unfrozen(presets)).toBe(false);
    const own = { ...presets.development, pool: { ...presets.development.pool, maxSize: 4 } };
    expect(resolveConfig({ driver, ...own }).pool).toMatchObject({ maxSize: 4, maxIdle: 2 });
  });
});
