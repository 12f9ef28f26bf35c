/**
 * What is noted of a call on its road, for those who trace it: made only where somebody traces or has subscribed, and filled in
 * where the call ends. Knows nothing of tracers' own business, and asks no clock.
 */
import { RejectedError } from '../errors/rejected-error.js';
import type { Clock } from '../kernel/clock.js';
import type { AttemptTrace, QueryTrace, TracePlace, TransactionTrace, WaitTrace } from '../telemetry/channels.js';
import type { OpenTrace, Tracing } from '../telemetry/tracing.js';

export interface TraceParts {
  readonly tracing: Tracing;
  readonly place: TracePlace;
  readonly clock: Clock;
  /** Epoch milliseconds of a moment of the monotonic clock. */
  readonly stamp: (now: number) => number;
}

/** What a call knows of itself in the end. */
export interface TracedCall {
  readonly connectionId: number | undefined;
  readonly waits: { readonly attempts: number } | undefined;
  readonly batch: { readonly sets: number | undefined } | undefined;
}

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
  fail(call: TracedCall, durationMs: number, now: number, error: unknown): void {
    this.trace.error = error;
    this.end(call, durationMs, now, undefined, undefined);
  }

  /** Of a query. */
  end(call: TracedCall, durationMs: number, now: number, rows: number | undefined, changed: number | undefined): void {
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
