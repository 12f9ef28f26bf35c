/**
 * When another resource is made. Creation belongs to nobody: there are as many attempts as there are callers that nothing
 * else is on its way to (HikariCP's elision), asked anew after every release, creation and proof. Beside the callers only
 * floors ask for one: `minIdle`, a warm-up, and the prober of an outage. Asked by lending.ts; how fast is the pacer's word.
 */
import type { CareParts } from './entry-care.js';
import type { WarmUp } from './warm-up.js';

/** The prober goes on by itself for so long after the last caller asked; a later caller's attempt finds out anew. */
const PROBE_AFTER_DEMAND_MS = 30_000;

export class Growth<R> {
  /**
   * The last proof of life failed: others that rested as long are probably dead too. So a caller no longer has to wait
   * for one proof after the other (50 connections behind a cut cable would take 50 s): a creation runs beside them.
   */
  isDoubtful = false;
  /** The floor of `minIdle` is kept from the start on. */
  isStarted = false;
  /** When somebody last asked and could not be served at once. */
  lastDemandAt = -Infinity;
  readonly #parts: CareParts<R>;
  readonly #demand: () => number;
  readonly #warmUp: WarmUp<R>;

  /** `demand` answers how many wait whom one more resource would help. */
  constructor(parts: CareParts<R>, demand: () => number, warmUp: WarmUp<R>) {
    this.#parts = parts;
    this.#demand = demand;
    this.#warmUp = warmUp;
  }

  /** Whether one more attempt is to begin now. */
  isDue(): boolean {
    const { book, settings, pacer } = this.#parts;
    const creating = book.count('creating');
    if (book.open >= settings.current.maxSize || creating >= pacer.limit) return false;
    return this.isWanted(creating) && pacer.mayBegin();
  }

  /** How many of those who wait will be served by what is being made or asked for a proof of life. */
  get onTheWay(): number {
    const { book } = this.#parts;
    return book.count('creating') + (this.isDoubtful ? 0 : book.asked);
  }

  /** Whether something new is on its way, or may be begun now, for one caller more than the `waiting` who wait already. */
  isFor(waiting: number): boolean {
    const { book, settings, pacer } = this.#parts;
    if (waiting < this.onTheWay) return true;
    if (book.open >= settings.current.maxSize) return false;
    return book.count('creating') < pacer.limit && pacer.mayBegin();
  }

  /** Whether somebody wants one more than the `creating` that are on their way. */
  isWanted(creating: number): boolean {
    const { book, settings, pacer, clock } = this.#parts;
    const demand = this.#demand();
    if (demand > creating + (this.isDoubtful ? 0 : book.asked)) return true;
    // In the background nobody tries what trying won't change: it would lock accounts.
    if (pacer.isHopeless) return book.open < this.#warmUp.insistentFloor;
    if (book.open < this.#warmUp.floor) return true;
    const atRest = book.count('idle') + book.count('checking') + creating - demand;
    if (this.isStarted && atRest < settings.current.minIdle) return true;
    const isProbing = pacer.breaker !== 'closed' && book.alive === 0;
    return isProbing && creating === 0 && clock.now() - this.lastDemandAt <= PROBE_AFTER_DEMAND_MS;
  }
}
