/** What the runtime says about itself, and the pool in numbers. Run it: `npx tsx examples/04-events.ts`. */
import { connect, createRuntime } from 'fluxor-db';
import type { EventName } from 'fluxor-db';
import { pglite } from 'fluxor-db/pglite';
import { postgres } from 'fluxor-db/postgres';

const url = process.env['FLUXOR_URL'] ?? 'pglite:';

// createRuntime() opens nothing, so listeners hear everything from the first connection on.
const driver = url.startsWith('pglite:') ? pglite({ url }) : postgres({ url });
const db = createRuntime({ driver, name: 'shop', pool: { maxSize: 1 } });

const told: EventName[] = [
  'runtime:started',
  'connection:created',
  'transaction:begun',
  'transaction:ended',
  'connection:closed',
  'runtime:draining',
  'runtime:closed',
];
for (const name of told) db.on(name, () => console.log(name));

db.on('query:completed', ({ queryId, name, rows }) => console.log(`query ${queryId} (${name ?? '-'}): ${rows} rows`));
const failures = db.on('query:failed', ({ queryId, error }) => console.log(`query ${queryId} failed: ${error.code}`));

await db.query('select generate_series(1, 3)', [], { name: 'count-to-three' });
await db.query('select * from nowhere').catch(() => undefined);
failures[Symbol.dispose]();
await db.query('select * from nowhere').catch(() => undefined);
await db.transaction((tx) => tx.exec("select 'something that belongs together'"));

const { total, idle, maxSize } = db.stats();
console.log(`${total} of ${maxSize} connections, ${idle} idle`);
await db.disconnect();

// A runtime that has been disconnected is gone; a new one begins anew.
await using next = await connect(url);
console.log(`a new one is ${next.state}`);
