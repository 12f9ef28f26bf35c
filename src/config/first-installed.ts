/**
 * Either of two client libraries speaks to the same server: takes the one that was asked for where it is installed, else the
 * other one, and says so. Used by connect.ts.
 * Refuses to know: which libraries they are, URLs.
 */
import type { Driver } from '../driver/driver.js';
import { ConfigError } from '../errors/config-error.js';

/** A door by the name of the package that it needs. */
export interface PeerDoor {
  readonly peer: string;
  readonly open: (url: string) => Promise<Driver>;
}

/**
 * The two differ in speed, and in the ways of logging in that they know: so when the other one has to do, a warning of the
 * process says it. A package that is there and cannot be loaded is no reason to take the other one.
 *
 * @throws ConfigError `DRIVER_MISSING`, which names both, where neither is installed; the driver's own error where one cannot be
 * loaded.
 */
export async function firstInstalled(url: string, wanted: PeerDoor, other: PeerDoor): Promise<Driver> {
  const driver = await wanted.open(url);
  try {
    await driver.load();
    return driver;
  } catch (missing) {
    if (!isMissing(missing)) throw missing;
    const stand = await other.open(url);
    await stand.load().catch((error: unknown) => {
      throw isMissing(error) ? ConfigError.driversMissing(wanted.peer, other.peer, missing) : error;
    });
    const text = `fluxor-db: '${wanted.peer}' is not installed, and '${other.peer}' takes its place`;
    process.emitWarning(text, { code: 'FLUXOR_OTHER_DRIVER' });
    return stand;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof ConfigError && error.code === 'DRIVER_MISSING';
}
