/**
 * Makes spans of what a runtime does (docs/guide/opentelemetry.md has the table). Attached with `db.trace()`.
 *
 *     parent ── query ── acquire (waited longer than 1 ms)
 *                    └── attempt 1, attempt 2 (where it was repeated)
 *     parent ── TRANSACTION ── query, and whatever the application traces in its function
 *     connect: a trace of its own, because no caller opens a connection; the pool does
 *
 * Invariants: the parent is the active span at the call; where that is known not to be sampled, nothing is made; the caller's
 * context is left as it was; no bind value and no text of an error is on a span.
 * Acquire and attempt spans are made when the query has ended, with the times that were noted: only then it is known whether
 * there is anything to tell.
 */
import type { Attributes, Context, Span, Tracer as OtelTracer } from '@opentelemetry/api';
import {
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace as otel,
  TraceFlags,
} from '@opentelemetry/api';
import type {
  AttemptTrace,
  ConnectTrace,
  QueryTrace,
  Trace,
  TraceBracket,
  Tracer,
  TransactionTrace,
  WaitTrace,
} from '../../index.js';
import { errorFacts } from './error-attributes.js';
import type { Instruments } from './instruments.js';
import type { OpenTelemetryConfig } from './otel-options.js';
import { sessionNameOf, traceparentOf } from './propagation.js';
import { isSuppressed, quietly } from './quiet.js';
import * as names from './semconv.js';
import type { StatementNames } from './statement-names.js';
import type { Target } from './target.js';

/** A wait that is shorter is an attribute, and no span. */
const SHORTEST_WAIT_MS = 1;

export interface SpanParts {
  /** `undefined` where no spans are wanted. */
  readonly tracer: OtelTracer | undefined;
  /** `undefined` where no metrics are wanted. */
  readonly instruments: Pick<Instruments, 'queryEnded'> | undefined;
  readonly target: Target;
  readonly statements: StatementNames;
  readonly config: Pick<OpenTelemetryConfig, 'captureRows' | 'suppressDriverSpans' | 'propagation'>;
}

/** A `begin()` that is traced, and the span that was active then. */
interface Begun {
  readonly span: Span;
  readonly outer: Span | undefined;
}

export class SpanTracer implements Tracer {
  readonly quietly?: (work: () => void) => void;
  readonly sessionName?: string;
  readonly #parts: SpanParts;
  readonly #begun = new WeakMap<TransactionTrace, Begun>();

  constructor(parts: SpanParts) {
    this.#parts = parts;
    const { tracer, config, target } = parts;
    if (tracer !== undefined && config.suppressDriverSpans) this.quietly = quietly;
    if (config.propagation !== 'off') this.sessionName = sessionNameOf(target.pool);
  }

  wants(type: Trace['type']): boolean {
    const { tracer, instruments } = this.#parts;
    if (type === 'query' && instruments !== undefined) return true;
    if (tracer === undefined) return false;
    const active = context.active();
    return type === 'connect' || (!isUnsampled(active) && !isSuppressed(active));
  }

  begin(trace: Trace): TraceBracket | undefined {
    const { tracer, instruments } = this.#parts;
    const active = context.active();
    const isSilent = tracer === undefined || isSuppressed(active);
    if (trace.type === 'connect') return isSilent ? undefined : this.#connect(tracer, trace);
    const parent = this.#parentOf(trace, active);
    if (!isSilent && !isUnsampled(parent)) {
      if (trace.type === 'transaction') return this.#transaction(tracer, trace, parent);
      const { name, attributes } = this.#parts.statements.of(trace);
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, parent);
      if (span.isRecording()) return new QuerySpan(this.#parts, tracer, trace, span, otel.setSpan(parent, span));
    }
    if (instruments === undefined || trace.type !== 'query') return undefined;
    return { end: () => instruments.queryEnded(trace) };
  }

