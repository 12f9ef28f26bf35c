/** What a caller hears of a COMMIT whose answer was lost and had to be asked for. Used by outcome-resolver.ts. */
import { ConnectionError } from '../errors/connection-error.js';
import type { TransactionFate } from '../driver/outcome.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import { OutcomeUnknownError } from '../errors/query-error.js';
import { formatMs } from '../kernel/duration.js';

/** What the last try brought; `not-asked` where no connection gave an answer. */
export type Answer = { readonly fate: TransactionFate } | { readonly fate: 'not-asked'; readonly error: unknown };

/** The database has said so: all of it may be run again. */
export function rolledBackError(lost: FluxorError): ConnectionError {
  const { breaker, isConnectionFatal, context } = lost;
  const text = 'the answer of COMMIT was lost; the database was asked, and had rolled the transaction back';
  const init = { breaker, isConnectionFatal, context, cause: lost };
  return new ConnectionError('lost', text, { ...init, outcome: 'not-applied', decision: 'whole-transaction' });
}

/** As before, with what was tried. */
export function unresolvedError(
  lost: FluxorError,
  answer: Answer,
  attempts: number,
  durationMs: number,
): OutcomeUnknownError {
  const { breaker, isConnectionFatal, sqlState, vendorCode, context, cause } = lost;
  const times = attempts === 1 ? 'once' : `${attempts} times`;
  const text = `${lost.message}; the database was asked ${times} within ${formatMs(durationMs)}: ${describe(answer)}`;
  return new OutcomeUnknownError(text, { breaker, isConnectionFatal, sqlState, vendorCode, context, cause });
}

function describe(answer: Answer): string {
  if (answer.fate === 'in-progress') return 'the transaction was still in progress';
  if (answer.fate !== 'not-asked')
    return 'it cannot tell for certain any more, after a crash, a failover or too long a time';
  if (!isFluxorError(answer.error)) return 'its answer could not be read';
  const { code, reason } = answer.error;
  return `no connection gave an answer, the last one for ${reason === undefined ? code : `${code} (${reason})`}`;
}
