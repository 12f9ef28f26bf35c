/** oracledb's own pool, and its settings but for rows as objects. */
import type { ExecuteOptions, PoolAttributes } from 'oracledb';
import oracledb from 'oracledb';
import { versionOf } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, LACKS_OF_POOLS, ORACLE_SQL } from './point-peer.js';

export const peer: PointPeer = oracledbPool('oracledb-pool', `execute with rows as objects`, {
  outFormat: oracledb.OUT_FORMAT_OBJECT,
});

export function oracledbPool(name: string, settings: string, options: ExecuteOptions): PointPeer {
  return {
    name,
    version: versionOf('oracledb'),
    settings: `${settings}, poolMin and poolMax ${CONNECTIONS}`,
    lacks: LACKS_OF_POOLS,
    async open(url): Promise<PointCalls<Item | undefined>> {
      const pool = await oracledb.createPool(attributesOf(url));
      return {
        point: async (id) => {
          const connection = await pool.getConnection();
          try {
            return (await connection.execute<Item>(ORACLE_SQL, [id], options)).rows?.[0];
          } finally {
            await connection.close();
          }
        },
        itemOf: (item) => item,
      };
    },
  };
}

function attributesOf(url: string): PoolAttributes {
  const { host, username: user, password, pathname } = new URL(url);
  return { user, password, connectString: `${host}${pathname}`, poolMin: CONNECTIONS, poolMax: CONNECTIONS };
}
