/**
 * A real PostgreSQL server in a temporary folder, for tests, the demo and the benches: start it, stop it, kill it, pause
 * it, and connect with `url`. It listens on 127.0.0.1 only and keeps its port over restarts.
 * Invariant: after `remove()` neither a process nor a folder nor a shared memory segment of it is left, also when the
 * server was paused or killed before; and the same holds when the process that started it ends without calling it.
 * It speaks no SQL; that is what the drivers under test are for.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import type { PostgresMajor, Progress } from './postgres-binaries.js';
import { createCluster, spawnOptions } from './postgres-cluster.js';
import type { PostgresCluster } from './postgres-cluster.js';
import { descendantsOf, freezeTree, isRunning, signalAll, waitUntilGone, waitUntilGoneSync } from './processes.js';
import { removeOnExit, watchOver } from './remove-on-exit.js';

export { ServerUnavailable } from './postgres-cluster.js';

export interface PostgresServerOptions {
  readonly major: PostgresMajor;
  /** Lines of postgresql.conf, such as `{ max_connections: '10' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default: a free one. */
  readonly port?: number;
  /** Is told what takes long, such as a download. */
  readonly onProgress?: Progress;
}

const ROLE = { user: 'fluxor', password: 'fluxor-secret', database: 'fluxor' } as const;
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 30_000;
/** For the end without ceremony, which takes 10 ms when nothing is wrong. */
const QUIT_LIMIT_MS = 3_000;
const POLL_MS = 10;
const LOG_LINES_IN_ERRORS = 30;

export class PostgresServer {
  readonly host = '127.0.0.1';
  readonly user: string = ROLE.user;
  readonly password: string = ROLE.password;
  readonly database: string = ROLE.database;
  readonly port: number;
  /** The exact version, such as "18.4". */
  readonly version: string;
  readonly major: PostgresMajor;
  readonly #cluster: PostgresCluster;
  readonly #forget: readonly (() => void)[];
  #postmaster: ChildProcess | undefined;
  #isRemoved = false;

