/** The sums a circuit breaker keeps. Written by the parts of one breaker, read by everybody. */

/** Everything since the breaker was made (or the one that it was restored from): sums that only grow. */
export interface CircuitTotals {
  /** Calls that were let through. */
  readonly admitted: number;
  readonly rejected: number;
  readonly successes: number;
  readonly failures: number;
  /** Results that were neither, echoes of a failure that had counted among them. */
  readonly ignored: number;
  readonly slow: number;
  /** Times it opened by itself. */
  readonly opened: number;
  /** Permits of a trial that were given up. */
  readonly leaked: number;
}

export type CircuitTally = { -readonly [Name in keyof CircuitTotals]: number };

export function newTally(): CircuitTally {
  return { admitted: 0, rejected: 0, successes: 0, failures: 0, ignored: 0, slow: 0, opened: 0, leaked: 0 };
}
