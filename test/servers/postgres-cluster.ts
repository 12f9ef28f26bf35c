/**
 * The making of a PostgreSQL data folder: initdb, the settings of a test server, and the database. What postgres-server.ts
 * calls once in a server's life; everything after that is processes.
 * Invariant: the folder holds all the server needs to start with `postgres -D`, so a copy of it starts as well.
 */
import { appendFileSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyBinaries, findPostgres, postgresEnvironment } from './postgres-binaries.js';
import type { PostgresBinaries, PostgresMajor, Progress } from './postgres-binaries.js';
import { makeServerFolder, runProgram, ServerUnavailable } from './server-folder.js';
import type { ServerFolder } from './server-folder.js';
import { handOver, isOpenToOthers } from './server-user.js';
import type { ServerUser } from './server-user.js';

export interface PostgresCluster {
  readonly binaries: PostgresBinaries;
  /** `undefined`: the user who runs the tests. */
  readonly user: ServerUser | undefined;
  /** Holds everything of this server, and goes with it. */
  readonly folder: string;
  readonly dataFolder: string;
  readonly logFile: string;
  /** Written by the server, with its state. */
  readonly pidFile: string;
}

export interface ClusterPlan {
  readonly major: PostgresMajor;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly role: { readonly user: string; readonly password: string; readonly database: string };
  readonly onProgress: Progress;
}

/**
 * fsync protects from a crash of the machine only, and costs most of a commit. The other two must stay on, since tests
 * kill the server: synchronous_commit hands the log to the kernel before a commit is reported, and a SIGKILL can tear a
 * page of 8 kB between its two pages of 4 kB. Shared memory as files in the data folder is gone with the folder;
 * segments in /dev/shm would stay behind after a kill, and containers have only 64 MB there.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  dynamic_shared_memory_type: 'mmap',
};

/** Throws ServerUnavailable when there are no programs; otherwise the cluster is ready to be started. */
export async function createCluster(plan: ClusterPlan): Promise<PostgresCluster> {
  const found = await findPostgres(plan.major, plan.onProgress);
  if ('unavailable' in found) throw new ServerUnavailable(`PostgreSQL ${plan.major}`, found.unavailable);
  const pidFile = 'data/postmaster.pid';
  return makeServerFolder({ prefix: 'fluxor-postgres-', pidFile, endSignal: 'QUIT' }, async (folder) => {
    const { path, user } = folder;
    const places = { folder: path, dataFolder: join(path, 'data'), logFile: join(path, 'server.log') };
    const cluster = { binaries: reachable(found, user, path), user, ...places, pidFile: join(path, pidFile) };
    await initialize(folder, cluster, plan);
    return cluster;
  });
}

/** The programs where the server's user can run them: in their place, or as a copy in the server's folder. */
export function reachable(binaries: PostgresBinaries, user: ServerUser | undefined, folder: string): PostgresBinaries {
  if (user === undefined || isOpenToOthers(binaries.binFolder)) return binaries;
  const copy = copyBinaries(binaries, join(folder, 'programs'));
  handOver(copy.installation, user);
  return copy;
}

async function initialize(at: ServerFolder, cluster: PostgresCluster, plan: ClusterPlan): Promise<void> {
  const { dataFolder, folder, user } = cluster;
  const passwordFile = join(folder, 'password');
  mkdirSync(dataFolder, { mode: 0o700 });
  writeFileSync(passwordFile, plan.role.password, { mode: 0o600 });
  if (user !== undefined) for (const path of [dataFolder, passwordFile]) chownSync(path, user.uid, user.gid);
  const run = (name: string, args: readonly string[], input = ''): Promise<void> =>
    runProgram(at, {
      command: [join(cluster.binaries.binFolder, name), ...args],
      environment: postgresEnvironment(cluster.binaries),
      input,
      failure: /^(ERROR|FATAL|PANIC)|\] (ERROR|FATAL|PANIC):/m,
      what: `${name} of PostgreSQL ${cluster.binaries.version}`,
    });
  const login = ['-U', plan.role.user, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  const speed = ['--no-sync', '--no-instructions'];
  await run('initdb', ['-D', dataFolder, ...login, '--encoding=UTF8', '--locale=C', ...speed]);
  rmSync(passwordFile);
  appendFileSync(join(dataFolder, 'postgresql.conf'), settingLines(plan));
  // A server for one statement, on its standard input: it needs neither a port nor a client.
  await run('postgres', ['--single', '-D', dataFolder, 'postgres'], `CREATE DATABASE ${plan.role.database}`);
}

/** The last line of a setting counts, so these come after initdb's and the caller's come last. */
function settingLines(plan: ClusterPlan): string {
  const settings = { ...SETTINGS, port: String(plan.port), ...plan.settings };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  return ['', '# Fluxor-DB test server', ...lines, ''].join('\n');
}
