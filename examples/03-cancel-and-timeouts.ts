/** Limits and stops, and what each says about the statement. Run it: `npx tsx examples/03-cancel-and-timeouts.ts`. */
import { connect, isFluxorError } from 'fluxor-db';

// One connection, so that a second call has to wait for it.
await using db = await connect(process.env['FLUXOR_URL'] ?? 'pglite:', { pool: { maxSize: 1 } });

async function report(title: string, call: Promise<unknown>): Promise<void> {
  try {
    await call;
    console.log(`${title}: done`);
  } catch (error) {
    if (!isFluxorError(error)) throw error;
    console.log(`${title}: ${error.code} ${error.reason ?? ''}, ${error.outcome}`);
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

// Somebody else has the connection and it does not come free in time: nothing was sent.
const holder = db.use(() => pause(150));
await report('waiting 50 ms for a connection', db.query('select 1', [], { timeout: '50ms' }));

// The caller goes away while waiting in line.
const caller = new AbortController();
const call = db.query('select 1', [], { signal: caller.signal });
caller.abort(new Error('the user closed the page'));
await report('aborted in line', call);
await holder;

// At the deadline a server is told to stop, and answers "not applied". PGlite cannot be stopped and finishes.
await report('a second of sleep in 100 ms', db.query('select pg_sleep(1)', [], { timeout: '100ms' }));

// A transaction has a deadline of its own; what is left at that moment is rolled back.
const slow = db.transaction(
  async (tx) => {
    await tx.query('select 1');
    await pause(150);
    await tx.query('select 2');
  },
  { timeout: '100ms' },
);
await report('a transaction of 150 ms in 100 ms', slow);

console.log(`the connection is fine: ${await db.queryValue<number>('select 42')}`);
