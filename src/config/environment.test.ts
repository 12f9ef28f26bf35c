import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Driver } from '../driver/driver.js';
import { postgres } from '../driver/postgres/postgres.js';
import { ConfigError } from '../errors/config-error.js';
import { ConfigBuilder } from './config-builder.js';
import type { Environment } from './environment.js';
import { environmentName, readEnvironment } from './environment.js';
import { explainConfig } from './explain-config.js';
import { textOptions } from './resolve-layers.js';

const driver: Driver = postgres({ url: 'postgres://app@db.example/shop' });
const facts = textOptions();
const paths = facts.map(({ path }) => path);

const build = (env: Environment) => new ConfigBuilder().withDriver(driver).fromEnv(env).build();

function issuesOf(env: Environment): readonly { path: string; got: string; expected: string }[] {
  try {
    build(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  return [];
}

/** A value in writing that the option takes, and that is not its default. */
function otherText(expected: string): string {
  const choice = /one of '.*?', '(\w+)'/.exec(expected)?.[1];
  if (choice !== undefined) return choice;
  if (expected.startsWith('true or false')) return 'true';
  if (expected.includes('non-empty string')) return '1234';
  const [, least = '1', most] = /([\d.]+) (?:or more|to ([\d.,]+))/.exec(expected.replaceAll(' ms', '')) ?? [];
  return String(Math.min(Number(least) * 2 || 1, Number((most ?? 'Infinity').replaceAll(',', ''))));
}

describe('the token of the command line', () => {
  it('may stand beside the options of a service that is watched with it, is no option, and is not shown', () => {
    expect(issuesOf({ FLUXOR_TOKEN: 'canary' })).toEqual([]);
    const explained = explainConfig(build({ FLUXOR_TOKEN: 'canary', FLUXOR_POOL_MAX_SIZE: '70' }));
    expect(JSON.stringify(explained)).not.toContain('canary');
    expect(issuesOf({ FLUXOR_TOKN: 'canary' })).toEqual([
      { path: 'FLUXOR_TOKN', got: 'an unknown variable', expected: 'did you mean FLUXOR_TOKEN?' },
    ]);
  });
});

describe('the options that can be text', () => {
  it('are those that the readers look for', () => {
    for (const path of ['name', 'pool.maxSize', 'gate.connectionLimit.adaptive.min', 'query.retry.budget.ttl'])
      expect(paths).toContain(path);
    expect(paths.length).toBeGreaterThan(80);
    expect(paths.filter((path) => /^(driver|clock|random|errors)/.test(path))).toEqual([]);
  });

  it('have names of their own in the environment', () => {
    expect(environmentName('pool.maxSize')).toBe('FLUXOR_POOL_MAX_SIZE');
    expect(environmentName('gate.circuitBreaker.halfOpenMaxConcurrent')).toBe(
      'FLUXOR_GATE_CIRCUIT_BREAKER_HALF_OPEN_MAX_CONCURRENT',
    );
    expect(new Set(paths.map(environmentName)).size).toBe(paths.length);
    expect(paths.map(environmentName)).not.toContain('FLUXOR_URL');
  });

  it.each(facts.filter(({ expected }) => expected !== undefined).map(({ path, expected = '' }) => [path, expected]))(
    '%s is read from its variable, refused by its path, and says where it stood',
    (path, expected) => {
      const name = environmentName(path);
      const reading = readEnvironment({ [name]: 'x y z' }, facts, []);
      expect(reading.options.map((option) => option.name)).toEqual([name]);
      // Text is what a text option takes; every other one refuses this.
      const issues = expected === 'a non-empty string' ? [] : issuesOf({ [name]: 'x y z' });
      for (const issue of issues) expect([issue.path, issue.got]).toEqual([path, `'x y z' (${name})`]);
      // `slowRate` is missing its `slowCall` as well.
      expect(issues.length > 0).toBe(expected !== 'a non-empty string');
    },
  );

  it('win over what was said before, each by its own variable', () => {
    const settable = facts.filter(({ expected }) => expected !== undefined && !expected.startsWith('nothing beside'));
    fc.assert(
      fc.property(fc.constantFrom(...settable), ({ path, expected = '' }) => {
        const text = otherText(expected);
        const name = environmentName(path);
        let explained;
        try {
          explained = explainConfig(build({ [name]: text }));
        } catch (error) {
          // It was read and reached its reader, which wants something beside it (`slowRate` wants `slowCall`).
          expect((error as ConfigError).issues.map((issue) => issue.path.split('.')[0])).toContain(path.split('.')[0]);
          return;
        }
        const option = explained.find((each) => each.path === path);
        expect(option).toMatchObject({ path, source: `env:${name}` });
        expect(String(option?.value)).toBe(text);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the environment', () => {
  it('is read as the options expect: numbers, times, switches, words', () => {
    const config = build({
      FLUXOR_NAME: '42',
      FLUXOR_POOL_MAX_SIZE: '20',
      FLUXOR_QUERY_TIMEOUT: '5s',
      FLUXOR_GATE_RATE_LIMIT: 'false',
      FLUXOR_QUERY_STATEMENT_CACHE: '70',
      FLUXOR_TYPES_DATE: 'Date',
      FLUXOR_POOL_VALIDATION_QUERY: '1',
      FLUXOR_MONITOR_INTERVAL: '2500',
    });
    expect(config).toMatchObject({
      name: '42',
      pool: { maxSize: 20, validation: { query: '1' } },
      gate: { rateLimit: false },
      query: { timeoutMs: 5_000, statementCache: { perConnection: 70 } },
      types: { date: 'Date' },
      monitor: { intervalMs: 2_500 },
    });
  });

  it('takes the narrower word over the wider one, and refuses one for what is off', () => {
    const narrow = { FLUXOR_GATE_RATE_LIMIT_BURST: '9', FLUXOR_GATE_RATE_LIMIT: '500' };
    expect(build(narrow).gate.rateLimit).toMatchObject({ perSecond: 500, burst: 9 });
    expect(issuesOf({ FLUXOR_GATE_RATE_LIMIT_BURST: '9', FLUXOR_GATE_RATE_LIMIT: 'false' })).toEqual([
      { path: 'FLUXOR_GATE_RATE_LIMIT_BURST', got: 'FLUXOR_GATE_RATE_LIMIT=false as well', expected: 'one of the two' },
    ]);
  });

  it('switches on again what was said to be off, by one of its options', () => {
    const builder = new ConfigBuilder().withDriver(driver).withLeakDetection(false);
    expect(builder.fromEnv({ FLUXOR_POOL_LEAK_THRESHOLD: '5m' }).build().pool.leak).toMatchObject({
      thresholdMs: 300_000,
    });
  });

  it('refuses names that mean nothing, with the nearest that does, and never with their values', () => {
    const issues = issuesOf({ FLUXOR_POOL_MAXSIZE: 'hunter2', FLUXOR_URI: 'hunter2', FLUXOR_Q: 'hunter2' });
    expect(issues.map(({ path, expected }) => [path, expected])).toEqual([
      ['FLUXOR_POOL_MAXSIZE', 'did you mean FLUXOR_POOL_MAX_SIZE?'],
      ['FLUXOR_URI', 'did you mean FLUXOR_URL?'],
      ['FLUXOR_Q', expect.any(String)],
    ]);
    expect(JSON.stringify(issues)).not.toContain('hunter2');
  });

  it('leaves alone what does not begin as ours, and what is empty', () => {
    const env = {
      PATH: '/bin',
      FLUXORX: '1',
      FLUXOR_POOL_MAX_SIZE: '',
      FLUXOR_NONSENSE: '',
      FLUXOR_URL: '',
      A: undefined,
    };
    expect(build(env)).toEqual(build({}));
  });

  it('names the database: FLUXOR_URL before all, DATABASE_URL where nothing else does', () => {
    const endpoint = (builder: ConfigBuilder) => builder.build().driver.endpoint;
    const [own, any] = ['mysql://a@own/d', 'postgres://a@any/d'];
    expect(endpoint(new ConfigBuilder().fromEnv({ FLUXOR_URL: own, DATABASE_URL: any }))).toBe('mysql://a@own:3306/d');
    expect(endpoint(new ConfigBuilder().fromEnv({ DATABASE_URL: any }))).toBe('postgres://a@any:5432/d');
    expect(new ConfigBuilder().withDriver(driver).fromEnv({ DATABASE_URL: any }).build().driver).toBe(driver);
    expect(endpoint(new ConfigBuilder().withDriver(driver).fromEnv({ FLUXOR_URL: own }))).toBe('mysql://a@own:3306/d');
    expect(endpoint(new ConfigBuilder().fromEnv({ FLUXOR_URL: own }).withUrl(any))).toBe('postgres://a@any:5432/d');
  });

  it("takes a variable over its URL's own options", () => {
    const url = 'postgres://h/d?pool.maxSize=7&pool.maxIdle=3';
    const config = new ConfigBuilder().fromEnv({ FLUXOR_URL: url, FLUXOR_POOL_MAX_SIZE: '9' }).build();
    expect(config.pool).toMatchObject({ maxSize: 9, maxIdle: 3 });
  });

  it('says by the name of the variable what is wrong with a URL', () => {
    const builder = (env: Environment) => new ConfigBuilder().fromEnv(env);
    expect(() => builder({ FLUXOR_URL: 'hunter2' }).build()).toThrow(/FLUXOR_URL: got a text without a scheme/);
    expect(() => builder({ DATABASE_URL: 'postgres://a:b/c@h/d' }).build()).toThrow(/DATABASE_URL: got/);
    expect(() => builder({ FLUXOR_URL: 'postgres://h/d?pol.size=1' }).build()).toThrow(/FLUXOR_URL\?pol\.size/);
  });

  it('is that of the process where no other is given', () => {
    const before = process.env['FLUXOR_POOL_MAX_SIZE'];
    process.env['FLUXOR_POOL_MAX_SIZE'] = '17';
    try {
      const builder = new ConfigBuilder().withDriver(driver);
      const { FLUXOR_POOL_MAX_SIZE } = process.env;
      expect(FLUXOR_POOL_MAX_SIZE).toBe('17');
      expect(builder.fromEnv({ FLUXOR_POOL_MAX_SIZE }).build().pool.maxSize).toBe(17);
    } finally {
      if (before === undefined) delete process.env['FLUXOR_POOL_MAX_SIZE'];
      else process.env['FLUXOR_POOL_MAX_SIZE'] = before;
    }
  });
});
