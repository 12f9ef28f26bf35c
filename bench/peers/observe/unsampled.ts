/** OpenTelemetry below a span that is not sampled. */
import { openTelemetry } from '../../../src/extensions/otel/index.js';
import { observed } from './observed.js';
import { inContext, startTracing } from './telemetry.js';

export const peer = observed({
  name: 'unsampled',
  settings: 'spans, and the parent of each call is not sampled',
  watch: (db) => {
    const { provider, exported } = startTracing();
    openTelemetry(db, { tracerProvider: provider, metrics: false });
    const around = inContext(false);
    return {
      around: (work) => {
        if (exported() > 0) throw new Error('there was to be no span');
        return around(work);
      },
    };
  },
});
