/** What must hold between the numbers of `db.metrics()`, at every moment and when nothing is under way. */
import type { BucketCounts } from '../../src/kernel/bucket-histogram.js';
import type { MetricsSnapshot } from '../../src/runtime/metrics.js';

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** At every moment. */
export function checkMetricSums({ connections, queries }: MetricsSnapshot, when: string): void {
  const violate = (text: string): never => {
    throw new Error(`${when}: ${text}: ${JSON.stringify({ connections, queries })}`);
  };
  const { open, idle, inUse, acquire, create, use, created, closed, closedBy } = connections;
  if (open !== idle + inUse || Math.min(open, idle, inUse) < 0) violate('open = idle + in use');
  if (create.count !== created) violate('created');
  if (sumOf(Object.values(closedBy)) !== closed) violate('closed by reason');
  const { total, success, failed, slow, inFlight, failedBy, duration, rows, byOperation } = queries;
  if (total !== success + failed) violate('total = success + failed');
  if (inFlight < 0) violate('in flight');
  if (slow > total) violate('slow ≤ total');
  if (sumOf(Object.values(failedBy)) !== failed) violate('failed by code');
  if (duration.count !== total) violate('durations');
  if (rows.count !== success) violate('rows');
  if (sumOf(Object.values(byOperation).map((one) => one.success.count + one.failed.count)) !== total)
    violate('operations');
  const histograms: readonly BucketCounts[] = [acquire, create, use, duration, rows];
  for (const { counts, count } of histograms) {
    if (sumOf(counts) !== count || Math.min(...counts) < 0) violate('buckets');
  }
}

/** When every call has been answered and every lease is back. */
export function checkMetricsAtRest(metrics: MetricsSnapshot): void {
  checkMetricSums(metrics, 'the end');
  const { inFlight } = metrics.queries;
  const { inUse, pending, oldestWaitMs } = metrics.connections;
  if (inFlight + inUse + pending + oldestWaitMs === 0) return;
  throw new Error(`the end: ${JSON.stringify({ inFlight, inUse, pending, oldestWaitMs })}`);
}
