/**
 * The making of a MySQL or MariaDB data folder: the system tables, the settings of a test server, the database and its
 * logins. What mysql-server.ts calls once in a server's life; everything after that is processes.
 * MySQL takes two seconds to make one, so the first of each kind is kept in the cache (120 MB, of MariaDB 30) and the
 * others are copies. A copy has no `auto.cnf`: every server gets an identity of its own.
 */
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync } from 'node:fs';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, moveUnlessThere } from './debian-packages.js';
import type { Progress } from './debian-packages.js';
import { findMysql, folderWith, placeFlags, pluginFolder, productName } from './mysql-binaries.js';
import { serverCommand, serverEnvironment } from './mysql-binaries.js';
import type { MysqlBinaries, MysqlProduct } from './mysql-binaries.js';
import { birthFlags, loginStatements, settingFlags } from './mysql-settings.js';
import type { MysqlSettings } from './mysql-settings.js';
import { reachable } from './postgres-cluster.js';
import { makeServerFolder, runProgram, ServerUnavailable } from './server-folder.js';
import type { ServerFolder } from './server-folder.js';
import { handOver } from './server-user.js';
import type { ServerUser } from './server-user.js';

/** Below the folder. Its writer is local-server.ts. */
const PID_FILE = 'server.pid';

export interface MysqlInstallation {
  readonly binaries: MysqlBinaries;
  /** `undefined`: the user who runs the tests. */
  readonly user: ServerUser | undefined;
  /** Holds everything of this server, and goes with it. */
  readonly folder: string;
  readonly dataFolder: string;
  readonly logFile: string;
  readonly pidFile: string;
  readonly socket: string;
  /** All of the server's flags. */
  readonly flags: readonly string[];
  readonly hasEd25519: boolean;
}

/** A certificate and its key, as PEM text. */
export interface MysqlCertificate {
  readonly cert: string;
  readonly key: string;
  /** Who has signed the certificates of clients. */
  readonly ca?: string;
}

export interface InstallationPlan {
  readonly product: MysqlProduct;
  readonly port: number;
  readonly settings: MysqlSettings;
  readonly tls: MysqlCertificate | undefined;
  readonly onProgress: Progress;
}

/** Throws ServerUnavailable when there are no programs; otherwise the server is ready to be started. */
export async function createInstallation(plan: InstallationPlan): Promise<MysqlInstallation> {
  const found = await findMysql(plan.product, plan.onProgress);
  if ('unavailable' in found) throw new ServerUnavailable(productName(plan.product), found.unavailable);
  const { product, tls } = plan;
  return makeServerFolder({ prefix: `fluxor-${product}-`, pidFile: PID_FILE, endSignal: 'KILL' }, async (at) => {
    const { path: folder, user } = at;
    const paths = pathsIn(folder);
    const binaries = { ...found, ...reachable(found, user, folder) };
    const hasEd25519 = product === 'mariadb' && existsSync(join(pluginFolder(binaries) ?? '', 'auth_ed25519.so'));
    const flags = [...ownFlags(binaries, paths, plan), ...certificateFlags(tls, folder, user)];
    const installation = { binaries, user, folder, ...paths, flags, hasEd25519 };
    mkdirSync(paths.dataFolder, { mode: 0o700 });
    if (user !== undefined) chownSync(paths.dataFolder, user.uid, user.gid);
    await makeData(at, installation, plan);
    return installation;
  });
}

/** The socket is in the data folder, where its user alone can go. The process id is written by us, for the watchman. */
function pathsIn(folder: string) {
  const dataFolder = join(folder, 'data');
  const logFile = join(folder, 'server.log');
  return { dataFolder, logFile, pidFile: join(folder, PID_FILE), socket: join(dataFolder, 'mysql.sock') };
}

function ownFlags(binaries: MysqlBinaries, paths: ReturnType<typeof pathsIn>, plan: InstallationPlan): string[] {
  const { dataFolder, socket } = paths;
  const places = [`--datadir=${dataFolder}`, `--socket=${socket}`, `--pid-file=${join(dataFolder, 'mysqld.pid')}`];
  const settings = settingFlags(plan.product, { port: String(plan.port), ...plan.settings });
  return ['--no-defaults', ...placeFlags(binaries), ...places, ...settings];
}

