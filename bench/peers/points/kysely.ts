/** Kysely, a query builder, over pg's pool. The last version for Node 20. */
import { Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { versionOf } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, IDLE_MS, LACKS_OF_POOLS } from './point-peer.js';

export const peer: PointPeer = {
  name: 'kysely',
  version: versionOf('kysely'),
  settings: `over a Pool of pg ${versionOf('pg')}, max ${CONNECTIONS}`,
  lacks: LACKS_OF_POOLS,
  async open(url): Promise<PointCalls<Item | undefined>> {
    const pool = new Pool({ connectionString: url, max: CONNECTIONS, idleTimeoutMillis: IDLE_MS });
    const db = new Kysely<{ items: Item }>({ dialect: new PostgresDialect({ pool: pool as never }) });
    return {
      point: (id) =>
        db.selectFrom('items').select(['id', 'name', 'stock']).where('id', '=', id).executeTakeFirst() as Promise<Item>,
      itemOf: (item) => item,
    };
  },
};
