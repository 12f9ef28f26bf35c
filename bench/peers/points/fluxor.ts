/** Ours: `db.query()` with the defaults and every guard on. Only the rate limit is lifted, to the most that there can be. */
import type { Driver } from '../../../src/driver/driver.js';
import { postgres } from '../../../src/driver/postgres/index.js';
import { createRuntime } from '../../../src/runtime/create-runtime.js';
import { ownVersion } from '../../harness/peer.js';
import type { Item, PointCalls, PointPeer } from './point-peer.js';
import { CONNECTIONS, POSTGRES_REPORT, POSTGRES_SQL } from './point-peer.js';

export const peer: PointPeer = {
  name: 'fluxor',
  version: ownVersion(),
  settings: settingsOf('the defaults'),
  lacks: '',
  open: (url) => openRuntime(postgres({ url }), POSTGRES_SQL, { report: POSTGRES_REPORT }),
};

/** What ours is set to, in each of its shapes. */
export function settingsOf(what: string): string {
  return `${what}, a pool of ${CONNECTIONS}, 1,000,000 calls per second`;
}

export async function openRuntime(
  driver: Driver,
  sql: string,
  { report, isAlone = false }: { readonly report?: string; readonly isAlone?: boolean } = {},
): Promise<PointCalls<readonly Item[]>> {
  const db = createRuntime({
    driver,
    pool: { maxSize: CONNECTIONS },
    gate: { rateLimit: { perSecond: 1_000_000 } },
    ...(isAlone ? { query: { pipelining: false } } : {}),
  });
  await db.connect();
  return {
    point: (id) => db.query<Item>(sql, [id]),
    itemOf: ([item]) => item,
    ...(report === undefined ? {} : { report: () => db.query(report) }),
  };
}
