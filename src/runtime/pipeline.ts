/**
 * The road of a query: the stages in the order in which every call meets them, composed once at start. This array is the
 * only place where the order is written.
 *
 * Seats kept for the gate, between `trace` and `lend`:
 * `retry` around everything below it; then a peek at the circuit breaker, the rate limiter and the connection limiter,
 * and last the breaker's permit, taken in the tick of the dispatch. The deadline needs no stage: it is a moment fixed
 * when the call is made, and everything below only asks how much of it is left.
 */
import type { Connection } from '../connection/connection.js';
import type { Clock } from '../kernel/clock.js';
import type { PoolSettings } from '../pool/pool-settings.js';
import type { Pool } from '../pool/pool.js';
import type { Hub } from '../telemetry/hub.js';
import type { Lifecycle } from './lifecycle.js';
import type { Handler, Stage } from './stages.js';
import { admitWhileOpen, lend, perform, trace } from './stages.js';

export interface RoadParts {
  readonly lifecycle: Lifecycle;
  readonly start: () => void;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly pool: Pool<Connection>;
  readonly settings: PoolSettings;
}

/** From the application to a connection and back. A transaction or session passes once, as one unit. */
export function buildRoad(parts: RoadParts): Handler {
  return compose(
    [
      admitWhileOpen(parts.lifecycle, parts.start),
      trace(parts.hub, parts.clock),
      // retry · breaker (peek) · rate limit · connection limit · breaker (permit): the gate's seats
      lend(parts.pool, parts.settings, parts.clock),
    ],
    perform,
  );
}

/** For statements inside a session or transaction, which has its connection already. */
export function buildInnerRoad(parts: Pick<RoadParts, 'hub' | 'clock'>): Handler {
  return compose([trace(parts.hub, parts.clock)], perform);
}

function compose(stages: readonly Stage[], end: Handler): Handler {
  return stages.reduceRight((next, stage) => stage(next), end);
}
