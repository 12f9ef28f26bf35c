/** Ours with one statement at a time on a connection, as every other pool of Node has it. */
import { postgres } from '../../../src/driver/postgres/index.js';
import { ownVersion } from '../../harness/peer.js';
import { openRuntime, settingsOf } from './fluxor.js';
import type { PointPeer } from './point-peer.js';
import { POSTGRES_REPORT, POSTGRES_SQL } from './point-peer.js';

export const peer: PointPeer = {
  name: 'fluxor-alone',
  version: ownVersion(),
  settings: settingsOf('query.pipelining: false'),
  lacks: 'pipelining (switched off, to show what it is worth)',
  open: (url) => openRuntime(postgres({ url }), POSTGRES_SQL, { report: POSTGRES_REPORT, isAlone: true }),
};
