/** The contexts that the runtime publishes on its tracing channels; made only where somebody has subscribed. */
import type { DriverResult } from '../driver/query.js';
import type { Connection } from '../connection/connection.js';
import type { Clock } from '../kernel/clock.js';
import type { Lease } from '../pool/lease.js';
import type { AcquireTrace, QueryTrace, TransactionTrace } from '../telemetry/channels.js';
import { ACQUIRE_CHANNEL, QUERY_CHANNEL, traced, TRANSACTION_CHANNEL } from '../telemetry/channels.js';
import type { StatementShape } from '../telemetry/statement-statistics.js';
import type { Call } from './call.js';
import type { TransactionOptions } from './query-options.js';

export function traceQuery(
  call: Call,
  shape: StatementShape,
  now: () => number,
  work: () => Promise<unknown>,
): Promise<unknown> {
  const { text, values } = call.query;
  const context: QueryTrace = {
    type: 'query',
    runtime: call.runtimeName,
    queryId: call.id,
    name: call.name,
    text,
    hasValues: values.length > 0,
    fingerprint: shape.fingerprint,
    operation: shape.operation,
    isInside: call.inside !== undefined,
    connectionId: undefined,
    attempts: 1,
    rows: undefined,
    rowsAffected: undefined,
    error: undefined,
    durationMs: undefined,
  };
  return traced(QUERY_CHANNEL, context, work, () => {
    const result = call.result as Partial<DriverResult> | undefined;
    context.connectionId = call.connectionId;
    context.attempts = call.waits?.attempts ?? 1;
    context.rows = result?.rows?.length;
    context.rowsAffected = result?.rowsAffected;
    context.durationMs = now() - call.startedAt;
  });
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

export function traceTransaction<T>(
  { clock, name: runtime }: { readonly clock: Clock; readonly name: string },
  way: TransactionTrace['way'],
  { label, isolation, readOnly = false }: TransactionOptions,
  work: () => Promise<T>,
): Promise<T> {
  const startedAt = clock.now();
  const context: TransactionTrace = {
    type: 'transaction',
    runtime,
    way,
    label,
    isolation,
    readOnly,
    error: undefined,
    durationMs: undefined,
  };
  return traced(TRANSACTION_CHANNEL, context, work, () => {
    context.durationMs = clock.now() - startedAt;
  });
}
