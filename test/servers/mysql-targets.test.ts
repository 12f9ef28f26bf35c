/** Which MySQL and MariaDB servers a run has: its own, those of the environment, and what it says of missing ones. */
import { createConnection } from 'mysql2/promise';
import type { RowDataPacket } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import type { MysqlProduct } from './mysql-server.js';
import { startMysqlFamily } from './mysql-targets.js';
import type { MysqlTarget } from './mysql-targets.js';

const isThere = (product: MysqlProduct): boolean => inject('mysqlServers').some((server) => server.product === product);

describe('the MySQL and MariaDB servers of the run', () => {
  it('are what their names say', async () => {
    for (const { name, product, version, url } of inject('mysqlServers')) {
      const text = await versionOf(url);
      expect([text.startsWith(version), text.includes('MariaDB')]).toEqual([true, product === 'mariadb']);
      expect(name).toContain(`${product === 'mysql' ? 'MySQL' : 'MariaDB'} ${version.replace(/\.\d+$/, '')}`);
    }
  });
});

describe('the choice of the servers of the run', () => {
  const variables = ['MYSQL_URL', 'MARIADB_URL', 'MYSQL_ADMIN_URL', 'MYSQL_BIN', 'MARIADB_BIN'];
  afterEach(() => vi.unstubAllEnvs());
  beforeEach(() => {
    for (const name of variables) vi.stubEnv(`FLUXOR_TEST_${name}`, undefined);
  });

  it.runIf(isThere('mysql') && isThere('mariadb'))('takes the servers that the environment names', async () => {
    const [mysql, mariadb] = ['mysql', 'mariadb'].map((name) => theOne(name as MysqlProduct).url);
    vi.stubEnv('FLUXOR_TEST_MYSQL_URL', mysql);
    vi.stubEnv('FLUXOR_TEST_MARIADB_URL', mariadb);
    vi.stubEnv('FLUXOR_TEST_MYSQL_ADMIN_URL', 'mysql://somebody@127.0.0.1:1/');
    const said: string[] = [];
    const family = await startMysqlFamily((text) => said.push(text));
    expect(family).toMatchObject({ servers: [], missing: [], failures: [] });
    expect(family.targets).toEqual([
      {
        ...theOne('mysql'),
        name: `${theOne('mysql').name.replace(' (url)', '')} (url)`,
        adminUrl: 'mysql://somebody@127.0.0.1:1/',
      },
      { ...theOne('mariadb'), name: `${theOne('mariadb').name.replace(' (url)', '')} (url)`, adminUrl: undefined },
    ]);
    expect(said).toHaveLength(2);
  });

  it.runIf(isThere('mysql') && isThere('mariadb'))('refuses a server of the other product', async () => {
    vi.stubEnv('FLUXOR_TEST_MYSQL_URL', theOne('mariadb').url);
    vi.stubEnv('FLUXOR_TEST_MARIADB_URL', theOne('mysql').url);
    const family = await startMysqlFamily(() => undefined);
    expect(family.targets).toEqual([]);
    expect(family.failures.map(String)).toEqual([
      expect.stringContaining('MariaDB'),
      expect.stringContaining(theOne('mysql').version),
    ]);
  });

  it('names what can not be had, with the reason', async () => {
    vi.stubEnv('FLUXOR_TEST_MYSQL_BIN', '/nowhere/bin');
    vi.stubEnv('FLUXOR_TEST_MARIADB_BIN', '/nowhere/bin');
    const family = await startMysqlFamily(() => undefined);
    expect(family).toMatchObject({ targets: [], servers: [], failures: [] });
    const reason = expect.stringMatching(/does not start.*\/nowhere\/bin/) as string;
    expect(family.missing).toEqual([
      { name: 'MySQL', reason },
      { name: 'MariaDB', reason },
    ]);
  });
});

function theOne(product: MysqlProduct): MysqlTarget {
  const found = inject('mysqlServers').find((server) => server.product === product);
  if (found === undefined) throw new Error(`The run has no ${product}.`);
  return found;
}

async function versionOf(url: string): Promise<string> {
  const client = await createConnection(url);
  try {
    const [[row]] = await client.query<RowDataPacket[]>('SELECT VERSION() AS version');
    return String(row?.['version']);
  } finally {
    await client.end();
  }
}
