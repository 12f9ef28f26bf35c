/**
 * Ours: the whole road of `query()`, as an application has it, with metrics listening. The only file of this bench that
 * knows the runtime.
 */
import type { RuntimeOptions } from '../../../src/config/runtime-options.js';
import { createRuntime } from '../../../src/runtime/create-runtime.js';
import type { DBRuntime } from '../../../src/runtime/runtime.js';
import { ownVersion } from '../../harness/peer.js';
import type { FakeServer } from './fake-server.js';
import { FakeDriver } from './fake-server.js';
import type { GuardedCall, GuardPeer, Settings } from './guarded.js';
import { CONNECTIONS, FAILURES, MEASURED, QUEUE, RESET_MS, RETRIES, SQL } from './guarded.js';

/** The defaults: the connection limit is the pool's size, and then the pool's own line is the one that calls wait in. */
export const peer: GuardPeer = fluxor('fluxor', CONNECTIONS);

/** Ours over a pool of `poolSize` connections; where that is more than the limit, calls wait in the limiter's line. */
export function fluxor(name: string, poolSize: number): GuardPeer {
  return {
    name,
    version: ownVersion(),
    settings:
      `the defaults, with a pool of ${poolSize}, a connection limit of ${CONNECTIONS} and ` +
      `${MEASURED.perSecond} calls per second; a counter and a histogram listen`,
    lacks: '',
    guards: ['deadline', 'retry', 'breaker', 'rate', 'limit', 'metrics'],
    limit: CONNECTIONS,
    open: (server, settings) => open(guardedOptions(server, settings, poolSize)),
  };
}

async function open(options: RuntimeOptions): Promise<GuardedCall> {
  const db = createRuntime(options);
  const metrics = keepMetrics(db);
  await db.connect();
  return {
    run: (id) => db.query(SQL, [id]),
    rowsOf: (answer) => answer as readonly unknown[],
    counted: () => metrics.completed,
    close: () => db.disconnect({ timeout: 1_000 }),
  };
}

/** Every guard on. */
export function guardedOptions(
  server: FakeServer,
  { timeoutMs, perSecond }: Settings,
  poolSize: number,
): RuntimeOptions {
  return {
    driver: new FakeDriver(server),
    pool: {
      maxSize: poolSize,
      maxIdle: poolSize,
      maxWaiting: QUEUE,
      warmUp: { connections: poolSize, failFast: true },
    },
    gate: {
      circuitBreaker: { failures: FAILURES, resetTimeout: RESET_MS },
      rateLimit: { perSecond },
      connectionLimit: { max: CONNECTIONS, queue: QUEUE },
    },
    query: { timeout: timeoutMs, retry: { maxRetries: RETRIES } },
  };
}

/** What a collector of metrics would do with each fact: count it, and put its time into a bucket of a histogram. */
class Metrics {
  completed = 0;
  failed = 0;
  /** Bucket n holds what took less than 2^(n+1) µs. */
  readonly #buckets = new Uint32Array(32);

  observe(durationMs: number): void {
    const bucket = 31 - Math.clz32((durationMs * 1_000) | 1);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }
}

function keepMetrics(db: DBRuntime): Metrics {
  const metrics = new Metrics();
  db.on('query:completed', ({ durationMs }) => {
    metrics.completed += 1;
    metrics.observe(durationMs);
  });
  db.on('query:failed', ({ durationMs }) => {
    metrics.failed += 1;
    metrics.observe(durationMs);
  });
  return metrics;
}
