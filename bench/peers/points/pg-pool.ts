/** pg's own pool, with a text and its values: parsed and planned at the server for each call. */
import { Pool } from 'pg';
import { versionOf } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, IDLE_MS, LACKS_OF_POOLS, POSTGRES_REPORT, POSTGRES_SQL } from './point-peer.js';

export const peer: PointPeer = pgPool('pg-pool', 'query(text, values)', {});

/** With `name` the statement is prepared once on each connection. */
export function pgPool(name: string, settings: string, statement: { readonly name?: string }): PointPeer {
  return {
    name,
    version: versionOf('pg'),
    settings: `${settings}, max ${CONNECTIONS}`,
    lacks: LACKS_OF_POOLS,
    async open(url): Promise<PointCalls<{ readonly rows: readonly Item[] }>> {
      const pool = new Pool({ connectionString: url, max: CONNECTIONS, idleTimeoutMillis: IDLE_MS });
      return {
        point: (id) => pool.query<Item>({ ...statement, text: POSTGRES_SQL, values: [id] }),
        itemOf: ({ rows }) => rows[0],
        report: () => pool.query({ name: 'report', text: POSTGRES_REPORT }),
      };
    },
  };
}
