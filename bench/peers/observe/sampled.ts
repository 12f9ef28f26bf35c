/** OpenTelemetry with a span for each call, that goes to the batch processor and an exporter that keeps nothing. */
import { openTelemetry } from '../../../src/extensions/otel/index.js';
import { observed } from './observed.js';
import { inContext, startTracing } from './telemetry.js';

export const peer = observed({
  name: 'sampled',
  settings: 'a span for each call, the batch processor of SDK 2.x, an exporter that keeps nothing',
  watch: (db) => {
    const { provider, exported } = startTracing();
    openTelemetry(db, { tracerProvider: provider, metrics: false });
    const around = inContext(true);
    let calls = 0;
    return {
      around: (work) => {
        calls += 1;
        // Spans leave in batches; many times the queue behind, they were dropped.
        if (calls - exported() > 200_000) throw new Error(`${exported()} of ${calls} spans came to the exporter`);
        return around(work);
      },
    };
  },
});
