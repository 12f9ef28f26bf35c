/**
 * Counts every logical query of a runtime: one statement, stream or chunk of a batch, with all its attempts and waits. Always
 * on. Fed by the road, which has the durations already; asked by `db.metrics()` and `db.diagnostics()`.
 *
 * Invariants: begun = succeeded + failed + in flight; the sums over operations, over statements with `other`, and over all
 * are the same; feeding makes no object where nothing is slow and nothing fails; no bind value, no text of an error and no
 * literal of a statement is kept for showing.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import { BucketHistogram } from '../kernel/bucket-histogram.js';
import { LogHistogram } from '../kernel/log-histogram.js';
import { Ring } from '../kernel/ring.js';
import type { Operation } from '../sql/operation.js';
import { factsOf, kindOf } from './error-facts.js';
import type { OperationMeter, StatementEntry, StatementShape } from './statement-statistics.js';
import { StatementStatistics } from './statement-statistics.js';

/** Milliseconds. Below 5 ms finer than usual, because that is where database calls live. */
export const DURATION_BOUNDS_MS: readonly number[] = Object.freeze([
  ...[0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000],
]);
/** As the conventions of OpenTelemetry have it. */
export const ROW_BOUNDS: readonly number[] = Object.freeze([
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000,
]);

const SLOW_KEPT = 500;
const ERRORS_KEPT = 200;

/** What a call spent before its work, in all its attempts. Made for a call that has to wait. */
export interface CallWaits {
  /** In lines of the gate and the pool, and in pauses between attempts. Milliseconds. */
  waitingMs: number;
  /** Of its waits, while a connection was being made for it. */
  connectingMs: number;
  /** Of a stream: the pages after the first. */
  fetchingMs: number;
  attempts: number;
}

/** Nothing was waited for yet. */
export function newWaits(): CallWaits {
  return { waitingMs: 0, connectingMs: 0, fetchingMs: 0, attempts: 1 };
}

/** What the meter needs to know of a call. */
export interface MeteredCall {
  readonly id: number;
  readonly name: string | undefined;
  readonly connectionId: number | undefined;
  statistics: StatementEntry | undefined;
  waits: CallWaits | undefined;
}

/** Where the time of a query went. The parts add up to the duration. */
export interface QueryPhases {
  /** In lines, and in pauses between attempts. */
  readonly waitingMs: number;
  /** While a connection was being made for it. */
  readonly connectingMs: number;
  /** At the database, and on the way there and back. */
  readonly executingMs: number;
  /** Of a stream: waiting for its later pages. */
  readonly fetchingMs: number;
}

/** One query that took longer than `query.slowThreshold`. */
export interface SlowQuery extends QueryPhases {
  /** Epoch milliseconds of its end. */
  readonly at: number;
  readonly queryId: number;
  /** As given by the caller. */
  readonly name?: string;
  readonly fingerprint: string;
  readonly operation: Operation;
  readonly connectionId?: number;
  readonly durationMs: number;
  readonly attempts: number;
  readonly rows: number;
  readonly rowsAffected: number;
  /** Its error's code, where it failed. */
  readonly errorCode?: string;
}

/** One query that failed. Texts of errors are left out: servers quote values in them. */
export interface RecentError {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly queryId: number;
  /** As given by the caller. */
  readonly name?: string;
  readonly fingerprint: string;
  readonly connectionId?: number;
  readonly durationMs: number;
  readonly attempts: number;
  readonly code: string;
  readonly reason?: string;
  readonly sqlState?: string;
  readonly vendorCode?: string;
  readonly outcome?: string;
}

export interface QueryMeterPorts {
  /** Milliseconds; `Infinity` for never. */
  readonly slowThresholdMs: number;
  readonly shapeOf: (text: string) => StatementShape;
  /** Hears of each slow query, once it is counted. */
  readonly onSlow?: (query: SlowQuery) => void;
  /** Epoch milliseconds of a moment of the monotonic clock. */
  readonly stamp: (now: number) => number;
}

export class QueryMeter {
  readonly statements: StatementStatistics;
  readonly slowLog = new Ring<SlowQuery>(SLOW_KEPT);
  readonly errorLog = new Ring<RecentError>(ERRORS_KEPT);
  readonly operations = new Map<Operation, OperationMeter>();
  readonly durations = new LogHistogram();
  readonly rows = new BucketHistogram(ROW_BOUNDS);
  /** By error code. */
  readonly failures = new Map<string, number>();
  /** Repetitions, by the code of the error before. */
  readonly retries = new Map<string, number>();
  begun = 0;
  succeeded = 0;
  failed = 0;
  slow = 0;
  readonly #ports: QueryMeterPorts;

