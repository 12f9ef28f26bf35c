/**
 * The doors that the demo goes through, by the scheme of a URL. Used for private and borrowed databases alike.
 * `mysql:` goes by the client library mysql2 and `mariadb:` by the mariadb connector; either speaks to either server. Oracle's names
 * come in lower case, as the others have them.
 */
import type { Driver } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import { mysql } from 'fluxor-db/mysql';
import { oracle } from 'fluxor-db/oracle';
import { postgres } from 'fluxor-db/postgres';

type Door = (options: { readonly url: string; readonly applicationName?: string }) => Driver;

const DOORS: Readonly<Record<string, Door>> = {
  postgres,
  postgresql: postgres,
  mysql,
  mariadb,
  // A table that somebody still works with is waited for, as elsewhere, and not refused at once.
  oracle: (options) => oracle({ ...options, columnNames: 'lower', settings: { ddl_lock_timeout: 10 } }),
};

/** What is wrong with a URL for a person who has typed it: an address of every kind. */
export const EXPECTED_URL =
  'postgres://user:password@host:port/database, the same with mysql:// or mariadb:// in front, or oracle://user:password@host:port/service';

/** The text before `:`; empty where there is none. */
export function schemeOf(url: string): string {
  return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? '';
}

/**
 * The driver for a URL. Nothing is connected.
 * @throws ConfigError where the door does not understand the address, and Error where there is no door.
 */
export function openDoor(url: string, applicationName?: string): Driver {
  const scheme = schemeOf(url);
  const door = Object.hasOwn(DOORS, scheme) ? DOORS[scheme] : undefined;
  if (door === undefined) {
    const got = scheme === '' ? 'a text without a scheme' : `the scheme '${scheme}:'`;
    throw new Error(`got ${got}, expected ${EXPECTED_URL}`);
  }
  return door({ url, ...(applicationName === undefined ? {} : { applicationName }) });
}
