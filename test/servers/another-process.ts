/** A server that is started by a process of its own, for tests of what is left when that process ends. */
import { spawn } from 'node:child_process';

export interface StartedElsewhere {
  readonly pid: number;
  readonly folder: string;
}

export interface ElsewhereOptions {
  /** The module of the server's class. */
  readonly module: URL;
  readonly imports: string;
  /** An expression of the server, started. */
  readonly start: string;
  /** An expression of the folder that goes with it, with `server` for the server, and `dirname` of `node:path`. */
  readonly folder: string;
  /** What the process does next; with a `signal`, it waits for that instead. */
  readonly code: string;
  readonly signal: NodeJS.Signals | undefined;
}

/** Resolves when the process has ended, with what it had told of its server. */
export async function startInAnotherProcess(options: ElsewhereOptions): Promise<StartedElsewhere> {
  const { module, imports, start, folder, code, signal } = options;
  const script = `
    import { dirname } from 'node:path';
    import { ${imports} } from ${JSON.stringify(module.href)};
    const server = await ${start};
    process.stdout.write(JSON.stringify({ pid: server.pid, folder: ${folder} }), () => { ${code} });
    if (${JSON.stringify(signal ?? '')}) setInterval(() => undefined, 60_000);
  `;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const told = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(String(chunk)));
    child.once('exit', () => reject(new Error('The process ended before its server was up.')));
  });
  if (signal !== undefined) child.kill(signal);
  await gone;
  return JSON.parse(told) as StartedElsewhere;
}
