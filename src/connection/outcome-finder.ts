/** Asks for the outcome of a COMMIT whose answer was lost: what transaction-control.ts wants of the runtime, which knows how. */
import type { DriverQuery, DriverResult } from '../driver/query.js';
import type { FluxorError } from '../errors/fluxor-error.js';

/** What became of a COMMIT whose answer was lost; `error` is what its caller hears. */
export type FoundOutcome =
  { readonly fate: 'committed' } | { readonly fate: 'rolled-back' | 'unknown'; readonly error: FluxorError };

/** Finds out what became of a COMMIT whose answer was lost. Made by the runtime, for one transaction. */
export interface OutcomeFinder {
  /** Runs as the last statement inside the transaction. Answers whether `find` can be asked. */
  prepare(run: (query: DriverQuery) => Promise<DriverResult>): Promise<boolean>;
  /** The connection is of no use any more. Must not reject. */
  find(lost: FluxorError): Promise<FoundOutcome>;
}
