/** Who takes part. `findPeer` of the pools' line-up finds them by these names, which are paths beside it. */

/** Ours with the defaults, and with one statement at a time on a connection. */
export const OURS = 'points/fluxor';
export const OURS_ALONE = 'points/fluxor-alone';
export const PG_POOL = 'points/pg-pool';
export const PG_POOL_NAMED = 'points/pg-pool-named';
export const POSTGRES_JS = 'points/postgres-js';
/** The server's own limit, and no peer. */
export const PGBENCH = 'points/pgbench';

/** For point reads of PostgreSQL, but for pgbench, which not every machine has. */
export const POINT_PEERS: readonly string[] = [
  OURS,
  OURS_ALONE,
  PG_POOL_NAMED,
  PG_POOL,
  POSTGRES_JS,
  'points/slonik',
  'points/knex',
  'points/kysely',
  'points/drizzle',
  'points/typeorm',
  'points/prisma',
];

/** Point reads with reports among them: those who differ in how a connection is shared. */
export const MIXED_PEERS: readonly string[] = [OURS, OURS_ALONE, PG_POOL_NAMED, POSTGRES_JS];

export const OURS_OVER_MARIADB = 'points/fluxor-mariadb';
export const OURS_OVER_MYSQL2 = 'points/fluxor-mysql2';
export const MARIADB_POOL = 'points/mariadb-pool';
export const MYSQL2_POOL = 'points/mysql2-pool';

/** For point reads of MySQL and MariaDB. */
export const MYSQL_PEERS: readonly string[] = [OURS_OVER_MARIADB, OURS_OVER_MYSQL2, MARIADB_POOL, MYSQL2_POOL];

export const OURS_OVER_ORACLEDB = 'points/fluxor-oracle';
/** As it comes, and with the options of each call that ours gives. */
export const ORACLEDB_POOL = 'points/oracledb-pool';
export const ORACLEDB_POOL_EQUAL = 'points/oracledb-pool-equal';

/** For point reads over Oracle's wire. */
export const ORACLE_PEERS: readonly string[] = [OURS_OVER_ORACLEDB, ORACLEDB_POOL, ORACLEDB_POOL_EQUAL];

/** `points/knex` is knex. */
export const shortName = (path: string): string => path.slice(path.indexOf('/') + 1);

/** Everybody of `all`, or those that were asked for. */
export function choose(all: readonly string[], only: readonly string[]): readonly string[] {
  const names = all.map(shortName);
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`--only: unknown ${unknown.join(', ')}; there are ${names.join(', ')}`);
  return only.length === 0 ? all : all.filter((path) => only.includes(shortName(path)));
}
