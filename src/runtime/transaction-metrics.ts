/**
 * The transactions of one runtime in numbers. Fed by begin, end and repetition of every transaction; asked by
 * `db.metrics()`.
 * Invariants: begun = committed + rolledBack + lost + unknown + active; what is fed allocates nothing but one small record
 * for each transaction.
 *
 * A handle can be left behind: its connection was given back, or lost, and nobody asked it for anything again. Its record
 * must not count as active for ever, and must not keep the handle alive either; so it knows the connection, not the handle,
 * and is found out when the numbers are asked for.
 */
import type { Connection } from '../connection/connection.js';
import type { Clock } from '../kernel/clock.js';
import { Histogram } from '../kernel/histogram.js';
import { RateWindow } from '../kernel/rate-window.js';

/** Durations in milliseconds. The quantiles are up to a sixteenth above the true ones. */
export interface DurationMetrics {
  readonly count: number;
  readonly totalMs: number;
  readonly maxMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** Since the runtime was made. Always: begun = committed + rolledBack + lost + unknown + active. */
export interface TransactionMetrics {
  /** BEGIN was answered; each run of a transaction function counts. */
  readonly begun: number;
  readonly committed: number;
  readonly rolledBack: number;
  /** The connection was lost, or given back with the transaction open: the server rolled back. */
  readonly lost: number;
  /** Nobody knows whether they were committed. */
  readonly unknown: number;
  /** Open now. */
  readonly active: number;
  /** Runs of transaction functions after the first. */
  readonly retried: number;
  /** Statements in the transactions of `durations`; BEGIN, COMMIT, ROLLBACK and savepoints are not counted. */
  readonly statements: number;
  /** The mean; 0 when none has ended. */
  readonly statementsPerTransaction: number;
  /** From the call, waiting for a connection included, to the end, whatever it was. */
  readonly durations: DurationMetrics;
  /** Over the last 60 s. */
  readonly commitsPerSecond: number;
  /** Over the last 60 s; lost transactions are not counted. */
  readonly rollbacksPerSecond: number;
}

export type TransactionEnd = 'committed' | 'rolled-back' | 'lost' | 'unknown';

/** One transaction, as long as its end was not counted. */
export interface OpenTransaction {
  readonly connection: Connection;
  readonly tenure: number;
  /** COMMIT or ROLLBACK is under way: its end will be told, whatever becomes of the connection. */
  isEnding: boolean;
}

/** Below this many, nobody looks for those left behind before the numbers are asked for. */
const MIN_SWEEP = 256;

export class TransactionCounters {
  readonly #clock: Clock;
  readonly #open = new Set<OpenTransaction>();
  readonly #durations = new Histogram();
  readonly #commits: RateWindow;
  readonly #rollbacks: RateWindow;
  #begun = 0;
  #committed = 0;
  #rolledBack = 0;
  #lost = 0;
  #unknown = 0;
  #retried = 0;
  #statements = 0;
  #sweepAt = MIN_SWEEP;

  constructor(clock: Clock) {
    const now = clock.now();
    this.#clock = clock;
    this.#commits = new RateWindow(now);
    this.#rollbacks = new RateWindow(now);
  }

  begun(connection: Connection): OpenTransaction {
    if (this.#open.size >= this.#sweepAt) this.#sweep();
    const open: OpenTransaction = { connection, tenure: connection.tenure, isEnding: false };
    this.#open.add(open);
    this.#begun += 1;
    return open;
  }

  /** Does nothing when its end was counted already. */
  ended(open: OpenTransaction, end: TransactionEnd, statements: number, durationMs: number, now: number): void {
    if (!this.#open.delete(open)) return;
    this.#durations.add(durationMs);
    this.#statements += statements;
    switch (end) {
      case 'committed':
        this.#committed += 1;
        return this.#commits.add(now);
      case 'rolled-back':
        this.#rolledBack += 1;
        return this.#rollbacks.add(now);
      case 'lost':
        this.#lost += 1;
        return;
      case 'unknown':
        this.#unknown += 1;
        return;
    }
  }

  retried(): void {
    this.#retried += 1;
  }

  snapshot(): TransactionMetrics {
    this.#sweep();
    const now = this.#clock.now();
    const durations = this.#durations;
    return Object.freeze({
      begun: this.#begun,
      committed: this.#committed,
      rolledBack: this.#rolledBack,
      lost: this.#lost,
      unknown: this.#unknown,
      active: this.#open.size,
      retried: this.#retried,
      statements: this.#statements,
      statementsPerTransaction: durations.count === 0 ? 0 : this.#statements / durations.count,
      durations: Object.freeze({
        count: durations.count,
        totalMs: durations.total,
        maxMs: durations.max,
        p50Ms: durations.quantile(0.5),
        p95Ms: durations.quantile(0.95),
        p99Ms: durations.quantile(0.99),
      }),
      commitsPerSecond: this.#commits.perSecond(now),
      rollbacksPerSecond: this.#rollbacks.perSecond(now),
    });
  }

  /** Counts those that were left behind. Looked for again when there are twice as many, so that it costs nothing much. */
  #sweep(): void {
    for (const open of this.#open) {
      const { connection, tenure, isEnding } = open;
      if (isEnding || (connection.tenure === tenure && connection.condition() !== 'broken')) continue;
      this.#open.delete(open);
      this.#lost += 1;
    }
    this.#sweepAt = Math.max(MIN_SWEEP, 2 * this.#open.size);
  }
}
