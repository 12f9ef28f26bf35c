/** mysql2's own pool and its prepared statements. */
import { createPool } from 'mysql2/promise';
import { versionOf } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, IDLE_MS, LACKS_OF_POOLS, MYSQL_SQL } from './point-peer.js';

export const peer: PointPeer = {
  name: 'mysql2-pool',
  version: versionOf('mysql2'),
  settings: `execute, connectionLimit ${CONNECTIONS}`,
  lacks: LACKS_OF_POOLS,
  async open(url): Promise<PointCalls<readonly unknown[]>> {
    const pool = createPool({ uri: url, connectionLimit: CONNECTIONS, idleTimeout: IDLE_MS });
    return {
      point: (id) => pool.execute(MYSQL_SQL, [id]),
      itemOf: ([rows]) => (rows as readonly Item[])[0],
    };
  },
};
