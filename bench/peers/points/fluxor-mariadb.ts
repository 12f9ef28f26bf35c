/** Ours over the client library `mariadb`. */
import { mariadb } from '../../../src/driver/mariadb/index.js';
import { ownVersion, versionOf } from '../../harness/peer.js';
import { openRuntime, settingsOf } from './fluxor.js';
import type { PointPeer } from './point-peer.js';
import { MYSQL_SQL } from './point-peer.js';

export const peer: PointPeer = {
  name: 'fluxor-mariadb',
  version: ownVersion(),
  settings: `${settingsOf('the defaults')}; over mariadb ${versionOf('mariadb')}`,
  lacks: '',
  open: (url) => openRuntime(mariadb({ url }), MYSQL_SQL),
};
