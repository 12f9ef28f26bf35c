/**
 * A real PgBouncer in a temporary folder, in front of a PostgreSQL that runs already, for tests: start it, stop it, kill
 * it, pause it, and connect with `url`. It listens on 127.0.0.1 only and keeps its port over restarts.
 * Invariant: after `remove()` neither its process nor its folder is left, also when it was paused or killed before; and
 * the same holds when the process that started it ends without calling it.
 * It speaks no SQL and knows nothing of the server behind it but its address and one login.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { findPgBouncer } from './pgbouncer-binaries.js';
import type { PgBouncerBinaries } from './pgbouncer-binaries.js';
import { configurationOf, isAtLeast, USER_LIST, userListOf } from './pgbouncer-configuration.js';
import type { PgBouncerPlan } from './pgbouncer-configuration.js';
import { postgresEnvironment } from './postgres-binaries.js';
import type { Progress } from './postgres-binaries.js';
import { reachable, ServerUnavailable } from './postgres-cluster.js';
import { isRunning, signalAll, waitUntilGone, waitUntilGoneSync } from './processes.js';
import { removeOnExit, watchOver } from './remove-on-exit.js';
import { handOver, serverUser, temporaryRoot } from './server-user.js';
import type { ServerUser } from './server-user.js';

export interface PgBouncerServerOptions extends PgBouncerPlan {
  /** Default: a free one. */
  readonly port?: number;
  /** Is told what takes long, such as a download. */
  readonly onProgress?: Progress;
}

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 30_000;
const POLL_MS = 10;
const LOG_LINES_IN_ERRORS = 30;
/** The last thing it says before it takes connections. */
const READY = /process up: PgBouncer/i;

interface Installed {
  readonly binaries: PgBouncerBinaries;
  /** `undefined`: the user who runs the tests. PgBouncer, too, refuses to run as root. */
  readonly user: ServerUser | undefined;
  readonly folder: string;
}

