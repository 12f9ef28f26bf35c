/** tarn, the pool of knex. */
import { Pool } from 'tarn';
import type { Peer } from '../harness/peer.js';
import { ACQUIRE_TIMEOUT_MS, versionOf } from '../harness/peer.js';
import type { StubConnection } from '../harness/stub-server.js';

export const peer: Peer = {
  name: 'tarn',
  version: versionOf('tarn'),
  settings: 'acquire timeout 10 s, synchronous look at the connection on borrow',
  lacks:
    'cancelling by AbortSignal, limit of the line, limit of creations at once, end of a lease, reset of unclean returns',
  open(server, size) {
    const pool = new Pool<StubConnection>({
      create: () => server.connect(),
      destroy: (connection) => server.disconnect(connection),
      validate: (connection) => connection.isOpen,
      min: 0,
      max: size,
      acquireTimeoutMillis: ACQUIRE_TIMEOUT_MS,
    });
    return {
      acquire: () => pool.acquire().promise,
      release: (connection: StubConnection) => void pool.release(connection),
      connectionOf: (connection: StubConnection) => connection,
      close: async () => void (await pool.destroy()),
    };
  },
};
