/** Puts one runtime and OpenTelemetry together, until it is disposed or the runtime disconnected. */
import { metrics, trace } from '@opentelemetry/api';
import type { DBRuntime } from '../../index.js';
import { Instruments } from './instruments.js';
import type { OpenTelemetryOptions } from './otel-options.js';
import { resolveOpenTelemetryOptions } from './otel-options.js';
import { SpanTracer } from './span-tracer.js';
import { StatementNames } from './statement-names.js';
import { targetOf } from './target.js';

/** The instrumentation scope. */
const SCOPE = 'fluxor-db';

/**
 * Makes spans and metrics of what a runtime does, by OpenTelemetry's semantic conventions, through `@opentelemetry/api` and
 * whatever SDK is registered with it. Dispose the answer to stop; `disconnect()` does too. Start the SDK first.
 *
 * @throws ConfigError listing every wrong option.
 * @example
 * using telemetry = openTelemetry(db, { captureRows: true });
 */
export function openTelemetry(db: DBRuntime, options: OpenTelemetryOptions = {}): Disposable {
  const config = resolveOpenTelemetryOptions(options, db.config.driver.name);
  const target = targetOf(db);
  const { version } = db.metrics();
  const tracer = config.spans
    ? (config.tracerProvider ?? trace.getTracerProvider()).getTracer(SCOPE, version)
    : undefined;
  const instruments = config.metrics
    ? new Instruments(
        db,
        (config.meterProvider ?? metrics.getMeterProvider()).getMeter(SCOPE, version),
        target,
        config.metricNames,
      )
    : undefined;
  const statements = new StatementNames(target, config.captureText);
  const tracing =
    tracer === undefined && instruments === undefined
      ? undefined
      : db.trace(new SpanTracer({ tracer, instruments, target, statements, config }));
  const closed = db.on('runtime:closed', () => stop());
  function stop(): void {
    closed[Symbol.dispose]();
    tracing?.[Symbol.dispose]();
    instruments?.dispose();
  }
  return { [Symbol.dispose]: stop };
}
