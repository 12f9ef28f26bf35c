/**
 * One random life of a whole runtime, from a seed: statements, alone and together on a connection, transactions and sessions that time out, abort, nest, fail,
 * hang and are tried again, behind random limits, while the server goes and comes back and an operator turns every knob.
 *
 * After every step: the server never works at more than the connection limit allows (callers who hold a connection already
 * pass by it, and are counted); no more calls are admitted than the rate allows. At the end: every caller has been
 * answered, every transaction is counted by its end, and every permit, slot, token, timer and listener is back where it was.
 */
import { getEventListeners } from 'node:events';
import type { RuntimeOptions } from '../../src/config/runtime-options.js';
import { isFluxorError } from '../../src/errors/fluxor-error.js';
import { createRuntime } from '../../src/runtime/create-runtime.js';
// Loaded by a runtime with the first call that needs it, which takes no time of the fake clock but some of the machine's.
import type { DBRuntime } from '../../src/runtime/runtime.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { Dice } from './dice.js';
import { checkLimiterSums, checkMetricsAtRest, checkMetricSums } from './metric-sums.js';
import { RoadServer, SHORT } from './road-server.js';

export class RoadSimulation {
  readonly history: string[] = [];
  readonly outcomes = new Map<string, number>();
  /** Statements that joined others on their connection. */
  joined = 0;
  readonly #dice: Dice;
  readonly #clock = new FakeClock();
  readonly #server: RoadServer;
  readonly #db: DBRuntime;
  readonly #aborts: AbortController[] = [];
  /** `undefined` where the limit is not fixed. */
  readonly #limit: number | undefined;
  #open = 0;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    this.#server = new RoadServer(this.#clock, this.#dice);
    const options = this.#randomOptions();
    const limit = options.gate?.connectionLimit;
    this.#limit = typeof limit === 'number' ? limit : undefined;
    this.history.push(JSON.stringify(options));
    this.#db = createRuntime({
      ...options,
      driver: this.#server.driver,
      clock: this.#clock,
      random: this.#dice.random,
    });
  }

  async run(steps: number): Promise<void> {
    for (let step = 1; step <= steps; step += 1) {
      this.#step();
      await this.#clock.advance(this.#dice.upTo(25));
      this.#check(step);
    }
    await this.#finish();
  }

  #step(): void {
    const acts = [
      ...Array.from({ length: 6 }, () => () => this.#statement()),
      ...Array.from({ length: 6 }, () => () => this.#shortOnes()),
      ...Array.from({ length: 3 }, () => () => this.#transaction()),
      () => this.#session(),
      () => this.#dice.oneOf([...this.#aborts, new AbortController()]).abort(),
      () => void (this.#server.isDown = this.#dice.chance(0.3)),
      () => this.#operate(),
      () => void this.#clock.leapWall(this.#dice.oneOf([-3_600_000, 3_600_000])),
    ];
    for (let count = this.#dice.upTo(4); count > 0; count -= 1) this.#dice.oneOf(acts)();
  }

  #statement(): void {
    const { signal } = this.#abortable();
    const options = {
      timeout: this.#dice.upTo(200),
      signal,
      idempotent: this.#dice.chance(0.3),
      priority: this.#dice.oneOf(['high', 'normal', 'low'] as const),
    };
    this.#track('statement', this.#db.exec('update', [], options));
  }

  /** Many at once, as an application under load sends them. */
  #shortOnes(): void {
    for (let count = this.#dice.upTo(6); count > 0; count -= 1) {
      const { signal } = this.#abortable();
      this.#track('short', this.#db.query(SHORT, [], { timeout: this.#dice.oneOf([5, 50, 200]), signal }));
    }
  }

  #transaction(): void {
    const { signal } = this.#abortable();
    const work = this.#db.transaction(
      async (tx) => {
        await tx.exec('update');
        if (this.#dice.chance(0.2)) await this.#nest();
        if (this.#dice.chance(0.1)) throw new Error('changed my mind');
        if (this.#dice.chance(0.05)) void tx.exec('update').catch(() => undefined);
        await tx.exec('update');
      },
      { timeout: 50 + this.#dice.upTo(400), signal, retry: this.#dice.chance(0.7) },
    );
    this.#track('transaction', work);
  }

  /** A call from inside a transaction: it holds a connection already, and passes by the limit. */
  async #nest(): Promise<void> {
    await this.#db.exec('nested', [], { timeout: 100 });
  }

  #session(): void {
    const hold = async (): Promise<void> => {
      await using session = await this.#db.acquire({ timeout: 100 });
      await session.exec('update', [], { timeout: 80 });
      if (this.#dice.chance(0.3)) session.discard();
    };
    this.#track('session', hold());
  }

  #operate(): void {
    const { circuit, rateLimit } = this.#db.gate;
    const acts = [
      () => circuit.reset(),
      () => circuit.forceOpen(),
      () => circuit.disable(),
      () => circuit.metricsOnly(),
      () => circuit.restore(circuit.snapshot()),
      () => rateLimit.set(this.#dice.oneOf([50, 500, { perSecond: 20, maxWait: 100 }])),
      () => this.#db.pool.evict(),
    ];
    this.#dice.oneOf(acts)();
  }

  #check(step: number): void {
    checkMetricSums(this.#db.metrics(), `step ${step}`);
    const { connectionLimit } = this.#db.gate.stats();
    if (connectionLimit !== undefined) checkLimiterSums(connectionLimit, `step ${step}`);
    if (this.#limit === undefined) return;
    // Nested calls pass by the limit, and proofs of life are the pool's own. Neither travels with others.
    const working = this.#server.atWork - this.#server.working('nested') - this.#server.working('ping');
    if (working > this.#limit) {
      throw new Error(`step ${step}: the server works at ${working} statements, and ${this.#limit} are allowed`);
    }
    // A pool that is no larger than the limit is the limit itself: nobody waits for a slot.
    if (this.#db.stats().maxSize <= this.#limit) return;
    if ((connectionLimit?.inUse ?? 0) > this.#limit)
      throw new Error(`step ${step}: ${connectionLimit?.inUse} slots in use`);
  }

  async #finish(): Promise<void> {
    this.#server.isDown = false;
    this.#db.gate.circuit.reset();
    await this.#clock.advance(60_000);
    const { circuit, connectionLimit, rateLimit } = this.#db.gate.stats();
    const left = {
      calls: this.#open,
      working: this.#server.working(),
      permits: circuit.inFlight,
      slots: connectionLimit?.inUse ?? 0,
      inLine: (connectionLimit?.waiting ?? 0) + (rateLimit?.waiting ?? 0) + this.#db.stats().waiting,
      lent: this.#db.stats().inUse,
      transactions: this.#db.metrics().transactions.active,
    };
    this.joined = this.#db.stats().totals.joined;
    checkMetricsAtRest(this.#db.metrics());
    const ended = this.#db.disconnect({ timeout: 1 });
    await this.#clock.advance(20_000);
    await ended;
    checkMetricsAtRest(this.#db.metrics(), 'after the end');
    const timers = this.#clock.pendingTimers.length;
    const listeners = this.#aborts.reduce((sum, { signal }) => sum + getEventListeners(signal, 'abort').length, 0);
    const all = { ...left, timers, listeners };
    if (Object.values(all).some((count) => count !== 0)) throw new Error(`left at the end: ${JSON.stringify(all)}`);
  }

  #track(kind: string, work: Promise<unknown>): void {
    this.#open += 1;
    const note = (how: string): void => {
      this.#open -= 1;
      this.history.push(`${this.#clock.now()} ${kind}: ${how}`);
      this.outcomes.set(how, (this.outcomes.get(how) ?? 0) + 1);
    };
    work.then(
      () => note('ok'),
      (error: unknown) => note(isFluxorError(error) ? error.code : (error as Error).message),
    );
  }

  #abortable(): AbortController {
    const abort = new AbortController();
    this.#aborts.push(abort);
    return abort;
  }

  #randomOptions(): Omit<RuntimeOptions, 'driver'> {
    const dice = this.#dice;
    return {
      pool: {
        maxSize: dice.oneOf([1, 2, 6]),
        warmUp: false,
        keepalive: false,
        acquireTimeout: 300,
        connectTimeout: 200,
        maxWaiting: 8,
      },
      gate: {
        circuitBreaker: dice.oneOf([
          false,
          { failures: 3, resetTimeout: 100, halfOpenPeriod: 60 },
          {
            rate: { minCalls: 5, window: 1_000, slowCall: 35, slowRate: 0.9 },
            resetTimeout: 80,
            earlyProbe: { interval: 30 },
          },
        ]),
        rateLimit: dice.oneOf([false, 200, { perSecond: 60, burst: 5, maxWait: 150, maxQueue: 5 }]),
        connectionLimit: dice.oneOf([2, 3, 4, 'adaptive', false] as const),
      },
      query: {
        pipelining: dice.oneOf([false, true, { depth: 3 }, { maxStatementTime: '50ms' }]),
        retry: dice.oneOf([false, { initialBackoff: 10 }, { maxRetries: 1, jitter: 'none', initialBackoff: 5 }]),
      },
    };
  }
}
