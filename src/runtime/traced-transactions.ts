/** Transactions with whoever traces around them: `transaction()` and `begin()` of runtimes and sessions end here. */
import type { TransactionPlace } from './begin.js';
import { firstRun, openTransaction } from './begin.js';
import type { House } from './house.js';
import type { TransactionOptions } from './query-options.js';
import type { TracedTransaction } from './transaction-traces.js';
import { tracesTransactions, traceTransaction } from './transaction-traces.js';
import { transact } from './transact.js';
import type { Transaction } from './transaction.js';

export function tracedTransact<T>(
  house: House,
  fn: (tx: Transaction) => Promise<T>,
  options: TransactionOptions,
  place: TransactionPlace,
): Promise<T> {
  const run = (traced?: TracedTransaction) => transact(house, fn, options, place, traced);
  return tracesTransactions(house) ? traceTransaction(house, 'function', options, run) : run();
}

export function tracedBegin(house: House, options: TransactionOptions, place: TransactionPlace): Promise<Transaction> {
  const run = async (traced?: TracedTransaction) =>
    openTransaction(house, options, place, { ...firstRun(house, options, place), traced });
  return tracesTransactions(house) ? traceTransaction(house, 'begin', options, run) : run();
}
