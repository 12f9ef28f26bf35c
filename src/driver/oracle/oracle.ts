/** The factory behind the door. */
import type { Driver } from '../driver.js';
import { OracleDriver } from './oracle-driver.js';
import { resolveOracleOptions } from './oracle-config.js';
import type { OracleOptions } from './oracle-options.js';

/**
 * A driver for Oracle Database 12.1 or later over the package `oracledb`, which is loaded on the first connect; in its thin mode
 * unless another one is asked for. No I/O happens here.
 *
 * @throws ConfigError listing every wrong option.
 *
 * @example
 * const db = createRuntime({ driver: oracle({ url: 'oracle://app@localhost/FREEPDB1', password: () => vault.read('app') }) });
 */
export function oracle(options: OracleOptions): Driver {
  return new OracleDriver(resolveOracleOptions(options));
}
