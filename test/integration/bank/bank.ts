/**
 * A bank under fire: clerks move money between accounts, each transfer with an id of its own that is written in the same
 * transaction, while storm.ts breaks what there is to break. At the end nothing may contradict what a clerk was told.
 * Run by bank.test.ts for seconds and by test/nightly/bank-60s.ts for a minute. Figures come from the public API and SQL.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { DBRuntime, IsolationLevel, Transaction } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import type { TcpProxy } from 'fluxor-db/testing';
import { startTcpProxy } from 'fluxor-db/testing';
import { Dice } from '../../chaos/dice.js';
import { audit } from './audit.js';
import type { BankDatabase } from './bank-database.js';
import { Ledger } from './ledger.js';
import type { StormPlan } from './storm.js';
import { Storm } from './storm.js';
import { Tally } from './tally.js';
import type { BankFigures } from './tally.js';

export interface BankPlan extends StormPlan {
  /** Also decides what is transferred: autocommit statements have nothing that resolves their outcome. */
  readonly resolveOutcome: boolean;
}

export interface BankReport {
  readonly figures: BankFigures;
  readonly violations: readonly string[];
}

const CLERKS = 32;
const ACCOUNTS = 100;
const OPENING_BALANCE = 1_000;
/** After the storm, to see that the bank works again. */
const CALM_MS = 2_000;
/** Where the machine is slow, until it has been seen. */
const CALM_LIMIT_MS = 5_000;
/** Transfers that must succeed, for a run to prove anything. */
const LEAST_ACKNOWLEDGED = 100;
const TRANSFER_MS = 4_000;
/** What a COMMIT may take on top, and the search for its answer. */
const COMMIT_MS = 5_000;
const RESOLVE_MS = 30_000;
/** Each of these limits may be seen late by a machine that stands still for a second. */
const SLACK_MS = 4_000;
/** What is on its way back when the last clerk has gone home. */
const REST_MS = 5_000;
const GONE_MS = 20_000;

export async function runBank(database: BankDatabase, plan: BankPlan): Promise<BankReport> {
  const { host, port } = database.server;
  const proxy = await startTcpProxy({ target: { host, port } });
  const applicationName = `bank-${plan.seed}-${proxy.port}`;
  const direct = createRuntime({
    driver: database.makeDirectDriver(),
    pool: { maxSize: 1 },
    gate: { circuitBreaker: false },
  });
  try {
    await found(direct, database);
    const db = openRuntime(database, proxy, applicationName, plan);
    const tally = new Tally(db);
    const ledger = new Ledger();
    const storm = new Storm(plan, proxy, database);
    const hasMet = (): boolean => tally.hasMet(ledger, plan.resolveOutcome);
    const recovered = await work(db, { ...plan, move: database.move, hasMet }, ledger, storm);
    await untilAtRest(db);
    const figures = tally.figures(ledger, storm);
    await db.disconnect({ timeout: 100 });
    await proxy.close();
    await untilGone(direct, database.sessions(applicationName));
    const { violations, unknownButKept } = await audit(direct, ledger, {
      accounts: ACCOUNTS,
      openingBalance: OPENING_BALANCE,
    });
    const report = { ...figures, unknownButKept };
    return { figures: report, violations: [...violations, ...broken(report, plan, recovered, database)] };
  } finally {
    await direct.disconnect({ timeout: 100 });
    await proxy.close();
  }
}

async function found(direct: DBRuntime, { bigint, drop, setup }: BankDatabase): Promise<void> {
  for (const table of ['accounts', 'transfers']) await direct.exec(drop(table));
  await direct.exec(`create table accounts (id int primary key, balance ${bigint} not null)`);
  // The id is not unique for the database: it must not keep the promise for us.
  await direct.exec(
    'create table transfers (id int not null, source int not null, target int not null, amount int not null, attempt int not null)',
  );
  for (const text of setup) await direct.exec(text);
  const accounts = Array.from({ length: ACCOUNTS }, (_, n) => ({ id: n + 1, balance: OPENING_BALANCE }));
  await direct.batch('insert into accounts (id, balance) values (:id, :balance)', accounts);
}

function openRuntime(
  database: BankDatabase,
  { host, port }: TcpProxy,
  applicationName: string,
  plan: BankPlan,
): DBRuntime {
  return createRuntime({
    driver: database.makeDriver({ host, port, applicationName }),
    name: 'bank',
    pool: { maxSize: 12, acquireTimeout: '2s', connectTimeout: '1s', validation: { timeout: '300ms' } },
    query: { timeout: '2s', resolveOutcome: plan.resolveOutcome },
    gate: { rateLimit: false, circuitBreaker: { earlyProbe: { interval: '250ms' } } },
  });
}

/** What clerks go by. */
interface WorkPlan extends BankPlan {
  readonly move: string;
  /** The storm has met somebody. */
  readonly hasMet: () => boolean;
}

