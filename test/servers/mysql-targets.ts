/**
 * The MySQL and MariaDB servers of a test run, as tests see them: those of FLUXOR_TEST_MYSQL_URL and
 * FLUXOR_TEST_MARIADB_URL, or else private ones. Used by global-setup.ts.
 * Invariant: who starts them holds them, also when one of the two fails: nothing is thrown before both have settled.
 */
import { createConnection } from 'mysql2/promise';
import type { RowDataPacket } from 'mysql2/promise';
import { productName } from './mysql-binaries.js';
import type { MysqlProduct } from './mysql-binaries.js';
import { MysqlServer, ServerUnavailable } from './mysql-server.js';

/** One server, as tests see it. */
export interface MysqlTarget {
  /** Such as "MySQL 9.7", for the names of suites. */
  readonly name: string;
  readonly product: MysqlProduct;
  /** Such as "10.11.19". */
  readonly version: string;
  readonly url: string;
  /** With all rights; `undefined` for a server of somebody else who did not name it. */
  readonly adminUrl: string | undefined;
}

/** What the run has got, and what it could not have. */
export interface MysqlFamily {
  readonly targets: readonly MysqlTarget[];
  readonly servers: readonly MysqlServer[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  /** Of a server that can be had and did not start. */
  readonly failures: readonly unknown[];
}

const PRODUCTS: readonly MysqlProduct[] = ['mysql', 'mariadb'];

/** Starts those that no URL takes the place of. */
export async function startMysqlFamily(say: (text: string) => void): Promise<MysqlFamily> {
  const parts = await Promise.all(PRODUCTS.map((product) => startOne(product, say)));
  return {
    targets: parts.flatMap((part) => part.targets),
    servers: parts.flatMap((part) => part.servers),
    missing: parts.flatMap((part) => part.missing),
    failures: parts.flatMap((part) => part.failures),
  };
}

const NOTHING: MysqlFamily = { targets: [], servers: [], missing: [], failures: [] };

async function startOne(product: MysqlProduct, say: (text: string) => void): Promise<MysqlFamily> {
  const variable = `FLUXOR_TEST_${product.toUpperCase()}_URL`;
  const url = process.env[variable];
  try {
    if (url) {
      const target = await describeUrl(product, url);
      say(`${target.name} (${target.version}) of ${variable}`);
      return { ...NOTHING, targets: [target] };
    }
    const onProgress = (text: string): void => say(`${productName(product)}: ${text}`);
    const server = await MysqlServer.start({ product, onProgress });
    say(`${productName(product)} ${server.version} on port ${server.port}`);
    const { name, version, adminUrl } = server;
    return { ...NOTHING, servers: [server], targets: [{ name, product, version, url: server.url, adminUrl }] };
  } catch (error) {
    if (!(error instanceof ServerUnavailable)) return { ...NOTHING, failures: [error] };
    return { ...NOTHING, missing: [{ name: productName(product), reason: error.reason }] };
  }
}

async function describeUrl(product: MysqlProduct, url: string): Promise<MysqlTarget> {
  const client = await createConnection(url);
  try {
    const [[row]] = await client.query<RowDataPacket[]>('SELECT VERSION() AS version');
    const text = String(row?.['version']);
    if (text.includes('MariaDB') !== (product === 'mariadb')) throw new Error(`The server given is ${text}.`);
    const version = /^\d+\.\d+\.\d+/.exec(text)?.[0] ?? text;
    const name = `${productName(product)} ${version.split('.').slice(0, 2).join('.')} (url)`;
    return { name, product, version, url, adminUrl: process.env[`FLUXOR_TEST_${product.toUpperCase()}_ADMIN_URL`] };
  } finally {
    await client.end();
  }
}
