/**
 * Tells a new failure from the echo of one that has counted. One dead socket rejects every statement queued on it, each
 * with the same native error: that is one failure, and five such statements must not open a circuit of five.
 * Asked by the circuit breaker for every failure; knows nothing of states.
 * Bounded: native errors are held weakly, and of connections and statements only the last thousand are known.
 */
import { isFluxorError } from '../errors/fluxor-error.js';
import type { IgnoredBecause } from './circuit-events.js';
import type { StatementTimeoutPolicy } from './circuit-options.js';
import type { CallFacts } from './circuit-permit.js';

const MAX_KNOWN = 1_000;

export interface LedgerConfig {
  readonly countStatementTimeouts: StatementTimeoutPolicy;
  readonly failureWindowMs: number;
}

export class FailureLedger {
  readonly #config: LedgerConfig;
  /** Which errors have counted, and how many calls had begun by then. */
  #counted = new WeakMap<object, number>();
  /** Declared dead, the oldest first. */
  readonly #dead = new Set<number>();
  /** When a statement's timeout counted, the oldest first. */
  readonly #timeouts = new Map<string, number>();

  constructor(config: LedgerConfig) {
    this.#config = config;
  }

  /**
   * Whether a failure counts: `undefined` when it does, else why not. It is written down, so ask once.
   *
   * @param begun How many calls have begun so far; see `renew`.
   */
  judge(facts: CallFacts | undefined, now: number, begun: number): Exclude<IgnoredBecause, 'verdict'> | undefined {
    const wasDead = this.#isDead(facts);
    this.noteDead(facts);
    const identity = identityOf(facts?.error);
    if (identity !== undefined) {
      if (this.#counted.has(identity)) return 'same-error';
      this.#counted.set(identity, begun);
    }
    if (wasDead) return 'dead-connection';
    return this.#leavesOut(facts, now) ? 'statement-timeout' : undefined;
  }

  /** A connection that reported its own end adds nothing more, also when that report itself did not count. */
  noteDead(facts: CallFacts | undefined): void {
    if (!isFluxorError(facts?.error) || !facts.error.isConnectionFatal) return;
    const id = connectionOf(facts);
    if (id === undefined) return;
    this.#dead.add(id);
    if (this.#dead.size > MAX_KNOWN) forgetOldest(this.#dead);
  }

  /**
   * A call of somebody's own that began after this error had counted met it anew, however often the same object is
   * thrown. (Statements of a pool are not told apart so: it hands the error of one attempt to connect to all who ask.)
   */
  renew(error: unknown, serial: number): void {
    const identity = identityOf(error);
    if (identity === undefined) return;
    if (serial > (this.#counted.get(identity) ?? Infinity)) this.#counted.delete(identity);
  }

  clear(): void {
    this.#counted = new WeakMap();
    this.#dead.clear();
    this.#timeouts.clear();
  }

  #isDead(facts: CallFacts | undefined): boolean {
    const id = connectionOf(facts);
    return id !== undefined && this.#dead.has(id);
  }

  #leavesOut(facts: CallFacts | undefined, now: number): boolean {
    const policy = this.#config.countStatementTimeouts;
    if (policy === 'always' || !isStatementTimeout(facts?.error)) return false;
    if (policy === 'never') return true;
    const { fingerprint } = facts ?? {};
    const statement = typeof fingerprint === 'function' ? fingerprint() : fingerprint;
    // Nothing to tell it by: it counts.
    if (statement === undefined) return false;
    const countedAt = this.#timeouts.get(statement);
    if (countedAt !== undefined && now - countedAt <= this.#config.failureWindowMs) return true;
    // Out and in again, so that the map stays sorted by age.
    this.#timeouts.delete(statement);
    this.#timeouts.set(statement, now);
    if (this.#timeouts.size > MAX_KNOWN) forgetOldest(this.#timeouts);
    return false;
  }
}

/** What makes two failures the same: the driver's own error. A text or a number is nobody's in particular. */
function identityOf(error: unknown): object | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { cause } = error as { readonly cause?: unknown };
  return typeof cause === 'object' && cause !== null ? cause : error;
}

function connectionOf(facts: CallFacts | undefined): number | undefined {
  if (facts?.connectionId !== undefined) return facts.connectionId;
  return isFluxorError(facts?.error) ? facts.error.context.connectionId : undefined;
}

function isStatementTimeout(error: unknown): boolean {
  return isFluxorError(error, 'TIMEOUT') && error.reason === 'statement';
}

function forgetOldest(known: Set<unknown> | Map<unknown, unknown>): void {
  for (const key of known.keys()) {
    known.delete(key);
    return;
  }
}
