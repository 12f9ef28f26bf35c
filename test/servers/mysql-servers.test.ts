/** The MySQL and MariaDB servers that tests start for themselves, asked with `mysql2` directly. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createConnection } from 'mysql2/promise';
import type { Connection, ConnectionOptions, RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { isListening } from './listening.js';
import { MysqlServer } from './mysql-server.js';
import type { MysqlProduct } from './mysql-server.js';
import { isRunning } from './processes.js';
import { doesNotOutlive, keepsToItsLife } from './server-life.js';

const fixture = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../integration/tls/${name}`, import.meta.url)), 'utf8');
const isThere = (product: MysqlProduct): boolean => inject('mysqlServers').some((server) => server.product === product);

describe.each(['mysql', 'mariadb'] as const)('%s', (product) => {
  let server: MysqlServer;

  // What is missing has been reported by name by the global setup.
  beforeAll(async () => {
    if (!isThere(product)) return;
    server = await MysqlServer.start({
      product,
      settings: { max_connections: '17', init_connect: "SET @it = 'it''s'" },
    });
  });
  afterAll(async () => {
    await server?.remove();
  });

  const test = it.runIf(isThere(product));
  const isMysql = product === 'mysql';

  test('has a database and a user, takes the password only, and has the settings', async () => {
    const [row] = await query('SELECT VERSION() AS version, CURRENT_USER() AS user, DATABASE() AS name, @it AS it');
    expect(row).toEqual({
      version: expect.stringContaining(server.version) as string,
      user: 'fluxor@%',
      name: 'fluxor',
      it: "it's",
    });
    expect(await variables('max_connections', 'character_set_server', 'local_infile', 'log_bin')).toEqual({
      max_connections: '17',
      character_set_server: 'utf8mb4',
      local_infile: 'OFF',
      log_bin: 'ON',
    });
    for (const url of [server.url, server.adminUrl]) {
      const refused = queryOnce(url.replace('-secret', '-wrong'), 'SELECT 1');
      await expect(refused).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR', errno: 1045 });
    }
    const passwordless = server.adminUrl.replace(':root-secret', '');
    await expect(queryOnce(passwordless, 'SELECT 1')).rejects.toMatchObject({ errno: 1045 });
  });

  test('knows no login without a password or a lock', async () => {
    const users = isMysql
      ? `SELECT user FROM mysql.user WHERE authentication_string = '' AND account_locked = 'N'`
      : `SELECT user FROM mysql.global_priv WHERE COALESCE(JSON_VALUE(priv, '$.authentication_string'), '') = ''
         AND COALESCE(JSON_VALUE(priv, '$.account_locked'), 0) = 0`;
    expect(await queryOnce(server.adminUrl, users)).toEqual([]);
  });

  test('lets the user make tables, routines and triggers, see sessions and end its own, and no more', async () => {
    await query('CREATE TABLE made (id INT PRIMARY KEY, doubled INT)');
    await query('CREATE TRIGGER doubles BEFORE INSERT ON made FOR EACH ROW SET NEW.doubled = twice(NEW.id)');
    await query('CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2');
    await query('INSERT INTO made (id) VALUES (21)');
    expect(await query('SELECT doubled FROM made')).toEqual([{ doubled: 42 }]);
    const other = await connected();
    other.on('error', () => undefined);
    await query(`KILL ${other.threadId}`);
    await expect(other.query('SELECT 1')).rejects.toThrow();
    const admin = await connected(server.adminUrl);
    const seen = await query(`SELECT user FROM information_schema.processlist WHERE id = ${admin.threadId}`);
    expect(seen).toEqual([expect.objectContaining({ [Object.keys(seen[0] ?? {})[0] ?? 'user']: 'root' })]);
    await expect(query(`KILL ${admin.threadId}`)).rejects.toMatchObject({ errno: 1095 });
    await expect(query('CREATE DATABASE another')).rejects.toMatchObject({ errno: 1044 });
    await admin.query('CREATE DATABASE another');
    await admin.end();
  });

  test('is reached over its socket too', async () => {
    const login = { user: server.user, password: server.password, database: server.database };
    const client = await createConnection({ ...login, socketPath: server.socketPath });
    expect((await client.query<RowDataPacket[]>('SELECT 1 AS one'))[0]).toEqual([{ one: 1 }]);
    await client.end();
    expect(await variables('bind_address')).toEqual({ bind_address: '127.0.0.1' });
  });

  test('gives what is written a place in the order of transactions', async () => {
    await query('CREATE TABLE ordered (id INT PRIMARY KEY)');
    const place = isMysql ? 'SELECT @@GLOBAL.gtid_executed AS place' : 'SELECT @@GLOBAL.gtid_binlog_pos AS place';
    const [before] = await query(place);
    await query('INSERT INTO ordered VALUES (1)');
    const [after] = await query(place);
    expect(before?.['place']).toMatch(isMysql ? /^[0-9a-f-]{36}:\d+/ : /^0-1-\d+$/);
    expect(after?.['place']).not.toBe(before?.['place']);
  });

  test('stops gently: sessions are closed, the port too, and a start brings everything back', async () => {
    await query('CREATE TABLE kept (word VARCHAR(20))');
    await query("INSERT INTO kept VALUES ('stopped')");
    const client = await connected();
    const told = new Promise<unknown>((resolve) => client.on('error', resolve));
    const { port, socketPath } = server;
    await server.stop();
    expect(await told).toMatchObject({ fatal: true });
    expect([server.isRunning, await isListening(port), existsSync(socketPath)]).toEqual([false, false, false]);
    await server.start();
    expect([server.port, await query('SELECT word FROM kept')]).toEqual([port, [{ word: 'stopped' }]]);
  });

  test('keeps what was committed before a kill -9, and forgets what was not', async () => {
    await query('CREATE TABLE survivors (id INT)');
    for (let round = 1; round <= 3; round++) {
      const busy = await connected();
      busy.on('error', () => undefined);
      await busy.query('BEGIN');
      await busy.query('INSERT INTO survivors VALUES (-1)');
      await query(`INSERT INTO survivors VALUES (${round})`);
      const pid = server.pid ?? 0;
      await server.kill();
      expect([server.isRunning, await isListening(server.port), isRunning(pid)]).toEqual([false, false, false]);
      await server.start();
    }
    expect(await query('SELECT id FROM survivors ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  keepsToItsLife({
    isThere: isThere(product),
    server: () => server,
    startAnother: () => MysqlServer.start({ product }),
    placeOf: (other) => dirname(other.dataFolder),
    open: async () => {
      const client = await connected();
      return { ask: () => client.query('SELECT 1'), end: () => client.end() };
    },
    removedWhen: isMysql ? ['killed', 'paused'] : ['running', 'stopped', 'killed', 'paused'],
  });

  test('has a neighbour with an identity, data and a port of its own', async () => {
    const other = await MysqlServer.start({ product });
    try {
      await query('CREATE TABLE mine (id INT)');
      await expect(queryOnce(other.url, 'SELECT * FROM mine')).rejects.toMatchObject({ errno: 1146 });
      expect(other.port).not.toBe(server.port);
      if (!isMysql) return;
      const identity = 'SELECT @@server_uuid AS id';
      expect(await queryOnce(other.url, identity)).not.toEqual(await query(identity));
    } finally {
      await other.remove();
    }
  });

  test('shows the certificate it is given', async () => {
    const certificate = { cert: fixture('server.crt'), key: fixture('server.key') };
    const other = await MysqlServer.start({ product, tls: certificate });
    try {
      const ssl = { ca: certificate.cert, verifyIdentity: true };
      expect(await cipher({ uri: other.url, ssl })).not.toBe('');
      await expect(cipher({ uri: other.url, ssl: {} })).rejects.toMatchObject({ code: 'HANDSHAKE_SSL_ERROR' });
    } finally {
      await other.remove();
    }
  });

  test('has a certificate of its own when it is MySQL, and offers no TLS when it is MariaDB', async () => {
    if (isMysql) {
      expect(await cipher({ uri: server.url, ssl: { ca: server.ownCa ?? '' } })).not.toBe('');
    } else {
      expect(server.ownCa).toBeUndefined();
      await expect(cipher({ uri: server.url, ssl: {} })).rejects.toMatchObject({
        code: 'HANDSHAKE_NO_SSL_SUPPORT',
      });
    }
  });

  test('says what the log says when it can not start', async () => {
    const settings = { no_such_variable: '1' };
    await expect(MysqlServer.start({ product, settings })).rejects.toThrow(/unknown variable 'no-such-variable=1'/);
  });

  test('keeps its data to its user', () => {
    expect(statSync(server.dataFolder).mode & 0o077).toBe(0);
  });

  doesNotOutlive(
    {
      module: new URL('./mysql-server.ts', import.meta.url),
      imports: 'MysqlServer',
      start: `MysqlServer.start({ product: '${product}' })`,
      folder: 'dirname(server.dataFolder)',
    },
    isThere(product),
    isMysql ? ['is killed'] : undefined,
  );

  function query(text: string): Promise<readonly RowDataPacket[]> {
    return queryOnce(server.url, text);
  }

  function connected(url = server.url): Promise<Connection> {
    return createConnection(url);
  }

  async function variables(...names: string[]): Promise<Record<string, unknown>> {
    const list = names.map((name) => `'${name}'`).join(', ');
    const rows = await query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${list})`);
    return Object.fromEntries(rows.map((row) => [String(row['Variable_name']), row['Value'] as unknown]));
  }
});

async function queryOnce(url: string, text: string): Promise<readonly RowDataPacket[]> {
  const client = await createConnection(url);
  try {
    return (await client.query<RowDataPacket[]>(text))[0];
  } finally {
    await client.end();
  }
}

/** Of the session's TLS; empty without. */
async function cipher(options: ConnectionOptions): Promise<unknown> {
  const client = await createConnection(options);
  try {
    const [[row]] = await client.query<RowDataPacket[]>("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
    return row?.['Value'];
  } finally {
    await client.end();
  }
}
