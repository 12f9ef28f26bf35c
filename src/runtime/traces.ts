/** Around queries and waits for a connection: what tracers are handed, and what is published on the tracing channels. */
import type { DriverResult } from '../driver/query.js';
import type { Connection } from '../connection/connection.js';
import type { Lease } from '../pool/lease.js';
import type { AcquireTrace, QueryTrace } from '../telemetry/channels.js';
import { ACQUIRE_CHANNEL, QUERY_CHANNEL, traced } from '../telemetry/channels.js';
import type { StatementShape } from '../telemetry/statement-statistics.js';
import type { TraceParts } from './call-trace.js';
import { CallTrace } from './call-trace.js';
import type { Call } from './call.js';

/** Of nearly every call. */
const NONE: readonly never[] = Object.freeze([]);

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
  const open = tracing.isOn ? tracing.begin(trace, !QUERY_CHANNEL.hasSubscribers) : undefined;
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
