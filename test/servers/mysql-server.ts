/**
 * A real MySQL or MariaDB server in a temporary folder, for tests, the demo and the benches: start it, stop it, kill it,
 * pause it, and connect with `url`. It listens on 127.0.0.1 and on a socket in its folder, and keeps its port over
 * restarts.
 * Invariant: after `remove()` neither a process nor a folder of it is left, also when the server was paused or killed
 * before; and the same holds when the process that started it ends without calling it.
 * It speaks no SQL; that is what the drivers under test are for.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from './debian-packages.js';
import { freePort } from './free-port.js';
import { productName, serverCommand } from './mysql-binaries.js';
import type { MysqlProduct } from './mysql-binaries.js';
import { createInstallation, spawnOptions } from './mysql-installation.js';
import type { MysqlCertificate, MysqlInstallation } from './mysql-installation.js';
import { LOGIN } from './mysql-settings.js';
import type { MysqlSettings } from './mysql-settings.js';
import { isRunning, signalAll, waitUntilGone, waitUntilGoneSync } from './processes.js';
import { removeOnExit, watchOver } from './remove-on-exit.js';
import { waitUntilStoppedSync } from './threads.js';

export type { MysqlProduct } from './mysql-binaries.js';
export { ServerUnavailable } from './postgres-cluster.js';

export interface MysqlServerOptions {
  readonly product: MysqlProduct;
  /** Server variables, such as `{ max_connections: '10' }`. */
  readonly settings?: MysqlSettings;
  /** Default: a free one. */
  readonly port?: number;
  /** Default: MySQL makes a certificate of its own (see `ownCa`), and MariaDB offers no TLS. */
  readonly tls?: MysqlCertificate;
  /** Is told what takes long, such as a download. */
  readonly onProgress?: Progress;
}

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 30_000;
const POLL_MS = 10;
const LOG_LINES_IN_ERRORS = 30;
/** The last thing it says before it takes connections. */
const READY = /ready for connections/;

export class MysqlServer {
  readonly host = '127.0.0.1';
  readonly user: string = LOGIN.user;
  readonly password: string = LOGIN.password;
  readonly database: string = LOGIN.database;
  readonly port: number;
  readonly product: MysqlProduct;
  /** The exact version, such as "9.7.4". */
  readonly version: string;
  readonly #installation: MysqlInstallation;
  readonly #forget: readonly (() => void)[];
  #process: ChildProcess | undefined;
  #isRemoved = false;

