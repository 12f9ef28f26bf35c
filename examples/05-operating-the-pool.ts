/** Operations on a running pool, and who holds a connection for too long. Run it: `npx tsx examples/05-operating-the-pool.ts`. */
import { createRuntime, isFluxorError } from 'fluxor-db';
import { pglite } from 'fluxor-db/pglite';

const db = createRuntime({
  driver: pglite(),
  pool: { leak: { threshold: '1s', interval: '1s' }, warmUp: false },
  // Suspected leaks would be a warning of the process as well.
  logger: false,
});

// Held longer than the threshold: who, for how long, and what they did last, without a value.
db.setLeakCallback((_connectionId, _ageMs, { holder, label, lastStatement }) =>
  console.log(`leaked: the ${holder} '${label}', last statement: ${lastStatement}`),
);
const forgotten = await db.acquire({ label: 'checkout' });
await forgotten.query("select 'lamp' as item, 42 as price");

// A second caller cannot know; the error tells them who has the connection.
await db.query('select 1', [], { timeout: '2500ms' }).catch((error: unknown) => {
  if (isFluxorError(error, 'TIMEOUT'))
    console.log(error.message.includes("'checkout'") ? 'checkout has it' : error.message);
});
forgotten.release();

// Maintenance: nothing is lent until resume(); callers wait.
db.pool.suspend();
const waiting = db.queryValue("select 'served after the resume'");
console.log(`suspended, ${db.stats().waiting} waiting`);
db.pool.resume();
console.log(await waiting);

// New numbers for the running pool; wrong ones are refused all at once, and nothing changes.
db.pool.reconfigure({ acquireTimeout: '2s', leak: { threshold: '5m' } });
console.log(`acquireTimeout is ${db.config.pool.acquireTimeoutMs} ms now`);
try {
  db.pool.reconfigure({ maxSize: 0, keepalive: '1ms' });
} catch (error) {
  if (isFluxorError(error, 'CONFIG')) console.log(error.message);
}

// Every connection is replaced: at once when idle, else when it is released.
console.log(`${db.pool.evict()} connection told to go`);
await db.disconnect();
