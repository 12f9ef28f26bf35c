/**
 * `connect(url)`: chooses the door by the URL's scheme and loads it then, so that the front door loads no driver.
 * Query-string keys that name an option of the runtime are taken out of the URL; what is left belongs to the driver,
 * which refuses what it does not know.
 */
import type { RuntimeOptions } from '../config/runtime-options.js';
import type { Driver } from '../driver/driver.js';
import { ConfigError } from '../errors/config-error.js';
import { createRuntime } from './create-runtime.js';
import type { PeerDoor } from './first-installed.js';
import { firstInstalled } from './first-installed.js';
import type { DBRuntime } from './runtime.js';

const DOORS: Readonly<Record<string, (url: string) => Promise<Driver>>> = {
  postgres: async (url) => (await import('../driver/postgres/index.js')).postgres({ url }),
  postgresql: async (url) => (await import('../driver/postgres/index.js')).postgres({ url }),
  pglite: async (url) => (await import('../driver/pglite/index.js')).pglite({ url }),
  mysql: (url) => firstInstalled(url, MYSQL2, MARIADB),
  mariadb: (url) => firstInstalled(url, MARIADB, MYSQL2),
  oracle: async (url) => (await import('../driver/oracle/index.js')).oracle({ url }),
};

const MYSQL2: PeerDoor = {
  peer: 'mysql2',
  open: async (url) => (await import('../driver/mysql/index.js')).mysql({ url }),
};
const MARIADB: PeerDoor = {
  peer: 'mariadb',
  open: async (url) => (await import('../driver/mariadb/index.js')).mariadb({ url }),
};

/** The first words of option paths, as in `?pool.maxSize=20`. */
const OPTION_GROUPS: ReadonlySet<string> = new Set(['name', 'pool', 'query', 'gate', 'types', 'monitor']);

type OptionTree = { [name: string]: unknown };

/**
 * A connected runtime for a URL: `postgres://user:password@host/database`, `mysql://…`, `mariadb://…`,
 * `oracle://user:password@host/service`, `pglite:` (in memory), `pglite:./folder`.
 * Options may stand in the query string (`?pool.maxSize=20&query.timeout=5s`) or in `options`, which wins.
 *
 * @throws ConfigError for a wrong URL or option and when the driver's package is missing; ConnectionError or
 * TimeoutError when the database cannot be reached. Nothing stays open then.
 *
 * @example
 * await using db = await connect('postgres://app@localhost/shop');
 */
export async function connect(url: string, options: Omit<RuntimeOptions, 'driver'> = {}): Promise<DBRuntime> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  const door = scheme !== undefined && Object.hasOwn(DOORS, scheme) ? DOORS[scheme] : undefined;
  if (door === undefined) {
    const got = scheme === undefined ? 'a text without a scheme' : `the scheme '${scheme}:'`;
    const expected = Object.keys(DOORS).map((known) => `'${known}:'`);
    throw ConfigError.fromIssues([{ path: 'url', got, expected: `one of ${expected.join(', ')}` }]);
  }
  const { driverUrl, fromUrl } = splitUrl(url);
  const merged = merge(fromUrl, options);
  const driver = await door(driverUrl).catch((error: unknown) => refuseTogether(error, merged));
  const db = createRuntime({ ...merged, driver });
  try {
    await db.connect();
    return db;
  } catch (error) {
    await db.disconnect();
    throw error;
  }
}

/** A wrong URL and wrong options are one report, not one after the other. */
function refuseTogether(error: unknown, options: OptionTree): never {
  if (!(error instanceof ConfigError) || error.code !== 'CONFIG') throw error;
  try {
    createRuntime(options as unknown as RuntimeOptions);
  } catch (other) {
    if (!(other instanceof ConfigError)) throw other;
    // That there is no driver is what `error` says, in better words.
    const rest = other.issues.filter((issue) => issue.path !== 'driver');
    throw ConfigError.fromIssues([...error.issues, ...rest]);
  }
  throw error;
}

function splitUrl(url: string): { driverUrl: string; fromUrl: OptionTree } {
  const at = url.indexOf('?');
  if (at === -1) return { driverUrl: url, fromUrl: {} };
  const fromUrl: OptionTree = {};
  const rest = url
    .slice(at + 1)
    .split('&')
    .filter((pair) => {
      const [[key, value] = ['', '']] = new URLSearchParams(pair);
      if (!OPTION_GROUPS.has(key.split('.')[0] ?? '')) return true;
      setOption(fromUrl, key.split('.'), key === 'name' ? value : readScalar(value));
      return false;
    });
  return { driverUrl: rest.length === 0 ? url.slice(0, at) : `${url.slice(0, at)}?${rest.join('&')}`, fromUrl };
}

function setOption(tree: OptionTree, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  const below = Object.hasOwn(tree, name) ? tree[name] : undefined;
  const branch = isTree(below) ? below : {};
  // Defined, not assigned: `?pool.__proto__.x=1` must become an option that somebody refuses, not a prototype.
  const shape = { value: rest.length === 0 ? value : branch, enumerable: true, writable: true, configurable: true };
  Object.defineProperty(tree, name, shape);
  if (rest.length > 0) setOption(branch, rest, value);
}

/** Text from a URL as the option's own type: `true`, `20`, `5s`. */
function readScalar(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function merge(under: OptionTree, over: OptionTree): OptionTree {
  const merged: OptionTree = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const below = merged[name];
    merged[name] = isTree(below) && isTree(value) ? merge(below, value) : (value ?? below);
  }
  return merged;
}

/** Plain objects only: a clock or a driver is a value, not a branch. */
function isTree(value: unknown): value is OptionTree {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
