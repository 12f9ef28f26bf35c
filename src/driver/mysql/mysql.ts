/** The factory behind the door. */
import type { Driver } from '../driver.js';
import type { MysqlOptions } from '../mysql-server/mysql-options.js';
import { resolveMysqlOptions } from '../mysql-server/mysql-options.js';
import { MysqlDriver } from './mysql-driver.js';

/**
 * A driver for MySQL 8.0 or later and MariaDB 10.6 or later over the package `mysql2`, which is loaded on the first connect. No
 * I/O happens here.
 *
 * @throws ConfigError listing every wrong option.
 *
 * @example
 * const db = createRuntime({ driver: mysql({ url: 'mysql://app@localhost/shop' }) });
 */
export function mysql(options: MysqlOptions = {}): Driver {
  return new MysqlDriver(resolveMysqlOptions(options, 'mysql'));
}
