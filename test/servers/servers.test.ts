import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { isListening } from './listening.js';
import { PostgresServer } from './postgres-server.js';
import { descendantsOf, isRunning } from './processes.js';
import { doesNotOutlive, keepsToItsLife } from './server-life.js';

/** As much of `pg`, which ships no types, as is used here. */
interface PgClient {
  connect(): Promise<void>;
  query(text: string): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): void;
}
const pg = createRequire(import.meta.url)('pg') as { readonly Client: new (url: string) => PgClient };

const major = (wanted: number): boolean => inject('postgresServers').some((server) => server.major === wanted);

describe('the servers of the run', () => {
  it('are what their names say', async () => {
    for (const server of inject('postgresServers')) {
      const [row] = await queryOnce(server.url, "SELECT current_setting('server_version_num')::int / 10000 AS major");
      expect([server.name, row]).toEqual([expect.stringContaining(String(server.major)), { major: server.major }]);
    }
  });
});

describe.each([18, 15] as const)('PostgreSQL %i', (version) => {
  let server: PostgresServer;

  // What is missing has been reported by name by the global setup.
  beforeAll(async () => {
    if (!major(version)) return;
    server = await PostgresServer.start({
      major: version,
      settings: { max_connections: '17', application_name: "it's" },
    });
  });
  afterAll(async () => {
    await server?.remove();
  });

  const test = it.runIf(major(version));

  test('is the version asked for, takes the password only, and has the settings', async () => {
    const [row] = await query(
      'SELECT version(), session_user, current_database(), rolsuper FROM pg_roles WHERE rolname = user',
    );
    expect(row).toMatchObject({ session_user: 'fluxor', current_database: 'fluxor', rolsuper: true });
    expect(row?.['version']).toContain(`PostgreSQL ${server.version}`);
    expect(server.version.startsWith(`${version}.`)).toBe(true);
    expect(await query('SHOW max_connections')).toEqual([{ max_connections: '17' }]);
    expect(await query('SHOW application_name')).toEqual([{ application_name: "it's" }]);
    await expect(queryOnce(server.url.replace('fluxor-secret', 'wrong'), 'SELECT 1')).rejects.toMatchObject({
      code: '28P01',
    });
    expect(await query('SELECT DISTINCT auth_method FROM pg_hba_file_rules')).toEqual([
      { auth_method: 'scram-sha-256' },
    ]);
  });

  test('is reached over 127.0.0.1 only, without a unix socket', async () => {
    const [row] = await query(
      "SELECT current_setting('listen_addresses') AS tcp, current_setting('unix_socket_directories') AS unix",
    );
    expect(row).toEqual({ tcp: '127.0.0.1', unix: '' });
  });

  test('stops gently: sessions are told, the port is closed, and a start brings everything back', async () => {
    await query('CREATE TABLE kept (word text)');
    await query("INSERT INTO kept VALUES ('stopped')");
    const client = await connected();
    const told = new Promise<unknown>((resolve) => client.on('error', resolve));
    const { port } = server;
    await server.stop();
    expect(await told).toMatchObject({ code: '57P01' });
    expect([server.isRunning, await isListening(port)]).toEqual([false, false]);
    await server.start();
    expect([server.port, await query('SELECT word FROM kept')]).toEqual([port, [{ word: 'stopped' }]]);
  });

  test('keeps what was committed before a kill -9, and forgets what was not', async () => {
    await query('CREATE TABLE survivors (id int)');
    for (let round = 1; round <= 3; round++) {
      const busy = await connected();
      busy.on('error', () => undefined);
      await busy.query('BEGIN; INSERT INTO survivors VALUES (-1)');
      await query(`INSERT INTO survivors VALUES (${round})`);
      const pids = [server.pid ?? 0, ...descendantsOf(server.pid ?? 0)];
      expect(pids.length).toBeGreaterThan(3);
      await server.kill();
      expect([server.isRunning, await isListening(server.port), pids.filter(isRunning)]).toEqual([false, false, []]);
      await server.start();
    }
    expect(await query('SELECT id FROM survivors ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  keepsToItsLife({
    isThere: major(version),
    server: () => server,
    startAnother: () => PostgresServer.start({ major: version }),
    placeOf: (other) => dirname(other.dataFolder),
    open: async () => {
      const client = await connected();
      return { ask: () => client.query('SELECT 1'), end: () => client.end() };
    },
    removedWhen: version === 18 ? ['running', 'stopped', 'killed', 'paused'] : ['killed'],
  });

  test('says what the log says when it can not start', async () => {
    const settings = { shared_buffers: 'a lot' };
    await expect(PostgresServer.start({ major: version, settings })).rejects.toThrow(/shared_buffers/);
  });

  test('keeps its data to its user', () => {
    expect(statSync(server.dataFolder).mode & 0o077).toBe(0);
  });

  function query(text: string): Promise<readonly Record<string, unknown>[]> {
    return queryOnce(server.url, text);
  }

  async function connected(): Promise<PgClient> {
    const client = new pg.Client(server.url);
    await client.connect();
    return client;
  }
});

// The clean-up doesn't depend on the version.
describe('a PostgreSQL server', () => {
  const start = 'PostgresServer.start({ major: 18 })';
  const module = new URL('./postgres-server.ts', import.meta.url);
  doesNotOutlive({ module, imports: 'PostgresServer', start, folder: 'dirname(server.dataFolder)' }, major(18));
});

async function queryOnce(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
