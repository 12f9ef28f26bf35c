/** The right to make one call, and the duty to say how it ended. One small object per call; ends once. */
import type { BreakerVerdict } from '../errors/fluxor-error.js';

/** What is known of a call that ended. All of it is optional; what is not known is not used. */
export interface CallFacts {
  /** How it failed. Two failures with the same native error (`error.cause`, else the error itself) are one. */
  readonly error?: unknown;
  /** The connection it ran on; default `error.context.connectionId`. */
  readonly connectionId?: number | undefined;
  /** Milliseconds; default the time since `enter`. Used where slow calls are watched. */
  readonly durationMs?: number | undefined;
  /** Tells statements apart, for `countStatementTimeouts: 'distinct'`. Called only when it is needed. */
  readonly fingerprint?: string | (() => string | undefined) | undefined;
}

/** Where a permit reports to. */
export interface PermitDesk {
  settled(permit: CircuitPermit, verdict: BreakerVerdict, facts: CallFacts | undefined, now: number | undefined): void;
}

export class CircuitPermit {
  /** Of the breaker, when the permit was given. An answer from an earlier life of the circuit says nothing of this one. */
  readonly generation: number;
  /** Monotonic milliseconds. */
  readonly enteredAt: number;
  #desk: PermitDesk | undefined;

  /** @internal `CircuitBreaker.enter` makes them. */
  constructor(desk: PermitDesk, generation: number, enteredAt: number) {
    this.#desk = desk;
    this.generation = generation;
    this.enteredAt = enteredAt;
  }

  /**
   * Says how the call ended. The first time counts; any other does nothing.
   *
   * @param verdict `error.breaker` of a failed call; `'success'` for one that worked; `'ignore'` gives the permit back and
   *   says nothing of the database.
   * @param now Monotonic milliseconds, where the caller has just asked the clock.
   */
  settle(verdict: BreakerVerdict, facts?: CallFacts, now?: number): void {
    const desk = this.#desk;
    if (desk === undefined) return;
    this.#desk = undefined;
    desk.settled(this, verdict, facts, now);
  }
}
