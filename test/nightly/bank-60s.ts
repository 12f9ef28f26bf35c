/**
 * `npm run test:nightly`: the bank of test/integration/bank for a minute, its server killed twice, on each version of
 * PostgreSQL there is, once without and once with `resolveOutcome`. Prints the figures, and ends with 1 when something was
 * lost, made twice, or not known. FLUXOR_BANK_SECONDS makes it shorter, FLUXOR_BANK_MAJORS=18 chooses, FLUXOR_SEED replays
 * a schedule of faults.
 */
import type { BankReport } from '../integration/bank/bank.js';
import { runBank } from '../integration/bank/bank.js';
import type { PostgresMajor } from '../servers/postgres-binaries.js';
import { PostgresServer, ServerUnavailable } from '../servers/postgres-server.js';

const SECONDS = Number(process.env['FLUXOR_BANK_SECONDS'] ?? 60);
const MAJORS = (process.env['FLUXOR_BANK_MAJORS'] ?? '18,15').split(',').map(Number) as PostgresMajor[];
const seed = Number(process.env['FLUXOR_SEED'] ?? 1 + Math.floor(Math.random() * 1_000_000));

async function fire(major: PostgresMajor, resolveOutcome: boolean): Promise<BankReport> {
  const server = await PostgresServer.start({ major, settings: { deadlock_timeout: '100ms' } });
  try {
    return await runBank(server, { seed, durationMs: 1_000 * SECONDS, kills: 2, resolveOutcome });
  } finally {
    await server.remove();
  }
}

let violated = 0;
for (const major of MAJORS) {
  for (const resolveOutcome of [false, true]) {
    const name = `PostgreSQL ${major}, ${resolveOutcome ? 'with' : 'without'} resolveOutcome`;
    console.log(`A bank under fire for ${SECONDS} s on ${name} (FLUXOR_SEED=${seed}) …`);
    try {
      const { figures, violations } = await fire(major, resolveOutcome);
      console.log(JSON.stringify(figures, undefined, 2));
      for (const violation of violations.slice(0, 20)) console.error(`✗ ${name}: ${violation}`);
      violated += violations.length;
    } catch (error) {
      if (!(error instanceof ServerUnavailable)) throw error;
      console.log(`NOT RUN: ${name}: ${error.reason}.`);
    }
  }
}
if (violated === 0) console.log('✓ every promise was kept');
process.exitCode = violated === 0 ? 0 : 1;
