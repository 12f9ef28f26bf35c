/** What is wrong with a call before anything of it is sent: its lease or its transaction is not what its caller believes. */
import { TransactionError } from '../errors/query-error.js';
import { UsageError } from '../errors/usage-error.js';
import type { Driver, SessionState } from '../driver/driver.js';
import type { Clock } from '../kernel/clock.js';
import { firstWord } from '../sql/first-words.js';
import type { StatementCall } from './statement-call.js';
import { stopped, stoppedError } from './stop-errors.js';

/** What a driver knows of its database's statements. */
export type MindfulDriver = Pick<Driver, 'dialect' | 'transactions'>;

export function releasedError(connectionId: number): UsageError {
  const text = 'The connection was released and may serve somebody else now; acquire again';
  return new UsageError('LEASE_RELEASED', text, { context: { connectionId } });
}

export function lateError(connectionId: number): UsageError {
  const text = 'The connection was released before this statement had its turn; await every statement first';
  return new UsageError('LEASE_RELEASED', text, { context: { connectionId } });
}

/**
 * What the handle believes about the transaction and what the server says must agree, or work lands in the wrong one.
 * The call's context is asked for only where it is needed: it is made anew each time, and this is part of every statement.
 */
export function assertInStep(call: StatementCall, state: SessionState): void {
  const { isBegin = false, inTransaction } = call;
  if (isBegin && state !== 'idle' && state !== 'closed') {
    const text = 'the session is in a transaction already; end it first, or use a savepoint: tx.transaction(fn)';
    throw new TransactionError('invalid-state', text, { context: call.context });
  }
  if (!isBegin && inTransaction && state === 'idle') {
    const text = 'The transaction was ended by other means than its handle';
    throw new UsageError('TRANSACTION_CLOSED', text, { context: call.context });
  }
}

/** A limit may have been reached before anything was sent. Answers what time it is. */
export function assertInTime(call: StatementCall, clock: Clock): number {
  if (call.signal?.aborted === true) throw stoppedError(stopped('aborted', call), 'not-sent');
  const now = clock.now();
  if (now >= call.deadlineAt) throw stoppedError(stopped('deadline', call), 'not-sent');
  return now;
}

/**
 * CALL of a procedure, DO, and what else the database does in parts may have committed midway: whatever they were refused or
 * stopped for came after that. Inside a transaction the transaction minds it.
 */
export function mayCommitInside(driver: MindfulDriver, call: StatementCall, text: string): boolean {
  if (call.inTransaction || call.isReadOnly) return false;
  const verb = firstWord(driver.dialect, text);
  if (verb === 'call' || verb === 'do') return true;
  const own = driver.transactions.commitsByItself?.(text);
  return own === 'parts' || own === 'program';
}
