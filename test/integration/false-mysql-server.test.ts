/** What a server that means no good gets out of a login, in both rooms: no password, and nothing at all without a certificate. */
import { createRuntime } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import type { MysqlOptions } from 'fluxor-db/mysql';
import { mysql } from 'fluxor-db/mysql';
import { describe, expect, it } from 'vitest';
import type { FalseServerOptions } from './false-mysql-server.js';
import { FALSE_CERTIFICATE, FalseMysqlServer, switchTo } from './false-mysql-server.js';
import { failure } from './proxied-database.js';

const PASSWORD = 'secret-marker';
const KEY_REQUEST = Buffer.from([1]);
/** Milliseconds for what is a lost connection, which is tried again until the time is up. */
const SHORT_MS = 3000;
const MARIADB_11_8 = '11.8.2-MariaDB';

describe.each([
  ['mysql', mysql],
  ['mariadb', mariadb],
] as const)('a false server and the %s room', (_room, driver) => {
  const meet = async (server: FalseServerOptions, options: MysqlOptions, timeoutMs = 10_000) => {
    await using met = await FalseMysqlServer.start(server);
    const login = { host: '127.0.0.1', port: met.port, user: 'u', password: PASSWORD, database: 'd' };
    await using db = createRuntime({ driver: driver({ ...login, ...options }), pool: { warmUp: false } });
    const { error } = await failure(db.query('select 1', [], { timeout: timeoutMs }));
    await expect.poll(() => met.isAlone).toBe(true);
    return { error, heard: met.heard, connections: met.connections };
  };
  const bodies = (heard: readonly Buffer[]) => heard.map((chunk) => chunk.subarray(4));

  describe('without TLS', () => {
    const noKey = { allowPublicKeyRetrieval: false };
    const ways: [string, FalseServerOptions][] = [
      ['switches the login to it', { answer: switchTo('sha256_password') }],
      ['names it in the greeting too', { method: 'sha256_password', answer: switchTo('sha256_password') }],
      ['makes it another factor', { answer: switchTo('sha256_password', 0x02) }],
      ['does so before it was told anything', { answer: switchTo('sha256_password'), isHasty: true }],
    ];

    it.each(ways)('is not asked for its key by sha256_password when it %s', async (_way, server) => {
      const { heard, connections } = await meet(server, noKey, SHORT_MS);
      for (const body of bodies(heard)) expect(body).not.toEqual(KEY_REQUEST);
      expect(heard.length).toBeLessThanOrEqual(connections);
    });

    it('says what to do about sha256_password, and tries once', async () => {
      const { error, connections } = await meet({ answer: switchTo('sha256_password') }, noKey);
      expect(error).toMatchObject({ code: 'AUTH', reason: 'credentials', retryable: false });
      expect(error.message).toContain('allowPublicKeyRetrieval');
      expect(connections).toBe(1);
    });

    it('is asked for its key where that is allowed', async () => {
      const { heard } = await meet(
        { answer: switchTo('sha256_password') },
        { allowPublicKeyRetrieval: true },
        SHORT_MS,
      );
      expect(bodies(heard)[1]).toEqual(KEY_REQUEST);
    });

    it('does not get the password in clear, whatever is allowed', async () => {
      const server = { answer: switchTo('mysql_clear_password') };
      const { error, heard, connections } = await meet(server, { allowPublicKeyRetrieval: true });
      expect(error).toMatchObject({ code: 'AUTH', retryable: false });
      expect(Buffer.concat(heard).includes(PASSWORD)).toBe(false);
      expect(connections).toBe(1);
    });
  });

  describe('with TLS', () => {
    const untrusted: [string, FalseServerOptions][] = [
      ['is MySQL', {}],
      // From 11.4.1 on the connector would send its login first.
      ['is MariaDB 11.8', { version: MARIADB_11_8 }],
    ];

    it.each(untrusted)(
      'hears nothing without a certificate to trust, when it says that it %s',
      async (_what, server) => {
        const modes: MysqlOptions[] = [{ tls: true }, { tls: { servername: 'localhost' } }];
        for (const mode of ['REQUIRED', 'VERIFY_CA']) modes.push({ url: `mysql://127.0.0.1?ssl-mode=${mode}` });
        for (const options of modes) {
          const { error, heard } = await meet(server, options);
          expect(heard.length).toBe(0);
          expect(error).toMatchObject({ code: 'CONNECTION', reason: 'tls', retryable: false });
        }
      },
    );

    it('hears nothing with a certificate for another name', async () => {
      const tls = { ca: FALSE_CERTIFICATE, servername: 'db.example.com' };
      const { error, heard } = await meet({ version: MARIADB_11_8 }, { tls });
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'tls', retryable: false });
      expect(heard.length).toBe(0);
    });

    it('hears the login when its certificate is trusted, or nobody looks at it', async () => {
      for (const tls of [{ ca: FALSE_CERTIFICATE }, { rejectUnauthorized: false }]) {
        const { heard } = await meet({ version: MARIADB_11_8 }, { tls });
        expect(heard[0]?.includes('u\0')).toBe(true);
      }
    });
  });
});
