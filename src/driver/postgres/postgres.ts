/** The factory behind the door. */
import type { Driver } from '../driver.js';
import { PostgresDriver } from './postgres-driver.js';
import type { PostgresOptions } from './postgres-options.js';
import { resolvePostgresOptions } from './postgres-options.js';

/**
 * A driver for PostgreSQL 13 or later (and servers that speak its protocol) over the package `pg`, which is loaded on
 * the first connect. No I/O happens here.
 *
 * @throws ConfigError listing every wrong option.
 *
 * @example
 * const db = createRuntime({ driver: postgres({ url: 'postgres://app@localhost/shop' }) });
 */
export function postgres(options: PostgresOptions = {}): Driver {
  return new PostgresDriver(resolvePostgresOptions(options));
}
