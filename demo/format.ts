/** How figures become text: the same words in the live view, in the plain view and in the summary. */
import type { PoolStats } from 'fluxor-db';
import type { Percentiles } from './latency-histogram.js';
import type { FailureCount, FailureGroup } from './statistics.js';

/** `12,345` */
export function formatCount(count: number | bigint): string {
  return (typeof count === 'number' ? Math.round(count) : count).toLocaleString('en-US');
}

/** Three digits that mean something: `0.12`, `4.56`, `78.9`, `1,234`. */
export function formatMs(ms: number): string {
  const digits = ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0;
  return ms.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

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

const BARS = '▁▂▃▄▅▆▇█';

/** The last `width` values as bars, the greatest of them as the highest; zero is a blank. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-Math.max(width, 0));
  const highest = Math.max(...shown, 1);
  return shown.map((value) => (value === 0 ? ' ' : (BARS[Math.ceil((value / highest) * 8) - 1] ?? ''))).join('');
}
