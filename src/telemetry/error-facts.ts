/** What may be said of an error where its text may not: servers quote values in theirs, and so do other people's libraries. */
import type { FluxorError } from '../errors/fluxor-error.js';

export interface ErrorFacts {
  readonly reason?: string;
  readonly sqlState?: string;
  readonly vendorCode?: string;
  readonly outcome?: string;
}

/** A number of the vendor or a state of the standard says no value; anything else might. */
const PLAIN = /^[A-Za-z0-9_-]{1,40}$/;

export function factsOf({ reason, sqlState, vendorCode, outcome }: FluxorError): ErrorFacts {
  const vendor = vendorCode === undefined ? undefined : String(vendorCode);
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(sqlState === undefined || !PLAIN.test(sqlState) ? {} : { sqlState }),
    ...(vendor === undefined || !PLAIN.test(vendor) ? {} : { vendorCode: vendor }),
    outcome,
  };
}

/** The kind of what was thrown, without its text. */
export function kindOf(error: unknown): string {
  const name = error instanceof Error ? error.name : typeof error;
  return PLAIN.test(name) ? name : 'Error';
}
