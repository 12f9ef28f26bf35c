/** The gate of a runtime, put together: its parts as the options say, what they ask of the pool, and what they tell. */
import type { RuntimeConfig } from '../config/runtime-options.js';
import type { Connection } from '../connection/connection.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import { TimeoutError } from '../errors/timeout-error.js';
import { CircuitBreaker } from '../gate/circuit-breaker.js';
import { ConnectionLimiter } from '../gate/connection-limiter.js';
import { Gate } from '../gate/gate.js';
import type { GateOptions } from '../gate/gate-options.js';
import { circuitFields, connectionLimitFields } from '../gate/gate-options.js';
import type { GatePorts } from '../gate/gate-ports.js';
import { RateLimiter } from '../gate/rate-limiter.js';
import { within } from '../kernel/within.js';
import type { PoolSettings } from '../pool/pool-settings.js';
import type { Pool } from '../pool/pool.js';
import type { Hub } from '../telemetry/hub.js';
import type { AsyncLeaseScopes } from './async-lease-scopes.js';
import { ConnectFailures } from './connect-failures.js';

interface GateSurroundings {
  /** The options, resolved: nothing in them is wrong. */
  readonly config: RuntimeConfig;
  readonly ports: GatePorts;
  readonly hub: Hub;
  readonly pool: Pool<Connection>;
  readonly settings: PoolSettings;
  readonly scopes: AsyncLeaseScopes;
}

export function createGate(options: GateOptions | undefined, around: GateSurroundings): Gate {
  const { config, ports, settings, scopes } = around;
  const { circuitBreaker, rateLimit, connectionLimit } = options ?? {};
  const limit = connectionLimitFields(connectionLimit, settings.current.maxSize);
  const { rate: rateRule } = config.gate.circuitBreaker || { rate: false as const };
  return new Gate({
    circuit: createCircuit(circuitBreaker, around),
    isCircuitTimed: rateRule !== false && rateRule.slowCallMs !== Infinity,
    rate: rateLimit === false ? undefined : new RateLimiter(rateLimit, ports),
    limiter: limit === false ? undefined : new ConnectionLimiter(limit, ports),
    host: {
      now: () => ports.clock.now(),
      poolSize: () => settings.current.maxSize,
      isHolder: () => scopes.isHolding(),
    },
  });
}

/** Switched off it is there all the same: an operator may want to open it, or to arm it. */
function createCircuit(option: GateOptions['circuitBreaker'], around: GateSurroundings): CircuitBreaker {
  const { config, ports, hub, pool, settings } = around;
  const options = circuitFields(option);
  const circuit = new CircuitBreaker(options === false ? {} : options, {
    ...ports,
    name: config.name,
    probe: () => probe(pool, settings, ports),
  });
  if (options === false) circuit.disable();
  // Each attempt to connect counts once, whoever waits for it; the errors that its waiters get are echoes of it.
  const isUnreachable = () => {
    const { breaker, total, creating } = pool.stats();
    return breaker !== 'closed' && total === creating;
  };
  const failures = new ConnectFailures({ circuit, clock: ports.clock, isUnreachable });
  hub.on('connection:create-failed', ({ error, durationMs }) => failures.failed(error, durationMs));
  hub.on('connection:created', () => failures.succeeded());
  circuit.on('stateChange', ({ from, to, why, retryAfterMs, error }) => {
    hub.tell('circuit:state-changed', {
      from,
      to,
      why,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(isFluxorError(error) ? { error } : {}),
    });
  });
  return circuit;
}

/** Whether the database is back: a connection of the pool, and an answer on it. Past the gate, which is closed. */
async function probe(pool: Pool<Connection>, settings: PoolSettings, { clock, timers }: GatePorts): Promise<void> {
  const deadlineAt = clock.now() + settings.current.connectTimeoutMs;
  const lease = await pool.acquire({ deadlineAt, failFast: true, priority: 'high' });
  try {
    await within(lease.resource.validate(), { deadlineAt, signal: undefined }, timers, () => {
      throw new TimeoutError('validate', 'the database did not answer the probe in time');
    });
  } catch (error) {
    lease.discard('probe failed');
    throw error;
  } finally {
    lease.release();
  }
}
