/** generic-pool, as `testOnBorrow` leaves it by default: off. */
import { createPool } from 'generic-pool';
import type { Peer } from '../harness/peer.js';
import { ACQUIRE_TIMEOUT_MS, versionOf } from '../harness/peer.js';
import type { StubConnection } from '../harness/stub-server.js';

export const peer: Peer = {
  name: 'generic-pool',
  version: versionOf('generic-pool'),
  settings: 'acquire timeout 10 s',
  lacks:
    'look at the connection on borrow (off by default), cancelling, limit of creations at once, limit of a creation, reset',
  open(server, size) {
    const factory = {
      create: () => server.connect(),
      destroy: async (connection: StubConnection) => server.disconnect(connection),
    };
    const pool = createPool<StubConnection>(factory, { min: 0, max: size, acquireTimeoutMillis: ACQUIRE_TIMEOUT_MS });
    return {
      acquire: () => pool.acquire(),
      // The connection is free again before the promise settles, so nobody needs to await it.
      release: (connection: StubConnection) => void pool.release(connection),
      connectionOf: (connection: StubConnection) => connection,
      close: async () => {
        await pool.drain();
        await pool.clear();
      },
    };
  },
};
