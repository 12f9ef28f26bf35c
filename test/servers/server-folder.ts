/**
 * The folder that holds everything of one server: made, filled, and gone if that fails or the run ends in the middle. What
 * the makers of PostgreSQL's, MySQL's and PgBouncer's folders share; from the start of the server on, local-server.ts
 * watches over it.
 * Invariant: every program that works in it runs as the server's user and leads a process group of its own, so that no
 * signal of the terminal reaches it.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signalAll } from './processes.js';
import { removeOnExit, watchOver } from './remove-on-exit.js';
import type { EndSignal } from './remove-on-exit.js';
import { serverUser, temporaryRoot } from './server-user.js';
import type { ServerUser } from './server-user.js';

/** The server can't be had on this machine, through no fault of the tests. */
export class ServerUnavailable extends Error {
  readonly reason: string;

  constructor(name: string, reason: string) {
    super(`${name} can't be had: ${reason}`);
    this.name = 'ServerUnavailable';
    this.reason = reason;
  }
}

export interface ServerFolder {
  readonly path: string;
  /** `undefined`: the user who runs the tests. */
  readonly user: ServerUser | undefined;
  /** Those that fill the folder and are not the server itself. */
  readonly programs: Set<ChildProcess>;
}

export interface FolderPlan {
  /** Such as "fluxor-postgres-". */
  readonly prefix: string;
  /** Below the folder. */
  readonly pidFile: string;
  readonly endSignal: EndSignal;
}

/** Makes a folder and lets `fill` fill it; when that fails, the folder goes and the error stays. */
export async function makeServerFolder<T>(
  { prefix, pidFile, endSignal }: FolderPlan,
  fill: (folder: ServerFolder) => T | Promise<T>,
): Promise<T> {
  const user = serverUser();
  const path = mkdtempSync(join(temporaryRoot(user), prefix));
  const programs = new Set<ChildProcess>();
  // Until the server itself watches over its folder: a run that ends in the middle leaves nothing either.
  const forget = removeOnExit({
    removeSync() {
      // With everything they have started.
      const groups = [...programs].flatMap(({ pid }) => (pid === undefined ? [] : [-pid]));
      signalAll(groups, 'SIGKILL');
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
    },
  });
  const dismiss = watchOver(path, join(path, pidFile), endSignal);
  try {
    chmodSync(path, 0o755);
    return await fill({ path, user, programs });
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  } finally {
    forget();
    dismiss();
  }
}

/** How every program of the server is started, itself too. */
export function spawnOptions({ user, path }: Omit<ServerFolder, 'programs'>, environment: NodeJS.ProcessEnv) {
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  return { ...identity, cwd: path, env: environment, detached: true };
}

export interface ProgramRun {
  readonly command: readonly [string, ...string[]];
  readonly environment: NodeJS.ProcessEnv;
  /** What it reads; default nothing. */
  readonly input?: string;
  /** Servers that were given a statement report its failure, and end with 0. */
  readonly failure: RegExp;
  /** For the error: what has failed. */
  readonly what: string;
  /** Names the process to the watchman while it runs, for programs that do not write it themselves. */
  readonly pidFile?: string;
}

/** Runs a program to its end; rejects with all that it said when it fails. */
export function runProgram(folder: ServerFolder, run: ProgramRun): Promise<void> {
  const { command, environment, input = '', failure, what, pidFile } = run;
  const [file, ...args] = command;
  const program = spawn(file, args, { ...spawnOptions(folder, environment), stdio: 'pipe' });
  folder.programs.add(program);
  if (pidFile !== undefined && program.pid !== undefined) writeFileSync(pidFile, `${program.pid}\n`);
  let output = '';
  for (const stream of [program.stdout, program.stderr])
    stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  program.stdin.on('error', () => undefined);
  program.stdin.end(input);
  return new Promise((resolve, reject) => {
    program.once('error', reject);
    program.once('close', (code, signal) => {
      folder.programs.delete(program);
      if (pidFile !== undefined) rmSync(pidFile, { force: true });
      if (code === 0 && !failure.test(output)) return resolve();
      reject(new Error(`${what} failed (${signal ?? code}):\n${output.trim()}`));
    });
  });
}