/** Both products want files, and the key readable for the server alone. */
function certificateFlags(tls: MysqlCertificate | undefined, folder: string, user: ServerUser | undefined): string[] {
  if (tls === undefined) return [];
  const tlsFolder = join(folder, 'tls');
  mkdirSync(tlsFolder, { mode: 0o700 });
  const parts = Object.entries({ cert: tls.cert, key: tls.key, ca: tls.ca });
  const flags = parts.flatMap(([name, text]) => {
    if (text === undefined) return [];
    writeFileSync(join(tlsFolder, `${name}.pem`), text, { mode: 0o600 });
    return [`--ssl-${name}=${join(tlsFolder, `${name}.pem`)}`];
  });
  if (user !== undefined) handOver(tlsFolder, user);
  return flags;
}

async function makeData(at: ServerFolder, installation: MysqlInstallation, plan: InstallationPlan): Promise<void> {
  const { binaries, dataFolder, hasEd25519, user } = installation;
  const logins = loginStatements(plan.product, hasEd25519);
  const birth = birthFlags(plan.product, plan.settings);
  const kind = createHash('sha256')
    .update(JSON.stringify([logins, birth]))
    .digest('hex')
    .slice(0, 12);
  const template = join(cacheFolder(), `${plan.product}-data-${binaries.version}-${kind}`);
  if (existsSync(template)) {
    cpSync(template, dataFolder, { recursive: true });
    if (user !== undefined) handOver(dataFolder, user);
    return;
  }
  const flags = ['--no-defaults', ...placeFlags(binaries), `--datadir=${dataFolder}`, ...birth];
  if (plan.product === 'mariadb') {
    // What mariadb-install-db does, without the script: it needs programs of other packages.
    const quiet = ['--bootstrap', '--log-warnings=0', '--enforce-storage-engine=', '--max-allowed-packet=8M'];
    await runServer(at, installation, [...flags, ...quiet], `${systemTables(binaries)}\n${logins}`);
  } else {
    const initFile = join(installation.folder, 'logins.sql');
    writeFileSync(initFile, logins, { mode: 0o600 });
    if (user !== undefined) handOver(initFile, user);
    await runServer(at, installation, [...flags, '--initialize-insecure', `--init-file=${initFile}`]);
  }
  keep(dataFolder, template);
}

function keep(dataFolder: string, template: string): void {
  const unfinished = `${template}.${process.pid}.tmp`;
  try {
    cpSync(dataFolder, unfinished, { recursive: true });
    chmodSync(unfinished, 0o700);
    rmSync(join(unfinished, 'auto.cnf'), { force: true });
    moveUnlessThere(unfinished, template);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** Since version 11 the files are named after the product. The texts of HELP are left out: 2 MB that nobody asks for. */
function systemTables(binaries: MysqlBinaries): string {
  const wanted = ['system_tables', 'performance_tables', 'system_tables_data', 'add_gis_sp_bootstrap', 'sys_schema'];
  const folders = ['share/mariadb', 'share/mysql', 'share'];
  const folder =
    folderWith(binaries, folders, 'mysql_system_tables.sql') ??
    folderWith(binaries, folders, 'mariadb_system_tables.sql');
  if (folder === undefined) throw new Error(`MariaDB ${binaries.version} has no mysql_system_tables.sql in its share.`);
  const names = readdirSync(folder);
  const texts = wanted.map((part) => {
    const name = names.find((file) => file.replace(/^(mysql|mariadb|maria)_/, '') === `${part}.sql`);
    return name === undefined ? '' : readFileSync(join(folder, name), 'utf8');
  });
  return ['CREATE DATABASE mysql;', 'USE mysql;', 'SET @auth_root_socket = NULL;', ...texts].join('\n');
}

/** A server that ends by itself when its work is done. */
function runServer(
  at: ServerFolder,
  { binaries, pidFile }: MysqlInstallation,
  flags: readonly string[],
  input = '',
): Promise<void> {
  return runProgram(at, {
    command: [...serverCommand(binaries), ...flags],
    environment: serverEnvironment(binaries),
    input,
    failure: /^ERROR|\[ERROR\]/m,
    what: `The making of a data folder of ${productName(binaries.product)} ${binaries.version}`,
    pidFile,
  });
}