  /**
   * Makes a new data folder and starts the server in it; about a second, and three for the first of a cache.
   * Throws ServerUnavailable when this machine has no programs and can't get them, and an Error with the tail of the log
   * when the server does not come up.
   */
  static async start(options: MysqlServerOptions): Promise<MysqlServer> {
    const { product, settings = {}, port = await freePort(), tls, onProgress = () => undefined } = options;
    const installation = await createInstallation({ product, port, settings, tls, onProgress });
    const server = new MysqlServer(installation, port);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.remove();
      throw error;
    }
  }

  private constructor(installation: MysqlInstallation, port: number) {
    this.#installation = installation;
    this.port = port;
    this.product = installation.binaries.product;
    this.version = installation.binaries.version;
    this.#forget = [removeOnExit(this), watchOver(installation.folder, installation.pidFile, 'KILL')];
  }

  /** Such as "MariaDB 10.11". */
  get name(): string {
    return `${productName(this.product)} ${this.version.split('.').slice(0, 2).join('.')}`;
  }

  /** The user of the database: all rights there, PROCESS everywhere. */
  get url(): string {
    return this.#urlOf(this.user, this.password);
  }

  /** The user with all rights. */
  get adminUrl(): string {
    return this.#urlOf(LOGIN.admin, LOGIN.adminPassword);
  }

  /** A user like that of `url` who logs in with MariaDB's "ed25519"; `undefined` where the plugin is missing. */
  get ed25519Url(): string | undefined {
    return this.#installation.hasEd25519 ? this.#urlOf(LOGIN.ed25519, this.password) : undefined;
  }

  /** The unix socket. */
  get socketPath(): string {
    return this.#installation.socket;
  }

  /** The authority, as PEM text, that has signed the certificate MySQL makes for itself; it names no host. */
  get ownCa(): string | undefined {
    const file = join(this.dataFolder, 'ca.pem');
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  get dataFolder(): string {
    return this.#installation.dataFolder;
  }

  get isRunning(): boolean {
    return this.#pid !== undefined;
  }

  /** The process id; `undefined` while the server is down. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Starts a server that is down; settles when it takes connections. A running one is left alone. */
  async start(): Promise<void> {
    if (this.#isRemoved) throw new Error(`This ${this.name} server has been removed.`);
    if (this.#pid !== undefined) return;
    const { binaries, flags, logFile, pidFile } = this.#installation;
    const before = this.#log().length;
    const log = openSync(logFile, 'a');
    const [command, ...args] = serverCommand(binaries);
    const options = { ...spawnOptions(this.#installation), stdio: ['ignore', log, log] as ['ignore', number, number] };
    const started = spawn(command, [...args, ...flags], options);
    closeSync(log);
    // The demo may end without stopping the server first; then remove-on-exit.ts does.
    started.unref();
    this.#process = started;
    const failed = new Promise<Error>((resolve) => started.once('error', resolve));
    if (started.pid !== undefined) writeFileSync(pidFile, `${started.pid}\n`);
    await this.#whenReady(before, failed);
  }

  /** The orderly end: sessions are closed, transactions rolled back, data written out. MySQL takes a second for it. */
  async stop(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    this.resume();
    signalAll([pid], 'SIGTERM');
    if (await waitUntilGone([pid], STOP_LIMIT_MS)) {
      this.#clearRemains();
      return;
    }
    const log = this.logTail();
    await this.kill();
    throw new Error(`${this.name} did not stop within ${STOP_LIMIT_MS} ms and was killed.\n${log}`);
  }

  /** The crash: SIGKILL. `start()` then recovers from the log. */
  async kill(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    signalAll([pid], 'SIGKILL');
    if (!(await waitUntilGone([pid], STOP_LIMIT_MS))) throw new Error(`${this.name} survives a SIGKILL.`);
    this.#clearRemains();
  }

  /** Freezes the process: connections stay open, nobody answers, and new ones are accepted by the kernel alone. */
  pause(): void {
    const pid = this.#pid;
    if (pid === undefined) return;
    signalAll([pid], 'SIGSTOP');
    waitUntilStoppedSync(pid);
  }

  resume(): void {
    if (this.#pid !== undefined) signalAll([this.#pid], 'SIGCONT');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** The end of the server and of all it has written. May be called twice, and in any state. */
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

  /** The last lines the server wrote. */
  logTail(lines: number = LOG_LINES_IN_ERRORS): string {
    return this.#log().trimEnd().split('\n').slice(-lines).join('\n');
  }

  get #pid(): number | undefined {
    const { pid, exitCode, signalCode } = this.#process ?? {};
    return pid !== undefined && exitCode === null && signalCode === null && isRunning(pid) ? pid : undefined;
  }

  #urlOf(user: string, password: string): string {
    return `mysql://${user}:${password}@${this.host}:${this.port}/${this.database}`;
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
    return new Error(`${this.name} ${what}; its log ends so:\n${this.logTail()}`);
  }

  /** The socket and what names its process: the next holder of the process id is nobody to wait for, or to end. */
  #clearRemains(): void {
    const { socket, pidFile, dataFolder } = this.#installation;
    const remains = [pidFile, socket, `${socket}.lock`, join(dataFolder, 'mysqld.pid')];
    for (const file of remains) rmSync(file, { force: true });
  }

  #log(): string {
    const { logFile } = this.#installation;
    return existsSync(logFile) ? readFileSync(logFile, 'utf8') : '';
  }

  #delete(): void {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    rmSync(this.#installation.folder, { recursive: true, force: true, maxRetries: 3 });
    for (const forget of this.#forget) forget();
  }
}
