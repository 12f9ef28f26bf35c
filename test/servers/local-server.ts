/**
 * The life of a server that tests start for themselves: start it, stop it, kill it, pause it, remove it. PostgreSQL, MySQL,
 * MariaDB and PgBouncer add what they alone know: their flags, how they say that they are ready, the signal that they
 * stop at in order, and what a crash leaves behind.
 * Invariant: after `remove()` neither a process nor a folder of it is left, also when it was paused or killed before; and
 * the same holds when the process that started it ends without calling it.
 * It speaks no protocol; that is what the drivers under test are for.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendantsOf, freezeTree, isRunning, signalAll, waitUntilGone, waitUntilGoneSync } from './processes.js';
import { removeOnExit, watchOver } from './remove-on-exit.js';
import type { EndSignal } from './remove-on-exit.js';
import { waitUntilStoppedSync } from './threads.js';

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 30_000;
/** For the end without ceremony, which takes 10 ms when nothing is wrong. */
const END_LIMIT_MS = 3_000;
const POLL_MS = 10;
const LOG_LINES_IN_ERRORS = 30;

export interface ServerPlace {
  /** With its version, for errors. */
  readonly label: string;
  readonly port: number;
  readonly folder: string;
  readonly logFile: string;
  readonly pidFile: string;
  /** QUIT: it writes the file of its process id, and removes it when it goes. KILL: that is written here. */
  readonly endSignal: EndSignal;
}

export interface Launch {
  readonly command: readonly [string, ...string[]];
  readonly options: SpawnOptions;
}

export abstract class LocalServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #place: ServerPlace;
  readonly #forget: readonly (() => void)[];
  #process: ChildProcess | undefined;
  #isRemoved = false;

  protected constructor(place: ServerPlace) {
    const { port, folder, pidFile, endSignal } = place;
    this.#place = place;
    this.port = port;
    this.#forget = [removeOnExit(this), watchOver(folder, pidFile, endSignal)];
  }

  /** The first start: what does not come up is removed again. */
  protected static async started<T extends LocalServer>(server: T): Promise<T> {
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.remove();
      throw error;
    }
  }

  protected abstract launch(): Launch;

  /** Whether process `pid` takes connections; `said` is what it has written since its start. */
  protected abstract isReady(pid: number, said: string): boolean;

  /** At which it ends in order. */
  protected abstract get stopSignal(): NodeJS.Signals;

  /** Removes what a process that is gone has left behind and the next one would stumble over; default nothing. */
  protected clearRemains(): void {
    // Nothing.
  }

  get isRunning(): boolean {
    return this.pid !== undefined;
  }

  /** The process id, of the first of several; `undefined` while it is down. */
  get pid(): number | undefined {
    const { pid, exitCode, signalCode } = this.#process ?? {};
    return pid !== undefined && exitCode === null && signalCode === null && isRunning(pid) ? pid : undefined;
  }

  /** Starts one that is down; settles when it takes connections. A running one is left alone. */
  async start(): Promise<void> {
    const { label, logFile, pidFile, endSignal } = this.#place;
    if (this.#isRemoved) throw new Error(`This ${label} has been removed.`);
    if (this.pid !== undefined) return;
    const { command, options } = this.launch();
    const [program, ...args] = command;
    const before = readText(logFile).length;
    const log = openSync(logFile, 'a');
    const started = spawn(program, args, { ...options, stdio: ['ignore', log, log] });
    closeSync(log);
    // The demo may end without stopping the server first; then remove-on-exit.ts does.
    started.unref();
    this.#process = started;
    const failed = new Promise<Error>((resolve) => started.once('error', resolve));
    if (endSignal === 'KILL' && started.pid !== undefined) writeFileSync(pidFile, `${started.pid}\n`);
    await this.#whenReady(before, failed);
  }

  /** The orderly end: sessions are closed, transactions rolled back, data written out. */
  async stop(): Promise<void> {
    const { pid } = this;
    if (pid === undefined) return;
    this.resume();
    signalAll([pid], this.stopSignal);
    if (await waitUntilGone([pid], STOP_LIMIT_MS)) {
      this.clearRemains();
      return;
    }
    const log = this.logTail();
    await this.kill();
    throw new Error(`${this.#place.label} did not stop within ${STOP_LIMIT_MS} ms and was killed.\n${log}`);
  }

  /** The crash: SIGKILL for every process of it at once. `start()` then recovers from what it had written. */
  async kill(): Promise<void> {
    const { pid } = this;
    if (pid === undefined) return;
    const pids = freezeTree(pid);
    signalAll(pids, 'SIGKILL');
    if (!(await waitUntilGone(pids, STOP_LIMIT_MS))) throw new Error(`${this.#place.label} survives a SIGKILL.`);
    this.clearRemains();
  }

  /** Freezes every process: connections stay open, nobody answers, and new ones are accepted by the kernel alone. */
  pause(): void {
    if (this.pid !== undefined) for (const frozen of freezeTree(this.pid)) waitUntilStoppedSync(frozen);
  }

  resume(): void {
    if (this.pid !== undefined) signalAll([...descendantsOf(this.pid), this.pid], 'SIGCONT');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** The end of it and of all it has written. May be called twice, and in any state. */
  async remove(): Promise<void> {
    if (!(await waitUntilGone(this.#end(), END_LIMIT_MS))) await this.kill();
    this.#delete();
  }

  /** The same without awaiting, for the exit of the process. */
  removeSync(): void {
    const pids = this.#end();
    if (!waitUntilGoneSync(pids, END_LIMIT_MS)) {
      signalAll(pids, 'SIGKILL');
      waitUntilGoneSync(pids, STOP_LIMIT_MS);
      this.clearRemains();
    }
    this.#delete();
  }

  /** The last lines it wrote. */
  logTail(lines: number = LOG_LINES_IN_ERRORS): string {
    return readText(this.#place.logFile).trimEnd().split('\n').slice(-lines).join('\n');
  }

  async #whenReady(logBefore: number, failed: Promise<Error>): Promise<void> {
    for (let waited = 0; waited < START_LIMIT_MS; waited += POLL_MS) {
      const pid = this.#process?.pid;
      if (pid !== undefined && this.isReady(pid, readText(this.#place.logFile).slice(logBefore))) return;
      const error = await Promise.race([failed, sleep(POLL_MS)]);
      if (error instanceof Error) throw error;
      if (this.pid === undefined) throw this.#startError('ended while it started');
    }
    throw this.#startError(`was not ready after ${START_LIMIT_MS} ms`);
  }

  #startError(what: string): Error {
    return new Error(`${this.#place.label} ${what}; its log ends so:\n${this.logTail()}`);
  }

  /** Asks for the end without ceremony, which frees what is shared with others; answers the processes that go. */
  #end(): number[] {
    const { pid } = this;
    if (pid === undefined) return [];
    const pids = [pid, ...descendantsOf(pid)];
    this.resume();
    signalAll([pid], `SIG${this.#place.endSignal}`);
    return pids;
  }

  #delete(): void {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    rmSync(this.#place.folder, { recursive: true, force: true, maxRetries: 3 });
    for (const forget of this.#forget) forget();
  }
}

/** The text of a file; empty when there is none (yet). */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
