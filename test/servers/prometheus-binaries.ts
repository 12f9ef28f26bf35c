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

/** The same facts as of PostgreSQL's programs; `binFolder` holds `prometheus`. */
export interface PrometheusBinaries extends PostgresBinaries {
  /** Path of the other program. */
  readonly promtool: string;
}

const PROGRAMS = ['prometheus', 'promtool'] as const;
const LEFT_OUT = ['etc', 'lib', 'usr/lib', 'usr/share', 'var'];

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
  const server = await unpacked('prometheus', onProgress);
  if (typeof server !== 'string') return server;
  // Since Debian 14 promtool has a package of its own.
  const tool = existsSync(join(server, 'promtool')) ? server : await unpacked('promtool', onProgress);
  return typeof tool === 'string' ? checked(server, tool) : tool;
}

/** The folder of programs of a package, without anything that it asks for. */
async function unpacked(name: string, onProgress: Progress): Promise<string | Unavailable> {
  const without = new RegExp(`^(?!${name}$)`);
  const found = await unpackDebianPackages({ name, packages: [name], without, leaveOut: LEFT_OUT, onProgress });
  return 'unavailable' in found ? found : join(found.root, 'usr/bin');
}

function onThisMachine(): string | undefined {
  if (process.env['FLUXOR_TEST_SERVERS_FROM'] === 'download') return undefined;
  const folders = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', ...(process.env['PATH'] ?? '').split(delimiter)];
  const folder = folders.find((one) => PROGRAMS.every((program) => existsSync(join(one, program))));
  return folder === undefined ? undefined : dirname(realpathSync(join(folder, 'prometheus')));
}

function checked(binFolder: string, toolFolder = binFolder): PrometheusBinaries | Unavailable {
  const promtool = join(toolFolder, 'promtool');
  try {
    const [said = ''] = [join(binFolder, 'prometheus'), promtool].map((program) =>
      versionSaidBy([program], { PATH: process.env['PATH'] }),
    );
    const version = /version (\d+(?:\.\d+)+)/.exec(said)?.[1] ?? 'unknown';
    return { binFolder, installation: binFolder, libraryFolders: [], version, promtool };
  } catch (error) {
    return { unavailable: `its programs do not start: ${(error as Error).message.trim()}` };
  }
}
