/** Ours: `db.stream()` with the defaults, every guard on. */
import { postgres } from '../../../src/driver/postgres/index.js';
import { createRuntime } from '../../../src/runtime/create-runtime.js';
import { ownVersion } from '../../harness/peer.js';
import type { StreamedRow, StreamPeer } from './stream-peer.js';
import { SQL } from './stream-peer.js';

/** For a look at other page sizes; the figure that counts is the default's. */
const batchSize = Number(process.env.FLUXOR_BENCH_BATCH_SIZE ?? 0);

export const peer: StreamPeer = {
  name: 'fluxor',
  version: ownVersion(),
  settings: batchSize === 0 ? 'the defaults: 500 rows a page' : `${batchSize} rows a page`,
  lacks: '',
  async open(url) {
    const db = createRuntime({ driver: postgres({ url }), pool: { warmUp: false } });
    await db.connect();
    const options = batchSize === 0 ? {} : { batchSize };
    return (rows) => db.stream<StreamedRow>(SQL, [rows], options);
  },
};
