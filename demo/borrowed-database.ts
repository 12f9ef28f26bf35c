/**
 * A database of the user's, given with `--url`. The demo keeps to a schema of its own there, and instead of killing a
 * server it ends its own sessions with `pg_terminate_backend`, which needs no rights beyond being their owner.
 * Invariant: the schema that is dropped at the end is one that this process has created.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DBRuntime } from 'fluxor-db';
import { createRuntime, isFluxorError, sql } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import type { Cleanup } from './cleanup.js';
import { DemoFailure } from './cleanup.js';
import type { DemoDatabase } from './database.js';

const DROP_LIMIT_MS = 15_000;

export async function borrowDatabase(url: string, cleanup: Cleanup): Promise<DemoDatabase> {
  const schema = `fluxor_demo_${process.pid}`;
  const admin = openAdmin(url, schema);
  cleanup.add({ what: 'the connection that made the schema', clean: () => admin.disconnect() });
  const version = await connect(admin);
  await createSchema(admin, { url, schema }, cleanup);
  const { hostname, port } = new URL(url);
  return {
    title: `PostgreSQL ${version} on ${hostname || 'a local socket'}:${port || 5432}, in the schema ${schema}`,
    url,
    schema,
    applicationName: schema,
    breakDown: async (say) => {
      const ended = await endSessions(admin, schema);
      say(`pg_terminate_backend: ${ended} sessions of the demo were ended`);
    },
  };
}

/** A runtime of its own, so that the administration does not wait behind the workload or die with it. */
export function openAdmin(url: string, schema: string): DBRuntime {
  const driver = postgres({ url, applicationName: `${schema}_admin` });
  return createRuntime({ name: 'demo-admin', driver, pool: { maxSize: 1 } });
}

/** Sessions that are still at work in the schema would make the drop wait for them. */
export async function dropSchema(admin: DBRuntime, schema: string): Promise<void> {
  await endSessions(admin, schema);
  await admin.exec(sql`drop schema if exists ${sql.id(schema)} cascade`, undefined, { timeout: DROP_LIMIT_MS });
}

async function connect(admin: DBRuntime): Promise<string> {
  try {
    await admin.connect();
    return (await admin.queryValue<string>('show server_version')) ?? 'of unknown version';
  } catch (error) {
    if (!isFluxorError(error)) throw error;
    throw new DemoFailure(`${error.code}: ${error.message}`, { cause: error });
  }
}

async function createSchema(admin: DBRuntime, place: { url: string; schema: string }, cleanup: Cleanup): Promise<void> {
  const { url, schema } = place;
  let isOurs = false;
  cleanup.add({
    what: `the schema ${schema}, please drop it yourself`,
    clean: async () => (isOurs ? dropSchema(admin, schema) : undefined),
    cleanNow: () => (isOurs ? dropInAnotherProcess(url, schema) : undefined),
  });
  isOurs = true;
  try {
    await admin.exec(sql`create schema ${sql.id(schema)}`);
  } catch (error) {
    // In every other case it may be there: when the answer was lost, or the demo was interrupted right now.
    if (isFluxorError(error, 'QUERY')) isOurs = false;
    if (!isFluxorError(error)) throw error;
    throw new DemoFailure(`The schema ${schema} could not be created: ${error.message}`, { cause: error });
  }
}

async function endSessions(admin: DBRuntime, applicationName: string): Promise<number> {
  const ended = await admin.queryValue<bigint>(
    'select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = :applicationName',
    { applicationName },
  );
  return Number(ended);
}

/** SQL cannot be spoken synchronously, but a process can be waited for. The password is not for the process list. */
function dropInAnotherProcess(url: string, schema: string): void {
  const script = fileURLToPath(new URL('drop-schema.ts', import.meta.url));
  const env = { ...process.env, FLUXOR_DEMO_URL: url, FLUXOR_DEMO_SCHEMA: schema };
  const { status } = spawnSync(process.execPath, [...process.execArgv, script], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: DROP_LIMIT_MS,
  });
  if (status !== 0) throw new Error('dropping it in a hurry failed');
}
