/**
 * The making of a PostgreSQL data folder: initdb, the settings of a test server, and the database. What postgres-server.ts
 * calls once in a server's life; everything after that is processes.
 * Invariant: the folder holds all the server needs to start with `postgres -D`, so a copy of it starts as well.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyBinaries, findPostgres, postgresEnvironment } from './postgres-binaries.js';
import type { PostgresBinaries, PostgresMajor, Progress } from './postgres-binaries.js';
import { removeOnExit, watchOver } from './remove-on-exit.js';
import { handOver, isOpenToOthers, serverUser, temporaryRoot } from './server-user.js';
import type { ServerUser } from './server-user.js';

export interface PostgresCluster {
  readonly binaries: PostgresBinaries;
  /** `undefined`: the user who runs the tests. */
  readonly user: ServerUser | undefined;
  /** Holds everything of this server, and goes with it. */
  readonly folder: string;
  readonly dataFolder: string;
  readonly logFile: string;
  /** Those that make the cluster and are not the server itself. */
  readonly programs: Set<ChildProcess>;
}

export interface ClusterPlan {
  readonly major: PostgresMajor;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly role: { readonly user: string; readonly password: string; readonly database: string };
  readonly onProgress: Progress;
}

/** The server can't be had on this machine, through no fault of the tests. */
export class ServerUnavailable extends Error {
  readonly reason: string;

  constructor(name: string, reason: string) {
    super(`${name} can't be had: ${reason}`);
    this.name = 'ServerUnavailable';
    this.reason = reason;
  }
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
  const user = serverUser();
  const folder = mkdtempSync(join(temporaryRoot(user), 'fluxor-postgres-'));
  // Until the server itself watches over its folder: a run that ends in the middle of initdb leaves nothing either.
  const dataFolder = join(folder, 'data');
  const programs = new Set<ChildProcess>();
  const forget = removeOnExit({
    removeSync() {
      // With everything it has started: it leads a process group of its own.
      for (const { pid } of programs) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  });
  const dismiss = watchOver(folder, join(dataFolder, 'postmaster.pid'));
  try {
    chmodSync(folder, 0o755);
    const binaries = reachable(found, user, folder);
    const cluster = { binaries, user, folder, programs, dataFolder, logFile: join(folder, 'server.log') };
    await initialize(cluster, plan);
    return cluster;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  } finally {
    forget();
    dismiss();
  }
}

/** How every program of the cluster is started: as its user, in its folder, away from the terminal's signals. */
export function spawnOptions(cluster: PostgresCluster) {
  const { user, folder, binaries } = cluster;
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  return { ...identity, cwd: folder, env: postgresEnvironment(binaries), detached: true };
}

/** The programs where the server's user can run them: in their place, or as a copy in the server's folder. */
export function reachable(binaries: PostgresBinaries, user: ServerUser | undefined, folder: string): PostgresBinaries {
  if (user === undefined || isOpenToOthers(binaries.binFolder)) return binaries;
  const copy = copyBinaries(binaries, join(folder, 'programs'));
  handOver(copy.installation, user);
  return copy;
}

async function initialize(cluster: PostgresCluster, plan: ClusterPlan): Promise<void> {
  const { dataFolder, folder } = cluster;
  const passwordFile = join(folder, 'password');
  mkdirSync(dataFolder, { mode: 0o700 });
  writeFileSync(passwordFile, plan.role.password, { mode: 0o600 });
  for (const path of [dataFolder, passwordFile]) {
    if (cluster.user !== undefined) chownSync(path, cluster.user.uid, cluster.user.gid);
  }
  const login = ['-U', plan.role.user, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  const speed = ['--no-sync', '--no-instructions'];
  await runProgram(cluster, 'initdb', ['-D', dataFolder, ...login, '--encoding=UTF8', '--locale=C', ...speed]);
  rmSync(passwordFile);
  appendFileSync(join(dataFolder, 'postgresql.conf'), settingLines(plan));
  // A server for one statement, on its standard input: it needs neither a port nor a client.
  await runProgram(
    cluster,
    'postgres',
    ['--single', '-D', dataFolder, 'postgres'],
    `CREATE DATABASE ${plan.role.database}`,
  );
}

/** The last line of a setting counts, so these come after initdb's and the caller's come last. */
function settingLines(plan: ClusterPlan): string {
  const settings = { ...SETTINGS, port: String(plan.port), ...plan.settings };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  return ['', '# Fluxor-DB test server', ...lines, ''].join('\n');
}

function runProgram(cluster: PostgresCluster, name: string, args: readonly string[], input = ''): Promise<void> {
  const program = spawn(join(cluster.binaries.binFolder, name), args, { ...spawnOptions(cluster), stdio: 'pipe' });
  cluster.programs.add(program);
  let output = '';
  for (const stream of [program.stdout, program.stderr])
    stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  program.stdin.on('error', () => undefined);
  program.stdin.end(input);
  return new Promise((resolve, reject) => {
    program.once('error', reject);
    program.once('close', (code, signal) => {
      cluster.programs.delete(program);
      // A single-user server reports a failed statement and ends with 0.
      if (code === 0 && !/^(ERROR|FATAL|PANIC)|\] (ERROR|FATAL|PANIC):/m.test(output)) return resolve();
      reject(
        new Error(`${name} of PostgreSQL ${cluster.binaries.version} failed (${signal ?? code}):\n${output.trim()}`),
      );
    });
  });
}
