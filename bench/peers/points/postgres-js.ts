/** postgres.js, which prepares and pipelines by itself. */
import postgres from 'postgres';
import { versionOf } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, LACKS_OF_POOLS } from './point-peer.js';

export const peer: PointPeer = {
  name: 'postgres-js',
  version: versionOf('postgres'),
  settings: `max ${CONNECTIONS} (its default)`,
  lacks: LACKS_OF_POOLS,
  async open(url): Promise<PointCalls<readonly Item[]>> {
    const sql = postgres(url, { max: CONNECTIONS });
    return {
      point: (id) => sql<Item[]>`select id, name, stock from items where id = ${id}`,
      itemOf: ([item]) => item,
      report: () => sql`select 1 as done from pg_sleep(0.05)`,
    };
  },
};
