/** Knex, a query builder with tarn as its pool, over pg. */
import knex from 'knex';
import { versionOf } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, IDLE_MS, LACKS_OF_POOLS } from './point-peer.js';

export const peer: PointPeer = {
  name: 'knex',
  version: versionOf('knex'),
  settings: `pool { min: 0, max: ${CONNECTIONS} }, over pg ${versionOf('pg')}`,
  lacks: LACKS_OF_POOLS,
  async open(url): Promise<PointCalls<Item | undefined>> {
    const db = knex.knex({
      client: 'pg',
      connection: url,
      pool: { min: 0, max: CONNECTIONS, idleTimeoutMillis: IDLE_MS },
    });
    return {
      point: (id) => Promise.resolve(db<Item>('items').where('id', id).first('id', 'name', 'stock')) as Promise<Item>,
      itemOf: (item) => item,
    };
  },
};
