/**
 * What a server's program says when it is asked for its version: also the proof that it starts, with all of its libraries.
 * Invariant: a signal of the terminal is not for it. It leads a group of its own, since a Ctrl-C that ended it would
 * be reported as a program that does not start.
 */
import { execFileSync } from 'node:child_process';

/** Throws what `execFileSync` throws when it does not start, or ends with an error. */
export function versionSaidBy(command: readonly [string, ...string[]], environment: NodeJS.ProcessEnv): string {
  const [program, ...args] = command;
  // `detached` is of all that spawn, and missing in the types of those that wait.
  const options = { encoding: 'utf8', env: environment, stdio: 'pipe', detached: true } as const;
  return execFileSync(program, [...args, '--version'], options);
}
