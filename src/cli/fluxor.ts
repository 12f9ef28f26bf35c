/**
 * The program `fluxor`: the process as the world of one run. Everything else is in run.ts and behind it.
 * Invariants: a signal ends the run through its `AbortSignal`, so that what was opened is closed, and a second one ends the process at
 * once; an error that nobody expected, wherever it is thrown, ends the run in the same way and is told by its name alone, because texts
 * and stacks may hold what nobody should see; the process ends even where a client library holds on to something.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '../kernel/clock.js';
import type { Outside, Screen, Sink } from './outside.js';
import { EXIT } from './outside.js';
import { run } from './run.js';

const SIGNALS: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
/** What is still open after this is cut off. */
const LAST_MS = 2_000;

void main();

async function main(): Promise<void> {
  // Nothing is well before it was found to be so.
  process.exitCode = EXIT.problem;
  const controller = new AbortController();
  let signalCode: number | undefined;
  let unexpected: { readonly name: string } | undefined;
  const end = (): void => {
    if (controller.signal.aborted) return;
    controller.abort();
    systemClock.setTimer(LAST_MS, () => process.exit(signalCode ?? EXIT.problem), { keepAlive: false });
  };
  const interrupt = (code: number): void => {
    // The second time somebody means it.
    if (signalCode !== undefined) process.exit(code);
    signalCode = code;
    end();
  };
  for (const [name, code] of Object.entries(SIGNALS)) process.on(name, () => interrupt(code));
  // Of a client library, in a turn of its own; a rejection that nobody handles comes here too.
  process.on('uncaughtException', (error: unknown) => {
    unexpected ??= { name: nameOf(error) };
    end();
  });
  // Whoever reads has gone: `fluxor ping | head -1`. What was opened is closed, and the exit code is that of what was found.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', end);
  // A terminal that is gone has no keys.
  process.stdin.on('error', end);
  const isTerminal = process.stdout.isTTY === true && process.env['TERM'] !== 'dumb';
  const outside: Outside = {
    env: process.env,
    clock: systemClock,
    out: sinkOf(process.stdout),
    err: sinkOf(process.stderr),
    screen: isTerminal ? screenOf() : undefined,
    isErrTerminal: process.stderr.isTTY === true && process.env['TERM'] !== 'dumb',
    signal: controller.signal,
    fetch: (...given) => fetch(...given),
    readFile: (path) => readFileSync(path, 'utf8'),
    interrupt: () => interrupt(EXIT.interrupted),
  };
  let code: number = EXIT.problem;
  try {
    code = await run(process.argv.slice(2), outside, { version: readVersion(), isTerminal });
  } catch (error) {
    unexpected ??= { name: nameOf(error) };
  }
  if (unexpected !== undefined && signalCode === undefined) {
    code = EXIT.problem;
    process.stderr.write(
      `fluxor: something unexpected happened (${unexpected.name}). This should not happen: please report it.\n`,
    );
  }
  process.exitCode = signalCode ?? code;
  systemClock.setTimer(LAST_MS, () => process.exit(), { keepAlive: false });
}

/**
 * By the path of this program: dist/cli/ is two below the package. A link to it leads there (`npx`, node_modules/.bin); what was
 * typed without its ending (`node dist/cli/fluxor`) is no file.
 */
function readVersion(): string {
  const typed = process.argv[1] ?? '';
  const program = existsSync(typed) ? realpathSync(typed) : typed;
  const path = join(dirname(program), '..', '..', 'package.json');
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return version;
}

function nameOf(error: unknown): string {
  return error instanceof Error && /^\w{1,40}$/.test(error.name) ? error.name : 'Error';
}

function sinkOf(stream: NodeJS.WriteStream): Sink {
  return { write: (text) => void stream.write(text) };
}

function screenOf(): Screen {
  const { stdin, stdout } = process;
  return {
    write: (text) => void stdout.write(text),
    get columns() {
      return stdout.columns || 80;
    },
    get rows() {
      return stdout.rows || 24;
    },
    onResize: (told) => void stdout.on('resize', told),
    readKeys: (told) => {
      const onData = (data: Buffer): void => told(data.toString('latin1'));
      if (stdin.isTTY) stdin.setRawMode(true);
      stdin.on('data', onData).resume();
      return {
        stop: () => {
          stdin.off('data', onData).pause();
          if (stdin.isTTY) stdin.setRawMode(false);
        },
      };
    },
  };
}
