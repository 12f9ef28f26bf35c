/** What `db.metrics()` answers: counters of the runtime's parts, of one moment. What the pool counts is `db.stats()`. */
import type { StatementCounts } from '../connection/statement-book.js';
import type { TransactionMetrics } from './transaction-metrics.js';

/** Prepared statements, over all connections, since the runtime was made. */
export interface StatementCacheMetrics {
  readonly hits: number;
  readonly misses: number;
  /** Hits among both; 0 when there were none. */
  readonly hitRate: number;
  /** Prepared at the server now. */
  readonly prepared: number;
  readonly evicted: number;
  /** Prepared anew, because the server had lost or outgrown them. */
  readonly healed: number;
}

/** The runtime in numbers, frozen. */
export interface MetricsSnapshot {
  readonly transactions: TransactionMetrics;
  readonly statements: StatementCacheMetrics;
}

export function statementMetrics(counts: StatementCounts): StatementCacheMetrics {
  const { hits, misses } = counts;
  const hitRate = hits + misses === 0 ? 0 : hits / (hits + misses);
  return Object.freeze({ ...counts, hitRate });
}
