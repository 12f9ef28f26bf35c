import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../errors/config-error.js';
import type { PostgresConfig, PostgresOptions } from './postgres-options.js';
import { resolvePostgresOptions } from './postgres-options.js';
import { postgres } from './postgres.js';

const resolve = (options: unknown): PostgresConfig => resolvePostgresOptions(options as PostgresOptions);

function refusal(options: unknown): ConfigError {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

beforeEach(() => {
  for (const name of ['PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE', 'PGPASSWORD']) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('postgres options', () => {
  it('leaves to pg and the environment what is not said', () => {
    expect(resolve({})).toEqual({
      host: undefined,
      pooler: 'auto',
      port: undefined,
      database: undefined,
      user: undefined,
      ssl: false,
      applicationName: undefined,
      sessionOptions: undefined,
      endpoint: 'postgres://localhost:5432/',
    });
  });

  it.each<[url: string, parts: Partial<PostgresConfig>]>([
    ['postgres://app:pw@db.example:5433/shop', { host: 'db.example', port: 5433, user: 'app', database: 'shop' }],
    ['postgresql://db.example', { host: 'db.example', endpoint: 'postgres://db.example:5432/' }],
    ['postgres://app@db.example', { user: 'app', endpoint: 'postgres://app@db.example:5432/app' }],
    ['postgres://[::1]:5433/shop', { host: '::1', endpoint: 'postgres://[::1]:5433/shop' }],
    ['postgres://a%40b:x@h/my%20shop', { user: 'a@b', database: 'my shop' }],
    ['postgres:///shop?host=/var/run/postgresql', { host: '/var/run/postgresql', database: 'shop' }],
    ['postgres://%2Fvar%2Frun%2Fpostgresql/shop', { host: '/var/run/postgresql', database: 'shop' }],
    ['postgres://h/d?application_name=my%20job', { applicationName: 'my job' }],
    ['postgres://h/d?options=-c%20search_path%3Dshop', { sessionOptions: '-c search_path=shop' }],
  ])('reads %s', (url, parts) => {
    expect(resolve({ url })).toMatchObject(parts);
  });

  it('lets each field win over the same part of the URL', () => {
    const url = 'postgres://app:pw@db.example:5433/shop?sslmode=require&application_name=x&options=-c%20a%3D1';
    const fields = { host: 'h', port: 1, user: 'u', password: 'p', database: 'd', ssl: false, applicationName: 'y' };
    const config = resolve({ url, ...fields, settings: { b: 2 } });
    expect(config).toMatchObject({ ...fields, endpoint: 'postgres://u@h:1/d', sessionOptions: '-c a=1 -c b=2' });
  });

  it('says where it will really connect to when the environment says it', () => {
    vi.stubEnv('PGHOST', 'db.example');
    vi.stubEnv('PGPORT', '5433');
    vi.stubEnv('PGUSER', 'app');
    expect(resolve({}).endpoint).toBe('postgres://app@db.example:5433/app');
    vi.stubEnv('PGDATABASE', 'shop');
    expect(resolve({}).endpoint).toBe('postgres://app@db.example:5433/shop');
    expect(resolve({ host: 'h', port: 1, user: 'u', database: 'd' }).endpoint).toBe('postgres://u@h:1/d');
  });

  it.each([
    ['disable', false],
    ['require', {}],
    ['verify-ca', {}],
    ['verify-full', {}],
    ['no-verify', { rejectUnauthorized: false }],
  ])('reads sslmode=%s as %j', (mode, ssl) => {
    expect(resolve({ url: `postgres://h/d?sslmode=${mode}` }).ssl).toEqual(ssl);
  });

  it.each(['prefer', 'allow', 'REQUIRE', '', 'constructor', 'toString'])('refuses sslmode=%s', (mode) => {
    expect(refusal({ url: `postgres://h/d?sslmode=${mode}` }).issues).toEqual([
      {
        path: 'postgres.url?sslmode',
        got: `'${mode}'`,
        expected: 'one of disable, require, verify-ca, verify-full, no-verify',
      },
    ]);
  });

  it.each([
    [true, {}],
    [false, false],
    [{ ca: 'x' }, { ca: 'x' }],
  ])('reads ssl: %j', (value, ssl) => {
    expect(resolve({ ssl: value, url: 'postgres://h/d?sslmode=no-verify' }).ssl).toEqual(ssl);
  });

  it.each([
    ['sslmod', "did you mean 'sslmode'?"],
    ['applicationname', "did you mean 'application_name'?"],
    ['connect_timeout', 'one of sslmode, application_name, host, options'],
  ])('refuses the unknown parameter %s', (name, expected) => {
    expect(refusal({ url: `postgres://h/d?${name}=secret-marker` }).issues).toEqual([
      { path: `postgres.url?${name}`, got: 'an unknown parameter', expected },
    ]);
  });

  it('refuses everything that is wrong at once', () => {
    const url = 'postgres://h/d?sslmode=maybe&x=1';
    const wrong = {
      host: '',
      port: 65_536,
      user: 5,
      password: 5,
      credentials: 5,
      ssl: 'yes',
      settings: [],
      applicationName: 1,
      hots: 1,
    };
    expect(
      refusal({ url, ...wrong })
        .issues.map(({ path }) => path)
        .sort(),
    ).toEqual([
      'postgres.applicationName',
      'postgres.credentials',
      'postgres.host',
      'postgres.hots',
      'postgres.password',
      'postgres.port',
      'postgres.settings',
      'postgres.ssl',
      'postgres.url?sslmode',
      'postgres.url?x',
      'postgres.user',
    ]);
  });
});

describe('the settings', () => {
  /** As the server takes `options` apart (pg_split_opts): white space separates, a backslash takes the next literally. */
  function split(options: string): string[] {
    const words: string[] = [];
    for (const [word] of options.matchAll(/(?:\\[^]|[^\\\s])+/g)) words.push(word.replace(/\\([^])/g, '$1'));
    return words;
  }

  it('come to the server as they were written, whatever is in them', () => {
    const value = fc.oneof(
      fc.string({ unit: fc.constantFrom(...' \t\n\r\v\f\\-c=\'"a') }),
      fc.string({ unit: 'grapheme' }),
      fc.integer(),
      fc.boolean(),
    );
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.]{0,10}$/);
    fc.assert(
      fc.property(fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true }), (settings) => {
        const expected = Object.entries(settings).flatMap(([key, setting]) => ['-c', `${key}=${String(setting)}`]);
        expect(split(resolve({ settings }).sessionOptions ?? '')).toEqual(expected);
      }),
    );
  });

  it('are escaped', () => {
    const settings = { search_path: 'shop, public', lock_timeout: '2s', 'app.path': 'c:\\x\ty' };
    expect(resolve({ settings }).sessionOptions).toBe(
      '-c search_path=shop,\\ public -c lock_timeout=2s -c app.path=c:\\\\x\\\ty',
    );
  });

  it('are none when the object is empty', () => {
    expect(resolve({ settings: {} }).sessionOptions).toBeUndefined();
  });

  it.each([{ 'a b': 1 }, { 'a=b': 1 }, { '-c': 1 }, { a: {} }, { a: null }, { a: undefined }, null, 'a=1'])(
    'refuse %j, without showing it',
    (settings) => {
      const { issues } = refusal({ settings });
      expect(issues.map(({ path }) => path)).toEqual(['postgres.settings']);
    },
  );
});

