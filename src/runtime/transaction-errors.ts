/** What is said about transactions that are over, lost, or asked for two savepoints at once. Used by transaction.ts. */
import type { TransactionState } from '../connection/transaction-control.js';
import { TransactionError } from '../errors/query-error.js';
import { UsageError } from '../errors/usage-error.js';

export function overlapError(): TransactionError {
  const text = 'a savepoint of this transaction is still open: use its handle, or await it before the next';
  return new TransactionError('invalid-state', text);
}

export function closedError(state: TransactionState): UsageError {
  return new UsageError('TRANSACTION_CLOSED', `The transaction is ${state}; await every statement before it ends`);
}

export function lostError(state: 'lost' | 'unknown'): TransactionError {
  const outcome = state === 'lost' ? 'not-applied' : 'unknown';
  return new TransactionError(
    'aborted',
    'the connection was lost in the transaction, and the transaction function did not say so',
    {
      outcome,
      decision: state === 'lost' ? 'whole-transaction' : 'never',
    },
  );
}
