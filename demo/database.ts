/**
 * The database the demo plays with, whoever it belongs to: what main.ts and outage.ts know of it. It is either a
 * private server (private-database.ts) or a place in a database of the user's (borrowed-database.ts); both see to
 * their own removal.
 */
import type { Driver } from 'fluxor-db';
import type { DemoOptions } from './arguments.js';
import { borrowDatabase } from './borrowed-database.js';
import type { Cleanup } from './cleanup.js';
import { startPrivateDatabase } from './private-database.js';

export interface DemoDatabase {
  /** Such as "PostgreSQL 18.4 on 127.0.0.1:28730". */
  readonly title: string;
  /** For one runtime; nothing is connected yet. */
  readonly driver: Driver;
  /** Where the cities go, as SQL writes it. It is not there yet. */
  readonly table: string;
  /** Breaks every connection, as violently as it may; resolves when new ones are taken again. */
  breakDown(say: (text: string) => void): Promise<void>;
}

export function openDatabase(
  { product, url }: DemoOptions,
  cleanup: Cleanup,
  say: (text: string) => void,
): Promise<DemoDatabase> {
  return url === undefined ? startPrivateDatabase(product, cleanup, say) : borrowDatabase(url, cleanup);
}
