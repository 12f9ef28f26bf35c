/**
 * Programs out of Debian packages without installing them: apt downloads, `dpkg -x` unpacks into a cache folder, and
 * the system stays as it is. Works for root and for an ordinary user, because apt gets state folders of its own while
 * the sources, keys and proxies stay those of the machine. A package that the machine's release lacks can come from
 * another suite of the same mirror, with every library it needs. Used by the …-binaries.ts files.
 * Invariant: a folder in the cache is complete. It is filled under another name and renamed, so two runs at once both
 * end up with one whole copy. What apt can't verify with Debian's keys is not unpacked.
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
  /**
   * Default: the sources of the machine, for programs that run with its libraries. A suite comes with all its own
   * libraries down to libc, so its programs have to be started through its own `ld-linux`.
   */
  readonly suite?: 'unstable';
  /** Folders below the root that are deleted after unpacking. */
  readonly leaveOut?: readonly string[];
  readonly onProgress: Progress;
}

const run = promisify(execFile);
const PROJECT_CACHE = fileURLToPath(new URL('../../node_modules/.cache/fluxor-servers', import.meta.url));
const DOWNLOAD_LIMIT_MS = 10 * 60_000;
const DEBIAN_KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** What a line of the machine's sources may call its release, besides the code name. */
const RELEASE_NAMES = ['stable', 'oldstable', 'testing', 'unstable', 'sid'];

