/**
 * The demo as a guest in a database of the user's: what it makes there and how, how it tells its own sessions from
 * others, and how it ends them, which needs no rights beyond being their owner. One lodging for PostgreSQL, one for MySQL
 * and MariaDB; that of Oracle is in oracle-lodging.ts.
 * Invariant: only sessions of this demo are ended, and only what it has made is dropped.
 */
import type { DBRuntime, Driver, DriverConnection } from 'fluxor-db';
import { isFluxorError, sql } from 'fluxor-db';
import { openDoor } from './doors.js';

export interface Lodging {
  /** What it makes and drops, such as "the schema fluxor_demo_4711". */
  readonly what: string;
  readonly table: string;
  /** Where the server listens if the URL does not say. */
  readonly defaultPort: number;
  readonly driver: Driver;
  /** Such as "PostgreSQL 18.4". */
  describe(admin: DBRuntime): Promise<string>;
  /** Makes what is needed before the table. */
  prepare(admin: DBRuntime): Promise<void>;
  /** Answers, for people, how many sessions it has ended and by what. */
  endSessions(admin: DBRuntime): Promise<string>;
  /** Ends them from here, at once, for a drop by another process. Absent: that process can end them. */
  cut?(): void;
  /** Sessions that are still at work there are ended first; they would make the drop wait for them. */
  drop(admin: DBRuntime): Promise<void>;
}

export const DROP_LIMIT_MS = 15_000;

/** A schema of its own. Its sessions bear its name. */
export function postgresLodging(url: string, schema: string): Lodging {
  const lodging: Lodging = {
    what: `the schema ${schema}`,
    table: `${schema}.cities`,
    defaultPort: 5432,
    driver: openDoor(url, schema),
    describe: async (admin) => `PostgreSQL ${await admin.queryValue<string>('show server_version')}`,
    prepare: async (admin) => {
      await admin.exec(sql`create schema ${sql.id(schema)}`);
    },
    endSessions: async (admin) => {
      const ended = await admin.queryValue<bigint>(
        'select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = :schema',
        { schema },
      );
      return `pg_terminate_backend: ${ended ?? 0n} sessions of the demo were ended`;
    },
    drop: async (admin) => {
      await lodging.endSessions(admin);
      await admin.exec(sql`drop schema if exists ${sql.id(schema)} cascade`, undefined, { timeout: DROP_LIMIT_MS });
    },
  };
  return lodging;
}

/**
 * A table of its own: to make a database needs a right that few have. Servers do not tell everybody the names of
 * sessions, so their numbers are noted in `sessions` as they are made; a number is never given twice.
 */
export function mysqlLodging(url: string, table: string, sessions: Set<string>): Lodging {
  const lodging: Lodging = {
    what: `the table ${table}`,
    table,
    defaultPort: 3306,
    driver: noting(openDoor(url, table), ({ sessionId }) => sessions.add(sessionId)),
    describe: async (admin) => {
      const version = (await admin.queryValue<string>('select version()')) ?? '';
      return `${version.includes('MariaDB') ? 'MariaDB' : 'MySQL'} ${version.split('-')[0]}`;
    },
    prepare: async () => undefined,
    endSessions: async (admin) => {
      const ended = await Promise.all([...sessions].map((id) => endMysqlSession(admin, id)));
      sessions.clear();
      return `KILL: ${ended.filter(Boolean).length} sessions of the demo were ended`;
    },
    drop: async (admin) => {
      await lodging.endSessions(admin);
      await admin.exec(sql`drop table if exists ${sql.id(table)}`, undefined, { timeout: DROP_LIMIT_MS });
    },
  };
  return lodging;
}

/** Whether it was still there. */
async function endMysqlSession(admin: DBRuntime, id: string): Promise<boolean> {
  try {
    await admin.exec(sql`kill ${sql.raw(id)}`);
    return true;
  } catch (error) {
    if (isFluxorError(error, 'QUERY')) return false;
    throw error;
  }
}

/** The same driver; what it connects is noted. */
export function noting(driver: Driver, note: (connection: DriverConnection) => void): Driver {
  const connect: Driver['connect'] = async (request) => {
    const connection = await driver.connect(request);
    note(connection);
    return connection;
  };
  return new Proxy(driver, {
    get(target, name) {
      if (name === 'connect') return connect;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
