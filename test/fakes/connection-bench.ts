/** A Connection over a fake session on a fake clock, and the questions every test of it ends with. */
import { getEventListeners } from 'node:events';
import { afterEach, expect } from 'vitest';
import type { Classify } from '../../src/connection/classifier.js';
import type { ConnectionConfig } from '../../src/connection/connection-options.js';
import { StatementBook } from '../../src/connection/statement-book.js';
import type { ConnectionPorts } from '../../src/connection/connection.js';
import type { StatementCall } from '../../src/connection/statement-call.js';
import { Connection } from '../../src/connection/connection.js';
import type { DriverResult } from '../../src/driver/query.js';
import { DeadlineTimer } from '../../src/kernel/deadline.js';
import type { SiblingVerdict } from '../../src/pool/resource-factory.js';
import { Hub } from '../../src/telemetry/hub.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import type { FakeDriverOptions } from './fake-session.js';
import { FakeDriver, FakeSession } from './fake-session.js';

/** How one statement went, as it goes. */
export interface Run {
  readonly promise: Promise<DriverResult>;
  result: DriverResult | undefined;
  error: unknown;
  /** When it settled. */
  at: number | undefined;
}

export type CallOptions = Partial<StatementCall>;

export class ConnectionBench {
  readonly clock = new FakeClock();
  readonly timers = new DeadlineTimer(this.clock);
  readonly hub = new Hub(this.clock);
  readonly driver: FakeDriver;
  readonly session = new FakeSession();
  readonly ports: ConnectionPorts;
  /** Read by the connection whenever it matters: a test may reconfigure it. */
  config: ConnectionConfig;
  readonly connection: Connection;
  /** What was said about the other connections. */
  readonly verdicts: SiblingVerdict[] = [];
  readonly cancelled: unknown[] = [];
  readonly #signals: AbortSignal[] = [];

  constructor(config: Partial<ConnectionConfig> & FakeDriverOptions = {}) {
    const { clock, timers, hub } = this;
    const { validationQuery, onRelease = 'rollback' } = config;
    this.driver = new FakeDriver(config);
    this.config = { validationQuery, onRelease };
    const { driver } = this;
    const classify: Classify = (error, situation) => driver.classify(error, situation);
    const book = new StatementBook(driver.dialect, { perConnection: 200, total: 2_000 });
    this.ports = { driver, classify, clock, timers, hub, book, config: () => this.config };
    this.connection = new Connection(7, this.session, this.ports, (verdict) => this.verdicts.push(verdict));
    hub.on('query:cancelled', (fact) => this.cancelled.push(fact));
  }

  get wire(): readonly string[] {
    return this.session.wire;
  }

  call(options: CallOptions & { readonly inMs?: number } = {}): StatementCall {
    const { inMs = 1_000, ...rest } = options;
    if (rest.signal !== undefined) this.#signals.push(rest.signal);
    return {
      deadlineAt: this.clock.now() + inMs,
      timeoutMs: inMs,
      signal: undefined,
      phase: 'statement',
      isReadOnly: false,
      isSafeToRepeat: false,
      inTransaction: false,
      askedReadOnly: false,
      context: { queryId: 4, connectionId: 7 },
      ...rest,
    };
  }

  /** Begins a statement; its end is noted when it comes. */
  run(text: string, options: CallOptions & { readonly inMs?: number } = {}): Run {
    return this.watch(this.connection.execute({ text, values: [], rowMode: 'array' }, this.call(options)));
  }

  /** Begins a statement that the server leaves unanswered. */
  hang(text: string, options: CallOptions & { readonly inMs?: number } = {}): Run {
    this.session.answers.set(text, 'hang');
    return this.run(text, options);
  }

  watch(promise: Promise<DriverResult>): Run {
    const run: Run = { promise, result: undefined, error: undefined, at: undefined };
    promise.then(
      (result) => Object.assign(run, { result, at: this.clock.now() }),
      (error: unknown) => Object.assign(run, { error, at: this.clock.now() }),
    );
    return run;
  }

  async assertNothingLeft(): Promise<void> {
    this.connection.destroy();
    await this.clock.advance(5_000);
    expect(this.session.misuse).toEqual([]);
    expect(this.timers.size, 'watched deadlines').toBe(0);
    this.timers.stop();
    expect(this.clock.pendingTimers).toEqual([]);
    for (const signal of this.#signals) expect(getEventListeners(signal, 'abort')).toEqual([]);
  }
}

const benches: ConnectionBench[] = [];

/** A bench that is checked for leftovers when its test ends. */
export function connectionBench(config?: Partial<ConnectionConfig> & FakeDriverOptions): ConnectionBench {
  const bench = new ConnectionBench(config);
  benches.push(bench);
  return bench;
}

/** Call once per test file. */
export function checkLeftovers(): void {
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.assertNothingLeft();
  });
}
