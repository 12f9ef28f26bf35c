import { describe, expect, it } from 'vitest';
import type { Driver } from '../driver/driver.js';
import { postgres } from '../driver/postgres/postgres.js';
import { ConfigBuilder } from './config-builder.js';
import { describeConfig } from './describe-config.js';
import type { ExplainedOption } from './explain-config.js';
import { explainConfig } from './explain-config.js';
import { leavesOf, setOption } from './option-tree.js';
import type { OptionTree } from './option-tree.js';
import { presets } from './presets.js';
import { resolveConfig } from './resolve-config.js';
import { textOptions } from './resolve-layers.js';
import type { RuntimeConfig, RuntimeOptions } from './runtime-options.js';

const driver: Driver = postgres({ url: 'postgres://app:secret-marker@db.example/shop' });

const at = (config: RuntimeConfig, path: string): ExplainedOption | undefined =>
  explainConfig(config).find((option) => option.path === path);

const EVERYTHING_ON: RuntimeOptions = {
  driver,
  gate: {
    circuitBreaker: { backoff: true, rate: { slowCall: '1s' } },
    connectionLimit: { max: 20, adaptive: { initial: 7 } },
  },
  pool: { validation: { query: 'select 1' } },
};

describe('explainConfig', () => {
  it('names options as they are written, with values that say the same when they are', () => {
    for (const options of [{ driver }, { driver, ...presets.serverless }, EVERYTHING_ON]) {
      const config = resolveConfig(options);
      const written: OptionTree = { driver };
      for (const { path, value } of explainConfig(config)) {
        const isTold = ['driver', 'logger.to', 'gate.connectionLimit.adaptive.max'].includes(path);
        // In force with `rate`, and refused beside it.
        const isReplaced = /circuitBreaker\.failure/.test(path) && options === EVERYTHING_ON;
        if (!isTold && !isReplaced) setOption(written, path.split('.'), value);
      }
      expect(resolveConfig(written as unknown as RuntimeOptions)).toEqual(config);
    }
  });

  it('has every option that there is', () => {
    const explained = new Set(explainConfig(resolveConfig(EVERYTHING_ON)).map(({ path }) => path));
    const leaves = textOptions().filter(({ expected }) => expected !== undefined);
    // Excludes `window` where it counts seconds.
    const missing = leaves.map(({ path }) => path).filter((path) => !explained.has(path));
    expect(missing).toEqual(['gate.circuitBreaker.rate.calls']);
  });

  it('says where each was said', () => {
    const config = new ConfigBuilder()
      .withOptions(presets.development)
      .withUrl('postgres://app@h/d?pool.maxWaiting=7')
      .withRateLimit(9)
      .fromEnv({ FLUXOR_QUERY_RETRY_BUDGET: '0.5', FLUXOR_POOL_WARM_UP: '3' })
      .build();
    const sources = Object.fromEntries(explainConfig(config).map(({ path, source }) => [path, source]));
    expect(sources).toMatchObject({
      driver: 'url',
      name: 'default',
      'pool.maxSize': 'preset',
      'pool.leak.threshold': 'preset',
      'pool.leak.interval': 'default',
      'pool.maxWaiting': 'url',
      'pool.warmUp.connections': 'env:FLUXOR_POOL_WARM_UP',
      'pool.warmUp.timeout': 'default',
      'gate.rateLimit.perSecond': 'option',
      'query.retry.budget.ratio': 'env:FLUXOR_QUERY_RETRY_BUDGET',
      'query.retry.maxBackoff': 'default',
    });
  });

  it('knows a preset by its group, and takes a changed copy for what it is', () => {
    const spread = resolveConfig({ driver, ...presets.development });
    const changed = resolveConfig({ driver, pool: { ...presets.development.pool, maxIdle: 3 } });
    expect([at(spread, 'pool.maxSize')?.source, at(changed, 'pool.maxSize')?.source]).toEqual(['preset', 'option']);
  });

  it('forgets what was said of a group that was replaced', () => {
    const builder = new ConfigBuilder().withDriver(driver).withRateLimit(9, 20).withRateLimit(false);
    expect(at(builder.build(), 'gate.rateLimit')).toEqual({ path: 'gate.rateLimit', value: false, source: 'option' });
    expect(at(builder.fromEnv({ FLUXOR_GATE_RATE_LIMIT_BURST: '5' }).build(), 'gate.rateLimit.perSecond')?.source).toBe(
      'default',
    );
  });

  it('stands behind the values that describeConfig prints', () => {
    const lines = describeConfig(
      new ConfigBuilder()
        .withOptions(presets.development)
        .withUrl('postgres://app:secret-marker@h/d?query.timeout=5s')
        .fromEnv({ FLUXOR_POOL_MAX_SIZE: '9' })
        .build(),
    ).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'driver: postgres (postgres://app@h:5432/d)  ← the URL',
        'pool.maxSize: 9  ← FLUXOR_POOL_MAX_SIZE',
        'pool.maxIdle: 2  ← a preset',
        'query.timeoutMs: 5000 ms  ← the URL',
        'pool.minIdle: 0',
      ]),
    );
    expect(lines.join()).not.toContain('secret-marker');
  });
});

describe('the tree of options', () => {
  it('has a leaf for everything that was said', () => {
    expect(
      leavesOf({ driver: { connect: 1 }, pool: { leak: {}, maxSize: undefined, validation: { query: 'x' } } }),
    ).toEqual([
      ['driver', { connect: 1 }],
      ['pool.validation.query', 'x'],
    ]);
  });
});