/** The packages with whatever they need and the system lacks; unpacked once, then taken from the cache. */
export async function unpackDebianPackages(request: PackageRequest): Promise<UnpackedPackages | Unavailable> {
  if (!existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg')) {
    return { unavailable: 'this system has no apt-get to download it with' };
  }
  const root = join(cacheFolder(), `${request.name}-${releaseOf(request)}-${process.arch}`);
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
    for (const folder of request.leaveOut ?? []) rmSync(join(unpacked, folder), { recursive: true, force: true });
    moveUnlessThere(unpacked, root);
    return undefined;
  } catch (error) {
    const from = request.suite === undefined ? '' : ` of Debian ${request.suite}`;
    return { unavailable: `apt could not get ${request.packages.join(', ')}${from}: ${lastLines(error)}` };
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

async function download(workshop: string, request: PackageRequest): Promise<Unavailable | undefined> {
  const configuration = join(workshop, 'apt.conf');
  const apt: Apt = async (...args) => {
    const options = {
      cwd: workshop,
      timeout: DOWNLOAD_LIMIT_MS,
      env: { ...process.env, LC_ALL: 'C' },
      maxBuffer: 2 ** 26,
    };
    return run('apt-get', ['-qq', '-c', configuration, ...args], options);
  };
  writeFileSync(configuration, aptConfiguration(workshop).join('\n'));
  request.onProgress(`downloading ${request.packages.join(', ')} of Debian ${releaseOf(request)}; happens once`);
  // A mirror that does not answer is a warning for apt, and old lists, or here none, have to do.
  let warnings: string;
  if (request.suite === undefined) warnings = (await apt('update')).stderr.trim();
  else {
    const update = await updateFromSuite(request, workshop, configuration, apt);
    if (typeof update !== 'string') return update;
    warnings = update;
  }
  let listed: string;
  try {
    // "--reinstall" lists the packages themselves even where they are installed; dependencies only where they are not.
    const install = ['install', '--reinstall', '--no-install-recommends', '--print-uris', '-y', ...request.packages];
    listed = (await apt(...install)).stdout;
  } catch (error) {
    const text = lastLines(error);
    if (!/unable to locate|no installation candidate|can ?not find|reinstallation .* not possible/i.test(text))
      throw error;
    const why = warnings === '' ? '' : `; apt had warned: ${lastLines({ stderr: warnings })}`;
    const what = `the package sources of Debian ${releaseOf(request)} have no ${request.packages[0] ?? ''}`;
    return { unavailable: `${what}${why}` };
  }
  const needed = packageNames(listed).filter((name) => !request.without.test(name));
  await apt('download', ...needed);
  return undefined;
}

type Apt = (...args: string[]) => Promise<{ readonly stdout: string; readonly stderr: string }>;

/**
 * Reads the list of a suite from the mirrors that the machine's own sources name, the first that has it. Sources of
 * somebody else may look the same from here (a release, "main"); they have no such suite, or not with Debian's keys.
 * Answers with apt's warnings.
 */
async function updateFromSuite(
  request: PackageRequest,
  workshop: string,
  configuration: string,
  apt: Apt,
): Promise<Unavailable | string> {
  const format = '$(SITE) $(RELEASE) $(COMPONENT)';
  const { stdout } = await apt('indextargets', '--no-release-info', '--format', format);
  const targets = stdout.split('\n').map((line) => line.split(' '));
  const releases = [debianRelease(), ...RELEASE_NAMES];
  const main = targets.filter(([, release = '', component]) => releases.includes(release) && component === 'main');
  const mirrors = [...new Set(main.map(([site = '']) => site))];
  const architecture = (await run('dpkg', ['--print-architecture'])).stdout.trim();
  let failure: unknown;
  for (const mirror of mirrors) {
    const source = [`URIs: ${mirror}`, `Suites: ${releaseOf(request)}`, `Architectures: ${architecture}`];
    const keys = existsSync(DEBIAN_KEYS) ? [`Signed-By: ${DEBIAN_KEYS}`] : [];
    const file = join(workshop, 'suite.sources');
    writeFileSync(file, ['Types: deb', ...source, 'Components: main', ...keys, ''].join('\n'));
    writeFileSync(configuration, [...aptConfiguration(workshop), ...suiteConfiguration(workshop, file)].join('\n'));
    try {
      return (await apt('update', '-o', 'APT::Update::Error-Mode=any')).stderr.trim();
    } catch (error) {
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
  const wanted = `${request.packages.join(', ')} of Debian ${releaseOf(request)}`;
  return { unavailable: `the package sources of this machine name no mirror of Debian, which would have ${wanted}` };
}

function releaseOf(request: PackageRequest): string {
  return request.suite ?? debianRelease();
}

/** Lines look like: 'address/of/name_version_arch.deb' name_version_arch.deb size hash */
function packageNames(listed: string): string[] {
  return [...listed.matchAll(/^'[^']+' ([^_\s]+)_\S+\.deb /gm)].map((match) => match[1] ?? '');
}

/**
 * Folders of our own for apt; everything else is the machine's configuration. Read with `-c`, after the machine's own
 * files; what APT_CONFIG names is read before them, too early to clear anything.
 */
function aptConfiguration(workshop: string): string[] {
  const state = join(workshop, 'apt');
  for (const folder of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(state, folder), { recursive: true });
  // The hooks are emptied because images have some that delete the system's own download cache. As root apt would
  // change to its user "_apt", who can't write here.
  return [
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
}

/** No installed packages, so that all libraries are listed, and none of the machine's preferences for its release. */
function suiteConfiguration(workshop: string, source: string): string[] {
  const nothingInstalled = join(workshop, 'status');
  writeFileSync(nothingInstalled, '');
  return [
    `Dir::State::status "${nothingInstalled}";`,
    `Dir::Etc::sourcelist "${source}";`,
    ...['sourceparts', 'preferences', 'preferencesparts'].map((name) => `Dir::Etc::${name} "/dev/null";`),
    '#clear APT::Default-Release;',
    '',
  ];
}

/** Two runs at once fill a folder of the cache each under a name of their own; the first to be ready wins. */
export function moveUnlessThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    // Another run was quicker: its copy is as good as ours.
    if (!existsSync(to)) throw error;
  }
}

/** Where downloads are kept: in the project where that is possible; else one per user, so that nobody's programs are run by somebody else. */
export function cacheFolder(): string {
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
