/**
 * The contexts that the runtime hands to its tracers and publishes on its tracing channels; made only where somebody traces
 * or has subscribed, and filled in where a doing ends.
 */
import type { DriverResult } from '../driver/query.js';
import type { Connection } from '../connection/connection.js';
import { RejectedError } from '../errors/rejected-error.js';
import type { Clock } from '../kernel/clock.js';
import type { Lease } from '../pool/lease.js';
import type {
  AcquireTrace,
  AttemptTrace,
  QueryTrace,
  TracePlace,
  TransactionTrace,
  WaitTrace,
} from '../telemetry/channels.js';
import { ACQUIRE_CHANNEL, QUERY_CHANNEL, traced, TRANSACTION_CHANNEL } from '../telemetry/channels.js';
import type { StatementShape } from '../telemetry/statement-statistics.js';
import type { OpenTrace, Tracing } from '../telemetry/tracing.js';
import type { Call } from './call.js';
import type { House } from './house.js';
import type { TransactionOptions } from './query-options.js';

export interface TraceParts {
  readonly tracing: Tracing;
  readonly place: TracePlace;
  readonly clock: Clock;
  /** Epoch milliseconds of a moment of the monotonic clock. */
  readonly stamp: (now: number) => number;
}

/** Of nearly every call. */
const NONE: readonly never[] = Object.freeze([]);

/** What is noted of a call on its road, for those who trace it. */
export class CallTrace {
  readonly trace: QueryTrace | TransactionTrace;
  readonly #stamp: TraceParts['stamp'];
  readonly #open: OpenTrace | undefined;
  /** When the attempt under way began. */
  #since: number;
  /** The pool's line when the wait under way began. */
  waiting = 0;

  constructor(
    trace: QueryTrace | TransactionTrace,
    open: OpenTrace | undefined,
    stamp: TraceParts['stamp'],
    startedAt: number,
  ) {
    this.trace = trace;
    this.#open = open;
    this.#stamp = stamp;
    this.#since = startedAt;
  }

