/**
 * A bank under fire, for seconds: 32 clerks, 100 accounts, and a server that is killed in the middle of it. The minute is
 * test/nightly/bank-60s.ts, with a seed that nobody has seen before. Here it is pinned, so that a run that fails says something
 * about the change and not about the draw; FLUXOR_SEED lives through another schedule of faults.
 */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { MysqlServer } from '../servers/mysql-server.js';
import { PostgresServer } from '../servers/postgres-server.js';
import type { OracleProcess } from '../support/oracle-wire/oracle-process.js';
import { PROFILES, startOracleServer } from './oracle-house.js';
import type { BankPlan } from './bank/bank.js';
import { runBank } from './bank/bank.js';
import type { MysqlClient } from './bank/bank-database.js';
import { onMysql, onOracle, onPostgres } from './bank/bank-database.js';

const SECONDS = 8;
/** Four pairs are four times as much; every fault comes once. */
const SECONDS_PER_PAIR = 5;
/** Loses COMMITs by FIN, by silence and by a reset, before the kill and after, and makes every other fault too. */
const PINNED_SEED = 485;
const seed = Number(process.env['FLUXOR_SEED'] ?? PINNED_SEED);
const plan: Omit<BankPlan, 'resolveOutcome'> = { seed, durationMs: 1_000 * SECONDS, kills: 1 };

describe(`a bank under fire (FLUXOR_SEED=${seed})`, () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start({ major: 18, settings: { deadlock_timeout: '100ms' } });
  });
  afterAll(() => server.remove());

  it('conserves its money, keeps what it acknowledged, and admits what it does not know', async () => {
    const { violations, figures } = await runBank(onPostgres(server), { ...plan, resolveOutcome: false });
    expect(violations, JSON.stringify(figures, undefined, 2)).toEqual([]);
  });

  it('knows of every transfer whether it was made, when it asks what became of lost COMMITs', async () => {
    const { violations, figures } = await runBank(onPostgres(server), { ...plan, resolveOutcome: true });
    expect(violations, JSON.stringify(figures, undefined, 2)).toEqual([]);
  });
});

// Which of them this machine can have, the run has found out; the bank kills its server, so it has one of its own.
describe.each(inject('mysqlServers'))(`a bank under fire on $name (FLUXOR_SEED=${seed})`, ({ product }) => {
  let server: MysqlServer;
  beforeAll(async () => {
    server = await MysqlServer.start({ product });
  });
  afterAll(() => server.remove());

  it.each<MysqlClient>(['mysql2', 'mariadb'])('keeps the same promises through %s', async (client) => {
    const pair = { ...plan, durationMs: 1_000 * SECONDS_PER_PAIR, resolveOutcome: false };
    const { violations, figures } = await runBank(onMysql(server, client), pair);
    expect(violations, JSON.stringify(figures, undefined, 2)).toEqual([]);
  });
});

describe.each(PROFILES)(`a bank under fire on Oracle's wire server, %s (FLUXOR_SEED=${seed})`, (profile) => {
  let server: OracleProcess;
  beforeAll(async () => {
    server = await startOracleServer(profile, { transactionGuard: true });
  });
  afterAll(() => server.stop());

  it.each([false, true])('keeps the same promises, with resolveOutcome %s', async (resolveOutcome) => {
    const short = { ...plan, durationMs: 1_000 * SECONDS_PER_PAIR, resolveOutcome };
    const { violations, figures } = await runBank(onOracle(server), short);
    expect(violations, JSON.stringify(figures, undefined, 2)).toEqual([]);
    expect((await server.look()).protocolErrors).toEqual([]);
  });
});
