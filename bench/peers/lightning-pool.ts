/** lightning-pool. Without `validate`, which it would call and await on every borrow: ours bypasses that for 500 ms. */
import { createPool } from 'lightning-pool';
import type { Peer } from '../harness/peer.js';
import { ACQUIRE_TIMEOUT_MS, versionOf } from '../harness/peer.js';
import type { StubConnection } from '../harness/stub-server.js';

export const peer: Peer = {
  name: 'lightning-pool',
  version: versionOf('lightning-pool'),
  settings: 'acquire timeout 10 s, line of 1,000',
  lacks: 'look at the connection on borrow (left out), cancelling, limit of creations at once, limit of a creation',
  open(server, size) {
    const factory = {
      create: () => server.connect(),
      destroy: (connection: StubConnection) => server.disconnect(connection),
    };
    const pool = createPool<StubConnection>(factory, { min: 0, max: size, acquireTimeoutMillis: ACQUIRE_TIMEOUT_MS });
    return {
      acquire: () => pool.acquire(),
      release: (connection: StubConnection) => pool.release(connection),
      connectionOf: (connection: StubConnection) => connection,
      close: () => pool.closeAsync(0),
    };
  },
};
