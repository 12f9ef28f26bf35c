/**
 * The clock, read once for all hand-overs of one turn of promise callbacks: reading it is a tenth of a hand-over, and what
 * depends on it there are statistics, and limits of milliseconds.
 */
import type { Clock } from '../kernel/clock.js';

/** Whatever is hung on it runs when this turn of promise callbacks is over. */
const SETTLED = Promise.resolve();

export class TurnClock {
  readonly #clock: Clock;
  #now: number | undefined;
  readonly #endTurn = (): void => {
    this.#now = undefined;
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    if (this.#now === undefined) {
      this.#now = this.#clock.now();
      void SETTLED.then(this.#endTurn);
    }
    return this.#now;
  }
}
