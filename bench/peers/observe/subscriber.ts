/** One function that does nothing, told of every query that has ended. */
import { subscribe } from 'node:diagnostics_channel';
import { observed } from './observed.js';

export const peer = observed({
  name: 'subscriber',
  settings: "one function at 'tracing:fluxor:query:asyncEnd'",
  watch: () => {
    let seen = 0;
    subscribe('tracing:fluxor:query:asyncEnd', () => (seen += 1));
    return { seen: () => seen };
  },
});
