/**
 * Where PgBouncer's program comes from: a folder named in the environment, else what is installed on this machine, else
 * Debian's package, unpacked beside the system. Used by pgbouncer-server.ts.
 * Invariant: what it answers has been started once with `--version`, so its libraries are all there; what can't be had
 * comes back as a reason, never as an exception.
 */
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { unpackDebianPackages } from './debian-packages.js';
import type { Progress, Unavailable } from './debian-packages.js';
import { postgresEnvironment } from './postgres-binaries.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { versionSaidBy } from './program-version.js';

/** The same facts as of PostgreSQL's programs. */
export type PgBouncerBinaries = PostgresBinaries;

/** Debian's, then Homebrew's two; PATH comes after them, since /usr/sbin is rarely in an ordinary user's. */
const USUAL_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin', '/usr/local/bin'];

/** The package asks for PostgreSQL's set-up scripts and Perl as well; the program needs its libraries only. */
const NOT_NEEDED = /^(?!pgbouncer$|lib)|-perl$/;

/**
 * The program `pgbouncer`. FLUXOR_TEST_PGBOUNCER_BIN names the folder it is in; FLUXOR_TEST_SERVERS_FROM=download passes
 * over what is installed on this machine.
 */
export async function findPgBouncer(onProgress: Progress = () => undefined): Promise<PgBouncerBinaries | Unavailable> {
  if (process.platform === 'win32') return { unavailable: 'these helpers need POSIX signals' };
  const folder = process.env['FLUXOR_TEST_PGBOUNCER_BIN'] ?? onThisMachine();
  if (folder) return checked(folder, folder, []);
  const request = { name: 'pgbouncer', packages: ['pgbouncer'], without: NOT_NEEDED, onProgress };
  const unpacked = await unpackDebianPackages(request);
  if ('unavailable' in unpacked) return unpacked;
  return checked(join(unpacked.root, 'usr/sbin'), unpacked.root, unpacked.libraryFolders);
}

function onThisMachine(): string | undefined {
  if (process.env['FLUXOR_TEST_SERVERS_FROM'] === 'download') return undefined;
  const folders = [...USUAL_FOLDERS, ...(process.env['PATH'] ?? '').split(delimiter)];
  const program = folders.map((folder) => join(folder, 'pgbouncer')).find(existsSync);
  return program === undefined ? undefined : dirname(realpathSync(program));
}

function checked(
  binFolder: string,
  installation: string,
  libraryFolders: readonly string[],
): PgBouncerBinaries | Unavailable {
  const binaries = { binFolder, installation, libraryFolders, version: '' };
  try {
    const output = versionSaidBy([join(binFolder, 'pgbouncer')], postgresEnvironment(binaries));
    return { ...binaries, version: /^PgBouncer (\S+)/i.exec(output)?.[1] ?? 'unknown' };
  } catch (error) {
    return { unavailable: `its program does not start: ${(error as Error).message.trim()}` };
  }
}
