/** What stands between a call and a database that fails. Run it: `npx tsx examples/06-resilience.ts`. */
import { CircuitBreaker, connect, isFluxorError } from 'fluxor-db';

await using db = await connect(process.env['FLUXOR_URL'] ?? 'pglite:', {
  gate: { circuitBreaker: { failures: 2, earlyProbe: { interval: '100ms' } }, rateLimit: { perSecond: 1, burst: 3 } },
  // A code of our own proxy, which the runtime cannot know: the database behind it does not answer.
  errors: { override: ({ sqlState }) => (sqlState === 'PROXY' ? { breaker: 'failure' } : undefined) },
});

async function report(title: string, call: Promise<unknown>): Promise<void> {
  try {
    console.log(`${title}: ${String(await call)}`);
  } catch (error) {
    if (!isFluxorError(error)) throw error;
    console.log(`${title}: ${error.code}, ${error.outcome}`);
  }
}

// The server raises what it is told to; 40001 is a serialization failure.
const fails = (code: string) => `do $$ begin raise exception 'on purpose' using errcode = '${code}'; end $$`;

// Three tokens, four calls: the fourth is refused before anything is sent.
await Promise.all([1, 2, 3, 4].map((n) => report(`call ${n}`, db.queryValue('select 42'))));
db.gate.rateLimit.set(false);

// A transaction that the database rolled back is run again from its beginning.
const runs = db.transaction(async (tx) => {
  if (tx.attempt === 1) await tx.exec(fails('40001'));
  return `committed in run ${tx.attempt}`;
});
await report('a transaction', runs);

// A server that says no is alive. One that fails twice in a row opens the circuit. A DO may have committed midway, so what
// became of it is unknown.
db.setCircuitBreakerCallback((from, to) => console.log(`circuit: ${from} → ${to}`));
await report('nonsense', db.query('select nonsense'));
await report('no answer', db.exec(fails('PROXY')));
await report('no answer', db.exec(fails('PROXY')));
await report('while it is open', db.queryValue('select 42'));

// The runtime asks in the background. When the database answers, a few calls find out whether it can work again.
await new Promise((resolve) => setTimeout(resolve, 500));
for (let call = 1; call <= 3; call += 1) await report('trial', db.queryValue('select 42'));

const { circuit, retry } = db.gate.stats();
console.log(`${circuit.failures} failures, ${circuit.rejected} refused, ${retry?.retries} run again`);

// The parts work alone, around anything.
const rates = new CircuitBreaker({ failures: 1, resetTimeout: '30s' }, { name: 'rates' });
const ask = () => rates.execute(() => Promise.reject(new Error('no route')));
await ask().catch((error: Error) => console.log(`rates: ${error.message}`));
await report('rates', ask());
