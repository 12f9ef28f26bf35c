/**
 * `connect(url)`: chooses the door by the URL's scheme and loads it then, so that the front door loads no driver.
 * Query-string keys that name an option of the runtime are taken out of the URL; what is left belongs to the driver,
 * which refuses what it does not know.
 */
import { isBuilt } from '../config/config-origin.js';
import { doorOf } from '../config/doors.js';
import type { OptionLayer } from '../config/option-layers.js';
import { splitUrl } from '../config/option-text.js';
import { resolveLayers, textOptions } from '../config/resolve-layers.js';
import type { RuntimeConfig, RuntimeOptions } from '../config/runtime-options.js';
import { ConfigError } from '../errors/config-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { createRuntime } from './create-runtime.js';
import type { DBRuntime } from './runtime.js';

/**
 * A connected runtime for a URL: `postgres://user:password@host/database`, `mysql://…`, `mariadb://…`, `pglite:` (in memory),
 * `pglite:./folder`; or for a configuration that `ConfigBuilder.build()` made.
 * Options may stand in the query string (`?pool.maxSize=20&query.timeout=5s`) or in `options`, which wins.
 *
 * @throws ConfigError for a wrong URL or option and when the driver's package is missing; ConnectionError or
 * TimeoutError when the database cannot be reached. Nothing stays open then.
 *
 * @example
 * await using db = await connect('postgres://app@localhost/shop');
 */
export async function connect(config: RuntimeConfig): Promise<DBRuntime>;
export async function connect(url: string, options?: Omit<RuntimeOptions, 'driver'>): Promise<DBRuntime>;
export async function connect(
  given: string | RuntimeConfig,
  options: Omit<RuntimeOptions, 'driver'> = {},
): Promise<DBRuntime> {
  const isConfig = typeof given === 'object' && given !== null && isBuilt(given);
  const db = createRuntime(isConfig ? given : await configOf(given, options));
  try {
    await db.connect();
    return db;
  } catch (error) {
    await db.disconnect();
    throw error;
  }
}

/** A program without types may give anything. */
async function configOf(url: unknown, options: Omit<RuntimeOptions, 'driver'>): Promise<RuntimeConfig> {
  const issues: OptionIssue[] = [];
  if (typeof url !== 'string') {
    const expected = 'a URL, or what ConfigBuilder.build() gave; options alone are for createRuntime()';
    throw ConfigError.fromIssues([{ path: 'url', got: url === null ? 'null' : typeof url, expected }]);
  }
  const door = doorOf(url, issues);
  if (door === undefined) throw ConfigError.fromIssues(issues);
  const split = splitUrl(url, textOptions, issues);
  const layers: OptionLayer[] = [
    { source: 'url', options: split.options },
    { source: 'option', options: { ...options } },
  ];
  try {
    layers.push({ source: 'url', options: { driver: await door.open(split.driverUrl) } });
  } catch (error) {
    // A wrong URL and wrong options are one report, not one after the other.
    if (!(error instanceof ConfigError) || error.code !== 'CONFIG') throw error;
    issues.push(...error.issues);
  }
  return resolveLayers(layers, issues);
}
