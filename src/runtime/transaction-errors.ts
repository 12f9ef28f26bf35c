/** What is said about transactions that are over, lost, or asked for two savepoints at once. Used by transaction.ts. */
import type { TransactionState } from '../connection/transaction-control.js';
import type { ErrorContext } from '../errors/fluxor-error.js';
import { TransactionError } from '../errors/query-error.js';
import { UsageError } from '../errors/usage-error.js';

export function overlapError(): TransactionError {
  const text = 'a savepoint of this transaction is still open: use its handle, or await it before the next';
  return new TransactionError('invalid-state', text);
}

export function savepointError(cause: unknown, context: ErrorContext): TransactionError {
  const text = 'a savepoint could not be rolled back, so the whole transaction was';
  return new TransactionError('aborted', text, { outcome: 'not-applied', cause, context });
}

export function closedError(state: TransactionState): UsageError {
  return new UsageError('TRANSACTION_CLOSED', `The transaction is ${state}; await every statement before it ends`);
}

const ENDS = {
  lost: 'the connection was lost in the transaction',
  unknown: 'the transaction was ended past its handle, or the answer of a COMMIT was lost',
} as const;

export function lostError(state: 'lost' | 'unknown'): TransactionError {
  return new TransactionError('aborted', `${ENDS[state]}, and the transaction function did not say so`, {
    outcome: state === 'lost' ? 'not-applied' : 'unknown',
    decision: state === 'lost' ? 'whole-transaction' : 'never',
  });
}
