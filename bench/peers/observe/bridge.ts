/** OpenTelemetry's metrics, without spans: a histogram is recorded for each call, and nobody reads it. */
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { openTelemetry } from '../../../src/extensions/otel/index.js';
import { observed } from './observed.js';
import { inContext } from './telemetry.js';

export const peer = observed({
  name: 'bridge',
  settings: 'metrics of the SDK 2.x, no spans',
  watch: (db) => {
    openTelemetry(db, { meterProvider: new MeterProvider(), spans: false });
    return { around: inContext(true) };
  },
});
