/** One stream from its first row to its last, in rows per second, and what the process had to grow for it. */
import { createHash } from 'node:crypto';
import type { Round } from '../harness/job.js';
import type { StreamedRow, StreamPeer } from '../peers/streams/stream-peer.js';

export interface StreamInput {
  readonly [name: string]: number;
  readonly rows: number;
}

/** Rows that are compared with those of the other peers, value by value. */
const PROVED_ROWS = 10_000;
/** Between two looks at the memory. */
const SAMPLE_EVERY = 10_000;

export async function prepare(peer: StreamPeer, { rows }: StreamInput): Promise<Round> {
  const url = process.env.FLUXOR_BENCH_POSTGRES_URL;
  if (url === undefined) throw new Error('FLUXOR_BENCH_POSTGRES_URL is missing');
  const stream = await peer.open(url);
  const proof = await digest(stream(PROVED_ROWS));
  return async () => {
    const before = process.memoryUsage.rss();
    let highest = before;
    let count = 0;
    let sum = 0;
    const startedAt = performance.now();
    for await (const { id } of stream(rows)) {
      count += 1;
      sum += id;
      if (count % SAMPLE_EVERY === 0) highest = Math.max(highest, process.memoryUsage.rss());
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    if (count !== rows || sum !== (rows * (rows + 1)) / 2) throw new Error('rows are missing');
    return { rowsPerSecond: rows / seconds, grownMb: (highest - before) / 2 ** 20, proof };
  };
}

/** A number that is the same where every value of every row is, and its type. */
async function digest(stream: AsyncIterable<StreamedRow>): Promise<number> {
  const hash = createHash('sha256');
  for await (const row of stream) {
    const { id, name, score, active, seen } = row;
    if (!(seen instanceof Date)) throw new Error('a timestamp is no Date');
    hash.update(JSON.stringify([Object.keys(row), id, name, score, active, seen]));
  }
  return hash.digest().readUIntBE(0, 6);
}
