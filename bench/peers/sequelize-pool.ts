/** sequelize-pool, the pool of Sequelize. */
import { Pool } from 'sequelize-pool';
import type { Peer } from '../harness/peer.js';
import { ACQUIRE_TIMEOUT_MS, versionOf } from '../harness/peer.js';
import type { StubConnection } from '../harness/stub-server.js';

export const peer: Peer = {
  name: 'sequelize-pool',
  version: versionOf('sequelize-pool'),
  settings: 'acquire timeout 10 s, synchronous look at the connection on borrow',
  lacks: 'cancelling, limit of the line, limit of creations at once, limit of a creation, reset of unclean returns',
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
      acquire: () => pool.acquire(),
      release: (connection: StubConnection) => pool.release(connection),
      connectionOf: (connection: StubConnection) => connection,
      close: async () => {
        await pool.drain();
        await pool.destroyAllNow();
      },
    };
  },
};
