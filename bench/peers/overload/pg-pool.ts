/** pg's own pool with its defaults: a line without an end, in which nobody knows how long a caller will wait. */
import { Pool } from 'pg';
import { versionOf } from '../../harness/peer.js';
import type { OverloadPeer } from './overload-peer.js';
import { CONNECTIONS, SQL } from './overload-peer.js';

export const peer: OverloadPeer = pgPool('pg-pool', () => ({}), 'the defaults');

export function pgPool(
  name: string,
  timeouts: (deadlineMs: number) => { readonly connectionTimeoutMillis?: number },
  settings: string,
): OverloadPeer {
  return {
    name,
    version: versionOf('pg'),
    settings: `${settings}, max ${CONNECTIONS}, a named statement`,
    lacks: 'an end of the line, a deadline of the whole call, cancelling at the server, breaker, metrics',
    async open(url, deadlineMs) {
      const pool = new Pool({ connectionString: url, max: CONNECTIONS, ...timeouts(deadlineMs) });
      return {
        call: async (id) => {
          const { rows } = await pool.query<{ readonly id: number }>({ name: 'work', text: SQL, values: [id] });
          return rows[0]?.id;
        },
        close: () => pool.end(),
      };
    },
  };
}
