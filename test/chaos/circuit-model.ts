/**
 * The circuit breaker as its specification tells it, in lists and filters: slow, and too plain to be wrong. It is told what
 * calls do, foresees what must come of it, and objects when something else does.
 */
import { expect } from 'vitest';
import type { BreakerVerdict } from '../../src/errors/fluxor-error.js';
import type { CircuitEvents } from '../../src/gate/circuit-events.js';
import type { CircuitPermit } from '../../src/gate/circuit-permit.js';
import type { CircuitState } from '../../src/gate/circuit-state.js';
import type { CircuitTotals } from '../../src/gate/circuit-tally.js';

export interface ModelOptions {
  readonly failures: number;
  readonly failureWindow: number;
  readonly halfOpenPeriod: number;
  readonly halfOpenMaxCalls: number;
  readonly halfOpenMaxConcurrent: number;
  readonly halfOpenSuccesses: number;
  readonly earlyProbe: boolean;
}

export class CircuitModel {
  leaked = 0;
  readonly #options: ModelOptions;
  #generation = 1;
  #opened = 0;
  #untilAt = 0;
  /** Failures since the last success, in this life of the circuit. */
  #row: number[] = [];
  /** Calls begun in the trial, and when. */
  #begun: number[] = [];
  #successes = 0;

  constructor(options: ModelOptions) {
    this.#options = options;
  }

  /** A new life. */
  begin(generation: number): void {
    this.#generation = generation;
    this.#row = [];
    this.#begun = [];
    this.#successes = 0;
  }

  /** `remainingMs`: how long it refuses calls, if nothing else happens. */
  moved({ to, from, at, generation, retryAfterMs }: CircuitEvents['stateChange'], remainingMs = NaN): void {
    expect(generation).toBe(this.#generation + 1);
    this.begin(generation);
    if (to === 'half-open') {
      expect(from).toBe('open');
      // The early probe may come sooner.
      if (!this.#options.earlyProbe) expect(at).toBeGreaterThanOrEqual(this.#untilAt);
    }
    if (to !== 'open') return;
    this.#opened += 1;
    expect(retryAfterMs).toBeLessThanOrEqual(Math.ceil(remainingMs));
    if (!this.#options.earlyProbe) expect(retryAfterMs).toBe(Math.ceil(remainingMs));
    this.#untilAt = at + remainingMs;
  }

  entered(state: CircuitState, now: number): void {
    expect(['closed', 'half-open', 'disabled', 'metrics-only']).toContain(state);
    if (state === 'half-open') this.#begun.push(now);
  }

  /** Nobody is refused without a reason. */
  refused(state: CircuitState, now: number, inFlight: number): void {
    expect(['open', 'half-open', 'forced-open']).toContain(state);
    if (state === 'open') expect(now).toBeLessThan(this.#untilAt);
    if (state !== 'half-open') return;
    const isFull = inFlight === this.#options.halfOpenMaxConcurrent;
    const inPeriod = this.#begun.filter((at) => at > now - 2 * this.#options.halfOpenPeriod);
    expect(isFull || inPeriod.length >= this.#options.halfOpenMaxCalls).toBe(true);
  }

  /** Where the circuit must be after a result of this life. */
  stateAfter(state: CircuitState, verdict: BreakerVerdict, now: number): CircuitState {
    if (verdict === 'ignore') return state;
    if (state === 'half-open') return this.#afterProbe(verdict);
    if (state !== 'closed') return state;
    this.#row = verdict === 'failure' ? [...this.#row, now] : [];
    const oldest = this.#row.at(-this.#options.failures);
    return oldest !== undefined && now - oldest <= this.#options.failureWindow ? 'open' : 'closed';
  }

  check(
    state: CircuitState,
    generation: number,
    totals: CircuitTotals,
    now: number,
    ofThisLife: readonly CircuitPermit[],
  ): void {
    expect(generation).toBe(this.#generation);
    expect(totals).toMatchObject({ opened: this.#opened, leaked: this.leaked });
    if (state !== 'half-open') return;
    const { halfOpenMaxConcurrent, halfOpenMaxCalls, halfOpenPeriod } = this.#options;
    expect(ofThisLife.length).toBeLessThanOrEqual(halfOpenMaxConcurrent);
    // Never stuck: nobody is waited for longer than a period and a half.
    for (const { enteredAt } of ofThisLife) expect(now - enteredAt).toBeLessThan(1.5 * halfOpenPeriod);
    // A stretch of a period's length touches two periods at most.
    const inPeriod = this.#begun.filter((at) => at > now - halfOpenPeriod);
    expect(inPeriod.length).toBeLessThanOrEqual(2 * halfOpenMaxCalls);
    // With a success, the end of the period would have closed it.
    const first = this.#begun[0];
    if (this.#successes > 0 && this.#begun.length <= halfOpenMaxCalls && first !== undefined) {
      expect(now - first).toBeLessThan(2 * halfOpenPeriod);
    }
  }

  #afterProbe(verdict: BreakerVerdict): CircuitState {
    if (verdict === 'failure') return 'open';
    this.#successes += 1;
    return this.#successes >= this.#options.halfOpenSuccesses ? 'closed' : 'half-open';
  }
}
