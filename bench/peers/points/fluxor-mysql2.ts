/** Ours over the client library `mysql2`, which does not pipeline. */
import { mysql } from '../../../src/driver/mysql/index.js';
import { ownVersion, versionOf } from '../../harness/peer.js';
import { openRuntime, settingsOf } from './fluxor.js';
import type { PointPeer } from './point-peer.js';
import { MYSQL_SQL } from './point-peer.js';

export const peer: PointPeer = {
  name: 'fluxor-mysql2',
  version: ownVersion(),
  settings: `${settingsOf('the defaults')}; over mysql2 ${versionOf('mysql2')}`,
  lacks: '',
  open: (url) => openRuntime(mysql({ url }), MYSQL_SQL),
};
