/** The pool in numbers at one moment. Invariant: `total = creating + checking + idle + inUse + resetting ≤ maxSize`. */

export interface PoolStats {
  readonly maxSize: number;
  /** Connections that count towards `maxSize`. */
  readonly total: number;
  readonly idle: number;
  readonly inUse: number;
  readonly creating: number;
  /** Being asked for a proof of life; cannot be lent. */
  readonly checking: number;
  /** Being cleaned after an unclean return; cannot be lent. */
  readonly resetting: number;
  /** On their way out; no longer part of `total`. */
  readonly closing: number;
  /** Callers waiting for a connection. */
  readonly waiting: number;
}

/** `10/10 open, 10 in use, 0 idle, 4 waiting`: how messages print it. */
export function describeStats(stats: PoolStats): string {
  const rare = [
    stats.creating > 0 ? `, ${stats.creating} connecting` : '',
    stats.checking > 0 ? `, ${stats.checking} validating` : '',
    stats.resetting > 0 ? `, ${stats.resetting} being cleaned` : '',
  ].join('');
  return `${stats.total}/${stats.maxSize} connections, ${stats.inUse} in use, ${stats.idle} idle${rare}, ${stats.waiting} waiting`;
}
