/**
 * Runs a transaction function until it has committed, or may not be run again: `db.transaction()`, `session.transaction()`.
 *
 * The unit of repetition is the whole function: a new BEGIN, perhaps on another connection, a new snapshot, every read
 * repeated. Statements are never replayed from a record: what the function decided after old reads would be wrong.
 * Invariants: repeated only after errors of this very transaction, and only where the database has surely rolled back; all
 * runs share one deadline; each has ended before the next begins.
 */
import { isFluxorError } from '../errors/fluxor-error.js';
import type { CallRetry } from './attempts.js';
import { Attempts } from './attempts.js';
import type { TransactionPlace, TransactionRun } from './begin.js';
import { firstRun, openTransaction } from './begin.js';
import type { House } from './house.js';
import type { TransactionOptions } from './query-options.js';
import type { TransactionHandle } from './transaction-handle.js';
import type { TracedTransaction } from './transaction-traces.js';
import type { Transaction } from './transaction.js';
import { UNDONE } from './transaction-errors.js';
import { runInTransaction } from './transaction.js';

export async function transact<T>(
  house: House,
  fn: (tx: Transaction) => Promise<T>,
  options: TransactionOptions,
  place: TransactionPlace,
  traced?: TracedTransaction,
): Promise<T> {
  const first = firstRun(house, options, place);
  const retry = house.retryFor(options.retry);
  retry?.policy.begun(house.parts.config.clock.now());
  let attempts: Attempts | undefined;
  for (;;) {
    let tx: TransactionHandle | undefined;
    try {
      const scope = place.road === 'outer' ? house.parts.scopes.open() : undefined;
      const run: TransactionRun = { ...first, attempt: attempts?.number ?? 1, retry: undefined, scope, traced };
      if (traced !== undefined) traced.trace.attempts = run.attempt;
      const opened = (tx = await openTransaction(house, options, place, run));
      return await house.parts.scopes.run(scope, () => runInTransaction(opened, fn));
    } catch (error) {
      if (!mayRunAgain(error, retry, tx, place)) throw error;
      attempts ??= attemptsOf(house, retry, first, options);
      await attempts.afterFailure(error, isFluxorError(error) && error.context.connectionId !== undefined);
      // Not before the pause: in it the caller may abort, or the runtime disconnect.
      house.parts.transactions.retried();
    }
  }
}

/** The policy decides about the error; here, whether it is about this transaction and there is something to run it on. */
function mayRunAgain(
  error: unknown,
  retry: CallRetry,
  tx: TransactionHandle | undefined,
  place: TransactionPlace,
): retry is Exclude<CallRetry, undefined> {
  if (retry === undefined || !isFluxorError(error)) return false;
  if (place.road === 'inner' && (place.lease.isReleased || !place.lease.resource.isReady)) return false;
  // Whatever the error says: what has committed, or may have, is never run again.
  return tx === undefined || (tx.isAbout(error) && UNDONE.has(tx.state));
}

function attemptsOf(
  house: House,
  retry: Exclude<CallRetry, undefined>,
  { deadline }: TransactionRun,
  { signal }: TransactionOptions,
): Attempts {
  const { config, hub, pauses } = house.parts;
  const call = { unit: 'transaction', isSafeToRepeat: false, deadlineAt: deadline.at, signal } as const;
  return new Attempts({ clock: config.clock, pauses }, retry, call, (repetition) =>
    hub.tell('transaction:retried', repetition),
  );
}
