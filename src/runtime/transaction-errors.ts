/** What is said about transactions that are over, lost, not waited for, or used past an open savepoint. */
import type { TransactionState } from '../connection/transaction-control.js';
import type { ErrorContext, Outcome } from '../errors/fluxor-error.js';
import { TransactionError } from '../errors/query-error.js';
import { UsageError } from '../errors/usage-error.js';

/** States in which nothing of a transaction remains. */
export const UNDONE: ReadonlySet<TransactionState> = new Set<TransactionState>(['rolled-back', 'lost']);

/** `shape` is the fingerprint of the statement that was refused; without it, a second savepoint was. */
export function overlapError(shape?: string): TransactionError {
  const refused = shape === undefined ? '' : `; not sent: ${shape}`;
  const text =
    'a savepoint of this transaction is still open, and undoing it would undo this with it: use the handle that the inner ' +
    `transaction was given, or await the inner transaction first${refused}`;
  return new TransactionError('invalid-state', text);
}

/** `ownCommit` says how a statement of the transaction has committed it, or may have. */
export function savepointError(cause: unknown, context: ErrorContext, ownCommit?: string): TransactionError {
  const text = 'a savepoint could not be rolled back';
  if (ownCommit === undefined)
    return new TransactionError('aborted', `${text}, so the whole transaction was`, {
      outcome: 'not-applied',
      cause,
      context,
    });
  return new TransactionError('aborted', `${text}: the transaction ${ownCommit}`, {
    outcome: 'unknown',
    cause,
    context,
  });
}

/** `shape` is the fingerprint of the statement that came too late, if it was one. `ownCommit` as above. */
export function closedError(
  state: TransactionState,
  shape: string | undefined,
  ownCommit: string | undefined,
  context: ErrorContext,
): UsageError {
  const refused = shape === undefined ? '' : `; not sent: ${shape}`;
  if (ownCommit !== undefined) {
    const text = `The transaction is over: it ${ownCommit}; give such statements a transaction of their own, or none${refused}`;
    return new UsageError('TRANSACTION_CLOSED', text, { context });
  }
  return new UsageError(
    'TRANSACTION_CLOSED',
    `The transaction is ${state}; await every statement before it ends${refused}`,
  );
}

/** A message that names them all would be of no use where a loop forgot its await. */
const MAX_NAMED = 3;

/** `shapes` are the fingerprints of the statements that were under way. */
export function notAwaitedError(shapes: readonly string[], outcome: Outcome, context: ErrorContext): UsageError {
  const named = shapes.slice(0, MAX_NAMED).join(', ');
  const rest = shapes.length > MAX_NAMED ? `, and ${(shapes.length - MAX_NAMED).toLocaleString('en-US')} more` : '';
  const count = shapes.length === 1 ? 'a statement was' : `${shapes.length.toLocaleString('en-US')} statements were`;
  const end = outcome === 'unknown' ? 'how it ended is unknown' : 'it was rolled back';
  const text =
    `The transaction was to be committed while ${count} still under way, and ${end}: ${named}${rest}; ` +
    'await each, alone or with Promise.all, before the function returns or commit() is called';
  return new UsageError('STATEMENT_NOT_AWAITED', text, { outcome, context });
}

const ENDS = {
  lost: 'the connection was lost in the transaction',
  unknown: 'the transaction was ended past its handle, or the answer of a COMMIT was lost',
} as const;

/** `ownCommit` says how a statement of it has committed it, or may have. */
export function lostError(state: 'lost' | 'unknown', ownCommit: string | undefined): TransactionError {
  const end = ownCommit === undefined ? ENDS[state] : `the transaction ${ownCommit}`;
  return new TransactionError('aborted', `${end}, and the transaction function did not say so`, {
    outcome: state === 'lost' ? 'not-applied' : 'unknown',
    decision: state === 'lost' ? 'whole-transaction' : 'never',
  });
}
