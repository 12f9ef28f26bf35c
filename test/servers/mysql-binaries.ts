/**
 * Where the programs of MySQL and MariaDB come from: a folder named in the environment, else what is installed on this
 * machine and new enough, else Debian's packages, unpacked beside the system. MariaDB is part of Debian's releases and
 * runs with the machine's libraries. MySQL is in Debian's unstable suite only; it comes with all of its own libraries
 * and is started through their `ld-linux`.
 * Invariant: what it answers has been started once with `--version`, so its libraries are all there; what can't be had
 * comes back as a reason, never as an exception.
 */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { unpackDebianPackages } from './debian-packages.js';
import type { PackageRequest, Progress, Unavailable } from './debian-packages.js';
import { postgresEnvironment } from './postgres-binaries.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { versionSaidBy } from './program-version.js';

export type MysqlProduct = 'mysql' | 'mariadb';

/** The same facts as of PostgreSQL's programs. */
export interface MysqlBinaries extends PostgresBinaries {
  readonly product: MysqlProduct;
}

interface Product {
  readonly name: string;
  readonly program: string;
  /** The oldest that the tests are written for. */
  readonly atLeast: readonly [number, number];
  readonly folderVariable: string;
  readonly request: Omit<PackageRequest, 'onProgress'>;
}

/** Programs beside the server, 60 to 80 MB of them, and what people read. */
const LEFT_OUT = ['usr/bin', 'usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/gdb'];

const PRODUCTS: Readonly<Record<MysqlProduct, Product>> = {
  mysql: {
    name: 'MySQL',
    program: 'mysqld',
    atLeast: [9, 7],
    folderVariable: 'FLUXOR_TEST_MYSQL_BIN',
    request: {
      name: 'mysql',
      suite: 'unstable',
      packages: ['mysql-server-core'],
      // Perl is for its scripts.
      without: /^(perl|libperl|libgdbm|libc-gconv|gcc-\d+-base$)/,
      leaveOut: LEFT_OUT,
    },
  },
  mariadb: {
    name: 'MariaDB',
    program: 'mariadbd',
    atLeast: [10, 11],
    folderVariable: 'FLUXOR_TEST_MARIADB_BIN',
    request: {
      name: 'mariadb',
      // The second one for the plugin of the login "ed25519".
      packages: ['mariadb-server-core', 'mariadb-server'],
      without: /^(?!mariadb-server|lib)|-perl$/,
      leaveOut: LEFT_OUT,
    },
  },
};

/** Debian's, then those of MySQL's own packages and of Homebrew; PATH comes after them. */
const USUAL_FOLDERS = ['/usr/sbin', '/usr/libexec', '/usr/local/mysql/bin', '/opt/homebrew/bin', '/usr/local/bin'];

/** The product's name for people. */
export function productName(product: MysqlProduct): string {
  return PRODUCTS[product].name;
}

/**
 * The server program of one product. FLUXOR_TEST_MYSQL_BIN and FLUXOR_TEST_MARIADB_BIN name the folder it is in;
 * FLUXOR_TEST_SERVERS_FROM=download passes over what is installed on this machine.
 */
export async function findMysql(
  product: MysqlProduct,
  onProgress: Progress = () => undefined,
): Promise<MysqlBinaries | Unavailable> {
  if (process.platform === 'win32') return { unavailable: 'these helpers need POSIX signals' };
  const named = process.env[PRODUCTS[product].folderVariable];
  if (named) return checked(product, { binFolder: named, installation: dirname(named), libraryFolders: [] });
  const found = onThisMachine(product);
  if (found !== undefined) return found;
  const unpacked = await unpackDebianPackages({ ...PRODUCTS[product].request, onProgress });
  if ('unavailable' in unpacked) return unpacked;
  const { root, libraryFolders } = unpacked;
  return checked(product, { binFolder: join(root, 'usr/sbin'), installation: root, libraryFolders });
}

