/**
 * What `db.diagnostics()` answers: everything a person on call wants to see at once, as plain JSON, without I/O. In at most
 * 5 ms for 1,000 statements and 200 connections.
 * Invariants: no secret, no bind value, no literal of a statement and no text of an error is in it; a field is only ever added
 * under the same `schema`.
 */
import type { ExplainedOption } from '../config/explain-config.js';
import { explainConfig } from '../config/explain-config.js';
import type { ConnectionReport, WaiterReport } from '../pool/pool-inspection.js';
import type { PoolStats } from '../pool/pool-stats.js';
import type { Operation } from '../sql/operation.js';
import type { LeakReport } from '../telemetry/events.js';
import type { RecentError, SlowQuery } from '../telemetry/query-meter.js';
import type { StatementEntry } from '../telemetry/statement-statistics.js';
import type { GateStats } from './gate-control.js';
import type { House } from './house.js';
import type { RuntimeState } from './lifecycle.js';
import type { MetricsSnapshot } from './metrics.js';
import { snapshotOf } from './metrics-snapshot.js';

/** One statement by its shape, since the runtime was made. Durations in milliseconds; quantiles at most an eighth off. */
export interface StatementReport {
  /** Without literals. `other`: all that found no room any more, as one. */
  readonly fingerprint: string;
  readonly operation: Operation;
  /** Those that have ended. */
  readonly calls: number;
  readonly failed: number;
  readonly slow: number;
  readonly inFlight: number;
  readonly maxInFlight: number;
  readonly rows: number;
  readonly rowsAffected: number;
  readonly totalMs: number;
  /** Of `totalMs`, in lines and while a connection was being made. */
  readonly waitedMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly errors: Readonly<Record<string, number>>;
  /** `undefined` where none failed. */
  readonly lastErrorCode: string | undefined;
  /** Epoch milliseconds. */
  readonly firstSeen: number;
  readonly lastSeen: number;
}

export interface Diagnostics {
  readonly schema: 1;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly name: string;
  readonly state: RuntimeState;
  /** `endpoint` has no secrets. */
  readonly driver: { readonly name: string; readonly dialect: string; readonly endpoint: string };
  /** Every option in force, and where it was said. */
  readonly config: readonly ExplainedOption[];
  readonly pool: PoolStats;
  /** At most 1,000. */
  readonly connections: readonly ConnectionReport[];
  /** At most 1,000; `pool.waiting` is how many there are. */
  readonly waiters: readonly WaiterReport[];
  readonly gate: GateStats;
  readonly metrics: MetricsSnapshot;
  /** At most 1,000 and `other`, by the time that all their calls took together. */
  readonly statements: readonly StatementReport[];
  /** The latest 100, the latest first. */
  readonly slow: readonly SlowQuery[];
  readonly errors: readonly RecentError[];
  readonly leaks: readonly LeakReport[];
  readonly process: {
    readonly node: string;
    readonly pid: number;
    readonly uptimeSeconds: number;
    readonly heapUsed: number;
    readonly rss: number;
  };
}

const MOST_REPORTS = 1_000;
const MOST_RECENT = 100;

export function diagnose(house: House): Diagnostics {
  const { config, lifecycle, pool, gateControl, meter } = house.parts;
  const { driver, clock, name } = config;
  const { heapUsed, rss } = process.memoryUsage();
  return Object.freeze({
    schema: 1,
    at: clock.wallNow(),
    name,
    state: lifecycle.state,
    driver: { name: driver.name, dialect: driver.dialect, endpoint: driver.endpoint },
    config: explainConfig(house.config),
    pool: pool.stats(),
    connections: pool.inspection.connections(MOST_REPORTS),
    waiters: pool.inspection.waiters(MOST_REPORTS),
    gate: gateControl.stats(),
    metrics: snapshotOf(house),
    statements: statementsOf(house),
    slow: meter.slowLog.latest(MOST_RECENT),
    errors: meter.errorLog.latest(MOST_RECENT),
    leaks: pool.leaks(),
    process: { node: process.version, pid: process.pid, uptimeSeconds: process.uptime(), heapUsed, rss },
  });
}

function statementsOf({ parts }: House): readonly StatementReport[] {
  const { meter, config } = parts;
  const offset = config.clock.wallNow() - config.clock.now();
  const { other } = meter.statements;
  const reports = [...meter.statements.entries(), ...(other === undefined ? [] : [other])].map((entry) =>
    reportOf(entry, offset),
  );
  return reports.sort((one, next) => next.totalMs - one.totalMs);
}

/** Written out: spreading objects into a thousand of them would take longer than all the rest. */
function reportOf(entry: StatementEntry, offset: number): StatementReport {
  const { durations, errors } = entry;
  return {
    fingerprint: entry.fingerprint,
    operation: entry.operation,
    calls: durations.count,
    failed: entry.failed,
    slow: entry.slow,
    inFlight: entry.inFlight,
    maxInFlight: entry.maxInFlight,
    rows: entry.rows,
    rowsAffected: entry.rowsAffected,
    totalMs: durations.total,
    waitedMs: entry.waitedMs,
    minMs: durations.min,
    maxMs: durations.max,
    p50Ms: durations.quantile(0.5),
    p95Ms: durations.quantile(0.95),
    p99Ms: durations.quantile(0.99),
    errors: errors === undefined ? {} : Object.fromEntries(errors),
    lastErrorCode: entry.lastErrorCode,
    firstSeen: entry.firstSeenAt + offset,
    lastSeen: entry.lastSeenAt + offset,
  };
}
