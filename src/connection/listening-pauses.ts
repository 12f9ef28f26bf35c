/**
 * How long to wait before the session that listens is opened anew: anything between 0 and a cap that doubles with each
 * failure in a row ("full jitter"), so that the runtimes of a fleet fall out of step.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import type { Random } from '../kernel/random.js';
import { fullJitter } from '../kernel/random.js';

const FIRST_MS = 100;
/** As the pool's: a server that is back is noticed within seconds, and one that stays away is not hammered. */
const MAX_MS = 5_000;
/** A session that lived for less does not begin the pauses anew: a server that accepts and hangs up would be hammered. */
const STEADY_MS = MAX_MS;

export class ListeningPauses {
  readonly #random: Random;
  /** In a row. */
  #failures = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A refusal that trying again won't change (a wrong password) gets the longest pause: hammering locks accounts. */
  nextMs(error: FluxorError): number {
    const capMs = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return error.retryable ? fullJitter(capMs, this.#random) : MAX_MS;
  }

  /** A session has ended that lived for so long. */
  lived(ms: number): void {
    if (ms >= STEADY_MS) this.reset();
  }

  reset(): void {
    this.#failures = 0;
  }
}
