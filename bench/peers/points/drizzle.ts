/** Drizzle over pg's pool, with a query prepared under a name: the fastest that its documentation knows. */
import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, varchar } from 'drizzle-orm/pg-core';
import { Pool } from 'pg';
import { versionOf } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, IDLE_MS, LACKS_OF_POOLS } from './point-peer.js';

const items = pgTable('items', {
  id: integer('id').primaryKey(),
  name: varchar('name', { length: 40 }).notNull(),
  stock: integer('stock').notNull(),
});

export const peer: PointPeer = {
  name: 'drizzle',
  version: versionOf('drizzle-orm'),
  settings: `prepare('item'), over a Pool of pg ${versionOf('pg')}, max ${CONNECTIONS}`,
  lacks: LACKS_OF_POOLS,
  async open(url): Promise<PointCalls<readonly Item[]>> {
    const db = drizzle(new Pool({ connectionString: url, max: CONNECTIONS, idleTimeoutMillis: IDLE_MS }) as never);
    const statement = db
      .select()
      .from(items)
      .where(eq(items.id, sql.placeholder('id')))
      .prepare('item');
    return { point: (id) => statement.execute({ id }), itemOf: ([item]) => item };
  },
};
