import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { RuntimeOptions } from '../config/runtime-options.js';
import { ConfigError } from '../errors/config-error.js';
import { connect } from './connect.js';

/** Wrong inputs only: every one of these is refused before any I/O. */
async function refusal(url: unknown, options: unknown = {}): Promise<ConfigError> {
  const error: unknown = await connect(url as string, options as Omit<RuntimeOptions, 'driver'>).then(
    async (db) => {
      await db.disconnect();
      return new Error('nothing was refused');
    },
    (reason: unknown) => reason,
  );
  if (error instanceof ConfigError) return error;
  throw error;
}

const issuesOf = async (url: string, options?: unknown) => (await refusal(url, options)).issues;
const pathsOf = async (url: string, options?: unknown) => (await issuesOf(url, options)).map(({ path }) => path).sort();

describe('connect', () => {
  it.each([
    ['mongodb://app:secret-marker@h/d', "the scheme 'mongodb:'"],
    ['constructor:x', "the scheme 'constructor:'"],
    ['__proto__:x', 'a text without a scheme'],
    ['localhost/shop', 'a text without a scheme'],
    ['', 'a text without a scheme'],
  ])('refuses %s and names the schemes it knows', async (url, got) => {
    const { issues, message } = await refusal(url);
    expect(issues).toMatchObject([{ path: 'url', got }]);
    for (const scheme of ['postgres', 'postgresql', 'pglite', 'mysql', 'mariadb', 'oracle'])
      expect(issues[0]?.expected).toContain(`'${scheme}:'`);
    expect(message).not.toContain('secret-marker');
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [{ driver: 'secret-marker' }, 'object'],
  ])('says of %s that it is no URL, and who takes options', async (given, got) => {
    const { issues, message } = await refusal(given);
    expect(issues).toMatchObject([{ path: 'url', got }]);
    expect(message).toContain('createRuntime()');
    expect(message).not.toContain('secret-marker');
  });

  it('refuses keys of the query string that name no option, each with the nearest that does', async () => {
    const error = await refusal('postgres://h/d?pool.maxSise=5&query.timeuot=5s&sslmod=require&gate.x=1');
    expect(error.issues.map(({ path, expected }) => [path, expected]).sort()).toEqual([
      ['gate.x', expect.stringContaining('one of')],
      ['pool.maxSise', 'did you mean pool.maxSize?'],
      ['postgres.url?sslmod', "did you mean 'sslmode'?"],
      ['query.timeuot', 'did you mean query.timeout?'],
    ]);
  });

  it('refuses everything at once: the URL, its query string and the options', async () => {
    const url = 'postgres://a:100%@h:5432/d?sslmode=maybe&pool.maxSize=0&types.bigint=float';
    const options = { name: '', query: { timeout: '5x' }, gate: { rateLimit: 0 }, plugins: [] };
    expect(await pathsOf(url, options)).toEqual([
      'gate.rateLimit.perSecond',
      'name',
      'plugins',
      'pool.maxSize',
      'postgres.url',
      'postgres.url?sslmode',
      'query.timeout',
      'types.bigint',
    ]);
  });

  it('refuses wrong options also when the URL is right', async () => {
    expect(await pathsOf('postgres://h/d', { pool: { maxSize: 'x' } })).toEqual(['pool.maxSize']);
    expect(await pathsOf('pglite:', { pool: { maxSize: 2 } })).toEqual(['pool.maxSize']);
    expect(await pathsOf('pglite:./data?mode=x')).toEqual(['pglite.url']);
  });

  it('reads the texts of a query string as what the options expect', async () => {
    const right = 'pool.maxSize=20&query.timeout=5s&pool.connectTimeout=1.5&pool.validation=false&types.date=Date';
    const wrong = 'pool.maxWaiting=0&pool.acquireTimeout=true&types.decimal=1';
    expect(await issuesOf(`postgres://h/d?${right}&${wrong}`)).toEqual([
      { path: 'pool.acquireTimeout', got: 'true', expected: expect.any(String) as string },
      { path: 'pool.maxWaiting', got: '0', expected: expect.any(String) as string },
      { path: 'types.decimal', got: '1', expected: expect.any(String) as string },
    ]);
  });

  it('reads options of the gate and of retries from a query string, however deep', async () => {
    const right =
      'gate.rateLimit=500&gate.connectionLimit=adaptive&gate.circuitBreaker.earlyProbe=true&query.retry.maxRetries=1';
    const wrong = 'gate.circuitBreaker.rate.window=1&query.retry.budget.ratio=2&query.retry.jitter=none2';
    expect(await pathsOf(`postgres://h/d?${right}&${wrong}`)).toEqual([
      'gate.circuitBreaker.rate.window',
      'query.retry.budget.ratio',
      'query.retry.jitter',
    ]);
    expect(await pathsOf('postgres://h/d?gate.rateLimit=false&query.retry=false&gate=x')).toEqual(['gate']);
  });

  it('decodes keys and values of the query string', async () => {
    expect(await issuesOf('postgres://h/d?pool%2EmaxSize=%35x')).toMatchObject([{ path: 'pool.maxSize', got: "'5x'" }]);
  });

  it('lets the options win over the query string, field by field', async () => {
    const url = 'postgres://h/d?pool.maxSize=0&pool.maxWaiting=0';
    expect(await pathsOf(url, { pool: { maxSize: 5 } })).toEqual(['pool.maxWaiting']);
    expect(await pathsOf(url, { pool: { maxSize: undefined } })).toEqual(['pool.maxSize', 'pool.maxWaiting']);
  });

  it.each([
    'pool.__proto__.maxSize=7',
    'pool.__proto__=7',
    'pool.constructor.x=7',
    'pool.validation.__proto__.attempts=7',
  ])('refuses ?%s like any other key that names no option', async (query) => {
    const issues = await issuesOf(`postgres://h/d?${query}`);
    expect(issues).toMatchObject([{ path: expect.stringMatching(/__proto__|constructor/) as string }]);
    expect(({} as Record<string, unknown>)['maxSize']).toBeUndefined();
  });

  it.each([
    'oracle://app:secret-marker@h/d?mode=thicker',
    'mysql://app:secret-marker@h/d?ssl-mode=perhaps',
    'mariadb://app:secret-marker%@h/d',
    'postgres://app:secret-marker@h:port/d',
    'postgres://app:secret-marker%@h/d',
    'postgres://app:1?secret-marker@h/d',
    'postgres://app:1?x=secret-marker@h/d',
    'postgres://app:1#secret-marker@h/d',
    'postgres://app:secret-marker@h/d?pool.maxSize=0',
    'pglite:./d?password=secret-marker',
  ])('shows no password of %s, whatever is wrong', async (url) => {
    const error = await refusal(url);
    expect(`${error.message} ${inspect(error)} ${JSON.stringify(error)}`).not.toContain('secret-marker');
  });
});
