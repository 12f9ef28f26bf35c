/**
 * How figures become text: the same words in the live view, in the plain view and in the summary. Numbers are written as `fluxor`
 * writes them.
 */
import type { PoolStats } from 'fluxor-db';
import { formatCount, formatMs } from '../src/cli/format.js';
import type { Percentiles } from './latency-histogram.js';
import type { FailureCount, FailureGroup } from './statistics.js';

export { formatCount, formatMs, formatSeconds, sparkline } from '../src/cli/format.js';

export function formatPercentiles({ p50, p95, p99, max }: Percentiles): string {
  return `p50 ${formatMs(p50)}  p95 ${formatMs(p95)}  p99 ${formatMs(p99)}  max ${formatMs(max)}`;
}

/** Being made, checked or cleaned is rare, and worth a word only when it happens. */
export function formatPool(pool: PoolStats): string {
  const rare = [
    pool.creating > 0 ? `${pool.creating} connecting` : '',
    pool.checking > 0 ? `${pool.checking} being checked` : '',
    pool.resetting > 0 ? `${pool.resetting} being cleaned` : '',
  ].filter((text) => text !== '');
  return [
    `${pool.total}/${pool.maxSize} connections`,
    `${pool.inUse} in use`,
    `${pool.idle} idle`,
    ...rare,
    `${pool.waiting} waiting in line`,
  ].join(', ');
}

/** The failures of one group, the most frequent first: `CONNECTION lost (not-applied) 9, TIMEOUT acquire (not-sent) 4`. */
export function formatFailures(failures: readonly FailureCount[], group: FailureGroup): string {
  const lines = failures
    .filter((failure) => failure.group === group)
    .map(({ kind, outcome, count }) => `${kind} (${outcome}) ${formatCount(count)}`);
  return lines.length === 0 ? 'none' : lines.join(', ');
}

export function countFailures(failures: readonly FailureCount[], group: FailureGroup): number {
  return failures.filter((failure) => failure.group === group).reduce((total, { count }) => total + count, 0);
}
