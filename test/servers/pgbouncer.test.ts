import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { isListening } from './listening.js';
import { PgBouncerServer } from './pgbouncer-server.js';
import { isRunning } from './processes.js';
import { doesNotOutlive, keepsToItsLife } from './server-life.js';

/** As much of `pg`, which ships no types, as is used here. */
interface PgClient {
  connect(): Promise<void>;
  query(text: string): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): void;
}
const pg = createRequire(import.meta.url)('pg') as { readonly Client: new (url: string) => PgClient };

const BACKEND = 'SELECT pg_backend_pid() AS pid';

describe('the PgBouncer of the run', () => {
  it('is another way to the same database, and in transaction mode', async () => {
    for (const { url, directUrl } of inject('pgBouncers')) {
      const identity = "SELECT current_database(), current_user, current_setting('server_version') AS version";
      expect(await queryOnce(url, identity)).toEqual(await queryOnce(directUrl, identity));
      // In session mode the fifth of them would wait for the first one's end.
      const crowd: PgClient[] = [];
      const pids = new Set<unknown>();
      for (let number = 0; number < 6; number++) crowd.push(await connected(url));
      for (const client of crowd) pids.add(await backendOf(client));
      expect(pids.size).toBeLessThanOrEqual(4);
      for (const client of crowd) await client.end();
    }
  });
});

// Where there is none, that has been reported by name by the global setup.
describe.runIf(inject('pgBouncers').length > 0 && !process.env['FLUXOR_TEST_PGBOUNCER_URL'])('a PgBouncer', () => {
  const target = inject('pgBouncers')[0]?.directUrl ?? '';
  const clients: PgClient[] = [];
  let bouncer: PgBouncerServer;

  beforeAll(async () => {
    bouncer = await PgBouncerServer.start({
      target,
      poolMode: 'transaction',
      defaultPoolSize: 1,
      maxPreparedStatements: 0,
      settings: { max_client_conn: '17' },
    });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.end().catch(() => undefined);
  });
  afterAll(async () => {
    await bouncer?.remove();
  });

  it('takes the password only, and says on its console who and what it is', async () => {
    const wrong = new URL(bouncer.url);
    expect(await queryOnce(wrong.href, 'SELECT current_user AS name')).toEqual([{ name: wrong.username }]);
    wrong.password = 'wrong';
    await expect(queryOnce(wrong.href, 'SELECT 1')).rejects.toThrow(/password|SASL/);
    const [row] = await queryOnce(bouncer.adminUrl, 'SHOW VERSION');
    expect(row).toEqual({ version: `PgBouncer ${bouncer.version}` });
    const settings = await queryOnce(bouncer.adminUrl, 'SHOW CONFIG');
    const value = (key: string): unknown => settings.find((setting) => setting['key'] === key)?.['value'];
    expect(['pool_mode', 'default_pool_size', 'max_client_conn', 'listen_addr', 'unix_socket_dir'].map(value)).toEqual([
      'transaction',
      '1',
      '17',
      '127.0.0.1',
      '',
    ]);
    // Before 1.21 there is no such setting.
    expect([undefined, '0']).toContain(value('max_prepared_statements'));
  });

  it('lends one server connection to two clients in turn, and makes the second wait for a transaction', async () => {
    const [one, two] = [await opened(bouncer.url), await opened(bouncer.url)];
    const pids = [await backendOf(one), await backendOf(two), await backendOf(one)];
    expect(new Set(pids).size).toBe(1);
    const order: string[] = [];
    await one.query('BEGIN');
    const waiting = two.query('SELECT 1').then(() => order.push('the second client'));
    await expect.poll(() => waitingClients()).toBe(1);
    order.push('the end of the transaction');
    await one.query('COMMIT');
    await waiting;
    expect(order).toEqual(['the end of the transaction', 'the second client']);
  });

  it('gives each client a server connection of its own in session mode', async () => {
    const other = await PgBouncerServer.start({ target, poolMode: 'session' });
    try {
      const [one, two] = [await opened(other.url), await opened(other.url)];
      const pids = [await backendOf(one), await backendOf(two), await backendOf(one)];
      expect([pids[0] === pids[1], pids[0] === pids[2]]).toEqual([false, true]);
    } finally {
      await other.remove();
    }
  });

  it.each(['stop', 'kill'] as const)('closes its port and its connections at a %s, and comes back', async (end) => {
    const client = await opened(bouncer.url);
    const lost = new Promise<unknown>((resolve) => client.on('error', resolve));
    const { pid, port } = bouncer;
    await bouncer[end]();
    expect(await lost).toBeInstanceOf(Error);
    expect([bouncer.isRunning, isRunning(pid ?? 0), await isListening(port)]).toEqual([false, false, false]);
    await bouncer.start();
    expect([bouncer.port, await queryOnce(bouncer.url, 'SELECT 1 AS one')]).toEqual([port, [{ one: 1 }]]);
  });

  keepsToItsLife({
    isThere: true,
    server: () => bouncer,
    startAnother: () => PgBouncerServer.start({ target, poolMode: 'transaction' }),
    placeOf: ({ folder }) => folder,
    open: async () => {
      const client = await opened(bouncer.url);
      return { ask: () => client.query('SELECT 1'), end: () => client.end() };
    },
    removedWhen: ['running', 'stopped', 'killed', 'paused'],
  });

  it('says what the log says when it can not start', async () => {
    const settings = { query_wait_timeout: 'a while' };
    const starting = PgBouncerServer.start({ target, poolMode: 'transaction', settings });
    await expect(starting).rejects.toThrow(/query_wait_timeout/);
  });

  it('keeps the file of logins to its user', () => {
    expect(statSync(join(bouncer.folder, 'userlist.txt')).mode & 0o077).toBe(0);
  });

  doesNotOutlive(
    {
      module: new URL('./pgbouncer-server.ts', import.meta.url),
      imports: 'PgBouncerServer',
      start: `PgBouncerServer.start({ target: ${JSON.stringify(target)}, poolMode: 'transaction' })`,
      folder: 'server.folder',
    },
    true,
    ['exits', 'is told to end', 'is killed'],
  );

  /** A client that is closed after the test, and that may lose its connection meanwhile. */
  async function opened(url: string): Promise<PgClient> {
    const client = await connected(url);
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  }

  async function waitingClients(): Promise<unknown> {
    const pools = await queryOnce(bouncer.adminUrl, 'SHOW POOLS');
    return pools.find((pool) => pool['database'] !== 'pgbouncer')?.['cl_waiting'];
  }
});

async function connected(url: string): Promise<PgClient> {
  const client = new pg.Client(url);
  await client.connect();
  return client;
}

async function backendOf(client: PgClient): Promise<unknown> {
  return (await client.query(BACKEND)).rows[0]?.['pid'];
}

async function queryOnce(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = await connected(url);
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
