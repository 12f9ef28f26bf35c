/**
 * Keeps other instrumentations from tracing what the runtime does: within `quietly`, OpenTelemetry's tracers make no span. The
 * key is the SDK's own (`suppressTracing` of @opentelemetry/core), which the API finds by its name.
 */
import type { Context } from '@opentelemetry/api';
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';

const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Made once: nothing in the client library needs the caller's span. */
const QUIET: Context = ROOT_CONTEXT.setValue(SUPPRESSED, true);

export function isSuppressed(active: Context): boolean {
  return active.getValue(SUPPRESSED) === true;
}

export function quietly(work: () => void): void {
  context.with(QUIET, work);
}
