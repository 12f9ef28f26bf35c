/**
 * A database of the user's, given with `--url`. The demo keeps to a place of its own there (lodging.ts), and instead of
 * killing a server it ends its own sessions.
 * Invariant: what is dropped at the end is what this process has made.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { DBRuntime } from 'fluxor-db';
import { createRuntime, isFluxorError } from 'fluxor-db';
import type { Cleanup } from './cleanup.js';
import { DemoFailure } from './cleanup.js';
import type { DemoDatabase } from './database.js';
import { openDoor } from './doors.js';
import type { Lodging } from './lodging.js';
import { mysqlLodging, postgresLodging } from './lodging.js';
import { oracleLodging } from './oracle-lodging.js';

/** What the program that drops in a hurry may take, its start included. */
const HURRY_LIMIT_MS = 20_000;

/** What the demo makes is named after it. */
interface Place {
  readonly url: string;
  readonly name: string;
  /** The server's numbers of the sessions there. */
  readonly sessions: Set<string>;
}

export async function borrowDatabase(url: string, cleanup: Cleanup): Promise<DemoDatabase> {
  // Nobody else's: a process id comes again, and what a demo that was killed has left behind is not ours. With the endings of its
  // indexes it has 30 characters at most, which is all that Oracle 12.1 takes.
  const name = `fluxor_demo_${process.pid}_${randomBytes(2).toString('hex')}`;
  const place: Place = { url, name, sessions: new Set() };
  const lodging = lodgingAt(url, name, place.sessions);
  const admin = openAdmin(url, name);
  cleanup.add({ what: `the connection that made ${lodging.what}`, clean: () => admin.disconnect() });
  const server = await connect(admin, lodging);
  cleanup.add({
    what: `${lodging.what}, please drop it yourself`,
    clean: () => lodging.drop(admin),
    cleanNow: () => {
      lodging.cut?.();
      dropInAnotherProcess(place);
    },
  });
  await prepare(admin, lodging);
  const { hostname, port } = new URL(url);
  return {
    title: `${server} on ${hostname || 'a local socket'}:${port || lodging.defaultPort}, in ${lodging.what}`,
    driver: lodging.driver,
    table: lodging.table,
    breakDown: async (say) => say(await lodging.endSessions(admin)),
  };
}

/** Where the demo may live in the database of a URL. */
export function lodgingAt(url: string, name: string, sessions: Set<string>): Lodging {
  const { dialect } = openDoor(url);
  if (dialect === 'oracle') return oracleLodging(url, name);
  return dialect === 'mysql' ? mysqlLodging(url, name, sessions) : postgresLodging(url, name);
}

/** A runtime of its own, so that the administration does not wait behind the workload or die with it. */
export function openAdmin(url: string, name: string): DBRuntime {
  const driver = openDoor(url, `${name}_admin`);
  return createRuntime({ name: 'demo-admin', driver, pool: { maxSize: 1 } });
}

async function connect(admin: DBRuntime, lodging: Lodging): Promise<string> {
  try {
    await admin.connect();
    return await lodging.describe(admin);
  } catch (error) {
    if (!isFluxorError(error)) throw error;
    throw new DemoFailure(`${error.code}: ${error.message}`, { cause: error });
  }
}

async function prepare(admin: DBRuntime, lodging: Lodging): Promise<void> {
  try {
    await lodging.prepare(admin);
  } catch (error) {
    if (!isFluxorError(error)) throw error;
    throw new DemoFailure(`${lodging.what} could not be created: ${error.message}`, { cause: error });
  }
}

/** SQL cannot be spoken synchronously, but a process can be waited for. The password is not for the process list. */
function dropInAnotherProcess({ url, name, sessions }: Place): void {
  const script = fileURLToPath(new URL('drop-in-a-hurry.ts', import.meta.url));
  const told = { FLUXOR_DEMO_URL: url, FLUXOR_DEMO_NAME: name, FLUXOR_DEMO_SESSIONS: [...sessions].join(',') };
  const { status } = spawnSync(process.execPath, [...process.execArgv, script], {
    env: { ...process.env, ...told },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: HURRY_LIMIT_MS,
  });
  if (status !== 0) throw new Error('dropping it in a hurry failed');
}
