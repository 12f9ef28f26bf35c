/** Ours over the client library `oracledb`, thin. */
import { oracle } from '../../../src/driver/oracle/index.js';
import { ownVersion, versionOf } from '../../harness/peer.js';
import { openRuntime, settingsOf } from './fluxor.js';
import type { PointPeer } from './point-peer.js';
import { ORACLE_SQL } from './point-peer.js';

export const peer: PointPeer = {
  name: 'fluxor-oracle',
  version: ownVersion(),
  settings: `${settingsOf('the defaults')}; over oracledb ${versionOf('oracledb')}`,
  lacks: '',
  open: (url) => openRuntime(oracle({ url }), ORACLE_SQL),
};
