/**
 * Starts the servers of the test project "servers" once per run and removes them at its end; tests take their addresses
 * with `inject('postgresServers')`, `inject('pgBouncers')`, `inject('mysqlServers')` and `inject('oracleServers')`. Prometheus is found, and
 * started by its own test: `inject('prometheus')`. FLUXOR_TEST_POSTGRES_URL takes
 * the place of the PostgreSQL servers started here, and FLUXOR_TEST_PGBOUNCER_URL, together with it, that of the
 * PgBouncer; FLUXOR_TEST_MYSQL_URL and FLUXOR_TEST_MARIADB_URL those of the other two (with …_ADMIN_URL for root);
 * FLUXOR_TEST_ORACLE_URL that of the wire servers, which have a PostgreSQL behind them.
 * Invariant: what could not be had is named at the end of the run, and in CI (CI=true) it fails the run. A server that
 * can be had and does not start is a failure everywhere.
 */
import { createRequire } from 'node:module';
import type { TestProject } from 'vitest/node';
import type { MysqlServer } from './mysql-server.js';
import { startMysqlFamily } from './mysql-targets.js';
import type { MysqlTarget } from './mysql-targets.js';
import type { OracleServers, OracleTarget } from './oracle-targets.js';
import { startOracleServers } from './oracle-targets.js';
import { PgBouncerServer } from './pgbouncer-server.js';
import type { PostgresMajor } from './postgres-binaries.js';
import { PostgresServer, ServerUnavailable } from './postgres-server.js';
import type { PrometheusBinaries } from './prometheus-binaries.js';
import { findPrometheus } from './prometheus-binaries.js';

/** One server of the matrix, as tests see it. */
export interface PostgresTarget {
  /** Such as "PostgreSQL 18", for the names of suites. */
  readonly name: string;
  readonly url: string;
  readonly major: number;
}

/** A PgBouncer in front of the first server, as tests see it. It knows no named prepared statements. */
export interface PgBouncerTarget {
  /** Such as "PgBouncer 1.18, transaction mode", for the names of suites. */
  readonly name: string;
  readonly url: string;
  /** The same database without it in between. */
  readonly directUrl: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    mysqlServers: MysqlTarget[];
    oracleServers: OracleTarget[];
    pgBouncers: PgBouncerTarget[];
    postgresServers: PostgresTarget[];
    prometheus: PrometheusBinaries | null;
  }
}

interface Missing {
  readonly name: string;
  readonly reason: string;
}

const MATRIX: readonly PostgresMajor[] = [18, 15];
/** So few that tests with five clients see them change their server connections. */
const POOL_SIZE = 4;

let servers: readonly (PostgresServer | MysqlServer)[] = [];
let bouncer: PgBouncerServer | undefined;
let wireServers: OracleServers['processes'] = [];
let missing: readonly Missing[] = [];

export async function setup(project: TestProject): Promise<void> {
  // All have settled before one failure is told, so that the others can be removed.
  const [postgres, mysql, prometheus] = await Promise.all([settled(startPostgres()), startMysql(), findProgram()]);
  const oracle = await settled(startOracle(postgres.value?.postgresServers[0]?.url));
  const failure = postgres.failure ?? mysql.failure ?? oracle.failure;
  if (failure !== undefined) {
    await teardown();
    throw failure;
  }
  project.provide('postgresServers', postgres.value?.postgresServers ?? []);
  project.provide('pgBouncers', postgres.value?.pgBouncers ?? []);
  project.provide('mysqlServers', mysql.targets);
  project.provide('oracleServers', oracle.value ?? []);
  project.provide('prometheus', prometheus);
  if (process.env['CI'] === 'true' && missing.length > 0) {
    await teardown();
    throw new Error(`In CI every server must be there. ${missing.map(notRun).join(' ')}`);
  }
}