/** The words that start the server program, before its own flags. */
export function serverCommand(binaries: MysqlBinaries): [string, ...string[]] {
  const program = join(binaries.binFolder, PRODUCTS[binaries.product].program);
  const loader = ownLoader(binaries.libraryFolders);
  if (loader === undefined) return [program];
  // The machine's cache of libraries is for another libc.
  return [loader, '--inhibit-cache', '--library-path', binaries.libraryFolders.join(':'), program];
}

/** What every program gets: nothing of the caller's, and one language and time zone. */
export function serverEnvironment(binaries: MysqlBinaries): NodeJS.ProcessEnv {
  // The loader has been told, and whatever the server starts belongs to the machine.
  const isTold = ownLoader(binaries.libraryFolders) !== undefined;
  return postgresEnvironment(isTold ? { ...binaries, libraryFolders: [] } : binaries);
}

/** Flags for what a moved installation does not find by itself. */
export function placeFlags(binaries: MysqlBinaries): string[] {
  const flags = [`--basedir=${dirname(binaries.binFolder)}`];
  const messages = folderWith(binaries, ['share/mysql', 'share/mariadb', 'share'], 'english/errmsg.sys');
  if (messages !== undefined) flags.push(`--lc-messages-dir=${messages}`, `--character-sets-dir=${messages}/charsets`);
  const plugins = pluginFolder(binaries);
  return plugins === undefined ? flags : [...flags, `--plugin-dir=${plugins}`];
}

/** The folder with the plugins; `undefined` when the server will have to know. */
export function pluginFolder(binaries: MysqlBinaries): string | undefined {
  return folderWith(binaries, ['lib/mysql/plugin', 'lib/mariadb/plugin', 'lib64/mysql/plugin', 'lib/plugin'], '.');
}

/** The first of the folders, below the one that holds bin and share, that has such a file. */
export function folderWith(binaries: MysqlBinaries, folders: readonly string[], file: string): string | undefined {
  const base = dirname(binaries.binFolder);
  return folders.map((folder) => join(base, folder)).find((folder) => existsSync(join(folder, file)));
}

function ownLoader(libraryFolders: readonly string[]): string | undefined {
  const files = libraryFolders.flatMap((folder) => readdirSync(folder).map((name) => ({ folder, name })));
  const loader = files.find(({ name }) => /^ld-linux.*\.so\.\d+$/.test(name));
  return loader === undefined ? undefined : join(loader.folder, loader.name);
}

/** One that is too old, or is the other product under this one's name, is passed over. */
function onThisMachine(product: MysqlProduct): MysqlBinaries | undefined {
  if (process.env['FLUXOR_TEST_SERVERS_FROM'] === 'download') return undefined;
  const folders = [...USUAL_FOLDERS, ...(process.env['PATH'] ?? '').split(delimiter)];
  for (const folder of new Set(folders)) {
    const program = join(folder, PRODUCTS[product].program);
    if (!existsSync(program)) continue;
    const binFolder = dirname(realpathSync(program));
    const answer = checked(product, { binFolder, installation: dirname(binFolder), libraryFolders: [] });
    if (!('unavailable' in answer)) return answer;
  }
  return undefined;
}

function checked(
  product: MysqlProduct,
  found: Omit<MysqlBinaries, 'product' | 'version'>,
): MysqlBinaries | Unavailable {
  const binaries = { ...found, product, version: '' };
  let output: string;
  try {
    output = versionSaidBy([...serverCommand(binaries), '--no-defaults'], serverEnvironment(binaries));
  } catch (error) {
    return { unavailable: `its program does not start: ${(error as Error).message.trim()}` };
  }
  const version = /Ver (\d+\.\d+\.\d+)/.exec(output)?.[1] ?? '0.0.0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const { atLeast, name } = PRODUCTS[product];
  const isNewEnough = major > atLeast[0] || (major === atLeast[0] && minor >= atLeast[1]);
  if (output.includes('MariaDB') !== (product === 'mariadb') || !isNewEnough) {
    return { unavailable: `${found.binFolder} holds ${output.trim()}, and not ${name} ${atLeast.join('.')} or later` };
  }
  return { ...binaries, version };
}