describe('the password', () => {
  const url = 'postgres://app:secret-marker@h/d';

  it('is there for the driver, from the URL, the field or a function', () => {
    const ask = () => 'secret-marker';
    expect(resolve({ url }).password).toBe('secret-marker');
    expect(resolve({ url: 'postgres://app:a%2Fb%3F%23%40@h/d' }).password).toBe('a/b?#@');
    expect(resolve({ url, password: 'other' }).password).toBe('other');
    expect(resolve({ password: ask }).password).toBe(ask);
  });

  it('may come from a provider in its place, which wins over the URL and not over the field', () => {
    const credentials = () => ({ password: 'secret-marker' });
    expect(resolve({ url, credentials }).credentials).toBe(credentials);
    expect(resolve({ url }).credentials).toBeUndefined();
    for (const password of ['secret-marker', () => 'secret-marker']) {
      expect(refusal({ url, password, credentials }).issues).toEqual([
        { path: 'postgres.credentials', got: 'a password as well', expected: 'one of the two' },
      ]);
    }
  });

  it('is seen by nobody who prints, copies or logs the configuration', () => {
    const credentials = Object.assign(() => ({ password: 'secret-marker' }), { token: 'secret-marker' });
    for (const config of [resolve({ url }), resolve({ password: 'secret-marker' }), resolve({ credentials })]) {
      const shown = [inspect(config), JSON.stringify(config), JSON.stringify({ ...config }), config.endpoint];
      expect(shown.join('\n')).not.toContain('secret-marker');
      expect(Object.keys(config)).not.toContain('password');
      expect(Object.keys(config)).not.toContain('credentials');
    }
    for (const options of [{ url }, { credentials }])
      expect(inspect(postgres(options), { depth: 9 })).not.toContain('secret-marker');
  });

  it.each<[name: string, options: unknown]>([
    ['a URL of another database', { url: 'mysql://app:secret-marker@h/d' }],
    ['a URL that is none', { url: 'postgres://app:secret-marker@h:port/d' }],
    ['a URL with a stray %', { url: 'postgres://app:secret-marker%@h/d' }],
    ['a URL with an unknown parameter', { url: 'postgres://app:secret-marker@h/d?x=1' }],
    ['a URL whose password is not encoded', { url: 'postgres://app:12?secret-marker@h/d' }],
    ['a URL in the place of the options', url],
    ['a URL in the place of a number', { port: url }],
    ['a password that is a number', { password: 4_711_471_147_114_711 }],
    ['a password in an object', { password: { value: 'secret-marker' } }],
    ['a provider that is its own answer', { credentials: 'secret-marker' }],
    ['a provider in an object', { credentials: { password: 'secret-marker' } }],
    ['a misspelt password', { pasword: 'secret-marker' }],
    ['other wrong options', { url, port: 0 }],
  ])('is in no error about %s', (_, options) => {
    const error = refusal(options);
    expect(`${error.message} ${inspect(error)} ${JSON.stringify(error)}`).not.toMatch(/secret-marker|47114/);
  });
});
