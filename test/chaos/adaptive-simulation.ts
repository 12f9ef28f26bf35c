/**
 * Clients, the connection limiter in adaptive mode, and a modelled database (adaptive-database.ts), on the fake clock.
 * Clients send point reads and reports, mixed; the limiter learns from what the gate would tell it: the latency under the
 * statement's key, or a drop. Each run is drawn from its seed, and writes one row every five seconds.
 */
import type { Random } from '../../src/kernel/random.js';
import { seededRandom } from '../../src/kernel/random.js';
import type { AdaptiveOptions } from '../../src/gate/adaptive-limit-options.js';
import type { LimitPermit } from '../../src/gate/connection-limiter-permit.js';
import { ConnectionLimiter } from '../../src/gate/connection-limiter.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { ModelDatabase } from './adaptive-database.js';
import { checkLimiterSums } from './metric-sums.js';

const ROW_MS = 5_000;
/** A statement that takes longer is stopped, and counts as a drop. */
const STATEMENT_TIMEOUT_MS = 10_000;

/** What stood in a row: the state at its end, and what happened in its five seconds. */
export interface Row {
  readonly second: number;
  readonly limit: number;
  readonly inUse: number;
  readonly waiting: number;
  /** Statements done each second. */
  readonly perSecond: number;
  readonly meanMs: number;
  readonly drops: number;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly capacity: number;
  readonly max: number;
  readonly adaptive?: AdaptiveOptions;
  /** How many of a hundred statements are reports. Default 5. */
  readonly reports?: number;
}

export class AdaptiveSimulation {
  readonly clock: FakeClock = fakeClock();
  readonly database: ModelDatabase;
  readonly limiter: ConnectionLimiter;
  readonly rows: Row[] = [];
  /** Of a hundred statements; may change during the run. */
  reports: number;
  readonly #random: Random;
  /** Arrivals a second from outside, whatever becomes of the earlier ones; 0 for none. */
  #rate = 0;
  #asked = 0;
  #done = 0;
  #doneMs = 0;
  #drops = 0;

  constructor({ seed, capacity, max, adaptive, reports }: SimulationOptions) {
    this.#random = seededRandom(seed);
    this.database = new ModelDatabase(this.clock, capacity);
    this.limiter = new ConnectionLimiter({ max, queue: 200, adaptive: adaptive ?? true }, { clock: this.clock });
    this.reports = reports ?? 5;
  }

  /** So many clients, each of whom asks again as soon as they have an answer. They never leave. */
  addClients(count: number): void {
    for (let client = 0; client < count; client += 1) this.#ask(true);
  }

  /** From now on `perSecond` statements arrive, at random moments. */
  arrive(perSecond: number): void {
    const wasIdle = this.#rate === 0;
    this.#rate = perSecond;
    if (wasIdle) this.#nextArrival();
  }

  async live(seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds; passed += ROW_MS / 1_000) {
      await this.clock.advance(ROW_MS);
      this.#writeRow();
    }
  }

  /** The mean of a column over the last `seconds`. */
  mean(column: keyof Row, seconds: number): number {
    const rows = this.rows.slice(-seconds / (ROW_MS / 1_000));
    return rows.reduce((sum, row) => sum + row[column], 0) / rows.length;
  }

  /** Runs what is expected; when it fails, the table of the run is part of the failure. */
  explain(expectations: () => void): void {
    try {
      expectations();
    } catch (error) {
      if (error instanceof Error) error.message += `\n${this.table()}`;
      throw error;
    }
  }

  table(): string {
    const columns = ['second', 'limit', 'inUse', 'waiting', 'perSecond', 'meanMs', 'drops'] as const;
    const line = (cells: readonly string[]) => cells.map((cell) => cell.padStart(10)).join('');
    return [line(columns), ...this.rows.map((row) => line(columns.map((name) => String(Math.round(row[name])))))].join(
      '\n',
    );
  }

  #ask(isClient: boolean): void {
    this.#asked += 1;
    const got = this.limiter.acquire({ deadlineAt: Infinity });
    if (!(got instanceof Promise)) return this.#run(got, isClient);
    // A full queue refuses what arrives from outside: that is what it is for.
    got.then(
      (permit) => this.#run(permit, isClient),
      () => undefined,
    );
  }

  #run(permit: LimitPermit, isClient: boolean): void {
    const isReport = this.#random() * 100 < this.reports;
    const kind = Math.floor(this.#random() * (isReport ? 2 : 6));
    // Reports take 600 ms on average, reads 40 ms and more by kind; each scatters from a half to one and a half of it.
    const workMs = (isReport ? 500 + 200 * kind : 30 + 4 * kind) * (0.5 + this.#random());
    const key = `${isReport ? 'report' : 'read'} ${kind}`;
    const startedAt = this.clock.now();
    const end = () => {
      const latencyMs = this.clock.now() - startedAt;
      const isDrop = latencyMs > STATEMENT_TIMEOUT_MS;
      this.#done += 1;
      this.#doneMs += latencyMs;
      this.#end(permit, isDrop ? { outcome: 'drop' } : { outcome: 'sample', latencyMs, key }, isClient);
    };
    if (this.database.run(workMs, end)) return;
    // The answer "too many" takes a moment; without it a refused client would ask for ever in the same one.
    this.clock.setTimer(20, () => this.#end(permit, { outcome: 'drop' }, isClient));
  }

  #end(permit: LimitPermit, sample: Parameters<LimitPermit['release']>[0], isClient: boolean): void {
    if (sample?.outcome === 'drop') this.#drops += 1;
    permit.release(sample);
    if (isClient) this.#ask(true);
  }

  #nextArrival(): void {
    const pauseMs = (-Math.log(1 - this.#random()) * 1_000) / this.#rate;
    this.clock.setTimer(pauseMs, () => {
      this.#ask(false);
      this.#nextArrival();
    });
  }

  #writeRow(): void {
    const stats = this.limiter.stats();
    const { limit, inUse, waiting } = stats;
    checkLimiterSums(stats, `${this.clock.now()} ms`);
    if (this.#asked !== stats.acquired + stats.rejected + stats.timedOut + stats.cancelled + waiting)
      throw new Error(`${this.#asked} have asked: ${JSON.stringify(stats)}`);
    this.rows.push({
      second: this.clock.now() / 1_000,
      limit,
      inUse,
      waiting,
      perSecond: this.#done / (ROW_MS / 1_000),
      meanMs: this.#done === 0 ? 0 : this.#doneMs / this.#done,
      drops: this.#drops,
    });
    this.#done = this.#doneMs = this.#drops = 0;
  }
}
