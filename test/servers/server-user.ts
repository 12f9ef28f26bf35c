/**
 * Which user a server runs as, and what that user can reach. PostgreSQL refuses to run as root, so a run as root (a
 * container, usually) hands its servers to an unprivileged user; an ordinary user runs them as itself.
 * Used by postgres-server.ts. Invariant: nothing here changes rights of folders that it did not make.
 */
import { chownSync, lstatSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The user to change to; `undefined` when the servers can run as whoever runs the tests. */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map(parseUser);
  const user = ['postgres', 'nobody'].map((name) => users.find((other) => other?.name === name)).find(Boolean);
  if (user === undefined)
    throw new Error('Run as root, and /etc/passwd has no user postgres or nobody for the servers.');
  return user;
}

/** The folder under which servers get their own folders: the system's, unless the server's user can't go there. */
export function temporaryRoot(user: ServerUser | undefined): string {
  const root = realpathSync(tmpdir());
  return user === undefined || isOpenToOthers(root) ? root : '/tmp';
}

/** Whether a stranger may pass through every folder down to `path`. A clone below /root (0700) is the usual no. */
export function isOpenToOthers(path: string): boolean {
  for (let folder = realpathSync(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/** Gives a folder that we made, and all that is in it, to the user. */
export function handOver(path: string, user: ServerUser): void {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) return;
  chownSync(path, user.uid, user.gid);
  if (!stats.isDirectory()) return;
  for (const name of readdirSync(path)) handOver(join(path, name), user);
}

function parseUser(line: string): ServerUser | undefined {
  const [name, , uid, gid] = line.split(':');
  if (name === undefined || uid === undefined || gid === undefined) return undefined;
  return { name, uid: Number(uid), gid: Number(gid) };
}
