/**
 * The table `items` behind the wire server, in its own process: no database, but what the answer is. Nothing is looked up and nothing
 * parsed, so that as little as possible of what is measured is the server.
 */
import type { SqlBackend, SqlResult } from '../../../test/support/oracle-wire/backend.js';
import { ScriptedBackend } from '../../../test/support/oracle-wire/scripted-backend.js';
import { T } from '../../../test/support/oracle-wire/values.js';
import { ITEMS } from './point-peer.js';

const COLUMNS = [
  { name: 'id', type: T.NUMBER, precision: 9, scale: 0, size: 22 },
  { name: 'name', type: T.VARCHAR, size: 40 },
  { name: 'stock', type: T.NUMBER, precision: 9, scale: 0, size: 22 },
];

export function openBackend(): SqlBackend {
  const backend = new ScriptedBackend();
  backend.when(/\bdbms_debug_jdwp\b/, { columns: [{ name: 'id', type: T.VARCHAR, size: 40 }], rows: [['1,1']] });
  backend.when(/\bfrom items\b/, ({ rows: [binds] }) => itemOf(Number(binds?.[0])));
  return backend;
}

function itemOf(id: number): SqlResult {
  const isThere = id >= 1 && id <= ITEMS;
  return { columns: COLUMNS, rows: isThere ? [[id, `item-${id}`, (id * 7) % 1_000]] : [] };
}
