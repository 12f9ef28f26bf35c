/**
 * The right to hold one slot of the connection limiter. It is given back once, by whoever got it, when the driver has
 * settled or the connection is destroyed; giving it back again does nothing.
 */
import type { Priority } from '../kernel/priority.js';

/** What a call has learnt about the database, for the adaptive mode. */
export interface ReleaseSample {
  /** `'sample'`: the statement ran. `'drop'`: the database was overloaded or away. `'ignore'`: it says neither. */
  readonly outcome: 'sample' | 'drop' | 'ignore';
  /** How long the statement took at the database, in milliseconds; without it a sample only counts as one that ran. */
  readonly latencyMs?: number;
  /** What the statement is, such as its fingerprint: latencies are compared only under the same key. */
  readonly key?: string;
  /** The caller's own look at the monotonic clock, when it was just now. */
  readonly now?: number;
}

/** The limiter, as its permits see it. */
export interface PermitHome {
  giveBack(permit: LimitPermit, sample: ReleaseSample | undefined): void;
}

export class LimitPermit {
  readonly priority: Priority;
  /** It holds a slot that is kept for control calls. */
  readonly isReserved: boolean;
  #home: PermitHome | undefined;

  /** @internal */
  constructor(priority: Priority, isReserved: boolean, home: PermitHome) {
    this.priority = priority;
    this.isReserved = isReserved;
    this.#home = home;
  }

  /** Gives the slot back; whoever is next in line has it before this returns. A second release does nothing. */
  release(sample?: ReleaseSample): void {
    const home = this.#home;
    this.#home = undefined;
    home?.giveBack(this, sample);
  }
}
