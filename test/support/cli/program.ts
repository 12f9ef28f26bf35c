/**
 * The built program `fluxor`, run as a process of its own. Taken from dist/ where that is newer than every source, and built into a
 * folder beside it otherwise, so that neither a stale dist/ is tested nor a fresh one built twice.
 * Invariant: the program gets no variable of this process but PATH, so that no FLUXOR_… of the run reaches it.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute } from '../../package/packed-project.js';
import { ROOT } from '../../source-tree.js';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run that has not ended yet. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has written so far. */
  stdout(): string;
}

export class CliProgram {
  readonly #path: string;
  readonly #folder: string | undefined;

  static async make(): Promise<CliProgram> {
    const built = join(ROOT, 'dist', 'cli', 'fluxor.js');
    if (existsSync(built) && statSync(built).mtimeMs > newestSource()) return new CliProgram(built, undefined);
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fluxor-cli-')));
    const source = join(folder, 'source');
    mkdirSync(source);
    for (const path of ['package.json', 'src', 'scripts', 'tsconfig.json', 'tsconfig.build.json']) {
      cpSync(join(ROOT, path), join(source, path), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(source, 'node_modules'), 'junction');
    const { code, stdout, stderr } = await execute(process.execPath, ['scripts/build.mjs'], source);
    if (code !== 0) throw new Error(`The program could not be built:\n${stdout}\n${stderr}`);
    return new CliProgram(join(source, 'dist', 'cli', 'fluxor.js'), folder);
  }

  private constructor(path: string, folder: string | undefined) {
    this.#path = path;
    this.#folder = folder;
  }

  /** For a shell. */
  get command(): string {
    return `'${process.execPath}' '${this.#path}'`;
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
    return startProcess(process.execPath, [this.#path, ...args], env);
  }

  run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.start(args, env).ended;
  }

  remove(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Any program, with nothing of this process's environment but PATH. */
export function startProcess(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn(program, [...args], { env: { PATH: process.env['PATH'] ?? '', ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended, stdout: () => stdout };
}

function newestSource(): number {
  const paths = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  return Math.max(...paths.map((path) => statSync(join(ROOT, 'src', path)).mtimeMs));
}
