/**
 * For the tests of the engine: an Oracle wire server on every PostgreSQL that the run has, with the real driver on top. What
 * a suite opens is closed when it ends.
 */
import { afterAll, afterEach, beforeAll, describe, inject } from 'vitest';
import type { DriverConnection, DriverError } from '../driver-bench.js';
import { driver } from '../driver-bench.js';
import type { OracleServer } from '../server.js';
import { startOracleServer } from '../server.js';
import { PostgresBackend } from './postgres-backend.js';
import type { OracleVersion } from './rewriter.js';

export interface WireDatabase {
  readonly server: OracleServer;
  readonly backend: PostgresBackend;
  /** For the whole suite. */
  readonly connection: DriverConnection;
  /** Until the test ends. */
  connect(user?: string, password?: string): Promise<DriverConnection>;
}

/** An ORA number and what its first line says. */
export type OraText = `ORA-${string}`;

const USERS = { scott: 'tiger', ops: 'secret' };

export function onEveryPostgres(
  title: string,
  suite: (database: WireDatabase) => void,
  version: OracleVersion = 23,
): void {
  describe.each(inject('postgresServers'))(`${title}, on $name`, ({ url }) => {
    const opened: DriverConnection[] = [];
    const database = {} as { -readonly [Key in keyof WireDatabase]: WireDatabase[Key] };
    beforeAll(async () => {
      database.backend = await PostgresBackend.open({ url, version });
      database.server = await startOracleServer({
        backend: database.backend,
        users: USERS,
        profile: version === 23 ? '23ai' : '19c',
      });
      const connectTo = (user: string, password: string): Promise<DriverConnection> =>
        driver.getConnection({ user, password, connectString: database.server.connectString });
      database.connect = async (user = 'scott', password = 'tiger') => {
        const connection = await connectTo(user, password);
        opened.push(connection);
        return connection;
      };
      database.connection = await connectTo('scott', 'tiger');
    });
    afterEach(async () => {
      for (const connection of opened.splice(0)) await connection.close().catch(() => undefined);
      await database.connection.rollback();
    });
    afterAll(async () => {
      await database.connection?.close();
      await database.server?.stop();
    });
    suite(database);
  });
}

/** The first line of the error, which is there for sure. */
export async function oraOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'no error',
    (error: DriverError) => error.message.split('\n')[0] ?? '',
  );
}

export async function rowsOf(
  connection: DriverConnection,
  sql: string,
  binds: unknown = [],
  options: object = {},
): Promise<unknown> {
  return (await connection.execute(sql, binds, options)).rows;
}

export async function runAll(connection: DriverConnection, ...statements: readonly string[]): Promise<void> {
  for (const sql of statements) await connection.execute(sql);
}
