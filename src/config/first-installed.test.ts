import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Driver } from '../driver/driver.js';
import { ConfigError } from '../errors/config-error.js';
import type { PeerDoor } from './first-installed.js';
import { firstInstalled } from './first-installed.js';

const URL = 'mysql://h/d';
const absent = (peer: string) => ConfigError.driverMissing(peer, new Error(`Cannot find package '${peer}'`));

/** A door whose package loads, or fails to with this error. */
const door = (peer: string, failure?: unknown): PeerDoor & { readonly driver: Driver } => {
  const load = () => (failure === undefined ? Promise.resolve() : Promise.reject(failure));
  const driver = { name: peer, load } as unknown as Driver;
  return { peer, driver, open: async () => driver };
};

describe('one of two client libraries', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  afterEach(() => warn.mockClear());

  it('is the one that was asked for, without a word, and the other one is not looked at', async () => {
    const wanted = door('mysql2');
    const other = { peer: 'mariadb', open: () => Promise.reject(new Error('looked at')) };
    expect(await firstInstalled(URL, wanted, other)).toBe(wanted.driver);
    expect(warn).not.toHaveBeenCalled();
  });

  it('is the other one where only that is installed, and a warning of the process names both', async () => {
    const other = door('mariadb');
    expect(await firstInstalled(URL, door('mysql2', absent('mysql2')), other)).toBe(other.driver);
    expect(warn.mock.calls).toEqual([
      ["fluxor-db: 'mysql2' is not installed, and 'mariadb' takes its place", { code: 'FLUXOR_OTHER_DRIVER' }],
    ]);
  });

  it('is missing where neither is installed: the error names both, and what installs them', async () => {
    const cause = absent('mariadb');
    const refusal = firstInstalled(URL, door('mariadb', cause), door('mysql2', absent('mysql2')));
    await expect(refusal).rejects.toMatchObject({
      code: 'DRIVER_MISSING',
      message:
        "Neither the package 'mariadb' nor 'mysql2', which could take its place, is installed. " +
        'Install one of them with: npm install mariadb, or npm install mysql2',
      issues: [{ path: 'driver', got: 'no such package', expected: 'npm install mariadb, or npm install mysql2' }],
      cause,
    });
    expect(warn).not.toHaveBeenCalled();
  });

  it('that is there and broken says so itself: installing another one is not asked for', async () => {
    const broken = new Error('a wrong version of Node');
    await expect(firstInstalled(URL, door('mysql2', broken), door('mariadb'))).rejects.toBe(broken);
    await expect(firstInstalled(URL, door('mysql2', absent('mysql2')), door('mariadb', broken))).rejects.toBe(broken);
    expect(warn).not.toHaveBeenCalled();
  });
});
