/** What the tests of streams iterate with. */
import type { DBRuntime, Row, RowStream } from 'fluxor-db';
import { expect } from 'vitest';
import type { ProxiedDatabase } from './proxied-database.js';

export const NUMBERS = 'select i, md5(i::text) as hash from generate_series(1, $1::int) i';
/** A row at once, and then one that the server takes its time for. */
export const SLOW_AFTER_FIRST = 'select i, case when i > 1 then pg_sleep(60) end from generate_series(1, 3) i';

export async function collect<R>(stream: RowStream<R>): Promise<R[]> {
  const rows: R[] = [];
  for await (const row of stream) rows.push(row);
  return rows;
}

/** Takes so many rows and leaves the loop. */
export async function take<R>(stream: RowStream<R>, count: number): Promise<R[]> {
  const rows: R[] = [];
  for await (const row of stream) {
    rows.push(row);
    if (rows.length === count) break;
  }
  return rows;
}

/** Starts a stream and answers its iterator, paused behind the first row. */
export async function opened<R = Row>(
  db: Pick<DBRuntime, 'stream'>,
  text: string,
  options: { batchSize?: number } = {},
) {
  const rows = db.stream<R>(text, undefined, { batchSize: 1, ...options })[Symbol.asyncIterator]();
  await rows.next();
  return rows;
}

/** The server has so many sessions of this runtime, and all of them have nothing to do. */
export async function idle(house: ProxiedDatabase, sessions = 1): Promise<void> {
  await expect
    .poll(async () => (await house.activity()).map(({ state }) => state))
    .toEqual(Array.from({ length: sessions }, () => 'idle'));
}
