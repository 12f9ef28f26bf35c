/**
 * What must hold between the numbers that are counted: of a runtime (`db.metrics()`), of its statements by shape, of a pool, a
 * limiter and a circuit that stand alone. At every moment, and when nothing is under way.
 *
 * Every chaos test asks one of these after each of its steps or at its end (metric-sums.test.ts sees to that), and every runtime
 * of the tests with real servers is asked by sums-of-every-runtime.ts.
 */
import type { CircuitTotals } from '../../src/gate/circuit-tally.js';
import type { ConnectionLimiterStats } from '../../src/gate/connection-limiter-stats.js';
import type { BucketCounts } from '../../src/kernel/bucket-histogram.js';
import type { PoolTimes } from '../../src/pool/pool-meter.js';
import type { PoolStats } from '../../src/pool/pool-stats.js';
import type { MetricsSnapshot } from '../../src/runtime/metrics.js';
import type { QueryMeter } from '../../src/telemetry/query-meter.js';

const sumOf = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0);

/** Throws what is wrong, with the numbers that say so. */
function violations(when: string, numbers: unknown): (isTrue: boolean, text: string) => void {
  return (isTrue, text) => {
    if (!isTrue) throw new Error(`${when}: not ${text}: ${JSON.stringify(numbers)}`);
  };
}

const addsUp = ({ counts, count, sum }: BucketCounts): boolean =>
  sumOf(counts) === count && Math.min(...counts) >= 0 && sum >= 0;

/** At every moment. */
export function checkMetricSums(metrics: MetricsSnapshot, when: string): void {
  const { connections, queries, transactions, connectionLimit } = metrics;
  const must = violations(when, { connections, queries, transactions, connectionLimit });
  const { open, idle, inUse, acquire, create, use, created, closed, closedBy } = connections;
  must(open === idle + inUse && Math.min(open, idle, inUse) >= 0, 'open = idle + in use');
  must(create.count === created, 'creations measured = created');
  must(sumOf(Object.values(closedBy)) === closed, 'Σ closed by reason = closed');
  const { pending, oldestWaitMs, waitCount, timeouts } = connections;
  must(oldestWaitMs === 0 || pending > 0, 'a wait of somebody');
  must(connectionLimit.oldestWaitMs === 0 || connectionLimit.waiting > 0, 'a wait of somebody at the limit');
  // Whoever is told to try later at once has not waited; whoever ran out of time has.
  must(timeouts <= waitCount, 'timeouts ≤ waits');
  const { total, success, failed, slow, inFlight, failedBy, retries, retriesBy, duration, rows, byOperation } = queries;
  must(total === success + failed, 'total = success + failed');
  must(inFlight >= 0, 'in flight ≥ 0');
  must(slow <= total, 'slow ≤ total');
  must(sumOf(Object.values(failedBy)) === failed, 'Σ failed by code = failed');
  must(sumOf(Object.values(retriesBy)) === retries, 'Σ retries by code = retries');
  must(duration.count === total, 'durations measured = total');
  must(rows.count === success, 'rows measured = success');
  const operations = Object.values(byOperation);
  must(sumOf(operations.map((one) => one.success.count)) === success, 'Σ success of operations = success');
  must(sumOf(operations.map((one) => one.failed.count)) === failed, 'Σ failed of operations = failed');
  const { begun, committed, rolledBack, lost, unknown, active } = transactions;
  must(begun === committed + rolledBack + lost + unknown + active, 'begun = Σ of the ends + active');
  const histograms = [acquire, create, use, duration, rows, ...operations.flatMap((one) => [one.success, one.failed])];
  must(histograms.every(addsUp), 'Σ buckets = count');
}

/** When every call has been answered and every lease is back. */
export function checkMetricsAtRest(metrics: MetricsSnapshot, when = 'the end'): void {
  checkMetricSums(metrics, when);
  const { inFlight } = metrics.queries;
  const { inUse, pending, oldestWaitMs } = metrics.connections;
  const { active } = metrics.transactions;
  const { inUse: underLimit, waiting: atLimit } = metrics.connectionLimit;
  const left = { inFlight, inUse, pending, oldestWaitMs, active, underLimit, atLimit };
  violations(when, left)(sumOf(Object.values(left)) === 0, 'at rest');
}

/** Statements by shape: no count is lost on the way into them, nor out of them into `other`. */
export function checkStatementSums(meter: QueryMeter, when: string): void {
  const { statements, succeeded, failed, slow, inFlight } = meter;
  const entries = [...statements.entries(), ...(statements.other === undefined ? [] : [statements.other])];
  const sum = (of: (entry: (typeof entries)[number]) => number): number => sumOf(entries.map(of));
  const sums = {
    ended: sum(({ durations }) => durations.count),
    failed: sum((entry) => entry.failed),
    slow: sum((entry) => entry.slow),
    inFlight: sum((entry) => entry.inFlight),
    errors: sum(({ errors }) => sumOf(errors?.values() ?? [])),
  };
  const must = violations(when, { sums, succeeded, failed, slow, inFlight });
  must(sums.ended === succeeded + failed, 'Σ of the statements = total');
  must(sums.failed === failed && sums.errors === failed, 'Σ failed of the statements = failed');
  must(sums.slow === slow, 'Σ slow of the statements = slow');
  must(sums.inFlight === inFlight, 'Σ in flight of the statements = in flight');
  must(Math.min(0, ...entries.map((entry) => entry.inFlight)) === 0, 'in flight ≥ 0 for each statement');
}

/** Of a pool, at every moment. */
export function checkPoolSums(stats: PoolStats, times: PoolTimes, when: string): void {
  const { total, idle, inUse, creating, checking, resetting, closing, waiting, totals } = stats;
  const { sharing, sharedLeases } = stats;
  const { acquire, create, use, closedBy, oldestWaitMs } = times;
  const must = violations(when, { stats, closedBy });
  must(total === idle + inUse + creating + checking + resetting, 'total = Σ of the states');
  must(inUse - sharing + sharedLeases === totals.lent - totals.returned, 'lent now = lent − returned');
  must(total - creating + closing === totals.created - totals.closed, 'open = created − closed');
  must(acquire.count === totals.lent, 'acquires measured = lent');
  must(create.count === totals.created, 'creations measured = created');
  must(sumOf(Object.values(closedBy)) === totals.closed, 'Σ closed by reason = closed');
  must(oldestWaitMs === 0 || waiting > 0, 'a wait of somebody');
  must([acquire, create, use].every(addsUp), 'Σ buckets = count');
}

/** Of a connection limiter, at every moment. */
export function checkLimiterSums(stats: ConnectionLimiterStats, when: string): void {
  const { inUse, waiting, controlWaiting, perPriority, acquired, waited } = stats;
  const must = violations(when, stats);
  const priorities = Object.values(perPriority);
  must(sumOf(priorities.map((one) => one.inUse)) === inUse, 'in use = Σ of the priorities');
  must(sumOf(priorities.map((one) => one.waiting)) + controlWaiting === waiting, 'waiting = Σ of the priorities');
  must(waited <= acquired, 'waited ≤ acquired');
}

/**
 * Of a circuit whose numbers were never restored, at every moment.
 *
 * @param unheard Calls that ended while it was disabled, and counts no result.
 */
export function checkCircuitSums(totals: CircuitTotals, inFlight: number, unheard: number, when: string): void {
  const { admitted, successes, failures, ignored } = totals;
  const must = violations(when, { totals, inFlight, unheard });
  must(admitted === successes + failures + ignored + unheard + inFlight, 'admitted = Σ of the ends + in flight');
}
