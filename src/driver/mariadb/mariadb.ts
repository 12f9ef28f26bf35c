/** The factory behind the door. */
import type { Driver } from '../driver.js';
import type { MysqlOptions } from '../mysql-server/mysql-options.js';
import { resolveMysqlOptions } from '../mysql-server/mysql-options.js';
import { MariadbDriver } from './mariadb-driver.js';

/**
 * A driver for MariaDB 10.6 or later and MySQL 8.0 or later over the package `mariadb` (an optional peer under the LGPL), which
 * is loaded on the first connect. No I/O happens here.
 *
 * @throws ConfigError listing every wrong option.
 *
 * @example
 * const db = createRuntime({ driver: mariadb({ url: 'mariadb://app@localhost/shop' }) });
 */
export function mariadb(options: MysqlOptions = {}): Driver {
  return new MariadbDriver(resolveMysqlOptions(options, 'mariadb'));
}
