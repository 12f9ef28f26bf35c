/**
 * The last word of a call that was tried more than once: the error of its last attempt, told what went before. The one
 * place where that is done, for `RetryPolicy.execute` and for the attempts of the runtime (runtime/attempts.ts).
 *
 * Invariant: the error claims no less than the attempts before it. A repetition that was refused, or never sent, says
 * nothing about an earlier one whose answer was lost.
 */
import { FluxorError } from '../errors/fluxor-error.js';
import { CancelledError } from '../errors/timeout-error.js';
import type { FinalCause } from './retry-ledger.js';

/** `error` itself, after `earlier` attempts; without `why` where nobody was asked whether there is another one. */
export function finalError(error: FluxorError, earlier: readonly FluxorError[], why?: FinalCause): FluxorError {
  // Another copy of the package may be an older one, without these methods.
  if (!(error instanceof FluxorError)) return error;
  takeOver(error, earlier);
  if (why === 'budget') error.markBudgetExhausted();
  error.sayAttempts();
  return error;
}

/** For a caller who aborted before an attempt. What is known of the statement is what the last attempt left behind. */
export function abortedBetween(cause: unknown, earlier: readonly FluxorError[]): CancelledError {
  const last = earlier.at(-1);
  const text =
    last === undefined
      ? 'the caller aborted; nothing was sent'
      : `the caller aborted in the pause after attempt ${earlier.length}, which failed with ${last.code}`;
  const error = new CancelledError('caller', text, { cause, outcome: last?.outcome, context: last?.context });
  takeOver(error, earlier);
  return error;
}

function takeOver(error: FluxorError, earlier: readonly FluxorError[]): void {
  error.fillAttempts(earlier);
  if (earlier.some(({ outcome }) => outcome === 'unknown')) error.raiseOutcome('unknown');
}
