/**
 * What the results of calls make of the circuit: which of them count (failure-ledger.ts), what they add up to
 * (trip-rule*.ts), and the move that follows (circuit-machine.ts). The breaker hands them in.
 * Invariants: every result adds to the totals, except in `disabled`; it changes the state only when it carries the
 * generation of now. Facts are told before their consequences, so the generation is asked again after each event.
 */
import type { BreakerVerdict } from '../errors/fluxor-error.js';
import type { Emitter } from '../kernel/emitter.js';
import type { CircuitEvents, IgnoredBecause } from './circuit-events.js';
import type { CircuitMachine } from './circuit-machine.js';
import type { CircuitBreakerConfig } from './circuit-options.js';
import type { CallFacts } from './circuit-permit.js';
import { lastFailureOf } from './circuit-refusal.js';
import type { CircuitTally } from './circuit-tally.js';
import { FailureLedger } from './failure-ledger.js';
import type { TripRule, TripRuleMemory } from './trip-rule.js';
import { InARowRule } from './trip-rule-in-a-row.js';
import { RateRule } from './trip-rule-rate.js';

export interface ResultsPorts {
  readonly machine: CircuitMachine;
  readonly emitter: Emitter<CircuitEvents>;
  readonly tally: CircuitTally;
}

export class CircuitResults {
  readonly #machine: CircuitMachine;
  readonly #emitter: Emitter<CircuitEvents>;
  readonly #tally: CircuitTally;
  readonly #rule: TripRule;
  readonly #ledger: FailureLedger;
  readonly #slowCallMs: number;
  #begun = 0;

  constructor(config: CircuitBreakerConfig, { machine, emitter, tally }: ResultsPorts) {
    this.#machine = machine;
    this.#emitter = emitter;
    this.#tally = tally;
    this.#rule = config.rate === false ? new InARowRule(config) : new RateRule(config.rate);
    this.#ledger = new FailureLedger(config);
    this.#slowCallMs = config.rate === false ? Infinity : config.rate.slowCallMs;
  }

  /** Whether it matters how long a call took. */
  get areTimed(): boolean {
    return this.#slowCallMs !== Infinity;
  }

  /** Calls that have begun: the number of the latest. */
  get begun(): number {
    return this.#begun;
  }

  begin(): void {
    this.#begun += 1;
  }

  /** For a call made by `execute`; see FailureLedger. */
  renew(error: unknown, serial: number): void {
    this.#ledger.renew(error, serial);
  }

  take(generation: number, verdict: BreakerVerdict, facts: CallFacts | undefined, at: number): void {
    if (verdict === 'success') return this.#succeeded(generation, facts?.durationMs, at);
    if (verdict === 'failure') return this.#failed(generation, facts, at);
    this.#ledger.noteDead(facts);
    this.#ignored('verdict', facts?.error, at);
  }

  /**
   * The common case, without a look at the clock: a success of a closed circuit, where nobody asks when it was or how long
   * it took. False when it is not that case, and nothing was counted.
   */
  tryPlainSuccess(generation: number): boolean {
    const isPlain =
      this.#machine.situation.name === 'closed' &&
      generation === this.#machine.generation &&
      this.#rule.isTimeless &&
      !this.#emitter.hasListeners('success');
    if (!isPlain) return false;
    this.#tally.successes += 1;
    this.#rule.succeeded(0, false);
    return true;
  }

  /** Nothing that was counted counts any more. */
  clear(): void {
    this.#rule.clear();
    this.#ledger.clear();
  }

  save(now: number): TripRuleMemory {
    return this.#rule.save(now);
  }

  load(memory: TripRuleMemory, now: number): void {
    this.#rule.load(memory, now);
  }

  #succeeded(generation: number, durationMs: number | undefined, at: number): void {
    this.#tally.successes += 1;
    const isSlow = this.#isSlow(durationMs, at);
    if (this.#emitter.hasListeners('success')) {
      this.#emitter.emit('success', { at, isStale: generation !== this.#machine.generation });
    }
    if (generation !== this.#machine.generation) return;
    const { situation } = this.#machine;
    if (situation.name !== 'half-open') {
      if (this.#isCounting) this.#heed(this.#rule.succeeded(at, isSlow), undefined, at);
      return;
    }
    // Slow may be what it opened for; a slow answer does not prove that this is over.
    if (isSlow) this.#machine.open(at, 'a probe was slow', situation.opening.last);
    else if (situation.trial.succeeded()) this.#machine.close(at, 'enough calls of the trial succeeded');
  }

  #failed(generation: number, facts: CallFacts | undefined, at: number): void {
    const error = facts?.error;
    const echo = this.#ledger.judge(facts, at, this.#begun);
    if (echo !== undefined) return this.#ignored(echo, error, at);
    this.#tally.failures += 1;
    const isSlow = this.#isSlow(facts?.durationMs, at);
    this.#emitter.emit('failure', { at, isStale: generation !== this.#machine.generation, error });
    if (generation !== this.#machine.generation) return;
    if (this.#machine.situation.name === 'half-open') {
      this.#machine.open(at, 'a probe failed', lastFailureOf(error));
      return;
    }
    if (this.#isCounting) this.#heed(this.#rule.failed(at, isSlow), error, at);
  }

  /** The statements of a lease that was let in before may still report to a circuit that is open. */
  get #isCounting(): boolean {
    const { name } = this.#machine.situation;
    return name === 'closed' || name === 'metrics-only';
  }

  #heed(why: string | undefined, error: unknown, at: number): void {
    if (why === undefined) return;
    this.#rule.clear();
    if (this.#machine.situation.name === 'metrics-only') return this.#emitter.emit('wouldOpen', { at, why, error });
    this.#machine.open(at, why, error === undefined ? undefined : lastFailureOf(error));
  }

  #ignored(why: IgnoredBecause, error: unknown, at: number): void {
    this.#tally.ignored += 1;
    if (this.#emitter.hasListeners('ignored')) this.#emitter.emit('ignored', { at, why, error });
  }

  #isSlow(durationMs: number | undefined, at: number): boolean {
    if (durationMs === undefined || durationMs < this.#slowCallMs) return false;
    this.#tally.slow += 1;
    this.#emitter.emit('slow', { at, durationMs });
    return true;
  }
}
