/** The figures of one run, counted from the runtime's own events and statistics as any user could. */
import type { DBRuntime } from 'fluxor-db';
import type { Ledger } from './ledger.js';
import type { Outage, Storm } from './storm.js';

export interface BankFigures {
  readonly transfers: number;
  readonly acknowledged: number;
  readonly failed: number;
  readonly unknown: number;
  /** Of the unknown ones, how many the database holds. */
  readonly unknownButKept: number;
  /**
   * Of the unknown ones, those that no kill fell into. Before version 17 "committed" can't be proved after a crash of the
   * server (decision 0017), so there these are what must not be with `resolveOutcome`.
   */
  readonly unknownWithoutCrash: number;
  readonly resolved: { readonly committed: number; readonly 'rolled-back': number; readonly unknown: number };
  readonly resolvedLongestMs: number;
  readonly transactionRetries: number;
  readonly statementRetries: number;
  readonly freeRetries: number;
  readonly circuitOpenings: number;
  readonly connectionsMade: number;
  readonly longestMs: number;
  readonly leftInUse: number;
  readonly leftInFlight: number;
  /** For each kill: from when the server took connections again to the first success. */
  readonly backAfterMs: readonly (number | undefined)[];
  readonly faults: Readonly<Record<string, number>>;
  /** The errors that transfers ended with: code, reason, outcome. */
  readonly endings: Readonly<Record<string, number>>;
}

export class Tally {
  readonly #db: DBRuntime;
  readonly #resolved = { committed: 0, 'rolled-back': 0, unknown: 0 };
  #resolvedLongestMs = 0;
  #transactionRetries = 0;
  #statementRetries = 0;
  #connectionsMade = 0;

  constructor(db: DBRuntime) {
    this.#db = db;
    db.on('transaction:resolved', ({ fate, durationMs }) => {
      this.#resolved[fate] += 1;
      this.#resolvedLongestMs = Math.max(this.#resolvedLongestMs, durationMs);
    });
    db.on('transaction:retried', () => (this.#transactionRetries += 1));
    db.on('query:retried', () => (this.#statementRetries += 1));
    db.on('connection:created', () => (this.#connectionsMade += 1));
  }

  /** Whether there was anything of what a storm is for: without it a run proves nothing. */
  hasMet(ledger: Ledger, resolveOutcome: boolean): boolean {
    const hasLost = resolveOutcome ? this.#resolved.committed > 0 : ledger.count('unknown') > 0;
    return hasLost && this.#transactionRetries > 0;
  }

  /** When every clerk has gone home. */
  figures(ledger: Ledger, storm: Storm): BankFigures {
    const { circuit, retry } = this.#db.gate.stats();
    return {
      transfers: ledger.entries.size,
      acknowledged: ledger.count('kept'),
      failed: ledger.count('absent'),
      unknown: ledger.count('unknown'),
      unknownButKept: 0,
      unknownWithoutCrash: withoutCrash(ledger, storm.outages),
      resolved: this.#resolved,
      resolvedLongestMs: Math.round(this.#resolvedLongestMs),
      transactionRetries: this.#transactionRetries,
      statementRetries: this.#statementRetries,
      freeRetries: retry?.freeRetries ?? 0,
      circuitOpenings: circuit.opened,
      connectionsMade: this.#connectionsMade,
      longestMs: ledger.longestMs,
      leftInUse: this.#db.stats().inUse,
      leftInFlight: circuit.inFlight,
      backAfterMs: storm.outages.map(({ upAt }) => ledger.firstSuccessAfter(upAt)),
      faults: storm.counts,
      endings: ledger.endings,
    };
  }
}

function withoutCrash({ entries }: Ledger, outages: readonly Outage[]): number {
  const unknown = [...entries.values()].filter(({ claim }) => claim === 'unknown');
  const isCaught = ({ startedAt, endedAt }: (typeof unknown)[number]): boolean =>
    outages.some(({ downAt, upAt }) => startedAt <= upAt && endedAt >= downAt);
  return unknown.filter((entry) => !isCaught(entry)).length;
}
