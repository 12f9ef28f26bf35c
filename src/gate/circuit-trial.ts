/**
 * One trial of a half-open circuit: which calls may find out whether the database is back, and what came of it.
 * Counts and answers; the machine (circuit-machine.ts) makes the moves.
 *
 *     period:  ├─ first call ── at most `maxCalls` calls, `maxConcurrent` at once ──┤ end: passed, hung, or another period
 *
 * A period begins with a call, not with the trial: where nobody calls, nothing is learnt and nothing ends.
 * Invariant: `inFlight` is the number of permits that were admitted and have neither been released nor given up as hung.
 */
import type { CircuitBreakerConfig } from './circuit-options.js';
import type { CircuitPermit } from './circuit-permit.js';

/** What the end of a period says. */
export type PeriodEnd = 'goes-on' | 'passed' | 'hung';

/**
 * A call still in flight at the end of the period hangs when it began in this share of it or earlier. A younger one is a
 * call like any other: where statements take six seconds, the second of a period of ten is always in flight at its end,
 * and would open a healthy circuit for ever.
 */
const HUNG_FROM_SHARE = 0.5;

export class CircuitTrial {
  readonly #config: CircuitBreakerConfig;
  /** Those in flight, the oldest first. */
  readonly #permits = new Set<CircuitPermit>();
  #endsAt: number | undefined;
  #calls = 0;
  #successes = 0;

  constructor(config: CircuitBreakerConfig) {
    this.#config = config;
  }

  /** When the period ends; `undefined` before its first call. */
  get endsAt(): number | undefined {
    return this.#endsAt;
  }

  get inFlight(): number {
    return this.#permits.size;
  }

  get calls(): number {
    return this.#calls;
  }

  get permits(): Iterable<CircuitPermit> {
    return this.#permits;
  }

  /** Ask after `endPeriod`, which makes room. */
  canAdmit(): boolean {
    const { halfOpenMaxConcurrent, halfOpenMaxCalls } = this.#config;
    return this.#permits.size < halfOpenMaxConcurrent && this.#calls < halfOpenMaxCalls;
  }

  admit(permit: CircuitPermit): void {
    this.#endsAt ??= permit.enteredAt + this.#config.halfOpenPeriodMs;
    this.#permits.add(permit);
    this.#calls += 1;
  }

  release(permit: CircuitPermit): void {
    this.#permits.delete(permit);
  }

  /** True when these were enough to close. */
  succeeded(): boolean {
    this.#successes += 1;
    return this.#successes >= this.#config.halfOpenSuccesses;
  }

  /** Ends the period if its time is over. */
  endPeriod(now: number): PeriodEnd {
    if (this.#endsAt === undefined || now < this.#endsAt) return 'goes-on';
    const hungBefore = this.#endsAt - this.#config.halfOpenPeriodMs * HUNG_FROM_SHARE;
    for (const permit of this.#permits) if (permit.enteredAt <= hungBefore) return 'hung';
    if (this.#successes > 0) return 'passed';
    // Nothing was learnt. Calls in flight belong to the next period; without any, it begins with the next call.
    this.#calls = this.#permits.size;
    this.#endsAt = this.#calls === 0 ? undefined : now + this.#config.halfOpenPeriodMs;
    return 'goes-on';
  }
}
