/** Ours: `db.batch()` with the defaults, every guard on. */
import { postgres } from '../../../src/driver/postgres/index.js';
import { createRuntime } from '../../../src/runtime/create-runtime.js';
import { ownVersion } from '../../harness/peer.js';
import type { BatchPeer } from './batch-peer.js';
import { INSERT } from './batch-peer.js';

export const peer: BatchPeer = fluxor('fluxor', 'auto');

export function fluxor(name: string, mode: 'auto' | 'statements'): BatchPeer {
  return {
    name,
    version: ownVersion(),
    settings: mode === 'auto' ? 'the defaults' : "mode: 'statements'",
    lacks: '',
    async open(url) {
      const db = createRuntime({ driver: postgres({ url }), pool: { warmUp: false } });
      await db.connect();
      return async (rows) => {
        await db.batch(INSERT, rows, { mode });
      };
    },
  };
}
