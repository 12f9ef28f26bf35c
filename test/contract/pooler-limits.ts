/**
 * What does not hold through a pooler in transaction mode, where a server connection is ours for one transaction at a time.
 * The contract asserts for each of these what happens instead, and docs/guide/postgres.md tells it in the table of "Through
 * PgBouncer", which test/docs/pooler-limits.test.ts compares with this list.
 */
export const POOLER_LIMITS = [
  'advisory locks',
  'cancel by process id',
  'cursors with hold',
  'loss of an idle session',
  'notifications',
  'process id',
  'prepared statements',
  'reset',
  'role',
  'server limit',
  'settings',
  'settings at the start',
  'sql prepare',
  'temporary tables',
] as const;

export type PoolerLimit = (typeof POOLER_LIMITS)[number];
