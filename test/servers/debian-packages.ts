/**
 * Programs out of Debian packages without installing them: apt downloads, `dpkg -x` unpacks into a cache folder, and
 * the system stays as it is. Works for root and for an ordinary user, because apt gets state folders of its own while
 * the sources, keys and proxies stay those of the machine. Used by postgres-binaries.ts.
 * Invariant: a folder in the cache is complete. It is filled under another name and renamed, so two runs at once both
 * end up with one whole copy.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export type Progress = (text: string) => void;

/** Said instead of an answer, with the reason for people. */
export interface Unavailable {
  readonly unavailable: string;
}

/** An unpacked set of packages. */
export interface UnpackedPackages {
  /** Stands for `/`: the programs are in `root/usr/…`. */
  readonly root: string;
  /** For LD_LIBRARY_PATH. */
  readonly libraryFolders: readonly string[];
}

export interface PackageRequest {
  /** Name of the folder in the cache. */
  readonly name: string;
  readonly packages: readonly string[];
  /** Dependencies that a test server does not need, such as set-up scripts. */
  readonly without: RegExp;
  readonly onProgress: Progress;
}

const run = promisify(execFile);
const PROJECT_CACHE = fileURLToPath(new URL('../../node_modules/.cache/fluxor-servers', import.meta.url));
const DOWNLOAD_LIMIT_MS = 10 * 60_000;

/** The packages with whatever they need and the system lacks; unpacked once, then taken from the cache. */
export async function unpackDebianPackages(request: PackageRequest): Promise<UnpackedPackages | Unavailable> {
  if (!existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg')) {
    return { unavailable: 'this system has no apt-get to download it with' };
  }
  const root = join(cacheFolder(), `${request.name}-${debianRelease()}-${process.arch}`);
  if (!existsSync(root)) {
    const failure = await fill(root, request);
    if (failure !== undefined) return failure;
  }
  return { root, libraryFolders: libraryFoldersOf(root) };
}

/** The name of the running release, such as "bookworm"; "unknown" when the system doesn't say. */
export function debianRelease(): string {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^VERSION_CODENAME=(\S+)/m.exec(text)?.[1] ?? 'unknown';
}

async function fill(root: string, request: PackageRequest): Promise<Unavailable | undefined> {
  const workshop = `${root}.${process.pid}.tmp`;
  rmSync(workshop, { recursive: true, force: true });
  mkdirSync(workshop, { recursive: true });
  try {
    const failure = await download(workshop, request);
    if (failure !== undefined) return failure;
    const unpacked = join(workshop, 'root');
    mkdirSync(unpacked);
    const archives = readdirSync(workshop).filter((name) => name.endsWith('.deb'));
    for (const archive of archives) await run('dpkg', ['-x', join(workshop, archive), unpacked]);
    moveUnlessThere(unpacked, root);
    return undefined;
  } catch (error) {
    return { unavailable: `apt could not get ${request.packages.join(', ')}: ${lastLines(error)}` };
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

async function download(workshop: string, request: PackageRequest): Promise<Unavailable | undefined> {
  const options = {
    cwd: workshop,
    timeout: DOWNLOAD_LIMIT_MS,
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 2 ** 26,
  };
  const configuration = aptConfiguration(workshop);
  const apt = (...args: string[]) => run('apt-get', ['-qq', '-c', configuration, ...args], options);
  request.onProgress(`downloading ${request.packages.join(', ')} of Debian ${debianRelease()}; happens once`);
  await apt('update');
  let listed: string;
  try {
    // "--reinstall" lists the packages themselves even where they are installed; dependencies only where they are not.
    const install = ['install', '--reinstall', '--no-install-recommends', '--print-uris', '-y', ...request.packages];
    listed = (await apt(...install)).stdout;
  } catch (error) {
    const text = lastLines(error);
    if (!/unable to locate|no installation candidate|can ?not find|reinstallation .* not possible/i.test(text))
      throw error;
    return { unavailable: `the package sources of Debian ${debianRelease()} have no ${request.packages[0] ?? ''}` };
  }
  const needed = packageNames(listed).filter((name) => !request.without.test(name));
  await apt('download', ...needed);
  return undefined;
}

/** Lines look like: 'address/of/name_version_arch.deb' name_version_arch.deb size hash */
function packageNames(listed: string): string[] {
  return [...listed.matchAll(/^'[^']+' ([^_\s]+)_\S+\.deb /gm)].map((match) => match[1] ?? '');
}

/**
 * Folders of our own for apt; everything else is the machine's configuration. Read with `-c`, after the machine's own
 * files; what APT_CONFIG names is read before them, too early to clear anything.
 */
function aptConfiguration(workshop: string): string {
  const state = join(workshop, 'apt');
  for (const folder of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(state, folder), { recursive: true });
  // The hooks are emptied because images have some that delete the system's own download cache. As root apt would
  // change to its user "_apt", who can't write here.
  const lines = [
    `Dir::State "${state}";`,
    `Dir::State::status "/var/lib/dpkg/status";`,
    `Dir::Cache "${join(state, 'cache')}";`,
    `Debug::NoLocking "true";`,
    `APT::Sandbox::User "${process.getuid?.() === 0 ? 'root' : ''}";`,
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    '#clear DPkg::Post-Invoke;',
  ];
  const file = join(workshop, 'apt.conf');
  writeFileSync(file, lines.join('\n'));
  return file;
}

function moveUnlessThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    // Another run was quicker: its copy is as good as ours.
    if (!existsSync(to)) throw error;
  }
}

/** In the project where that is possible; else one per user, so that nobody's programs are run by somebody else. */
function cacheFolder(): string {
  try {
    mkdirSync(PROJECT_CACHE, { recursive: true });
    accessSync(PROJECT_CACHE, constants.W_OK);
    return PROJECT_CACHE;
  } catch {
    const own = join(tmpdir(), `fluxor-servers-cache-${process.getuid?.() ?? 'user'}`);
    mkdirSync(own, { recursive: true, mode: 0o755 });
    return own;
  }
}

function libraryFoldersOf(root: string): string[] {
  return ['usr/lib', 'lib']
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.includes('-linux-'))
        .map((name) => join(folder, name)),
    );
}

function lastLines(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  return (stderr?.trim() || message || String(error)).split('\n').slice(-4).join(' | ');
}