  /** A wait that has ended, with `error` where there is no connection. */
  noteWait(since: number, now: number, error: unknown): void {
    const { waiting } = this;
    this.waiting = 0;
    // Refused by the gate: no connection was asked for.
    if (error instanceof RejectedError) return;
    const wait: WaitTrace = { startedAt: this.#stamp(since), durationMs: now - since, waiting, error };
    this.trace.waits = [...this.trace.waits, wait];
  }

  noteAttempt(attempt: number, connectionId: number | undefined, now: number, error: unknown): void {
    if (this.trace.type !== 'query') return;
    const durationMs = now - this.#since;
    const told: AttemptTrace = { attempt, startedAt: this.#stamp(this.#since), durationMs, connectionId, error };
    this.trace.tries = [...this.trace.tries, told];
  }

  /** The next attempt begins. */
  goOn(now: number): void {
    this.#since = now;
  }

  /** Of a query that failed. */
  fail(call: Call, durationMs: number, now: number, error: unknown): void {
    this.trace.error = error;
    this.end(call, durationMs, now, undefined, undefined);
  }

  /** Of a query. */
  end(call: Call, durationMs: number, now: number, rows: number | undefined, changed: number | undefined): void {
    const { trace } = this;
    if (trace.type !== 'query') return;
    trace.connectionId = call.connectionId;
    trace.attempts = call.waits?.attempts ?? 1;
    trace.batchSize = call.batch?.sets;
    trace.rows = rows;
    trace.rowsAffected = changed;
    trace.durationMs = durationMs;
    if (trace.tries.length > 0) this.noteAttempt(trace.attempts, call.connectionId, now, trace.error);
    this.#open?.end();
  }
}

export function traceQuery(
  call: Call,
  shapeOf: (text: string, now: number) => StatementShape,
  { tracing, place, clock, stamp }: TraceParts,
  work: () => Promise<unknown>,
): Promise<unknown> {
  const { text, values } = call.query;
  const { fingerprint, operation } = shapeOf(text, call.startedAt);
  const { batch } = call;
  const trace: QueryTrace = {
    type: 'query',
    runtime: place.runtime,
    driver: place.driver,
    endpoint: place.endpoint,
    queryId: call.id,
    name: call.name,
    text: batch === undefined ? text : batch.text,
    hasValues: batch !== undefined || values.length > 0,
    fingerprint,
    operation,
    isBatch: batch !== undefined,
    batchSize: batch?.sets,
    isInside: call.inside !== undefined,
    transaction: call.inside?.trace,
    connectionId: undefined,
    attempts: 1,
    tries: NONE,
    waits: NONE,
    rows: undefined,
    rowsAffected: undefined,
    error: undefined,
    durationMs: undefined,
  };
  const open = tracing.isOn ? tracing.begin(trace) : undefined;
  if (open === undefined && !QUERY_CHANNEL.hasSubscribers) return work();
  call.traced = new CallTrace(trace, open, stamp, call.startedAt);
  const run = open === undefined ? work : () => open.run(work);
  if (!QUERY_CHANNEL.hasSubscribers) return run();
  return traced(QUERY_CHANNEL, trace, run, () => {
    // A stream has brought its first page, and goes on.
    trace.connectionId ??= call.connectionId;
    trace.durationMs ??= clock.now() - call.startedAt;
  });
}

/** For statements that bring their result at once. */
export function endOfQuery(call: Call, result: DriverResult, durationMs: number, now: number): void {
  call.traced?.end(call, durationMs, now, result.rows.length, result.rowsAffected);
}

export function traceAcquire(
  call: Call,
  waiting: number,
  now: () => number,
  work: () => Promise<Lease<Connection>>,
): Promise<Lease<Connection>> {
  const startedAt = now();
  const context: AcquireTrace = {
    type: 'acquire',
    runtime: call.runtimeName,
    queryId: call.id,
    waiting,
    connectionId: undefined,
    error: undefined,
    durationMs: undefined,
  };
  return traced(ACQUIRE_CHANNEL, context, work, (lease) => {
    context.connectionId = lease?.entry.id;
    context.durationMs = now() - startedAt;
  });
}

/** A transaction that is traced, as its runs and its handle see it. */
export interface TracedTransaction {
  readonly trace: TransactionTrace;
  readonly parts: TraceParts;
  /** What the database is to be told of it. */
  readonly carrier: string | undefined;
  /** Of a `begin()`: its handle has ended. */
  readonly onEnd: (() => void) | undefined;
}

/** Whether anybody wants to be around transactions. */
export function tracesTransactions({ parts }: House): boolean {
  return parts.tracing.tracing.isOn || TRANSACTION_CHANNEL.hasSubscribers;
}

export function traceTransaction<T>(
  { parts: { tracing: parts } }: House,
  way: TransactionTrace['way'],
  { label, isolation, readOnly = false }: TransactionOptions,
  work: (traced: TracedTransaction) => Promise<T>,
): Promise<T> {
  const { tracing, place, clock } = parts;
  const startedAt = clock.now();
  const trace: TransactionTrace = {
    type: 'transaction',
    runtime: place.runtime,
    driver: place.driver,
    endpoint: place.endpoint,
    way,
    label,
    isolation,
    readOnly,
    connectionId: undefined,
    outcome: undefined,
    statements: 0,
    attempts: 1,
    waits: [],
    error: undefined,
    durationMs: undefined,
  };
  const open = tracing.begin(trace);
  const end = (): void => {
    trace.durationMs = clock.now() - startedAt;
    open?.end();
  };
  const fail = (error: unknown): void => {
    trace.error = error;
    end();
  };
  const onEnd = way === 'begin' ? end : undefined;
  const run = (): Promise<T> => {
    const begun = () => work({ trace, parts, carrier: open?.carrier, onEnd });
    const answer = open === undefined ? begun() : open.run(begun);
    answer.then(onEnd === undefined ? end : ignore, fail);
    return answer;
  };
  if (!TRANSACTION_CHANNEL.hasSubscribers) return run();
  return traced(TRANSACTION_CHANNEL, trace, run, () => {
    trace.durationMs ??= clock.now() - startedAt;
  });
}

function ignore(): void {
  // The handle has begun, and ends by itself.
}
