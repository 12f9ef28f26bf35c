/**
 * The demo as a guest in an Oracle Database of the user's: a table in the user's schema. To end a session there takes the right ALTER
 * SYSTEM, even for one's own; without it the demo cuts its connections from its own side, and says so.
 * Invariant: only sessions of this demo are ended, and only the table that it has made is dropped.
 */
import type { DBRuntime, DriverConnection } from 'fluxor-db';
import { isFluxorError, sql } from 'fluxor-db';
import { openDoor } from './doors.js';
import type { Lodging } from './lodging.js';
import { DROP_LIMIT_MS, noting } from './lodging.js';

export function oracleLodging(url: string, table: string): Lodging {
  const connections = new Set<DriverConnection>();
  const cut = (): number => {
    const open = [...connections].filter(({ state }) => state !== 'closed');
    connections.clear();
    for (const connection of open) connection.destroy();
    return open.length;
  };
  return {
    what: `the table ${table}`,
    table,
    defaultPort: 1521,
    driver: noting(openDoor(url, table), (connection) => connections.add(connection)),
    // Every user may read it, and it says when it is no Oracle Database.
    describe: async (admin) => String(await admin.queryValue('select banner from v$version')),
    prepare: async () => undefined,
    endSessions: async (admin) => {
      const ended = await killSessions(admin, connections);
      if (ended !== undefined) return `alter system kill session: ${ended} sessions of the demo were ended`;
      return `the user may not ALTER SYSTEM, so ${cut()} connections of the demo were cut from this side`;
    },
    cut,
    drop: async (admin) => {
      cut();
      try {
        await admin.exec(sql`drop table ${sql.raw(table)} purge`, undefined, { timeout: DROP_LIMIT_MS });
      } catch (error) {
        // There was no time to make it.
        if (!isFluxorError(error, 'QUERY') || error.reason !== 'undefined-object') throw error;
      }
    },
  };
}

/** How many were still there; `undefined` where the user may not. */
async function killSessions(admin: DBRuntime, connections: Set<DriverConnection>): Promise<number | undefined> {
  let ended = 0;
  for (const { sessionId } of connections) {
    try {
      await admin.exec(sql`alter system kill session '${sql.raw(sessionId)}' immediate`);
      ended += 1;
    } catch (error) {
      if (!isFluxorError(error, 'QUERY')) throw error;
      if (error.reason === 'permission') return undefined;
    }
  }
  connections.clear();
  return ended;
}
