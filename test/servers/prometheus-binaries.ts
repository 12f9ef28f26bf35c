/**
 * Where Prometheus' programs come from, the server and promtool: a folder named in the environment, else what is installed on this
 * machine, else Debian's package, unpacked beside the system. Its dependencies are for the pages that the server shows to people; the
 * programs need libc alone.
 * Invariant: what it answers has been started once with `--version`; what can't be had comes back as a reason, never as an
 * exception.
 */
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { unpackDebianPackages } from './debian-packages.js';
import type { Progress, Unavailable } from './debian-packages.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { versionSaidBy } from './program-version.js';

/** The same facts as of PostgreSQL's programs. `binFolder` holds `prometheus` and `promtool`. */
export type PrometheusBinaries = PostgresBinaries;

const PROGRAMS = ['prometheus', 'promtool'] as const;
const REQUEST = {
  name: 'prometheus',
  packages: ['prometheus'],
  without: /^(?!prometheus$)/,
  leaveOut: ['etc', 'lib', 'usr/lib', 'usr/share', 'var'],
};

/**
 * FLUXOR_TEST_PROMETHEUS_BIN names the folder of both programs; FLUXOR_TEST_SERVERS_FROM=download passes over what is
 * installed on this machine.
 */
export async function findPrometheus(
  onProgress: Progress = () => undefined,
): Promise<PrometheusBinaries | Unavailable> {
  if (process.platform === 'win32') return { unavailable: 'these helpers need POSIX signals' };
  const folder = process.env['FLUXOR_TEST_PROMETHEUS_BIN'] ?? onThisMachine();
  if (folder) return checked(folder);
  const unpacked = await unpackDebianPackages({ ...REQUEST, onProgress });
  return 'unavailable' in unpacked ? unpacked : checked(join(unpacked.root, 'usr/bin'));
}

function onThisMachine(): string | undefined {
  if (process.env['FLUXOR_TEST_SERVERS_FROM'] === 'download') return undefined;
  const folders = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', ...(process.env['PATH'] ?? '').split(delimiter)];
  const folder = folders.find((one) => PROGRAMS.every((program) => existsSync(join(one, program))));
  return folder === undefined ? undefined : dirname(realpathSync(join(folder, 'prometheus')));
}

function checked(binFolder: string): PrometheusBinaries | Unavailable {
  try {
    const said = PROGRAMS.map((program) => versionSaidBy([join(binFolder, program)], { PATH: process.env['PATH'] }));
    return {
      binFolder,
      installation: binFolder,
      libraryFolders: [],
      version: /version (\d+(?:\.\d+)+)/.exec(said[0] ?? '')?.[1] ?? 'unknown',
    };
  } catch (error) {
    return { unavailable: `its programs do not start: ${(error as Error).message.trim()}` };
  }
}
