/**
 * Servers for the benches: of the helpers of the tests, with their settings, or those that the environment names. They share
 * the machine with whoever asks them.
 */
import { fileURLToPath } from 'node:url';
import type { MysqlProduct } from '../../test/servers/mysql-server.js';
import { MysqlServer } from '../../test/servers/mysql-server.js';
import { PostgresServer } from '../../test/servers/postgres-server.js';
import { startOracleProcess } from '../../test/support/oracle-wire/oracle-process.js';

/** What answers SQL in the wire server's process. */
const ORACLE_ITEMS = fileURLToPath(new URL('../peers/points/oracle-items.js', import.meta.url));
/** The longest bench takes less. */
const LIFETIME_MS = 60 * 60 * 1_000;

/** As many as all peers' pools together, and some. */
const MAX_CONNECTIONS = '300';

export interface BenchServer {
  /** Such as "PostgreSQL 18.4". */
  readonly name: string;
  readonly url: string;
}

/** Runs `work` with a PostgreSQL 18, or with the server of FLUXOR_BENCH_POSTGRES_URL. */
export async function withPostgres<T>(work: (server: BenchServer) => Promise<T>): Promise<T> {
  const given = process.env.FLUXOR_BENCH_POSTGRES_URL;
  if (given !== undefined) return work({ name: 'PostgreSQL of FLUXOR_BENCH_POSTGRES_URL', url: given });
  const server = await PostgresServer.start({
    major: 18,
    settings: { max_connections: MAX_CONNECTIONS },
    onProgress: (text) => console.log(`PostgreSQL 18: ${text}`),
  });
  try {
    return await work({ name: `PostgreSQL ${server.version}`, url: server.url });
  } finally {
    await server.remove();
  }
}

/** The same with a MySQL 9.7 or a MariaDB 10.11; FLUXOR_BENCH_MYSQL_URL, FLUXOR_BENCH_MARIADB_URL. */
export async function withMysql<T>(product: MysqlProduct, work: (server: BenchServer) => Promise<T>): Promise<T> {
  const variable = `FLUXOR_BENCH_${product.toUpperCase()}_URL`;
  const given = process.env[variable];
  if (given !== undefined) return work({ name: `${product} of ${variable}`, url: given });
  const server = await MysqlServer.start({
    product,
    settings: { max_connections: MAX_CONNECTIONS },
    onProgress: (text) => console.log(`${product}: ${text}`),
  });
  try {
    return await work({ name: `${server.name.split(' ')[0] ?? product} ${server.version}`, url: server.url });
  } finally {
    await server.remove();
  }
}

/**
 * With a wire server in a process of its own, and the table `items` in it: there is no Oracle Database to be had here. Or with the
 * database of FLUXOR_BENCH_ORACLE_URL, where that table has to be.
 */
export async function withOracleItems<T>(work: (server: BenchServer) => Promise<T>): Promise<T> {
  const given = process.env.FLUXOR_BENCH_ORACLE_URL;
  if (given !== undefined) return work({ name: 'Oracle of FLUXOR_BENCH_ORACLE_URL', url: given });
  const server = await startOracleProcess({ backend: { module: ORACLE_ITEMS }, lifetimeMs: LIFETIME_MS });
  try {
    return await work({ name: 'Oracle wire server', url: server.url });
  } finally {
    await server.stop();
  }
}
