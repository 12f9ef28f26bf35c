/** A whole runtime over a fake driver on a fake clock, and the questions every test of it ends with. */
import { getEventListeners } from 'node:events';
import { afterEach, expect } from 'vitest';
import type { RuntimeOptions } from '../../src/config/runtime-options.js';
import { seededRandom } from '../../src/kernel/random.js';
import { createRuntime } from '../../src/runtime/create-runtime.js';
// Loaded by a runtime with the first call that needs them, which takes no time of the fake clock but some of the machine's.
import '../../src/runtime/health.js';
import type { DBRuntime } from '../../src/runtime/runtime.js';
import type { EventName, FluxorEvents } from '../../src/telemetry/events.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { FakeDriver, FakeSession } from './fake-session.js';

/** How one call went, as it goes. */
export interface Ran<T> {
  readonly promise: Promise<T>;
  value: T | undefined;
  error: unknown;
  /** When it settled. */
  at: number | undefined;
}

export class RuntimeBench {
  readonly clock = new FakeClock();
  readonly driver = new FakeDriver();
  readonly db: DBRuntime;
  /** Every session that was opened, in order. */
  readonly sessions: FakeSession[] = [];
  readonly #signals: AbortSignal[] = [];

  constructor(options: Omit<RuntimeOptions, 'driver' | 'clock'> = {}) {
    this.driver.next = () => this.newSession();
    const pool = { warmUp: false, keepalive: false, ...options.pool } as const;
    this.db = createRuntime({
      random: seededRandom(1),
      logger: false,
      ...options,
      pool,
      driver: this.driver,
      clock: this.clock,
    });
  }

  newSession(): FakeSession {
    const session = new FakeSession();
    this.sessions.push(session);
    return session;
  }

  /** What reached all servers, in order of the sessions. */
  get wire(): readonly string[] {
    return this.sessions.flatMap(({ wire }) => wire);
  }

  /** Watches a call. */
  watch<T>(promise: Promise<T>): Ran<T> {
    const ran: Ran<T> = { promise, value: undefined, error: undefined, at: undefined };
    promise.then(
      (value) => Object.assign(ran, { value, at: this.clock.now() }),
      (error: unknown) => Object.assign(ran, { error, at: this.clock.now() }),
    );
    return ran;
  }

  /** Watches a call, and lets everything happen that needs no time. */
  async run<T>(promise: Promise<T>): Promise<Ran<T>> {
    const ran = this.watch(promise);
    await this.clock.settle();
    return ran;
  }

  /** Facts of one kind, as they are told. */
  facts<E extends EventName>(event: E): FluxorEvents[E][] {
    const facts: FluxorEvents[E][] = [];
    this.db.on(event, (fact) => facts.push(fact));
    return facts;
  }

  abortable(): AbortController {
    const controller = new AbortController();
    this.#signals.push(controller.signal);
    return controller;
  }

  async assertNothingLeft(): Promise<void> {
    const ended = this.watch(this.db.disconnect({ timeout: 1 }));
    await this.clock.advance(10_000);
    expect(ended.at, 'disconnected').toBeDefined();
    expect(this.db.stats(), 'pool').toMatchObject({ total: 0, waiting: 0, closing: 0 });
    const { circuit, connectionLimit, rateLimit } = this.db.gate.stats();
    expect(circuit.inFlight, 'permits of the circuit').toBe(0);
    expect([connectionLimit?.inUse ?? 0, connectionLimit?.waiting ?? 0], 'slots of the limiter').toEqual([0, 0]);
    expect(rateLimit?.waiting ?? 0, 'waiters for a token').toBe(0);
    expect(this.clock.pendingTimers).toEqual([]);
    for (const signal of this.#signals) expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(this.sessions.flatMap(({ misuse }) => misuse)).toEqual([]);
  }
}

const benches: RuntimeBench[] = [];

/** A bench that is checked for leftovers when its test ends. */
export function runtimeBench(options?: Omit<RuntimeOptions, 'driver' | 'clock'>): RuntimeBench {
  const bench = new RuntimeBench(options);
  benches.push(bench);
  return bench;
}

/** Call once per test file. */
export function checkRuntimeLeftovers(): void {
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.assertNothingLeft();
  });
}
