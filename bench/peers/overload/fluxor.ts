/** Ours: the defaults, and the caller's deadline. The rate limit is lifted, or it would keep the load away by itself. */
import { postgres } from '../../../src/driver/postgres/index.js';
import type { PoolOptions } from '../../../src/pool/pool-options.js';
import { createRuntime } from '../../../src/runtime/create-runtime.js';
import { ownVersion } from '../../harness/peer.js';
import type { OverloadPeer } from './overload-peer.js';
import { CONNECTIONS, SQL } from './overload-peer.js';

export const peer: OverloadPeer = fluxor('fluxor', {}, 'the defaults');

export function fluxor(name: string, pool: PoolOptions, settings: string): OverloadPeer {
  return {
    name,
    version: ownVersion(),
    settings: `${settings}, a pool of ${CONNECTIONS}, 1,000,000 calls per second, query.timeout: the caller's deadline`,
    lacks: '',
    async open(url, deadlineMs) {
      const db = createRuntime({
        driver: postgres({ url }),
        pool: { ...pool, maxSize: CONNECTIONS },
        gate: { rateLimit: { perSecond: 1_000_000 } },
        query: { timeout: deadlineMs },
      });
      await db.connect();
      return {
        call: (id) => db.queryRow<{ readonly id: number }>(SQL, [id]).then((row) => row?.id),
        close: () => db.disconnect({ timeout: 1_000 }),
      };
    },
  };
}
