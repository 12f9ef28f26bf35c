/** A loop of single inserts in one transaction on a client of pg, with a named statement: prepared once, then bound. */
import { Client } from 'pg';
import { versionOf } from '../../harness/peer.js';
import type { BatchPeer } from './batch-peer.js';
import { INSERT } from './batch-peer.js';

export const peer: BatchPeer = {
  name: 'pg-loop',
  version: versionOf('pg'),
  settings: 'one transaction, a named statement',
  lacks:
    'deadline, cancelling at the server, a pool, retries, breaker, limits, metrics, the number of the row at fault',
  async open(url) {
    const client = new Client({ connectionString: url });
    await client.connect();
    return async (rows) => {
      await client.query('begin');
      for (const values of rows) await client.query({ name: 'insert-city', text: INSERT, values });
      await client.query('commit');
    };
  },
};
