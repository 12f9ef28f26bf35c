import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../errors/config-error.js';
import type { MysqlOptions } from './mysql-options.js';
import { mysql } from '../mysql/mysql.js';
import { resolveMysqlOptions } from './mysql-options.js';

const resolve = (options: unknown = {}) => resolveMysqlOptions(options as MysqlOptions, 'mysql');

function issuesOf(options: unknown): readonly (readonly [path: string, got: string])[] {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map(({ path, got }) => [path, got] as const);
    throw error;
  }
  return [];
}

describe('options of mysql() and mariadb()', () => {
  it('have defaults', () => {
    expect(resolve({ user: 'app' })).toMatchObject({
      host: 'localhost',
      port: 3306,
      tls: false,
      applicationName: 'fluxor-db',
      zeroDates: 'error',
      allowPublicKeyRetrieval: true,
      settings: {},
      endpoint: 'mysql://app@localhost:3306/',
    });
  });

  it('read everything that a URL can say, under both schemes', () => {
    const query = 'ssl-mode=VERIFY_CA&applicationName=shop&zeroDates=null&allowPublicKeyRetrieval=true';
    for (const scheme of ['mysql', 'mariadb']) {
      expect(resolve({ url: `${scheme}://app:p%40ss@db.example.com:3307/shop?${query}` })).toMatchObject({
        host: 'db.example.com',
        port: 3307,
        user: 'app',
        password: 'p@ss',
        database: 'shop',
        tls: { verifiesName: false },
        applicationName: 'shop',
        zeroDates: 'null',
        allowPublicKeyRetrieval: true,
      });
    }
  });

  it('let fields win over the URL', () => {
    const url = 'mysql://app:x@h:1/d?zeroDates=null';
    expect(resolve({ url, host: 'other', port: 2, password: 'y', zeroDates: 'string' })).toMatchObject({
      host: 'other',
      port: 2,
      user: 'app',
      password: 'y',
      zeroDates: 'string',
    });
  });

  it.each([
    [undefined, false],
    ['DISABLED', false],
    // Encryption without knowing whom one talks to protects from nobody who can stand between.
    ['REQUIRED', { verifiesName: true }],
    ['verify_identity', { verifiesName: true }],
    ['VERIFY_CA', { verifiesName: false }],
    ['NO_VERIFY', { rejectUnauthorized: false, verifiesName: false }],
  ])('ssl-mode %s', (mode, tls) => {
    expect(resolve({ url: `mysql://h/d${mode === undefined ? '' : `?ssl-mode=${mode}`}` }).tls).toEqual(tls);
  });

  it('verify certificate and name when TLS is asked for, unless told otherwise', () => {
    expect(resolve({ tls: true }).tls).toEqual({ verifiesName: true });
    expect(resolve({ tls: { ca: 'x' } }).tls).toEqual({ ca: 'x', verifiesName: true });
    expect(resolve({ tls: { rejectUnauthorized: false } }).tls).toMatchObject({ verifiesName: false });
    expect(resolve({ url: 'mysql://h/d?ssl-mode=REQUIRED', tls: false }).tls).toBe(false);
    const beside = (mode: string, tls: MysqlOptions['tls']) =>
      resolve({ url: `mysql://h/d?ssl-mode=${mode}`, tls }).tls;
    expect(beside('VERIFY_CA', { ca: 'x' })).toEqual({ ca: 'x', verifiesName: false });
    expect(beside('VERIFY_CA', true)).toEqual({ verifiesName: true });
    expect(beside('NO_VERIFY', { ca: 'x' })).toEqual({ ca: 'x', verifiesName: true });
  });

  it('take a public key from the server only where nobody can stand between', () => {
    const allowed = (host: string) => resolve({ host }).allowPublicKeyRetrieval;
    expect(['localhost', '127.0.0.1', '127.8.8.8', '::1'].map(allowed)).toEqual([true, true, true, true]);
    expect(['db.example.com', '10.0.0.1', '127.evil.example', '::'].map(allowed)).toEqual([false, false, false, false]);
    expect(resolve({ host: 'db', allowPublicKeyRetrieval: true }).allowPublicKeyRetrieval).toBe(true);
    expect(resolve({ host: '::1', allowPublicKeyRetrieval: false }).allowPublicKeyRetrieval).toBe(false);
  });

  it.each(['autocommit', 'AUTOCOMMIT', 'session.autocommit'])('refuse %s among the settings', (name) => {
    expect(issuesOf({ url: 'mysql://h/d', settings: { [name]: 0 } })).toEqual([['mysql.settings', 'an object']]);
  });

  it('refuse everything at once, and what they do not know', () => {
    const url = 'postgres://h/d';
    expect(issuesOf({ url, port: 0, tls: 'yes', zeroDates: 'maybe', settings: { 'a b': 1 }, pasword: 'x' })).toEqual(
      expect.arrayContaining([
        ['mysql.url', "the scheme 'postgres:'"],
        ['mysql.port', '0'],
        ['mysql.tls', "'yes'"],
        ['mysql.zeroDates', "'maybe'"],
        ['mysql.settings', 'an object'],
        ['mysql.pasword', 'an unknown option'],
      ]),
    );
    expect(issuesOf({ url: 'mysql://h/d?ssl-mode=PREFERRED&sslmode=x&zeroDates=x&allowPublicKeyRetrieval=1' })).toEqual(
      [
        ['mysql.url?sslmode', 'an unknown parameter'],
        ['mysql.url?ssl-mode', "'PREFERRED'"],
        ['mysql.url?allowPublicKeyRetrieval', "'1'"],
        ['mysql.url?zeroDates', "'x'"],
      ],
    );
  });

  it('take a password or credentials, not both, and show neither', () => {
    expect(issuesOf({ password: 'a', credentials: () => ({ password: 'b' }) })).toEqual([
      ['mysql.credentials', 'a password as well'],
    ]);
    expect(issuesOf({ password: 4711 })).toEqual([['mysql.password', 'a value of type number']]);
    const config = resolve({ url: 'mysql://app:secret-marker@h/d' });
    expect(`${inspect(config)}${JSON.stringify(config)}${config.endpoint}`).not.toContain('secret-marker');
  });

  // util.inspect with showHidden, which debuggers and crash reports use, printed the password, and without it the key of TLS.
  it('are in no printed driver', () => {
    const tls = { key: 'secret-marker', cert: 'c', passphrase: 'secret-marker' };
    const driver = mysql({ url: 'mysql://app:secret-marker@h/d', tls });
    const printed = [{}, { depth: 10, showHidden: true }].map((options) => inspect(driver, options));
    expect(`${printed.join('')}${JSON.stringify(driver)}`).not.toContain('secret-marker');
  });

  it('name their door in paths and endpoints', () => {
    expect(resolveMysqlOptions({ host: '::1', user: 'a' }, 'mariadb').endpoint).toBe('mariadb://a@[::1]:3306/');
    expect(resolve({ socketPath: '/tmp/s', database: 'd' }).endpoint).toBe('mysql:///tmp/s/d');
  });
});
