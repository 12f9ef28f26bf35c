/** slonik, without a schema: the row is not checked. The last version that runs on Node 20. */
import { createPool, sql } from 'slonik';
import { versionOf } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, IDLE_MS } from './point-peer.js';

export const peer: PointPeer = {
  name: 'slonik',
  version: versionOf('slonik'),
  settings: `sql.unsafe, maximumPoolSize ${CONNECTIONS}`,
  lacks: 'cancelling at the server when a caller gives up, breaker, rate limit, bounded line, outcomes, metrics',
  async open(url): Promise<PointCalls<Item | null>> {
    const pool = await createPool(url, { maximumPoolSize: CONNECTIONS, idleTimeout: IDLE_MS });
    return {
      point: (id) => pool.maybeOne(sql.unsafe`select id, name, stock from items where id = ${id}`) as Promise<Item>,
      itemOf: (item) => item ?? undefined,
    };
  },
};
