/** What the database is told of who asks. Only names of the program and numbers of the trace. */
import type { SpanContext } from '@opentelemetry/api';

/** PostgreSQL cuts names behind this. */
const MAX_NAME_LENGTH = 63;

/** By service and pool; in ASCII, as the server would have it. */
export function sessionNameOf(pool: string): string {
  const service = process.env['OTEL_SERVICE_NAME'];
  const name = service === undefined || service === '' ? pool : `${service}/${pool}`;
  return name.replaceAll(/[^ -~]/g, '?').slice(0, MAX_NAME_LENGTH);
}

/** As the header of W3C's trace context has it. */
export function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}
