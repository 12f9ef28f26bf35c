/** All cities into an empty table, in rows per second; the table is proved to hold the same afterwards. */
import type { Round } from '../harness/job.js';
import type { BatchPeer } from '../peers/batches/batch-peer.js';
import { readCities } from '../peers/batches/batch-peer.js';
import { openTable } from '../peers/batches/city-table.js';

export async function prepare(peer: BatchPeer): Promise<Round> {
  const url = process.env.FLUXOR_BENCH_POSTGRES_URL;
  if (url === undefined) throw new Error('FLUXOR_BENCH_POSTGRES_URL is missing');
  const rows = readCities();
  const table = await openTable(url);
  const load = await peer.open(url);
  return async () => {
    await table.empty();
    const startedAt = performance.now();
    await load(rows);
    const seconds = (performance.now() - startedAt) / 1_000;
    const { count, proof } = await table.look();
    if (count !== rows.length) throw new Error(`${count} rows were loaded instead of ${rows.length}`);
    return { rowsPerSecond: rows.length / seconds, proof };
  };
}
