/** TLS on a real server: verified when asked for, refused with a reason when it cannot be trusted, also for cancels. */
import { chownSync, copyFileSync, readFileSync, statSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DBRuntime } from 'fluxor-db';
import { connect, createRuntime } from 'fluxor-db';
import type { PostgresOptions } from 'fluxor-db/postgres';
import { postgres } from 'fluxor-db/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresServer } from '../servers/postgres-server.js';
import { failure } from './proxied-database.js';

const fixture = (name: string) => fileURLToPath(new URL(`./tls/${name}`, import.meta.url));
const ca = readFileSync(fixture('server.crt'), 'utf8');

describe('TLS', () => {
  let server: PostgresServer;
  const runtime = (options: PostgresOptions): DBRuntime =>
    createRuntime({ driver: postgres({ url: server.url, ...options }) });
  const isEncrypted = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()';

  beforeAll(async () => {
    server = await PostgresServer.start({ major: 18 });
    for (const name of ['server.crt', 'server.key']) giveToServer(server, name);
  });
  afterAll(() => server.remove());

  it('says that the server offers none, when the options ask for it', async () => {
    await using db = runtime({ ssl: true });
    const { error } = await failure(db.connect());
    expect(error).toMatchObject({ code: 'CONNECTION', reason: 'tls', retryable: false });
    expect(error.message).toContain('does not offer TLS');
  });

  it('is not used unless asked for', async () => {
    await switchOn(server);
    await using db = runtime({});
    expect(await db.queryValue(isEncrypted)).toBe(false);
  });

  it('refuses a certificate that nobody known has signed, and says why', async () => {
    await using db = runtime({ ssl: true });
    for (const attempt of [() => connect(`${server.url}?sslmode=require`), () => db.connect()]) {
      const { error } = await failure(attempt());
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'tls', retryable: false });
      expect(error.message).toContain('certificate was not accepted');
    }
  });

  it('refuses a certificate made out to another name', async () => {
    await using db = runtime({ ssl: { ca, servername: 'db.example.com' } });
    const { error } = await failure(db.connect());
    expect(error).toMatchObject({ code: 'CONNECTION', reason: 'tls' });
  });

  it('works with the authority given, and cancels over TLS too', async () => {
    await using db = runtime({ ssl: { ca } });
    expect(await db.queryValue(isEncrypted)).toBe(true);
    // The runtime waits 100 ms for the answer, which a slow machine may take for the new connection alone.
    const stopped = async () => (await failure(db.query('select pg_sleep(30)', [], { timeout: '300ms' }))).error;
    await expect.poll(stopped).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
    expect(await db.queryValue('select 1')).toBe(1);
  });

  it('encrypts without verifying only when told so in as many words', async () => {
    await using db = await connect(`${server.url}?sslmode=no-verify`);
    expect(await db.queryValue(isEncrypted)).toBe(true);
  });
});

/** The server insists that its key belongs to itself and to nobody else. */
function giveToServer(server: PostgresServer, name: string): void {
  const target = join(server.dataFolder, name);
  copyFileSync(fixture(name), target);
  chmodSync(target, 0o600);
  const { uid, gid } = statSync(server.dataFolder);
  chownSync(target, uid, gid);
}

async function switchOn(server: PostgresServer): Promise<void> {
  await using db = createRuntime({ driver: postgres({ url: server.url }) });
  await db.exec('alter system set ssl to on');
  await db.query('select pg_reload_conf()');
  await expect.poll(() => db.queryValue('show ssl')).toBe('on');
}
