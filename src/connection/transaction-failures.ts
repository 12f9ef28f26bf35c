/**
 * How messages about transactions name statements, and what is said of a transaction that could not be kept because one of
 * them had failed. Invariant: a statement is shown by its fingerprint only, and of that a line's length.
 */
import type { ErrorContext, FluxorError } from '../errors/fluxor-error.js';
import { TransactionError } from '../errors/query-error.js';
import { UsageError } from '../errors/usage-error.js';
import type { Dialect } from '../sql/dialect.js';
import { fingerprint } from '../sql/fingerprint.js';

/** Several stand side by side in one message. */
const MAX_SHAPE = 160;

/** The statement without its values, at most 160 characters. */
export function shapeOf(dialect: Dialect, text: string): string {
  const shape = fingerprint(dialect, text);
  return shape.length <= MAX_SHAPE ? shape : `${shape.slice(0, MAX_SHAPE - 1)}…`;
}

/** A statement that failed. Its text may hold values. */
export interface FailedStatement {
  readonly error: FluxorError;
  readonly text: string;
}

/** `what` says what came of it; `failed` is the first that had failed, where it was seen. */
export function failedBeforeError(
  what: string,
  failed: FailedStatement | undefined,
  dialect: Dialect,
  context: ErrorContext,
): TransactionError {
  const init = { outcome: 'not-applied', breaker: 'success', context } as const;
  const earlier = `${what}: an earlier statement of the transaction had failed`;
  if (failed === undefined) return new TransactionError('aborted', earlier, init);
  const { error, text } = failed;
  const why = `${earlier} with ${error.code}, and nobody passed its error on: ${shapeOf(dialect, text)}`;
  const advice = 'await every statement, and let its error through or put it into a savepoint';
  return new TransactionError('aborted', `${why}; ${advice}`, { ...init, cause: error });
}

/** With the failure of `failed` all of it was over, at the server as well; and whoever sent it goes on. */
export function endedByError({ error, text }: FailedStatement, dialect: Dialect, context: ErrorContext): UsageError {
  const why = `The transaction was lost when a statement of it failed with ${error.code}: ${shapeOf(dialect, text)}`;
  const advice = 'let its error through, and begin anew';
  return new UsageError('TRANSACTION_CLOSED', `${why}; ${advice}`, { context, cause: error });
}

/** A statement of it has committed it, or may have, and something was to come after that. `how` says which. */
export function committedByItself(how: string, context: ErrorContext): UsageError {
  const text = `The transaction is over: it ${how}; give such statements a transaction of their own, or none`;
  return new UsageError('TRANSACTION_CLOSED', text, { context });
}

/** It would commit, or undo, all that was sent so far, and the handle would go on as if nothing had happened. */
export function chainError(connectionId: number): TransactionError {
  const message =
    'AND CHAIN ends this transaction and begins another, which its handle cannot follow; not sent: end it, and begin anew';
  return new TransactionError('invalid-state', message, { context: { connectionId } });
}
