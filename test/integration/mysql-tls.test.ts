/**
 * TLS with MySQL and MariaDB, by both client libraries: whose certificate is taken, for which name, and what is said where it is
 * not. The server's certificate is for `localhost` and `db.example.com`, signed by an authority of the tests, and for no address.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DBRuntime, FluxorError } from 'fluxor-db';
import { connect, createRuntime } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import type { MysqlOptions } from 'fluxor-db/mysql';
import { mysql } from 'fluxor-db/mysql';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { MysqlServer } from '../servers/mysql-server.js';
import { BEHIND_THE_GATE, failure } from './proxied-database.js';

const pem = (name: string): string => readFileSync(fileURLToPath(new URL(`./tls/${name}`, import.meta.url)), 'utf8');
const ca = pem('authority.crt');
/** Has signed nothing but itself. */
const otherCa = pem('server.crt');
const ownCertificate = { cert: pem('client.crt'), key: pem('client.key') };

const DOORS = { mysql2: mysql, mariadb };
const CLIENTS = Object.keys(DOORS) as (keyof typeof DOORS)[];

describe.each(inject('mysqlServers'))('TLS with a private $name', ({ product }) => {
  let server: MysqlServer;
  const users = { withCertificate: 'tls_certificate', withTls: 'tls_only' } as const;

  beforeAll(async () => {
    const settings = { tls_version: 'TLSv1.2,TLSv1.3' };
    server = await MysqlServer.start({ product, settings, tls: { cert: pem('named.crt'), key: pem('named.key'), ca } });
    await using admin = await connect(server.adminUrl);
    const secret =
      product === 'mysql' ? "identified by 'secret'" : "identified via mysql_native_password using password('secret')";
    await admin.exec(`create user ${users.withCertificate}@'%' ${secret} require x509`);
    await admin.exec(`create user ${users.withTls}@'%' ${secret} require ssl`);
  });
  afterAll(() => server?.remove());

  describe.each(CLIENTS)('by %s', (client) => {
    const runtime = (options: MysqlOptions): DBRuntime => {
      const driver = DOORS[client]({ url: server.url, ...options });
      return createRuntime({ driver, ...BEHIND_THE_GATE, pool: { maxSize: 1, warmUp: false } });
    };
    const atMode = (mode: string, host: string): string => `${server.url.replace('127.0.0.1', host)}?ssl-mode=${mode}`;
    const cipherOf = async (db: DBRuntime): Promise<unknown> =>
      (await db.queryRow<{ Value: string }>("show session status like 'Ssl_cipher'"))?.Value;
    const refusalOf = async (options: MysqlOptions): Promise<FluxorError> => {
      await using db = runtime(options);
      return (await failure(db.connect())).error;
    };
    const account = (user: string): MysqlOptions => ({
      url: undefined as unknown as string,
      host: 'localhost',
      port: server.port,
      user,
      password: 'secret',
    });

    it('takes a certificate for the name that was asked for, and cancels over TLS too', async () => {
      await using db = runtime({ host: 'localhost', tls: { ca } });
      expect(await cipherOf(db)).toMatch(/^TLS_|-/);
      const slow = 'select sleep(30) from (select 1 union select 2) as sleepers';
      // The runtime waits 100 ms for the answer, which a slow machine may take to open the session for KILL.
      const stopped = async () => (await failure(db.query(slow, [], { timeout: '300ms' }))).error;
      await expect.poll(stopped).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
      expect(Number(await db.queryValue('select 1'))).toBe(1);
    });

    it('takes one for the `servername` that was given, whatever the address', async () => {
      await using db = runtime({ tls: { ca, servername: 'db.example.com' } });
      expect(await cipherOf(db)).not.toBe('');
    });

    it.each(['the address', 'another name'])('refuses one that is not for %s, and says so', async (what) => {
      const servername = what === 'the address' ? {} : { servername: 'db.example.org' };
      const error = await refusalOf({ tls: { ca, ...servername } });
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'tls', vendorCode: 'ERR_TLS_CERT_ALTNAME_INVALID' });
      expect([error.outcome, error.decision, error.retryable]).toEqual(['not-sent', 'never', false]);
      expect(error.message).toContain('certificate was not accepted');
    });

    it.each(['VERIFY_IDENTITY', 'REQUIRED'])('%s in the URL looks at the name as well', async (mode) => {
      expect(await refusalOf({ url: atMode(mode, '127.0.0.1'), tls: { ca } })).toMatchObject({ reason: 'tls' });
      await using db = runtime({ url: atMode(mode, 'localhost'), tls: { ca } });
      expect(await cipherOf(db)).not.toBe('');
    });

    it('VERIFY_CA in the URL, with an authority of one’s own, does not look at the name, and still at who has signed', async () => {
      await using db = runtime({ url: atMode('VERIFY_CA', '127.0.0.1'), tls: { ca } });
      expect(await cipherOf(db)).not.toBe('');
      expect(await refusalOf({ url: atMode('VERIFY_CA', '127.0.0.1'), tls: { ca: otherCa } })).toMatchObject({
        code: 'CONNECTION',
        reason: 'tls',
      });
    });

    it.each(['VERIFY_IDENTITY', 'VERIFY_CA', 'REQUIRED'])('%s refuses what nobody known has signed', async (mode) => {
      for (const tls of [undefined, { ca: otherCa }] as const) {
        const error = await refusalOf({ url: atMode(mode, 'localhost'), ...(tls && { tls }) });
        expect(error).toMatchObject({ code: 'CONNECTION', reason: 'tls', retryable: false, breaker: 'failure' });
        expect(error.message).toContain('certificate was not accepted');
      }
    });

    it('NO_VERIFY encrypts with whoever answers', async () => {
      await using db = runtime({ url: atMode('NO_VERIFY', '127.0.0.1') });
      expect(await cipherOf(db)).not.toBe('');
    });

    it('a user who needs a certificate gets in with one, and is refused without', async () => {
      const user = account(users.withCertificate);
      await using db = runtime({ ...user, tls: { ca, ...ownCertificate } });
      expect(await db.queryValue('select current_user()')).toBe(`${users.withCertificate}@%`);
      for (const tls of [{ ca }, false] as const) {
        const error = await refusalOf({ ...user, tls, allowPublicKeyRetrieval: true });
        expect(error).toMatchObject({ code: 'AUTH', vendorCode: 1045, retryable: false });
        expect(error.message).not.toContain('secret');
      }
    });

    it('a user who needs TLS is refused without', async () => {
      const user = account(users.withTls);
      expect(await refusalOf({ ...user, allowPublicKeyRetrieval: true })).toMatchObject({
        code: 'AUTH',
        vendorCode: 1045,
      });
      await using db = runtime({ ...user, tls: { ca } });
      expect(await cipherOf(db)).not.toBe('');
    });

    it('material that is none is refused before anything is sent', async () => {
      const error = await refusalOf({ host: 'localhost', tls: { ca, cert: 'no certificate', key: 'no key' } });
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'tls', outcome: 'not-sent', retryable: false });
    });
  });
});
