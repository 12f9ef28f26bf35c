/**
 * The databases the contract is checked on: every real server the run has (test/servers/global-setup.ts), the first
 * PostgreSQL once more through PgBouncer, the embedded one, MySQL and MariaDB through both client libraries, and Oracle's wire
 * server (or an Oracle Database, where the run has one). What a target cannot do is a capability of its driver, or one of the
 * limits of pooler-limits.ts: then the contract says what happens instead. It is never a skipped test.
 */
import type { Driver } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import type { MysqlOptions } from 'fluxor-db/mysql';
import { mysql } from 'fluxor-db/mysql';
import type { OracleOptions } from 'fluxor-db/oracle';
import { oracle } from 'fluxor-db/oracle';
import { pglite } from 'fluxor-db/pglite';
import type { PostgresOptions } from 'fluxor-db/postgres';
import { postgres } from 'fluxor-db/postgres';
import { inject } from 'vitest';
import type { MysqlTarget } from '../servers/mysql-targets.js';
import type { OracleTarget } from '../servers/oracle-targets.js';
import type { ErrorCases } from './error-cases.js';
import { mysqlErrors } from './error-cases-mysql.js';
import { ORACLE_ERRORS } from './error-cases-oracle.js';
import { POSTGRES_ERRORS } from './error-cases-postgres.js';
import type { PoolerLimit } from './pooler-limits.js';
import { POOLER_LIMITS } from './pooler-limits.js';
import type { TypeCases } from './type-cases.js';
import { mysqlTypes } from './type-cases-mysql.js';
import { oracleTypes } from './type-cases-oracle.js';
import { POSTGRES_TYPES } from './type-cases-postgres.js';
import { typeTableContract } from './type-table-contract.js';
import { mysqlTypeTableContract } from './type-table-mysql-contract.js';
import { oracleTypeTableContract } from './type-table-oracle-contract.js';
import type { Words } from './words.js';
import { mysqlWords } from './words-mysql.js';
import { oracleWords } from './words-oracle.js';
import { POSTGRES_WORDS } from './words-postgres.js';

export interface ContractTarget {
  readonly name: string;
  readonly words: Words;
  readonly errors: ErrorCases;
  readonly types: TypeCases;
  /** Runs the table of docs/reference/types.md that is this database's. */
  readonly typeTable: (target: ContractTarget) => void;
  /** What cannot hold here. */
  readonly impossible: ReadonlySet<PoolerLimit>;
  /** Makes what the words need, once. */
  prepare(): Promise<void>;
  /** A driver of its own; for the embedded database that means an empty one. */
  makeDriver(): Driver;
  /** The same server with other options; `undefined` where there is none to connect to. */
  makeDriverFor?(change: DriverChange): Driver;
  /** To the same database with nothing in between, for looking at it from outside; `undefined` where it has one session only. */
  makeObserver?(): Driver;
}

/** Options that every server's driver has. */
export type DriverChange = Pick<PostgresOptions, 'database' | 'password' | 'user'> & {
  readonly settings?: Readonly<Record<string, string>>;
};

const NOTHING: ReadonlySet<PoolerLimit> = new Set();

export function contractTargets(): ContractTarget[] {
  const servers = inject('postgresServers').map(({ name, url }) => serverTarget(name, url, url, NOTHING));
  const poolers = inject('pgBouncers').map(({ name, url, directUrl }) =>
    serverTarget(name, url, directUrl, new Set(POOLER_LIMITS)),
  );
  return [...servers, ...poolers, PGLITE, ...mysqlTargets(), ...inject('oracleServers').map(oracleTarget)];
}

const PGLITE: ContractTarget = {
  name: 'pglite',
  words: POSTGRES_WORDS,
  errors: POSTGRES_ERRORS,
  types: POSTGRES_TYPES,
  typeTable: typeTableContract,
  impossible: NOTHING,
  prepare: async () => undefined,
  makeDriver: () => pglite(),
};

function serverTarget(
  name: string,
  url: string,
  directUrl: string,
  impossible: ReadonlySet<PoolerLimit>,
): ContractTarget {
  return {
    name,
    words: POSTGRES_WORDS,
    errors: POSTGRES_ERRORS,
    types: POSTGRES_TYPES,
    typeTable: typeTableContract,
    impossible,
    prepare: async () => undefined,
    makeDriver: () => postgres({ url }),
    makeDriverFor: (change) => postgres({ url, ...change }),
    makeObserver: () => postgres({ url: directUrl, applicationName: 'fluxor-observer' }),
  };
}

/** By the name of its door: what makes a driver of the client library. */
const MYSQL_CLIENTS: Readonly<Record<string, (options: MysqlOptions) => Driver>> = { mysql2: mysql, mariadb };

/** The four pairs of client and server. */
function mysqlTargets(): ContractTarget[] {
  return inject('mysqlServers').flatMap((server) =>
    Object.entries(MYSQL_CLIENTS).map(([client, make]) => mysqlTarget(`${client} × ${server.name}`, make, server)),
  );
}

function mysqlTarget(
  name: string,
  make: (options: MysqlOptions) => Driver,
  { url, adminUrl, product }: MysqlTarget,
): ContractTarget {
  const facts = { isMariaDb: product === 'mariadb' };
  const words = mysqlWords(facts);
  const makeObserver = (): Driver => make({ url, applicationName: 'fluxor-observer' });
  let prepared: Promise<void> | undefined;
  return {
    name,
    words,
    errors: mysqlErrors(facts),
    types: mysqlTypes(facts),
    typeTable: mysqlTypeTableContract,
    impossible: NOTHING,
    prepare: () => (prepared ??= runAll(makeObserver(), words.setup)),
    makeDriver: () => make({ url }),
    // Whoever may not use a database is not told that it does not exist.
    makeDriverFor: (change) => make({ url: change.database === undefined ? url : (adminUrl ?? url), ...change }),
    makeObserver,
  };
}

/** As every other database has them: names in lower case, integers of 64 bits as `bigint`. */
const ALIKE = { columnNames: 'lower', integers: 'bigint' } as const satisfies OracleOptions;

function oracleTarget({ name, url, hasSqlBoolean }: OracleTarget): ContractTarget {
  const facts = { hasSqlBoolean };
  const words = oracleWords(facts);
  const make = (options: OracleOptions): Driver => oracle({ url, ...ALIKE, ...options });
  let prepared: Promise<void> | undefined;
  return {
    name,
    words,
    errors: ORACLE_ERRORS,
    types: oracleTypes(facts),
    typeTable: (target) => oracleTypeTableContract(target, facts),
    impossible: NOTHING,
    prepare: () => (prepared ??= runAll(make({}), words.setup)),
    // Above the largest value of the contract.
    makeDriver: () => make({ lobLimit: 16 * 1024 * 1024 }),
    makeDriverFor: ({ database, ...change }) => {
      const service = new URL(url);
      if (database !== undefined) service.pathname = `/${database}`;
      return make({ url: service.href, ...change });
    },
    makeObserver: () => make({ applicationName: 'fluxor-observer' }),
  };
}

async function runAll(driver: Driver, texts: readonly string[]): Promise<void> {
  await using db = createRuntime({ driver });
  for (const text of texts) await db.exec(text, [], { timeout: '60s' });
}
