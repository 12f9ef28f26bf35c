/** The factory behind the door. */
import type { Driver } from '../driver.js';
import { PgliteDriver } from './pglite-driver.js';
import type { PgliteOptions } from './pglite-options.js';
import { resolvePgliteOptions } from './pglite-options.js';

/**
 * A driver for PostgreSQL embedded in this process (PGlite), loaded on the first connect. It has one session, so the
 * pool's `maxSize` is 1; a running statement cannot be cancelled.
 *
 * @throws ConfigError listing every wrong option.
 *
 * @example
 * const db = createRuntime({ driver: pglite() });                       // in memory
 * const db = createRuntime({ driver: pglite({ dataDir: './data' }) });  // on disk
 */
export function pglite(options: PgliteOptions = {}): Driver {
  return new PgliteDriver(resolvePgliteOptions(options));
}