/** Whether there were transfers again after the storm. */
async function work(db: DBRuntime, plan: WorkPlan, ledger: Ledger, storm: Storm): Promise<boolean> {
  let isOpen = true;
  const clerk = async (_: unknown, task: number): Promise<void> => {
    const dice = new Dice(plan.seed * 1_000 + task);
    while (isOpen) {
      await transfer(db, ledger, dice, plan);
      // Refused at once by an open circuit, clerks would do nothing but ask.
      await pause(dice.upTo(20));
    }
  };
  const clerks = Array.from({ length: CLERKS }, clerk);
  try {
    await storm.rage(plan.hasMet);
    const calmAt = performance.now();
    await pause(CALM_MS);
    const isSeen = (): boolean => ledger.lastSuccessAt > calmAt && ledger.count('kept') >= LEAST_ACKNOWLEDGED;
    while (!isSeen() && performance.now() - calmAt < CALM_LIMIT_MS) await pause(50);
    return ledger.lastSuccessAt > calmAt;
  } finally {
    isOpen = false;
    await Promise.all(clerks);
  }
}

async function transfer(db: DBRuntime, ledger: Ledger, dice: Dice, plan: WorkPlan): Promise<void> {
  const source = dice.upTo(ACCOUNTS);
  const target = 1 + ((source + dice.upTo(ACCOUNTS - 1) - 1) % ACCOUNTS);
  const amount = dice.upTo(50);
  const isolation: IsolationLevel = dice.chance(0.2) ? 'serializable' : 'read committed';
  const isStatement = dice.chance(0.2) && !plan.resolveOutcome;
  const begun = ledger.begin(isStatement ? 'statement' : 'transaction');
  let attempt = 1;
  try {
    if (isStatement) await db.exec(plan.move, { id: begun.id, source, target, amount });
    else {
      const work = async (tx: Transaction): Promise<void> => {
        attempt = tx.attempt;
        const row = { id: begun.id, source, target, amount, attempt };
        await tx.exec('insert into transfers values (:id, :source, :target, :amount, :attempt)', row);
        // In no order: some meet in a deadlock.
        await tx.exec('update accounts set balance = balance - :amount where id = :source', { source, amount });
        await tx.exec('update accounts set balance = balance + :amount where id = :target', { target, amount });
      };
      await db.transaction(work, { isolation, timeout: TRANSFER_MS });
    }
    ledger.succeeded(begun, attempt);
  } catch (error) {
    ledger.failed(begun, attempt, error);
  }
}

/** What is not given back by then stays in the figures. */
async function untilAtRest(db: DBRuntime): Promise<void> {
  const giveUpAt = performance.now() + REST_MS;
  while (db.stats().inUse + db.gate.stats().circuit.inFlight > 0 && performance.now() < giveUpAt) await pause(20);
}

/** A COMMIT on its way is carried out although its client is gone; after this, nothing changes any more. */
async function untilGone(direct: DBRuntime, count: string): Promise<void> {
  const giveUpAt = performance.now() + GONE_MS;
  while (Number(await direct.queryValue(count)) !== 0) {
    if (performance.now() > giveUpAt) throw new Error('Sessions of the bank are left at the server.');
    await pause(50);
  }
}

function broken(figures: BankFigures, plan: BankPlan, recovered: boolean, database: BankDatabase): string[] {
  const { resolveOutcome, kills } = plan;
  const unanswered = unansweredOf(figures, database);
  const longestMs = TRANSFER_MS + COMMIT_MS + (resolveOutcome ? RESOLVE_MS : 0) + SLACK_MS;
  const promises: readonly [isKept: boolean, text: string][] = [
    [figures.acknowledged >= LEAST_ACKNOWLEDGED, `only ${figures.acknowledged} transfers succeeded`],
    [recovered, 'no transfer succeeded after the storm'],
    [figures.longestMs <= longestMs, `a transfer took ${figures.longestMs} ms`],
    [figures.backAfterMs.length === kills, `the server was killed ${figures.backAfterMs.length} times`],
    [figures.transactionRetries > 0, 'no transaction was run again'],
    [!resolveOutcome || unanswered === 0, `${unanswered} transfers are unknown`],
    [!resolveOutcome || figures.resolved.committed > 0, 'no lost COMMIT was found to have committed'],
    [resolveOutcome || figures.unknown > 0, 'the storm left nothing unknown: it was none'],
    [figures.leftInUse === 0, `${figures.leftInUse} connections were not given back`],
    [figures.leftInFlight === 0, `${figures.leftInFlight} permits of the circuit were not given back`],
  ];
  return promises.filter(([isKept]) => !isKept).map(([, text]) => text);
}

/** Of the transfers that are unknown, those that must not be so with `resolveOutcome`. */
function unansweredOf(figures: BankFigures, { asksForEach, provesCommitsAfterCrash }: BankDatabase): number {
  if (!asksForEach) return figures.resolved.unknown;
  return provesCommitsAfterCrash ? figures.unknown : figures.unknownWithoutCrash;
}