  constructor(ports: QueryMeterPorts) {
    this.#ports = ports;
    this.statements = new StatementStatistics(ports.shapeOf);
  }

  /** Of a text that may not have been seen yet. Counts nothing. */
  shapeOf(text: string, now: number): StatementShape {
    return this.statements.of(text, now);
  }

  get inFlight(): number {
    return this.begun - this.succeeded - this.failed;
  }

  begin(call: MeteredCall, text: string, now: number): void {
    const entry = this.statements.of(text, now);
    call.statistics = entry;
    this.begun += 1;
    entry.lastSeenAt = now;
    entry.inFlight += 1;
    if (entry.inFlight > entry.maxInFlight) entry.maxInFlight = entry.inFlight;
  }

  success(call: MeteredCall, durationMs: number, now: number, rows: number, rowsAffected: number): void {
    const entry = this.#end(call, durationMs);
    if (entry === undefined) return;
    this.succeeded += 1;
    (entry.ofOperation ??= this.#ofOperation(entry.operation)).success.add(durationMs);
    this.rows.add(rows);
    entry.rows += rows;
    entry.rowsAffected += rowsAffected;
    if (durationMs >= this.#ports.slowThresholdMs) this.#noteSlow(call, entry, durationMs, now, rows, rowsAffected);
  }

  /** Answers the statement's fingerprint; `undefined` where its end was counted already. */
  failure(
    call: MeteredCall,
    durationMs: number,
    now: number,
    error: unknown,
    known: FluxorError | undefined,
  ): string | undefined {
    const entry = this.#end(call, durationMs);
    if (entry === undefined) return undefined;
    const code = known?.code ?? 'OTHER';
    this.failed += 1;
    (entry.ofOperation ??= this.#ofOperation(entry.operation)).failure.add(durationMs);
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
    entry.countError(code);
    this.errorLog.add(
      Object.freeze({
        ...this.#about(call, entry, durationMs, now),
        code,
        ...(known === undefined ? { reason: kindOf(error) } : factsOf(known)),
      }),
    );
    if (durationMs >= this.#ports.slowThresholdMs) this.#noteSlow(call, entry, durationMs, now, 0, 0, code);
    return entry.fingerprint;
  }

  retried(error: FluxorError): void {
    this.retries.set(error.code, (this.retries.get(error.code) ?? 0) + 1);
  }

  /** `undefined` where its end was counted already, or its beginning was not. */
  #end(call: MeteredCall, durationMs: number): StatementEntry | undefined {
    const { statistics, waits } = call;
    if (statistics === undefined) return undefined;
    call.statistics = undefined;
    const entry = statistics.heir ?? statistics;
    entry.inFlight -= 1;
    this.durations.addToBoth(entry.durations, durationMs);
    if (waits !== undefined) entry.waitedMs += waits.waitingMs + waits.connectingMs;
    return entry;
  }

  #ofOperation(operation: Operation): OperationMeter {
    const known = this.operations.get(operation);
    if (known !== undefined) return known;
    const made = { success: new BucketHistogram(DURATION_BOUNDS_MS), failure: new BucketHistogram(DURATION_BOUNDS_MS) };
    this.operations.set(operation, made);
    return made;
  }

  #noteSlow(
    call: MeteredCall,
    entry: StatementEntry,
    durationMs: number,
    now: number,
    rows: number,
    rowsAffected: number,
    errorCode?: string,
  ): void {
    this.slow += 1;
    entry.slow += 1;
    const slow: SlowQuery = Object.freeze({
      ...this.#about(call, entry, durationMs, now),
      operation: entry.operation,
      ...phasesOf(call.waits, durationMs),
      rows,
      rowsAffected,
      ...(errorCode === undefined ? {} : { errorCode }),
    });
    this.slowLog.add(slow);
    this.#ports.onSlow?.(slow);
  }

  #about(
    { id: queryId, name, connectionId, waits }: MeteredCall,
    entry: StatementEntry,
    durationMs: number,
    now: number,
  ) {
    return {
      at: this.#ports.stamp(now),
      queryId,
      ...(name === undefined ? {} : { name }),
      fingerprint: entry.fingerprint,
      ...(connectionId === undefined ? {} : { connectionId }),
      durationMs,
      attempts: waits?.attempts ?? 1,
    };
  }
}

/** What is not known to be something else was spent at the database. */
function phasesOf(waits: CallWaits | undefined, durationMs: number): QueryPhases {
  const { waitingMs = 0, connectingMs = 0, fetchingMs = 0 } = waits ?? {};
  const executingMs = Math.max(0, durationMs - waitingMs - connectingMs - fetchingMs);
  return { waitingMs, connectingMs, executingMs, fetchingMs };
}
