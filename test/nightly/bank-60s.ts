/**
 * `npm run test:nightly`: the bank of test/integration/bank for a minute, its server killed twice, on each version of
 * PostgreSQL there is, once without and once with `resolveOutcome`, on MySQL and MariaDB through both client libraries, and on
 * Oracle's wire server.
 * Prints the figures, and ends with 1 when something was lost, made twice, or not known. FLUXOR_BANK_SECONDS makes it
 * shorter, FLUXOR_BANK_ON='PostgreSQL 18' chooses by a part of the name, FLUXOR_SEED replays a schedule of faults.
 */
import { fileURLToPath } from 'node:url';
import type { BankReport } from '../integration/bank/bank.js';
import { runBank } from '../integration/bank/bank.js';
import type { BankDatabase } from '../integration/bank/bank-database.js';
import { onMysql, onOracle, onPostgres } from '../integration/bank/bank-database.js';
import { MysqlServer } from '../servers/mysql-server.js';
import { PostgresServer, ServerUnavailable } from '../servers/postgres-server.js';
import { startOracleProcess } from '../support/oracle-wire/oracle-process.js';

const SECONDS = Number(process.env['FLUXOR_BANK_SECONDS'] ?? 60);
const ON = process.env['FLUXOR_BANK_ON'] ?? '';
const seed = Number(process.env['FLUXOR_SEED'] ?? 1 + Math.floor(Math.random() * 1_000_000));

interface Fire {
  readonly name: string;
  readonly resolveOutcome: boolean;
  readonly start: () => Promise<{ readonly database: BankDatabase; readonly remove: () => Promise<void> }>;
}

const onVersions = ([18, 15] as const).flatMap((major) =>
  [false, true].map((resolveOutcome): Fire => ({
    name: `PostgreSQL ${major}, ${resolveOutcome ? 'with' : 'without'} resolveOutcome`,
    resolveOutcome,
    start: async () => {
      const server = await PostgresServer.start({ major, settings: { deadlock_timeout: '100ms' } });
      return { database: onPostgres(server), remove: () => server.remove() };
    },
  })),
);
const onPairs = (['mysql', 'mariadb'] as const).flatMap((product) =>
  (['mysql2', 'mariadb'] as const).map((client): Fire => ({
    name: `${product === 'mysql' ? 'MySQL' : 'MariaDB'} through ${client}`,
    resolveOutcome: false,
    start: async () => {
      const server = await MysqlServer.start({ product });
      return { database: onMysql(server, client), remove: () => server.remove() };
    },
  })),
);
const ENGINE = fileURLToPath(new URL('../support/oracle-wire/engine/open-backend.ts', import.meta.url));

const onWire = ([23, 19] as const).flatMap((version) =>
  [false, true].map((resolveOutcome): Fire => ({
    name: `Oracle's wire server ${version}, ${resolveOutcome ? 'with' : 'without'} resolveOutcome`,
    resolveOutcome,
    start: async () => {
      const behind = await PostgresServer.start({ major: 18 });
      const backend = { module: ENGINE, options: { url: behind.url, version } };
      const profile = version === 23 ? '23ai' : '19c';
      const lifetimeMs = 1_000 * (SECONDS + 300);
      const server = await startOracleProcess({ backend, profile, lifetimeMs, transactionGuard: true });
      const remove = async (): Promise<void> => {
        await server.stop();
        await behind.remove();
      };
      return { database: onOracle(server), remove };
    },
  })),
);

async function light({ start, resolveOutcome }: Fire): Promise<BankReport> {
  const { database, remove } = await start();
  try {
    return await runBank(database, { seed, durationMs: 1_000 * SECONDS, kills: 2, resolveOutcome });
  } finally {
    await remove();
  }
}

let violated = 0;
for (const fire of [...onVersions, ...onPairs, ...onWire].filter(({ name }) => name.includes(ON))) {
  const { name } = fire;
  console.log(`A bank under fire for ${SECONDS} s on ${name} (FLUXOR_SEED=${seed}) …`);
  try {
    const { figures, violations } = await light(fire);
    console.log(JSON.stringify(figures, undefined, 2));
    for (const violation of violations.slice(0, 20)) console.error(`✗ ${name}: ${violation}`);
    violated += violations.length;
  } catch (error) {
    if (!(error instanceof ServerUnavailable)) throw error;
    console.log(`NOT RUN: ${name}: ${error.reason}.`);
  }
}
if (violated === 0) console.log('✓ every promise was kept');
process.exitCode = violated === 0 ? 0 : 1;
