/** Prisma over its adapter for pg: no engine of its own, the query compiler runs in this process. */
import { PrismaPg } from '@prisma/adapter-pg';
import { versionOf } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, IDLE_MS, LACKS_OF_POOLS } from './point-peer.js';
import { prismaClientClass } from './prisma-client.js';

export const peer: PointPeer = {
  name: 'prisma',
  version: versionOf('@prisma/client'),
  settings: `findUnique, adapter-pg, max ${CONNECTIONS}; it gathers what is asked for in one turn of the loop into one query`,
  lacks: LACKS_OF_POOLS,
  async open(url): Promise<PointCalls<Item | null>> {
    const PrismaClient = prismaClientClass();
    const db = new PrismaClient({
      adapter: new PrismaPg({ connectionString: url, max: CONNECTIONS, idleTimeoutMillis: IDLE_MS }),
    });
    return {
      point: (id) => db.item.findUnique({ where: { id } }) as Promise<Item | null>,
      itemOf: (item) => item ?? undefined,
    };
  },
};
