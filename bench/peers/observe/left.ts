/** A subscriber, a tracer, a listener and a callback that were there, and have gone again. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { openTelemetry } from '../../../src/extensions/otel/index.js';
import { observed } from './observed.js';

export const peer = observed({
  name: 'left',
  settings: 'subscribers of the channels, OpenTelemetry, a listener and a callback were there, and have gone',
  watch: (db) => {
    const names = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((name) => `tracing:fluxor:query:${name}`);
    const hear = (): void => undefined;
    for (const name of names) subscribe(name, hear);
    for (const name of names) unsubscribe(name, hear);
    const gone = [
      openTelemetry(db),
      db.on('query:completed', () => undefined),
      db.setMetricsCallback(() => undefined, false),
    ];
    for (const one of gone) one[Symbol.dispose]();
    return {};
  },
});
