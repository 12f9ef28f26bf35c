/**
 * Loads an optional peer package, and turns "not there" into an error that says what to type. Any other failure (no file
 * handle left, a broken installation, a wrong Node) is said as what it is: "install it" would send people the wrong way.
 * Invariant: nothing is kept here; whether another attempt can succeed is Node's to say.
 */
import { ConfigError } from '../errors/config-error.js';
import { ConnectionError } from '../errors/connection-error.js';

/**
 * @throws ConfigError `DRIVER_MISSING`; ConnectionError `local-resources`, `not-sent`, which no retry repeats: Node keeps a
 * module that it could not read or run for as long as the process lives (tried with 20.20.2 and EMFILE).
 */
export async function loadPeer<M>(packageName: string, load: () => Promise<unknown>): Promise<M> {
  try {
    return (await load()) as M;
  } catch (cause) {
    const { code, message } = Object(cause) as { code?: unknown; message?: unknown };
    const isAbsent = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    if (isAbsent && String(message).includes(`'${packageName}'`)) throw ConfigError.driverMissing(packageName, cause);
    const vendorCode = typeof code === 'string' ? code : undefined;
    const said = vendorCode === undefined ? '' : ` (${vendorCode})`;
    throw new ConnectionError(
      'local-resources',
      `The package '${packageName}' could not be loaded${said}; see cause. Node keeps a load that has failed: ` +
        'once the cause is gone, start the process anew',
      { cause, vendorCode },
    );
  }
}