export class PgBouncerServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  /** The exact version, such as "1.18.0". */
  readonly version: string;
  readonly poolMode: 'transaction' | 'session';
  /** Address of the PostgreSQL behind it. */
  readonly target: string;
  /** Holds everything of this PgBouncer, and goes with it. */
  readonly folder: string;
  readonly #installed: Installed;
  readonly #forget: readonly (() => void)[];
  #process: ChildProcess | undefined;
  #isRemoved = false;

  /**
   * Starts one; well below a second. It does not look at the server behind it, which may be down. Throws
   * ServerUnavailable when this machine has no program and can't get it, and an Error with the tail of the log when it
   * does not come up.
   */
  static async start(options: PgBouncerServerOptions): Promise<PgBouncerServer> {
    const { port = await freePort(), onProgress } = options;
    const found = await findPgBouncer(onProgress);
    if ('unavailable' in found) throw new ServerUnavailable('PgBouncer', found.unavailable);
    const configuration = configurationOf(options, port, found.version);
    const user = serverUser();
    const folder = mkdtempSync(join(temporaryRoot(user), 'fluxor-pgbouncer-'));
    const bouncer = new PgBouncerServer({ binaries: found, user, folder }, options, port);
    try {
      bouncer.#write(configuration);
      await bouncer.start();
      return bouncer;
    } catch (error) {
      await bouncer.remove();
      throw error;
    }
  }

  private constructor(installed: Installed, options: PgBouncerServerOptions, port: number) {
    this.folder = installed.folder;
    this.port = port;
    this.version = installed.binaries.version;
    this.poolMode = options.poolMode;
    this.target = options.target;
    this.#forget = [removeOnExit(this), watchOver(this.folder, this.#pidFile, 'KILL')];
    try {
      chmodSync(this.folder, 0o755);
      const binaries = reachable(installed.binaries, installed.user, this.folder);
      this.#installed = { ...installed, binaries };
    } catch (error) {
      this.#delete();
      throw error;
    }
  }

  /** The target's address with this host and port. */
  get url(): string {
    return this.#urlOf(new URL(this.target).pathname);
  }

  /** The admin console: a database of PgBouncer's own that takes SHOW, PAUSE, KILL and the like, as simple queries. */
  get adminUrl(): string {
    return this.#urlOf('/pgbouncer');
  }

  get isRunning(): boolean {
    return this.#pid !== undefined;
  }

  /** The process id; `undefined` while it is down. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Starts one that is down; settles when it takes connections. A running one is left alone. */
  async start(): Promise<void> {
    if (this.#isRemoved) throw new Error('This PgBouncer has been removed.');
    if (this.#pid !== undefined) return;
    const { binaries, user } = this.#installed;
    const before = this.#log().length;
    const log = openSync(this.#logFile, 'a');
    const started = spawn(join(binaries.binFolder, 'pgbouncer'), [this.#configurationFile], {
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
      cwd: this.folder,
      env: postgresEnvironment(binaries),
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    started.unref();
    this.#process = started;
    const failed = new Promise<Error>((resolve) => started.once('error', resolve));
    // For the watchman. PgBouncer would write it too, but only some time after it has begun to live.
    if (started.pid !== undefined) writeFileSync(this.#pidFile, `${started.pid}\n`);
    await this.#whenReady(before, failed);
  }

  /** The immediate shutdown: clients in the middle of a transaction lose it, and nobody is told why. */
  async stop(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    this.resume();
    // Since 1.23 SIGTERM waits until the last client has gone, and SIGQUIT is what SIGTERM was.
    signalAll([pid], isAtLeast(this.version, 1, 23) ? 'SIGQUIT' : 'SIGTERM');
    if (await waitUntilGone([pid], STOP_LIMIT_MS)) return;
    const log = this.logTail();
    await this.kill();
    throw new Error(`PgBouncer ${this.version} did not stop within ${STOP_LIMIT_MS} ms and was killed.\n${log}`);
  }

  /** The crash: SIGKILL. It is one process without a memory, so the next start finds no remains. */
  async kill(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    signalAll([pid], 'SIGKILL');
    if (!(await waitUntilGone([pid], STOP_LIMIT_MS))) throw new Error(`PgBouncer ${this.version} survives a SIGKILL.`);
  }

  /** Freezes the process: connections stay open and nobody answers. The console's PAUSE is another thing. */
  pause(): void {
    if (this.#pid !== undefined) signalAll([this.#pid], 'SIGSTOP');
  }

  resume(): void {
    if (this.#pid !== undefined) signalAll([this.#pid], 'SIGCONT');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** The end of it and of all it has written. May be called twice, and in any state. */
  async remove(): Promise<void> {
    await this.kill();
    this.#delete();
  }

  /** The same without awaiting, for the exit of the process. */
  removeSync(): void {
    const pid = this.#pid;
    if (pid !== undefined) {
      signalAll([pid], 'SIGKILL');
      waitUntilGoneSync([pid], STOP_LIMIT_MS);
    }
    this.#delete();
  }

  /** The last lines it wrote. */
  logTail(lines: number = LOG_LINES_IN_ERRORS): string {
    return this.#log().trimEnd().split('\n').slice(-lines).join('\n');
  }

  get #pidFile(): string {
    return join(this.folder, 'pgbouncer.pid');
  }

  get #logFile(): string {
    return join(this.folder, 'pgbouncer.log');
  }

  get #configurationFile(): string {
    return join(this.folder, 'pgbouncer.ini');
  }

  get #pid(): number | undefined {
    const pid = this.#process?.pid;
    return pid !== undefined && this.#process?.exitCode === null && isRunning(pid) ? pid : undefined;
  }

  #urlOf(path: string): string {
    const url = new URL(this.target);
    url.hostname = this.host;
    url.port = String(this.port);
    url.pathname = path;
    url.search = '';
    return url.href;
  }

  /** The login is readable for its user alone. */
  #write(configuration: string): void {
    const users = join(this.folder, USER_LIST);
    writeFileSync(users, userListOf(this.target), { mode: 0o600 });
    writeFileSync(this.#configurationFile, configuration);
    if (this.#installed.user !== undefined) handOver(users, this.#installed.user);
  }

  async #whenReady(logBefore: number, failed: Promise<Error>): Promise<void> {
    for (let waited = 0; waited < START_LIMIT_MS; waited += POLL_MS) {
      if (READY.test(this.#log().slice(logBefore))) return;
      const error = await Promise.race([failed, sleep(POLL_MS)]);
      if (error instanceof Error) throw error;
      if (this.#pid === undefined) throw this.#startError('ended while it started');
    }
    throw this.#startError(`was not ready after ${START_LIMIT_MS} ms`);
  }

  #startError(what: string): Error {
    return new Error(`PgBouncer ${this.version} ${what}; its log ends so:\n${this.logTail()}`);
  }

  #log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8') : '';
  }

  #delete(): void {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
    for (const forget of this.#forget) forget();
  }
}
