/** COPY written by hand: a generator of lines into pg-copy-streams, with the escapes and nulls that COPY asks for. */
import { Client } from 'pg';
import { from } from 'pg-copy-streams';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { versionOf } from '../../harness/peer.js';
import type { BatchPeer, CityRow } from './batch-peer.js';
import { COPY } from './batch-peer.js';

/** Lines are joined to pieces: a chunk of the stream for each row would cost more than the row. */
const PIECE_CHARACTERS = 65_536;

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const escaped = (text: string): string => text.replace(/[\\\t\n\r]/g, (mark) => ESCAPES[mark] ?? mark);

function* pieces(rows: readonly CityRow[]): Generator<string> {
  let piece = '';
  for (const row of rows) {
    piece += `${row.map((value) => (typeof value === 'string' ? escaped(value) : String(value))).join('\t')}\n`;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

export const peer: BatchPeer = {
  name: 'pg-copy-streams',
  version: versionOf('pg-copy-streams'),
  settings: 'text format, pieces of 64 KiB, no byte more than COPY asks for',
  lacks:
    'deadline, cancelling at the server, a pool, retries, breaker, limits, metrics, types but text and numbers, checks',
  async open(url) {
    const client = new Client({ connectionString: url });
    await client.connect();
    return async (rows) => {
      await pipeline(Readable.from(pieces(rows), { objectMode: false }), client.query(from(COPY)));
    };
  },
};
