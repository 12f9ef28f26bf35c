/**
 * What every server that tests start for themselves keeps to, whatever it speaks: the life that local-server.ts gives it, and the
 * end that remove-on-exit.ts does. The tests of each server add what is its own.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { ElsewhereOptions } from './another-process.js';
import { startInAnotherProcess } from './another-process.js';
import { isListening } from './listening.js';
import type { LocalServer } from './local-server.js';
import { descendantsOf, isRunning, waitUntilGone } from './processes.js';

export interface OpenSession {
  /** Settles when the server has answered. */
  ask(): Promise<unknown>;
  end(): Promise<void>;
}

export interface ServerLife<T extends LocalServer> {
  /** False where this machine has no such server: then nothing of it is run. */
  readonly isThere: boolean;
  /** The one of the tests around; running at the beginning of each, and again at its end. */
  server(): T;
  /** One more of the kind. */
  startAnother(): Promise<T>;
  /** A file or folder that is gone with the server. */
  placeOf(server: T): string;
  open(): Promise<OpenSession>;
  /** In which of these it is removed: each costs a start. */
  readonly removedWhen: readonly ('running' | 'stopped' | 'killed' | 'paused')[];
}

export function keepsToItsLife<T extends LocalServer>(life: ServerLife<T>): void {
  const test = it.runIf(life.isThere);
  const asked = async (): Promise<unknown> => {
    const session = await life.open();
    return session.ask().finally(() => session.end());
  };

  test('comes back from a restart with another process on the same port', async () => {
    const server = life.server();
    const { pid, port } = server;
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(server.port).toBe(port);
    await asked();
  });

  test('answers nobody while it is paused, neither old sessions nor new ones, and everybody afterwards', async () => {
    const server = life.server();
    const session = await life.open();
    server.pause();
    const answers: string[] = [];
    const old = session.ask().then(() => answers.push('old session'));
    const young = asked().then(() => answers.push('new session'));
    // A pause that doesn't work shows within milliseconds; there is no event for "nothing happens".
    await sleep(300);
    expect([answers, await isListening(server.port)]).toEqual([[], true]);
    server.resume();
    await Promise.all([old, young]);
    expect(answers.length).toBe(2);
    await session.end();
  });

  test('can be started when it runs and stopped when it is down', async () => {
    const server = life.server();
    const { pid } = server;
    await server.start();
    expect(server.pid).toBe(pid);
    await server.stop();
    await server.stop();
    await server.kill();
    server.pause();
    server.resume();
    await server.start();
    expect(server.isRunning).toBe(true);
  });

  test.each(life.removedWhen)('is removed without a trace when %s', async (state) => {
    const other = await life.startAnother();
    const place = life.placeOf(other);
    const pids = [other.pid ?? 0, ...descendantsOf(other.pid ?? 0)];
    if (state === 'stopped') await other.stop();
    if (state === 'killed') await other.kill();
    if (state === 'paused') other.pause();
    await other.remove();
    await other.remove();
    expect([pids.filter(isRunning), existsSync(place), await isListening(other.port)]).toEqual([[], false, false]);
    await expect(other.start()).rejects.toThrow('removed');
  });
}

/** How a process can end that has started a server: `[how, what it does, the signal that it gets instead]`. */
const ENDS = {
  exits: ['process.exit(0)', undefined],
  fails: ["throw new Error('on purpose')", undefined],
  'is told to end': ['', 'SIGTERM'],
  'is interrupted': ['', 'SIGINT'],
  'is killed': ['', 'SIGKILL'],
} as const;

/** `server` says how it is started there. Every end costs a start of Node and of a server: by default all are tried. */
export function doesNotOutlive(
  server: Pick<ElsewhereOptions, 'module' | 'imports' | 'start' | 'folder'>,
  isThere: boolean,
  ends: readonly (keyof typeof ENDS)[] = ['exits', 'fails', 'is told to end', 'is interrupted', 'is killed'],
): void {
  it.runIf(isThere).each(ends)('does not outlive a process that %s without removing it', async (how) => {
    const [code, signal] = ENDS[how];
    const told = await startInAnotherProcess({ ...server, code, signal });
    expect(await waitUntilGone([told.pid], 10_000)).toBe(true);
    await expect.poll(() => existsSync(told.folder), { timeout: 10_000 }).toBe(false);
  });
}
