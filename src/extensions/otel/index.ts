/** The door `fluxor-db/otel`: spans and metrics through `@opentelemetry/api`. Re-exports only. */
export { openTelemetry } from './open-telemetry.js';
export type { CaptureText, MetricNames, OpenTelemetryOptions, Propagation } from './otel-options.js';
