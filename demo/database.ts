/**
 * The database the demo plays with, whoever it belongs to: what main.ts and outage.ts know of it. It is either a
 * private server (private-database.ts) or a schema in a database of the user's (borrowed-database.ts); both see to
 * their own removal.
 */
import type { Cleanup } from './cleanup.js';
import { borrowDatabase } from './borrowed-database.js';
import { startPrivateDatabase } from './private-database.js';

export interface DemoDatabase {
  /** Such as "PostgreSQL 18.4 on 127.0.0.1:28730". */
  readonly title: string;
  readonly url: string;
  readonly schema: string;
  /** How the sessions of the demo call themselves in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Breaks every connection, as violently as it may; resolves when new ones are taken again. */
  breakDown(say: (text: string) => void): Promise<void>;
}

export function openDatabase(
  url: string | undefined,
  cleanup: Cleanup,
  say: (text: string) => void,
): Promise<DemoDatabase> {
  return url === undefined ? startPrivateDatabase(cleanup, say) : borrowDatabase(url, cleanup);
}
