/**
 * The server connections of a pooler, each looked at or cleaned in a transaction of its own: transactions that are open at
 * the same moment have one each. Used by the contract, which must not leave anything on them for the tests after it.
 */
import type { Transaction } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import type { ContractTarget } from './targets.js';

/** The pool of the run's PgBouncer (test/servers/global-setup.ts): a fifth transaction would wait. */
const SERVER_CONNECTIONS = 4;

/** What undoes everything that a session can be left with, inside a transaction as well. */
const CLEANING = [
  'reset all',
  'reset role',
  'close all',
  'unlisten *',
  'deallocate all',
  'select pg_advisory_unlock_all()',
  'discard temp',
];

export async function onEveryServerConnection<T>(
  target: ContractTarget,
  fn: (tx: Transaction) => Promise<T>,
): Promise<T[]> {
  await using db = createRuntime({ driver: target.makeDriver() });
  const all = await Promise.all(Array.from({ length: SERVER_CONNECTIONS }, () => db.begin()));
  try {
    return await Promise.all(all.map(fn));
  } finally {
    for (const tx of all) await tx.commit();
  }
}

export async function cleanServerConnections(target: ContractTarget): Promise<void> {
  await onEveryServerConnection(target, async (tx) => {
    for (const text of CLEANING) await tx.exec(text);
  });
}
