/** TypeORM over pg's pool: the repository of an entity, which makes an object of its class for each row. */
import { DataSource, EntitySchema } from 'typeorm';
import { versionOf } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, IDLE_MS, LACKS_OF_POOLS } from './point-peer.js';

const items = new EntitySchema<Item>({
  name: 'items',
  columns: { id: { type: 'int', primary: true }, name: { type: 'varchar', length: 40 }, stock: { type: 'int' } },
});

export const peer: PointPeer = {
  name: 'typeorm',
  version: versionOf('typeorm'),
  settings: `repository.findOneBy, poolSize ${CONNECTIONS}, over pg ${versionOf('pg')}`,
  lacks: LACKS_OF_POOLS,
  async open(url): Promise<PointCalls<Item | null>> {
    const source = new DataSource({
      type: 'postgres',
      url,
      poolSize: CONNECTIONS,
      extra: { idleTimeoutMillis: IDLE_MS },
      entities: [items],
    });
    await source.initialize();
    const repository = source.getRepository(items);
    return { point: (id) => repository.findOneBy({ id }), itemOf: (item) => item ?? undefined };
  },
};
