/** Ours: the whole road, with room in the line for 10,000. */
import { createRuntime } from '../../../src/runtime/create-runtime.js';
import { ownVersion } from '../../harness/peer.js';
import { FakeDriver } from '../guards/fake-server.js';
import { SQL } from '../guards/guarded.js';
import type { GrowthPeer } from './growth-peer.js';

const LINE = 20_000;

export const peer: GrowthPeer = {
  name: 'fluxor',
  version: ownVersion(),
  settings: `the defaults, but for a line of ${LINE}, 1,000,000 calls per second and a deadline of 10 minutes`,
  lacks: '',
  async open(server, connections) {
    const db = createRuntime({
      driver: new FakeDriver(server),
      pool: {
        maxSize: connections,
        maxIdle: connections,
        maxWaiting: LINE,
        warmUp: { connections, failFast: true },
      },
      gate: { rateLimit: { perSecond: 1_000_000 }, connectionLimit: { max: connections, queue: LINE } },
      // A round is one turn of the event loop, and none of its calls may run into its end.
      query: { timeout: '10m' },
    });
    await db.connect();
    return { call: (id) => db.query<{ readonly id: number }>(SQL, [id]) };
  },
};
