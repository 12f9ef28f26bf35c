/** mariadb's own pool and its prepared statements. */
import { createPool } from 'mariadb';
import { versionOf } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, LACKS_OF_POOLS, MYSQL_SQL } from './point-peer.js';

export const peer: PointPeer = {
  name: 'mariadb-pool',
  version: versionOf('mariadb'),
  // Without the key of the server, MySQL's login asks for TLS.
  settings: `execute, connectionLimit ${CONNECTIONS}, allowPublicKeyRetrieval`,
  lacks: LACKS_OF_POOLS,
  async open(url): Promise<PointCalls<readonly Item[]>> {
    const { hostname, port, username, password, pathname } = new URL(url);
    const pool = createPool({
      host: hostname,
      port: Number(port),
      user: username,
      password,
      database: pathname.slice(1),
      connectionLimit: CONNECTIONS,
      allowPublicKeyRetrieval: true,
    });
    return { point: (id) => pool.execute<readonly Item[]>(MYSQL_SQL, [id]), itemOf: ([item]) => item };
  },
};
