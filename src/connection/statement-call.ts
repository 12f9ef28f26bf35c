/**
 * What the runtime says along with a statement: how long, for whom, and what was promised about it. Made by the rooms
 * above, read by connection.ts and, for the errors, by the driver.
 */
import type { ErrorContext } from '../errors/fluxor-error.js';
import type { TurnWaiter } from './turns.js';
import type { StatementFacts } from './statement-book.js';

/** What the runtime says along with a statement. */
export interface StatementCall {
  /** Monotonic milliseconds. */
  readonly deadlineAt: number;
  /** The length of the limit behind `deadlineAt`, for messages. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly phase: 'statement' | 'transaction' | 'commit';
  /** Declared read-only: there is nothing that could have been applied. */
  readonly isReadOnly: boolean;
  /** Declared idempotent or read-only. */
  readonly isSafeToRepeat: boolean;
  readonly inTransaction: boolean;
  /** This is the BEGIN itself. */
  readonly isBegin?: boolean;
  readonly askedReadOnly: boolean;
  /** It is prolonged while it runs, so the server must not hold it to `timeoutMs`. Default false. */
  readonly isProlonged?: boolean;
  /** It ends the transaction, and with it a stream that keeps the session to itself. Default false. */
  readonly endsStream?: boolean;
  /** It goes on with a statement that was sent before: whatever fails now, that one may have been applied. Default false. */
  readonly isContinued?: boolean;
  readonly context: ErrorContext;
  /** Hears how long it stood in line behind another statement of the same session. */
  readonly waiter?: TurnWaiter | undefined;
  /** What the book knows of the text, where the caller has looked already; its speed is then noted there. */
  readonly facts?: StatementFacts | undefined;
  /** `Connection.tenure` of the loan that the call belongs to; for handles that may outlive it. */
  readonly tenure?: number | undefined;
}
