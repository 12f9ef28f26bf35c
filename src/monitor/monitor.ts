/**
 * One callback for everything a runtime has to say to whoever watches it: at an interval its health and its metrics, and at
 * once each move of the circuit breaker and each suspected leak. Made of what every runtime offers; knows nothing of its
 * inside.
 * Invariants: a callback that throws or rejects hurts nobody; the clock is the runtime's; `disconnect()` ends it.
 */
import { ConfigError } from '../errors/config-error.js';
import type { CircuitState } from '../gate/circuit-state.js';
import type { Duration } from '../kernel/duration.js';
import type { LeakReport } from '../telemetry/events.js';
import type { Health } from '../runtime/health.js';
import type { MetricsSnapshot } from '../runtime/metrics.js';
import type { DBRuntime } from '../runtime/runtime.js';

interface Told {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Name of the runtime. */
  readonly runtime: string;
  /** Counts up from 1 within one monitor. */
  readonly seq: number;
}

/**
 * What a monitor tells. Every event has `at` (epoch milliseconds), the name of the `runtime`, and `seq`, which counts up from 1
 * within one monitor.
 */
export type MonitorEvent =
  | (Told & { readonly type: 'HealthCheck'; readonly health: Health })
  | (Told & { readonly type: 'Metrics'; readonly metrics: MetricsSnapshot })
  | (Told & {
      readonly type: 'CircuitBreaker';
      readonly from: CircuitState;
      readonly to: CircuitState;
      /** In words. */
      readonly why: string;
    })
  | (Told & { readonly type: 'LeakDetection'; readonly leak: LeakReport });

export interface MonitorOptions {
  /**
   * How often health and metrics are told; `false` for never.
   * @limits 100 ms to 24 h
   * @default the runtime's `monitor.interval`
   */
  readonly interval?: Duration | false;
  /** Called for each event. A promise that it gives is awaited by nobody; one that rejects is a failure like a throw. */
  readonly onEvent: (event: MonitorEvent) => unknown;
}

type Untold<E> = E extends Told ? Omit<E, keyof Told> : never;

/**
 * Watches a runtime until it is disposed, or the runtime disconnected. What throws ten times in a row is not called any more,
 * for each kind of event apart.
 *
 * @throws ConfigError when an option is wrong.
 * @example
 * using monitor = new Monitor(db, { interval: '30s', onEvent: (event) => log.info(event, event.type) });
 */
export class Monitor implements Disposable {
  readonly #db: DBRuntime;
  readonly #onEvent: MonitorOptions['onEvent'];
  readonly #subscriptions: readonly Disposable[];
  #told = 0;
  #isOver = false;

  constructor(db: DBRuntime, { interval, onEvent }: MonitorOptions) {
    if (typeof onEvent !== 'function') {
      throw ConfigError.fromIssues([{ path: 'onEvent', got: typeof onEvent, expected: 'a function' }]);
    }
    this.#db = db;
    this.#onEvent = onEvent;
    this.#subscriptions = [
      db.setMetricsCallback((metrics) => this.#tell({ type: 'Metrics', metrics }), interval),
      db.setMetricsCallback(() => this.#checkHealth(), interval),
      db.setCircuitBreakerCallback((from, to, { why }) => this.#tell({ type: 'CircuitBreaker', from, to, why })),
      db.setLeakCallback((_connectionId, _ageMs, leak) => this.#tell({ type: 'LeakDetection', leak })),
    ];
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  /** A check may end after whoever wanted to hear of it has gone, or after the runtime was told to. */
  async #checkHealth(): Promise<void> {
    const health = await this.#db.healthCheck();
    const { state } = this.#db;
    if (this.#isOver || state === 'draining' || state === 'closed') return;
    await this.#tell({ type: 'HealthCheck', health });
  }

  #tell(event: Untold<MonitorEvent>): unknown {
    this.#told += 1;
    const { name, clock } = this.#db.config;
    return this.#onEvent({ ...event, at: clock.wallNow(), runtime: name, seq: this.#told });
  }
}
