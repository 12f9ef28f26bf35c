/** Refuses the name of an event that there is none of: whoever listens to a misspelt one would hear nothing, for ever. */
import { ConfigError } from '../errors/config-error.js';
import { nearestName } from '../kernel/option-reader.js';
import { EVENT_NAMES } from '../telemetry/events.js';

/** @throws ConfigError with the nearest name. */
export function assertEvent(event: string): void {
  if (Object.hasOwn(EVENT_NAMES, event)) return;
  const nearest = nearestName(event, Object.keys(EVENT_NAMES));
  const expected = nearest === undefined ? 'an event of FluxorEvents' : `did you mean '${nearest}'?`;
  throw ConfigError.fromIssues([{ path: 'on', got: `'${event}'`, expected }]);
}
