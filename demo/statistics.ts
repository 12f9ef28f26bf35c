/**
 * Everything the demo counts. Successes, transactions and connections are heard from the runtime's own events;
 * failures are reported by the workers, who know whether a mistake was made on purpose. Read by the views and the
 * summary; it prints nothing.
 * Invariant: an error counts as one of the outage when its call was under way at some moment between the break and the
 * recovery, however long after it came.
 */
import type { DBRuntime, FluxorError, FluxorEvents, Outcome, PoolStats } from 'fluxor-db';
import type { Percentiles } from './latency-histogram.js';
import { LatencyHistogram } from './latency-histogram.js';

/** How often `tick` is called; five ticks make the "last second". */
export const TICK_MS = 200;
const TICKS_PER_SECOND = 1000 / TICK_MS;

/** Made on purpose; caused by the outage; neither, which should not happen. */
export type FailureGroup = 'expected' | 'outage' | 'unexpected';

export interface FailureCount {
  readonly group: FailureGroup;
  /** Code and reason, such as "CONSTRAINT unique". */
  readonly kind: string;
  readonly outcome: Outcome;
  readonly count: number;
}

export type TransactionEnd = FluxorEvents['transaction:ended']['end'];

export interface Figures {
  readonly elapsedMs: number;
  readonly queries: number;
  /** In the last second. */
  readonly queriesPerSecond: number;
  /** Queries per tick, oldest first. */
  readonly history: readonly number[];
  readonly lastSecond: Percentiles;
  readonly wholeRun: Percentiles;
  readonly pool: PoolStats;
  readonly transactions: Readonly<Record<TransactionEnd, number>>;
  readonly failures: readonly FailureCount[];
  readonly connections: { readonly opened: number; readonly closed: number; readonly failed: number };
}

export class Statistics {
  readonly #db: DBRuntime;
  readonly #failures = new Map<string, FailureCount>();
  readonly #transactions = { committed: 0, 'rolled-back': 0, lost: 0, unknown: 0 };
  readonly #connections = { opened: 0, closed: 0, failed: 0 };
  readonly #history: number[] = [];
  readonly #latency = new LatencyHistogram();
  /** One for each of the last five ticks, and the one being filled at the end. */
  #recent = [new LatencyHistogram()];
  #measuring: { readonly from: number; to: number } | undefined;
  #queries = 0;
  #queriesAtLastTick = 0;
  #newestConnection = 0;
  #outage: { readonly from: number; readonly newestConnection: number; to: number } | undefined;
  #tellRecovery: (at: number) => void = () => undefined;

  constructor(db: DBRuntime) {
    this.#db = db;
    db.on('connection:created', ({ connectionId }) => {
      this.#connections.opened += 1;
      this.#newestConnection = Math.max(this.#newestConnection, connectionId);
    });
    db.on('connection:closed', () => (this.#connections.closed += 1));
    db.on('connection:create-failed', () => (this.#connections.failed += 1));
    db.on('transaction:ended', ({ end }) => (this.#transactions[end] += 1));
    db.on('query:completed', (fact) => this.#countSuccess(fact));
  }

  /** Queries are counted from here on; those that load the cities are another matter. */
  startMeasuring(): void {
    this.#measuring = { from: performance.now(), to: Infinity };
  }

  stopMeasuring(): void {
    if (this.#measuring !== undefined) this.#measuring.to = performance.now();
  }

  /** Call it every TICK_MS. */
  tick(): void {
    this.#history.push(this.#queries - this.#queriesAtLastTick);
    this.#queriesAtLastTick = this.#queries;
    this.#recent = [...this.#recent.slice(-TICKS_PER_SECOND), new LatencyHistogram()];
  }

  countFailure(error: FluxorError, call: { readonly startedAt: number; readonly isMistake: boolean }): void {
    const group = this.#groupOf(error, call);
    const kind = error.reason === undefined ? error.code : `${error.code} ${error.reason}`;
    const key = `${group} ${kind} ${error.outcome}`;
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    this.#failures.set(key, { group, kind, outcome: error.outcome, count });
  }

  /**
   * From now on the server is going down. Resolves with the moment (on the clock of `performance`) of the first query
   * that succeeds on a connection made after this one, with the circuit closed: an old connection may still bring an answer
   * that was on its way, and while the circuit is half-open only a few calls are let through.
   */
  beginOutage(): Promise<number> {
    this.#outage = { from: performance.now(), newestConnection: this.#newestConnection, to: Infinity };
    return new Promise((resolve) => (this.#tellRecovery = resolve));
  }

  figures(): Figures {
    const lastSecond = new LatencyHistogram();
    for (const histogram of this.#recent) lastSecond.add(histogram);
    const ticks = this.#history.slice(-TICKS_PER_SECOND);
    return {
      elapsedMs: this.#elapsedMs,
      queries: this.#queries,
      queriesPerSecond: (sum(ticks) * TICKS_PER_SECOND) / Math.max(ticks.length, 1),
      history: this.#history,
      lastSecond: lastSecond.percentiles(),
      wholeRun: this.#latency.percentiles(),
      pool: this.#db.stats(),
      transactions: { ...this.#transactions },
      failures: [...this.#failures.values()].sort((a, b) => b.count - a.count),
      connections: { ...this.#connections },
    };
  }

  get #elapsedMs(): number {
    return this.#measuring === undefined ? 0 : Math.min(performance.now(), this.#measuring.to) - this.#measuring.from;
  }

  #countSuccess({ connectionId, durationMs }: FluxorEvents['query:completed']): void {
    if (this.#measuring?.to !== Infinity) return;
    this.#queries += 1;
    this.#latency.record(durationMs);
    this.#recent.at(-1)?.record(durationMs);
    const outage = this.#outage;
    if (outage === undefined || outage.to !== Infinity || connectionId <= outage.newestConnection) return;
    if (this.#db.gate.circuit.state !== 'closed') return;
    outage.to = performance.now();
    this.#tellRecovery(outage.to);
  }

  #groupOf(error: FluxorError, call: { readonly startedAt: number; readonly isMistake: boolean }): FailureGroup {
    // In the outage even a mistake meets the outage first; the database must have answered to call it a mistake.
    if (call.isMistake && (error.code === 'QUERY' || error.code === 'CONSTRAINT')) return 'expected';
    return this.#outage !== undefined && call.startedAt <= this.#outage.to ? 'outage' : 'unexpected';
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
