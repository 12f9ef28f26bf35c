/**
 * Processes and their children, as far as a server helper needs them: who descends from whom, is one still running,
 * send all of them a signal, wait until they are gone. A server's children are in sessions of their own (each
 * PostgreSQL backend calls setsid), so signals to a process group would miss them.
 * Invariant: a zombie counts as gone, once all its threads are. It holds neither port nor file, and in a container
 * nobody may ever reap it.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasOtherThreads } from './threads.js';

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
}

const POLL_MS = 10;

/** The living descendants of `pid`, parents before children; without `pid` itself. */
export function descendantsOf(pid: number): number[] {
  const rows = processTable();
  const found: number[] = [];
  const parents = [pid];
  for (let parent = parents.shift(); parent !== undefined; parent = parents.shift()) {
    const children = rows.filter((row) => row.parent === parent && !isDead(row.state)).map((row) => row.pid);
    found.push(...children);
    parents.push(...children);
  }
  return found;
}

export function isRunning(pid: number): boolean {
  const row = process.platform === 'linux' ? linuxRow(String(pid)) : processTable().find((other) => other.pid === pid);
  return row !== undefined && (!isDead(row.state) || hasOtherThreads(pid));
}

/** Sends a signal to each; who is gone already is no error. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Stops a process and everything below it in the order that lets no child slip away: parent first, so it can't fork. */
export function freezeTree(pid: number): number[] {
  signalAll([pid], 'SIGSTOP');
  const children = descendantsOf(pid);
  signalAll(children, 'SIGSTOP');
  return [pid, ...children];
}

/** Whether all were gone before the time was over. */
export async function waitUntilGone(pids: readonly number[], timeoutMs: number): Promise<boolean> {
  for (let waited = 0; pids.some(isRunning); waited += POLL_MS) {
    if (waited >= timeoutMs) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** The same for the moment of the process's exit, when nothing can be awaited any more. */
export function waitUntilGoneSync(pids: readonly number[], timeoutMs: number): boolean {
  const nobodyWakesIt = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; pids.some(isRunning); waited += POLL_MS) {
    if (waited >= timeoutMs) return false;
    Atomics.wait(nobodyWakesIt, 0, 0, POLL_MS);
  }
  return true;
}

function isDead(state: string): boolean {
  return state.startsWith('Z') || state.startsWith('X');
}

function processTable(): ProcessRow[] {
  if (process.platform === 'linux') {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.map(linuxRow).filter((row) => row !== undefined);
  }
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => {
    const [pid, parent, state] = line.trim().split(/\s+/);
    return { pid: Number(pid), parent: Number(parent), state: state ?? '' };
  });
}

function linuxRow(pid: string): ProcessRow | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // "pid (name) state ppid …": the name may hold spaces and brackets, so the fields are counted from the last bracket.
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid: Number(pid), parent: Number(parent), state: state ?? '' };
}