  /** Through a handle of `begin()`, the caller's context is the one around the transaction; unless a span was opened since. */
  #parentOf(trace: QueryTrace | TransactionTrace, active: Context): Context {
    const around = trace.type === 'query' ? trace.transaction : undefined;
    if (around?.way !== 'begin') return active;
    const begun = this.#begun.get(around);
    return begun !== undefined && otel.getSpan(active) === begun.outer ? otel.setSpan(active, begun.span) : active;
  }

  #transaction(tracer: OtelTracer, trace: TransactionTrace, parent: Context): TraceBracket {
    const { target } = this.#parts;
    const { isolation, readOnly, label } = trace;
    const attributes: Attributes = {
      ...target.attributes,
      ...(isolation === undefined ? {} : { [names.TRANSACTION_ISOLATION]: isolation }),
      ...(readOnly ? { [names.TRANSACTION_READ_ONLY]: true } : {}),
      ...(label === undefined ? {} : { [names.TRANSACTION_LABEL]: label }),
    };
    const span = tracer.startSpan(`TRANSACTION ${target.pool}`, { kind: SpanKind.INTERNAL, attributes }, parent);
    if (trace.way === 'begin') this.#begun.set(trace, { span, outer: otel.getSpan(parent) });
    const inner = otel.setSpan(parent, span);
    const isTold = this.#parts.config.propagation === 'trace' && span.isRecording();
    return {
      run: (work) => context.with(inner, work),
      carrier: isTold ? traceparentOf(span.spanContext()) : undefined,
      end: () => {
        if (!span.isRecording()) return;
        span.setAttribute(names.TRANSACTION_STATEMENTS, trace.statements);
        span.setAttribute(names.RETRY_COUNT, trace.attempts - 1);
        if (trace.outcome !== undefined) span.setAttribute(names.TRANSACTION_OUTCOME, trace.outcome);
        tellWaits(tracer, target, trace.waits, span, inner);
        tellError(span, trace.error, target);
        span.end();
      },
    };
  }

  #connect(tracer: OtelTracer, trace: ConnectTrace): TraceBracket {
    const { target } = this.#parts;
    const attributes = { ...target.attributes, [names.CONNECTION_ID]: trace.connectionId };
    const name = `connect ${target.address ?? target.fallbackName}`;
    const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, ROOT_CONTEXT);
    return {
      end: () => {
        tellError(span, trace.error, target);
        span.end();
      },
    };
  }
}

class QuerySpan implements TraceBracket {
  readonly #parts: SpanParts;
  readonly #tracer: OtelTracer;
  readonly #trace: QueryTrace;
  readonly #span: Span;
  readonly #inner: Context;

  constructor(parts: SpanParts, tracer: OtelTracer, trace: QueryTrace, span: Span, inner: Context) {
    this.#parts = parts;
    this.#tracer = tracer;
    this.#trace = trace;
    this.#span = span;
    this.#inner = inner;
  }

  run(work: () => void): void {
    context.with(this.#inner, work);
  }

  end(): void {
    const { target, config, instruments, statements } = this.#parts;
    const { attempts, tries, waits, rows, error, batchSize } = this.#trace;
    const span = this.#span;
    span.setAttribute(names.RETRY_COUNT, attempts - 1);
    if (statements.isBatch(this.#trace) && batchSize !== undefined) {
      span.setAttribute(names.DB_OPERATION_BATCH_SIZE, batchSize);
    }
    if (config.captureRows && rows !== undefined) span.setAttribute(names.DB_RESPONSE_RETURNED_ROWS, rows);
    if (waits.length > 0) tellWaits(this.#tracer, target, waits, span, this.#inner);
    for (const attempt of tries) tellAttempt(this.#tracer, target, attempt, this.#inner);
    if (error !== undefined) tellError(span, error, target);
    instruments?.queryEnded(this.#trace, this.#inner);
    span.end();
  }
}

/** It has made up its mind: whatever is below it is not sampled either. */
function isUnsampled(parent: Context): boolean {
  const around = otel.getSpanContext(parent);
  return around !== undefined && (around.traceFlags & TraceFlags.SAMPLED) === 0 && isSpanContextValid(around);
}

function tellWaits(tracer: OtelTracer, target: Target, waits: readonly WaitTrace[], span: Span, inner: Context): void {
  if (waits.length === 0) return;
  span.setAttribute(
    names.ACQUIRE_DURATION_MS,
    waits.reduce((sum, { durationMs }) => sum + durationMs, 0),
  );
  for (const { startedAt, durationMs, waiting, error } of waits) {
    if (durationMs <= SHORTEST_WAIT_MS) continue;
    const attributes = { [names.POOL_NAME]: target.pool, [names.ACQUIRE_QUEUE_LENGTH]: waiting };
    const wait = tracer.startSpan(`acquire ${target.pool}`, { startTime: startedAt, attributes }, inner);
    tellError(wait, error, target);
    wait.end(startedAt + durationMs);
  }
}

function tellAttempt(tracer: OtelTracer, target: Target, told: AttemptTrace, inner: Context): void {
  const { attempt, startedAt, durationMs, connectionId, error } = told;
  const attributes = {
    ...target.peer,
    ...(connectionId === undefined ? {} : { [names.CONNECTION_ID]: connectionId }),
  };
  const span = tracer.startSpan(`attempt ${attempt}`, { startTime: startedAt, attributes }, inner);
  tellError(span, error, target);
  span.end(startedAt + durationMs);
}

function tellError(span: Span, error: unknown, target: Target): void {
  if (error === undefined) return;
  const { attributes, description } = errorFacts(error, target);
  span.setAttributes(attributes);
  span.setStatus({ code: SpanStatusCode.ERROR, message: description });
}