export async function teardown(): Promise<void> {
  // The servers behind them are removed after them.
  await Promise.all(wireServers.map((server) => server.stop()));
  wireServers = [];
  await bouncer?.remove();
  bouncer = undefined;
  await Promise.all(servers.map((server) => server.remove()));
  servers = [];
  for (const absent of missing) say(notRun(absent));
}

interface PostgresTargets {
  readonly postgresServers: PostgresTarget[];
  readonly pgBouncers: PgBouncerTarget[];
}

async function startPostgres(): Promise<PostgresTargets> {
  const url = process.env['FLUXOR_TEST_POSTGRES_URL'];
  const postgresServers = url ? [await describeUrl(url)] : await startMatrix();
  return { postgresServers, pgBouncers: await pgBouncersFor(postgresServers[0]?.url) };
}

async function startMysql(): Promise<{ readonly targets: MysqlTarget[]; readonly failure: unknown }> {
  const family = await startMysqlFamily(say);
  servers = [...servers, ...family.servers];
  missing = [...missing, ...family.missing];
  return { targets: [...family.targets], failure: family.failures[0] };
}

async function startOracle(postgresUrl: string | undefined): Promise<OracleTarget[]> {
  const { targets, processes } = await startOracleServers(postgresUrl, say);
  wireServers = processes;
  if (targets.length === 0)
    missing = [...missing, { name: 'Oracle wire server', reason: 'there is no PostgreSQL to put behind it' }];
  return targets;
}

async function findProgram(): Promise<PrometheusBinaries | null> {
  const found = await findPrometheus((text) => say(`Prometheus: ${text}`));
  if (!('unavailable' in found)) return found;
  missing = [...missing, { name: 'Prometheus', reason: found.unavailable }];
  return null;
}

async function settled<T>(work: Promise<T>): Promise<{ readonly value?: T; readonly failure?: unknown }> {
  try {
    return { value: await work };
  } catch (failure) {
    return { failure };
  }
}

async function startMatrix(): Promise<PostgresTarget[]> {
  const started = await Promise.allSettled(MATRIX.map(startOne));
  const matrix = started.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []));
  servers = [...servers, ...matrix];
  const failure = started.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return matrix.map((server) => {
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

async function pgBouncersFor(directUrl: string | undefined): Promise<PgBouncerTarget[]> {
  const url = process.env['FLUXOR_TEST_PGBOUNCER_URL'];
  if (url) return [describeBouncerUrl(url)];
  if (directUrl === undefined) {
    missing = [...missing, { name: 'PgBouncer', reason: 'there is no PostgreSQL to put it in front of' }];
    return [];
  }
  try {
    bouncer = await startBouncer(directUrl);
  } catch (error) {
    if (!(error instanceof ServerUnavailable)) throw error;
    missing = [...missing, { name: 'PgBouncer', reason: error.reason }];
    return [];
  }
  say(`PgBouncer ${bouncer.version} on port ${bouncer.port}`);
  const version = bouncer.version.split('.').slice(0, 2).join('.');
  return [{ name: `PgBouncer ${version}, transaction mode`, url: bouncer.url, directUrl }];
}

function startBouncer(target: string): Promise<PgBouncerServer> {
  const onProgress = (text: string): void => say(`PgBouncer: ${text}`);
  const pool = { poolMode: 'transaction', defaultPoolSize: POOL_SIZE, maxPreparedStatements: 0 } as const;
  return PgBouncerServer.start({ target, ...pool, onProgress });
}

function describeBouncerUrl(url: string): PgBouncerTarget {
  const directUrl = process.env['FLUXOR_TEST_POSTGRES_URL'];
  if (!directUrl) throw new Error('FLUXOR_TEST_PGBOUNCER_URL needs FLUXOR_TEST_POSTGRES_URL, the server behind it.');
  say('PgBouncer of FLUXOR_TEST_PGBOUNCER_URL');
  return { name: 'PgBouncer (url)', url, directUrl };
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
