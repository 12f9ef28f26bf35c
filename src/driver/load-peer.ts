/**
 * Loads an optional peer package, and turns "not there" into an error that says what to type. Any other failure (a
 * broken installation, a wrong Node) is passed on as it is: "install it" would send people the wrong way.
 */
import { ConfigError } from '../errors/config-error.js';

export async function loadPeer<M>(packageName: string, load: () => Promise<unknown>): Promise<M> {
  try {
    return (await load()) as M;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    const isAbsent = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    if (isAbsent && String(message).includes(`'${packageName}'`)) throw ConfigError.driverMissing(packageName, error);
    throw error;
  }
}
