/**
 * How long a newcomer to the line would wait, by how fast the line moves. Under overload everybody who is let in waits for as
 * long as the line is, and a line served in order then serves those whose time is almost up: work that nobody waits for any
 * more. Measured with three times as many calls as 10 connections can do, and a second for each: with a line of 1,000,
 * 30 % to 44 % of the capacity was answered in time. So who could not be served in time hears that at once (refusals.ts),
 * and the line stays as long as it can be served.
 *
 * Counted are those served in the half second that runs and in the one before.
 * Invariants: says nothing of a line that is short, that has stood for less than half a second, or from which nobody was
 * served in that time: what blocks everybody may end in the next moment.
 */

import type { Lane } from './lane.js';

/** Shorter lines say too little, and are gone too soon to matter. */
const SHORTEST_LINE = 20;
const SLICE_MS = 500;
/** A tenth more than it looks like: whoever is served in the last moment has no time left for what they came for. */
const MARGIN = 1.1;

/** Of each line of its own: how fast reports are served says nothing about short statements. */
export type Outlooks = Readonly<Record<Lane, Outlook>>;

export class Outlook {
  /** When the count of `#before` began, or the line, if that was later. */
  #sinceAt = 0;
  #sliceAt = 0;
  #before = 0;
  #served = 0;

  /** Somebody stands in a line that was empty. */
  began(now: number): void {
    this.#sinceAt = this.#sliceAt = now;
    this.#before = this.#served = 0;
  }

  /** Somebody who stood in line has been served. */
  served(now: number): void {
    this.#moveTo(now);
    this.#served += 1;
  }

  /** How long whoever comes now would wait behind `length` others; 0 where that is not known. */
  waitMs(length: number, now: number): number {
    return length < SHORTEST_LINE ? 0 : (length / this.#perMs(now)) * MARGIN;
  }

  /** How long whoever is served has the connection, where `inUse` of them serve the line; 0 where that is not known. */
  holdMs(inUse: number, now: number): number {
    return inUse / this.#perMs(now);
  }

  /** How many are served in a millisecond; endless where that is not known. */
  #perMs(now: number): number {
    this.#moveTo(now);
    const elapsedMs = now - this.#sinceAt;
    const served = this.#before + this.#served;
    return elapsedMs < SLICE_MS || served === 0 ? Infinity : served / elapsedMs;
  }

  #moveTo(now: number): void {
    if (now - this.#sliceAt < SLICE_MS) return;
    const isNext = now - this.#sliceAt < 2 * SLICE_MS;
    this.#before = isNext ? this.#served : 0;
    this.#sinceAt = isNext ? this.#sliceAt : now - SLICE_MS;
    this.#sliceAt = isNext ? this.#sliceAt + SLICE_MS : now;
    this.#served = 0;
  }
}
