/** OpenTelemetry's context around every call, and no OpenTelemetry of ours. */
import { observed } from './observed.js';
import { inContext } from './telemetry.js';

export const peer = observed({
  name: 'context',
  settings: "OpenTelemetry's context manager, each call below a span; `openTelemetry(db)` is not called",
  watch: () => ({ around: inContext(true) }),
});
