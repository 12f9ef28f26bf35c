/**
 * pgbench, PostgreSQL's own program, with prepared statements, a connection for each of its clients and no pipeline: what
 * the server can do for so many connections that ask and wait. No peer: it reads no rows.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findPostgres, postgresEnvironment } from '../../../test/servers/postgres-binaries.js';
import type { PostgresBinaries } from '../../../test/servers/postgres-binaries.js';
import type { PointProgram } from './point-peer.js';
import { CONNECTIONS, ITEMS } from './point-peer.js';

const run = promisify(execFile);
const SCRIPT = `\\set id random(1, ${ITEMS})\nselect id, name, stock from items where id = :id;\n`;

const binaries = await findPgbench();

export const peer: PointProgram = {
  name: 'pgbench',
  version: typeof binaries === 'string' ? '-' : binaries.version,
  settings: `-M prepared, ${CONNECTIONS} clients, no pipeline, a thread for each core up to 2`,
  lacks: 'everything but the questions',
  async drive(url, tasks, roundMs) {
    if (typeof binaries === 'string') throw new Error(binaries);
    const { hostname, port, username, password, pathname } = new URL(url);
    const clients = String(Math.min(tasks, CONNECTIONS));
    const seconds = String(Math.max(1, Math.round(roundMs / 1_000)));
    const folder = mkdtempSync(join(tmpdir(), 'fluxor-pgbench-'));
    const script = join(folder, 'point.sql');
    writeFileSync(script, SCRIPT);
    const load = ['-n', '-M', 'prepared', '-c', clients, '-j', tasks === 1 ? '1' : '2', '-T', seconds, '-f', script];
    const where = ['-h', hostname, '-p', port, '-U', username, pathname.slice(1)];
    try {
      const env = { ...postgresEnvironment(binaries), PGPASSWORD: password };
      const { stdout } = await run(join(binaries.binFolder, 'pgbench'), [...load, ...where], { env });
      const perSecond = Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
      if (Number.isNaN(perSecond)) throw new Error(`pgbench said: ${stdout}`);
      return perSecond;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** The programs that have it, or why there are none. The package with the server of the benches has no pgbench. */
export async function findPgbench(): Promise<PostgresBinaries | string> {
  const found = await findPostgres(15);
  if ('unavailable' in found) return found.unavailable;
  return existsSync(join(found.binFolder, 'pgbench')) ? found : 'the PostgreSQL of this machine comes without pgbench';
}
