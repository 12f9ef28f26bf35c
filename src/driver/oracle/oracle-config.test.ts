/** What `oracle()` accepts, what it makes of it, and that it says everything wrong at once. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../errors/config-error.js';
import { resolveOracleOptions } from './oracle-config.js';
import type { OracleOptions } from './oracle-options.js';

const place = (options: OracleOptions) => resolveOracleOptions(options).connectString;

function refusal(options: unknown): ConfigError {
  try {
    resolveOracleOptions(options as OracleOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const issues = (options: unknown) => refusal(options).issues.map(({ path, got }) => `${path}: ${got}`);

describe('options of oracle()', () => {
  it('make a descriptor of host, port and service', () => {
    expect(place({ serviceName: 'FREEPDB1' })).toBe(
      '(DESCRIPTION=(ADDRESS=(PROTOCOL=tcp)(HOST=localhost)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=FREEPDB1)))',
    );
    expect(place({ host: 'db', tls: true, sid: 'XE' })).toBe(
      '(DESCRIPTION=(ADDRESS=(PROTOCOL=tcps)(HOST=db)(PORT=2484))(CONNECT_DATA=(SID=XE)))',
    );
  });

  it('ask for a process of the database pool in the descriptor', () => {
    const pooled = (drcp: OracleOptions['drcp']) =>
      /\(SERVER=.*?(?=\)\)$)/.exec(place({ serviceName: 's', ...(drcp !== undefined && { drcp }) }))?.[0];
    expect(pooled(undefined)).toBeUndefined();
    expect(pooled(false)).toBeUndefined();
    expect(pooled(true)).toBe('(SERVER=POOLED)');
    expect(pooled({ connectionClass: 'shop', purity: 'self' })).toBe(
      '(SERVER=POOLED)(POOL_CONNECTION_CLASS=shop)(POOL_PURITY=SELF)',
    );
  });

  it('read a URL, and each option wins over its part of it', () => {
    const url =
      'oracle://app:p%40ss@db.example:1522/SALES?schema=SHOP&connectTimeout=5s&sslServerDNMatch=false&mode=thin';
    const config = resolveOracleOptions({ url, schema: 'OTHER' });
    expect(config).toMatchObject({
      user: 'app',
      schema: 'OTHER',
      connectTimeoutMs: 5_000,
      sslServerDNMatch: false,
      mode: 'thin',
      endpoint: 'oracle://app@db.example:1522/SALES',
    });
    expect(config.password).toBe('p@ss');
    expect(config.connectString).toContain('(HOST=db.example)(PORT=1522))(CONNECT_DATA=(SERVICE_NAME=SALES)');
    expect(place({ url, serviceName: 'HR' })).toContain('(SERVICE_NAME=HR)');
    expect(place({ url, sid: 'XE' })).toContain('(CONNECT_DATA=(SID=XE))');
    expect(place({ url, connectString: 'sales_high' })).toBe('sales_high');
  });

  it.each([
    ['oracle://db/SALES', '(HOST=db)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=SALES))'],
    ['oracle://[::1]:1522/SALES', '(HOST=::1)(PORT=1522)'],
    ['oracle://db?sid=XE', '(HOST=db)(PORT=1521))(CONNECT_DATA=(SID=XE))'],
    ['oracle://db/SALES?tls=true', '(PROTOCOL=tcps)(HOST=db)(PORT=2484)'],
    ['oracle://db/SALES?connectionClass=shop', '(SERVER=POOLED)(POOL_CONNECTION_CLASS=shop)'],
    ['oracle://app:x@sales_high?configDir=%2Fetc%2Foracle', 'sales_high'],
  ])('read %s', (url, connectString) => {
    expect(place({ url })).toContain(connectString);
  });

  it.each([
    ['db:1522/SALES', 'oracle://app@db:1522/SALES'],
    ['tcps://db:2484/SALES?wallet_location=/w', 'oracle://app@db:2484/SALES'],
    ['sales_high', 'oracle://app@sales_high'],
    ['(DESCRIPTION=(ADDRESS=(HOST=db)(PORT=1522))(CONNECT_DATA=(SERVICE_NAME=S)))', 'oracle://app@db:1522/S'],
  ])('pass on the connect string %s, and show where it leads', (connectString, endpoint) => {
    expect(resolveOracleOptions({ connectString, user: 'app' })).toMatchObject({ connectString, endpoint });
  });

  it('are all refused at once', () => {
    const wrong = {
      host: 'a b',
      port: 0,
      user: '',
      password: 12_345,
      credentials: 'secret-marker',
      privilege: 'root',
      tls: 'yes',
      mode: 'thicker',
      libDir: '/opt/oracle',
      drcp: { purity: 'old' },
      settings: { 'nls_sort = x; drop': 1 },
      schema: 'a"b',
      lobLimit: -1,
      readAhead: 0,
      integers: 'float',
      connectTimeout: '1ms',
      serviceNmae: 'x',
    };
    const paths = refusal(wrong).issues.map(({ path }) => path.replace('oracle.', ''));
    expect(paths.sort()).toEqual(
      [...Object.keys(wrong).filter((name) => name !== 'drcp'), 'drcp.purity', 'serviceName'].sort(),
    );
  });

  it.each([
    [{}, 'oracle.serviceName: undefined'],
    [{ serviceName: 'a', sid: 'b' }, 'oracle.sid: a serviceName as well'],
    [{ connectString: 'x', host: 'h', drcp: true }, 'oracle.connectString: host, drcp as well'],
    [{ connectString: 'app/secret-marker@db/s' }, "oracle.connectString: a text with an '@'"],
    [
      { serviceName: 'a', password: 'p', credentials: () => ({ password: 'q' }) },
      'oracle.credentials: a password as well',
    ],
    [{ serviceName: 'a', password: 'p', accessToken: 't' }, 'oracle.accessToken: a password as well'],
    [{ serviceName: 'a', password: 'p', externalAuth: true }, 'oracle.externalAuth: a password as well'],
    [{ serviceName: 'a', accessToken: 7 }, 'oracle.accessToken: a value of type number'],
    [{ url: 'oracle://db/s?pol.maxSize=3' }, 'oracle.url?pol.maxSize: an unknown parameter'],
    [{ url: 'postgres://db/s' }, "oracle.url: the scheme 'postgres:'"],
    [{ url: 7 }, 'oracle.url: a value of type number'],
    [null, 'oracle: null'],
  ])('%o are refused', (options, issue) => {
    expect(issues(options)).toContain(issue);
  });

  it('show no secret, neither printed nor refused', () => {
    const secret = 'secret-marker';
    const config = resolveOracleOptions({
      url: `oracle://app:${secret}@db/s`,
      walletPassword: secret,
      walletContent: secret,
    });
    expect(`${inspect(config, { depth: 9 })} ${JSON.stringify(config)}`).not.toContain(secret);
    expect({ ...config }).not.toHaveProperty('password');
    const error = refusal({
      serviceName: 'x',
      password: { secret },
      walletPassword: [secret],
      connectString: `a/${secret}@b`,
    });
    expect(`${inspect(error)} ${JSON.stringify(error)}`).not.toContain(secret);
  });

  it('log in without a password where somebody else vouches', () => {
    expect(resolveOracleOptions({ serviceName: 's', accessToken: 'token' }).externalAuth).toBe(true);
    expect(resolveOracleOptions({ serviceName: 's', externalAuth: true }).externalAuth).toBe(true);
    expect(resolveOracleOptions({ serviceName: 's' }).externalAuth).toBe(false);
  });
});
