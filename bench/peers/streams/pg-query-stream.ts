/** pg-query-stream on a client of pg, with its defaults: 100 rows a page. */
import { Client } from 'pg';
import QueryStream from 'pg-query-stream';
import { versionOf } from '../../harness/peer.js';
import type { StreamedRow, StreamPeer } from './stream-peer.js';
import { SQL } from './stream-peer.js';

export const peer: StreamPeer = pgQueryStream('pg-query-stream', 'the defaults: 100 rows a page', {});

export function pgQueryStream(name: string, settings: string, config: { batchSize?: number }): StreamPeer {
  return {
    name,
    version: versionOf('pg-query-stream'),
    settings,
    lacks: 'deadline of a page, cancelling at the server, a pool, retries, breaker, limits, metrics',
    async open(url) {
      const client = new Client({ connectionString: url });
      await client.connect();
      return (rows) => client.query(new QueryStream(SQL, [rows], config)) as AsyncIterable<StreamedRow>;
    },
  };
}
