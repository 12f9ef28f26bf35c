/**
 * Which door a URL names. Doors are loaded when they are opened, so that the front door loads no driver. What has to be known
 * of a driver before its door is open stands here as well; a test compares it with the drivers.
 */
import type { Capabilities } from '../driver/capabilities.js';
import type { ConnectionUrl } from '../driver/connection-url.js';
import type { Driver } from '../driver/driver.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { PeerDoor } from './first-installed.js';
import { firstInstalled } from './first-installed.js';

/** A driver as it is known before it is loaded. */
export interface Door {
  readonly name: string;
  readonly dialect: Driver['dialect'];
  readonly capabilities: Capabilities;
  readonly hasDeferrable: boolean;
  /** Which optional members the driver has. */
  readonly has: {
    readonly outcomes: boolean;
    readonly listen: boolean;
    readonly commitsByItself: boolean;
    readonly witness: boolean;
  };
  /** Where a server of this database listens when the URL names no port. */
  readonly defaultPort: number;
  /** What the driver shows of the place, where that is more than host, port and database; `undefined` where it is not. */
  readonly placeOf?: (url: ConnectionUrl) => string | undefined;
  open(url: string): Promise<Driver>;
}

const MYSQL2: PeerDoor = {
  peer: 'mysql2',
  open: async (url) => (await import('../driver/mysql/index.js')).mysql({ url }),
};
const MARIADB: PeerDoor = {
  peer: 'mariadb',
  open: async (url) => (await import('../driver/mariadb/index.js')).mariadb({ url }),
};

const POSTGRES_DOOR: Door = {
  name: 'postgres',
  dialect: 'postgres',
  capabilities: {
    canCancel: true,
    maxSessions: Infinity,
    holdsProcess: true,
    hasNotifications: true,
    hasSavepoints: true,
    pipelining: true,
    statements: 'runtime',
  },
  hasDeferrable: true,
  defaultPort: 5432,
  has: { outcomes: true, listen: false, commitsByItself: false, witness: false },
  open: async (url) => (await import('../driver/postgres/index.js')).postgres({ url }),
};
const PGLITE_DOOR: Door = {
  ...POSTGRES_DOOR,
  name: 'pglite',
  capabilities: {
    canCancel: false,
    maxSessions: 1,
    hasNotifications: true,
    hasSavepoints: true,
    pipelining: false,
    statements: 'driver',
  },
  has: { outcomes: false, listen: true, commitsByItself: false, witness: false },
  open: async (url) => (await import('../driver/pglite/index.js')).pglite({ url }),
};
const MYSQL_DOOR: Door = {
  name: 'mysql',
  dialect: 'mysql',
  capabilities: {
    canCancel: true,
    maxSessions: Infinity,
    holdsProcess: true,
    hasSavepoints: true,
    pipelining: false,
    statements: 'driver',
  },
  hasDeferrable: false,
  defaultPort: 3306,
  has: { outcomes: false, listen: false, commitsByItself: true, witness: false },
  open: (url) => firstInstalled(url, MYSQL2, MARIADB),
};
const MARIADB_DOOR: Door = {
  ...MYSQL_DOOR,
  name: 'mariadb',
  capabilities: { ...MYSQL_DOOR.capabilities, pipelining: true },
  open: (url) => firstInstalled(url, MARIADB, MYSQL2),
};

const ORACLE_DOOR: Door = {
  name: 'oracle',
  dialect: 'oracle',
  capabilities: { ...MYSQL_DOOR.capabilities },
  hasDeferrable: false,
  has: { outcomes: true, listen: false, commitsByItself: true, witness: true },
  defaultPort: 1521,
  placeOf: oraclePlace,
  open: async (url) => (await import('../driver/oracle/index.js')).oracle({ url }),
};

export const DOORS: Readonly<Record<string, Door>> = {
  postgres: POSTGRES_DOOR,
  postgresql: POSTGRES_DOOR,
  pglite: PGLITE_DOOR,
  mysql: MYSQL_DOOR,
  mariadb: MARIADB_DOOR,
  oracle: ORACLE_DOOR,
};

/** A TNS name stands alone, an instance in the place of a service, and TLS has a port of its own. */
function oraclePlace({ host = 'localhost', port, database, parameters }: ConnectionUrl): string | undefined {
  const sid = parameters.get('sid');
  if (port === undefined && database === undefined && sid === undefined) return host;
  const isTls = port === undefined && parameters.get('tls') === 'true';
  if (!isTls && sid === undefined) return undefined;
  return `${host.includes(':') ? `[${host}]` : host}:${port ?? (isTls ? 2484 : 1521)}/${database ?? sid ?? ''}`;
}

/** The door of a URL's scheme; without one, `issues` says which there are, and nothing else of the URL. */
export function doorOf(url: unknown, issues: OptionIssue[]): Door | undefined {
  const scheme = typeof url === 'string' ? /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() : undefined;
  if (scheme !== undefined && Object.hasOwn(DOORS, scheme)) return DOORS[scheme];
  const got = scheme === undefined ? 'a text without a scheme' : `the scheme '${scheme}:'`;
  const expected = Object.keys(DOORS).map((known) => `'${known}:'`);
  issues.push({ path: 'url', got, expected: `one of ${expected.join(', ')}` });
  return undefined;
}