  /**
   * Makes a new cluster and starts it; about a second. Throws ServerUnavailable when this machine has no programs of
   * that version and can't get them, and an Error with the tail of the log when the server does not come up.
   */
  static async start(options: PostgresServerOptions): Promise<PostgresServer> {
    const { major, settings = {}, port = await freePort(), onProgress = () => undefined } = options;
    const cluster = await createCluster({ major, port, settings, onProgress, role: ROLE });
    const server = new PostgresServer(cluster, major, port);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.remove();
      throw error;
    }
  }

  private constructor(cluster: PostgresCluster, major: PostgresMajor, port: number) {
    this.#cluster = cluster;
    this.major = major;
    this.port = port;
    this.version = cluster.binaries.version;
    this.#forget = [removeOnExit(this), watchOver(cluster.folder, this.#pidFile)];
  }

  get url(): string {
    return `postgres://${this.user}:${this.password}@${this.host}:${this.port}/${this.database}`;
  }

  get dataFolder(): string {
    return this.#cluster.dataFolder;
  }

  /** The programs, for those who need more of them (`pgbench`, where there is one). */
  get binFolder(): string {
    return this.#cluster.binaries.binFolder;
  }

  get isRunning(): boolean {
    return this.#pid !== undefined;
  }

  /** The process id of the postmaster; `undefined` while the server is down. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Starts a server that is down; settles when it takes connections. A running one is left alone. */
  async start(): Promise<void> {
    if (this.#isRemoved) throw new Error('This PostgreSQL server has been removed.');
    if (this.#pid !== undefined) return;
    const log = openSync(this.#cluster.logFile, 'a');
    const program = join(this.#cluster.binaries.binFolder, 'postgres');
    const options = { ...spawnOptions(this.#cluster), stdio: ['ignore', log, log] as ['ignore', number, number] };
    const postmaster = spawn(program, ['-D', this.dataFolder], options);
    closeSync(log);
    // The demo may end without stopping the server first; then remove-on-exit.ts does.
    postmaster.unref();
    this.#postmaster = postmaster;
    const failed = new Promise<Error>((resolve) => postmaster.once('error', resolve));
    await this.#whenReady(postmaster, failed);
  }

  /** The orderly end ("fast shutdown"): sessions are ended with 57P01, transactions rolled back, data written out. */
  async stop(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    this.resume();
    signalAll([pid], 'SIGINT');
    if (await waitUntilGone([pid], STOP_LIMIT_MS)) return;
    const log = this.logTail();
    await this.kill();
    throw new Error(`PostgreSQL ${this.version} did not stop within ${STOP_LIMIT_MS} ms and was killed.\n${log}`);
  }

  /**
   * The crash: SIGKILL for every process of the server at once. `start()` then recovers from the log. What a crash of
   * the machine would clear as well (the lock file, the shared memory segment) is cleared, so the start finds no
   * remains of another life.
   */
  async kill(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    const pids = freezeTree(pid);
    signalAll(pids, 'SIGKILL');
    if (!(await waitUntilGone(pids, STOP_LIMIT_MS))) throw new Error(`PostgreSQL ${this.version} survives a SIGKILL.`);
    this.#clearRemains();
  }

  /** Freezes every process: connections stay open, nobody answers, and new ones are accepted by the kernel alone. */
  pause(): void {
    if (this.#pid !== undefined) freezeTree(this.#pid);
  }

  resume(): void {
    if (this.#pid !== undefined) signalAll([...descendantsOf(this.#pid), this.#pid], 'SIGCONT');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** The end of the server and of all it has written. May be called twice, and in any state. */
  async remove(): Promise<void> {
    const pids = this.#quit();
    if (!(await waitUntilGone(pids, QUIT_LIMIT_MS))) await this.kill();
    this.#delete();
  }

  /** The same without awaiting, for the exit of the process. */
  removeSync(): void {
    const pids = this.#quit();
    if (!waitUntilGoneSync(pids, QUIT_LIMIT_MS)) {
      signalAll(pids, 'SIGKILL');
      waitUntilGoneSync(pids, QUIT_LIMIT_MS);
      this.#clearRemains();
    }
    this.#delete();
  }

  /** The last lines the server wrote. */
  logTail(lines: number = LOG_LINES_IN_ERRORS): string {
    return readText(this.#cluster.logFile).trimEnd().split('\n').slice(-lines).join('\n');
  }

  get #pidFile(): string {
    return join(this.#cluster.dataFolder, 'postmaster.pid');
  }

  get #pid(): number | undefined {
    const pid = this.#postmaster?.pid;
    return pid !== undefined && this.#postmaster?.exitCode === null && isRunning(pid) ? pid : undefined;
  }

  /** The postmaster writes its state into the lock file: it is what `pg_ctl -w` waits for, and needs no client. */
  async #whenReady(postmaster: ChildProcess, failed: Promise<Error>): Promise<void> {
    for (let waited = 0; waited < START_LIMIT_MS; waited += POLL_MS) {
      const lines = readText(this.#pidFile).split('\n');
      const state = Number(lines[0]) === postmaster.pid ? lines[7]?.trim() : undefined;
      if (state === 'ready' || state === 'standby') return;
      const error = await Promise.race([failed, sleep(POLL_MS)]);
      if (error instanceof Error) throw error;
      if (this.#pid === undefined) throw this.#startError('ended while it started');
    }
    throw this.#startError(`was not ready after ${START_LIMIT_MS} ms`);
  }

  #startError(what: string): Error {
    return new Error(`PostgreSQL ${this.version} ${what}; its log ends so:\n${this.logTail()}`);
  }

  /** Asks for the end without ceremony ("immediate shutdown"), which still frees the shared memory. */
  #quit(): number[] {
    const pid = this.#pid;
    if (pid === undefined) return [];
    const pids = [pid, ...descendantsOf(pid)];
    this.resume();
    signalAll([pid], 'SIGQUIT');
    return pids;
  }

  #delete(): void {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    rmSync(this.#cluster.folder, { recursive: true, force: true, maxRetries: 3 });
    for (const forget of this.#forget) forget();
  }

  /** Line 7 of the lock file names the System V segment (key and id) that a killed server could not free. */
  #clearRemains(): void {
    const segment = readText(this.#pidFile).split('\n')[6]?.trim().split(/\s+/)[1];
    try {
      if (segment !== undefined) execFileSync('ipcrm', ['-m', segment], { stdio: 'ignore' });
    } catch {
      // 56 bytes of the kernel's memory; where ipcrm is missing, the next start in the same folder takes them over.
    }
    rmSync(this.#pidFile, { force: true });
  }
}

/** The text of a file; empty when there is none (yet). */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
