/** What a connection can run: a statement, a batch, a page of a cursor. Run by connection.ts, made by the rooms above. */
import type { DriverConnection } from '../driver/driver.js';

/** Something for the wire. `text` is what reports show the fingerprint of. */
export interface Work {
  readonly text: string;
}

/** For work of several parts, some of which must not be hit by a cancel that is meant for another. */
export interface CancelShield {
  /**
   * What runs has been stopped: its caller has been answered, or is about to be. From then on nothing of it may be made final.
   * Says nothing of a connection that is gone, which refuses by itself.
   */
  readonly isStopped: boolean;
  /**
   * Waits until no cancel is under way, and lets none out before `part` has ended. It must be short: nothing but the end of
   * the connection stops it.
   */
  uncancelled<T>(part: () => Promise<T>): Promise<T>;
}

/** How it is begun; a function that closes over nothing, because there is one call of it for every statement. */
export type Begin<W extends Work, T> = (native: DriverConnection, work: W, shield: CancelShield) => Promise<T>;
