/**
 * Starts the servers of the test project "servers" once per run and removes them at its end; tests take their addresses
 * with `inject('postgresServers')`. FLUXOR_TEST_POSTGRES_URL takes the place of the servers started here.
 * Invariant: what could not be had is named at the end of the run, and in CI (CI=true) it fails the run. A server that
 * can be had and does not start is a failure everywhere.
 */
import { createRequire } from 'node:module';
import type { TestProject } from 'vitest/node';
import type { PostgresMajor } from './postgres-binaries.js';
import { PostgresServer, ServerUnavailable } from './postgres-server.js';

/** One server of the matrix, as tests see it. */
export interface PostgresTarget {
  /** Such as "PostgreSQL 18", for the names of suites. */
  readonly name: string;
  readonly url: string;
  readonly major: number;
}

declare module 'vitest' {
  interface ProvidedContext {
    postgresServers: PostgresTarget[];
  }
}

interface Missing {
  readonly name: string;
  readonly reason: string;
}

const MATRIX: readonly PostgresMajor[] = [18, 15];

let servers: readonly PostgresServer[] = [];
let missing: readonly Missing[] = [];

export async function setup(project: TestProject): Promise<void> {
  const url = process.env['FLUXOR_TEST_POSTGRES_URL'];
  const targets = url ? [await describeUrl(url)] : await startMatrix();
  project.provide('postgresServers', targets);
  if (process.env['CI'] === 'true' && missing.length > 0) {
    await teardown();
    throw new Error(`In CI every server must be there. ${missing.map(notRun).join(' ')}`);
  }
}

export async function teardown(): Promise<void> {
  await Promise.all(servers.map((server) => server.remove()));
  servers = [];
  for (const absent of missing) say(notRun(absent));
}

async function startMatrix(): Promise<PostgresTarget[]> {
  const started = await Promise.allSettled(MATRIX.map(startOne));
  servers = started.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []));
  const failure = started.find((result) => result.status === 'rejected');
  if (failure !== undefined) {
    await teardown();
    throw failure.reason;
  }
  return servers.map((server) => {
    say(`PostgreSQL ${server.version} on port ${server.port}`);
    return { name: `PostgreSQL ${server.major}`, url: server.url, major: server.major };
  });
}

async function startOne(major: PostgresMajor): Promise<PostgresServer | undefined> {
  const onProgress = (text: string): void => say(`PostgreSQL ${major}: ${text}`);
  try {
    return await PostgresServer.start({ major, onProgress });
  } catch (error) {
    if (!(error instanceof ServerUnavailable)) throw error;
    missing = [...missing, { name: `PostgreSQL ${major}`, reason: error.reason }];
    return undefined;
  }
}

async function describeUrl(url: string): Promise<PostgresTarget> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query("SELECT current_setting('server_version_num') AS number");
    const number = Number(rows[0]?.['number']);
    const major = Math.floor(number / 10_000);
    say(`PostgreSQL ${major}.${number % 10_000} of FLUXOR_TEST_POSTGRES_URL`);
    return { name: `PostgreSQL ${major} (url)`, url, major };
  } finally {
    await client.end();
  }
}

function notRun({ name, reason }: Missing): string {
  return `NOT RUN: ${name}: ${reason}.`;
}

function say(text: string): void {
  process.stdout.write(`[servers] ${text}\n`);
}

/** As much of `pg`, which ships no types, as is used here. */
interface PgModule {
  readonly Client: new (options: { connectionString: string }) => {
    connect(): Promise<void>;
    query(text: string): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
    end(): Promise<void>;
  };
}

const pg = createRequire(import.meta.url)('pg') as PgModule;
