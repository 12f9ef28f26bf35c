/**
 * Time as an argument. Every room that waits is handed a Clock; only this file may touch the machine's own.
 * Invariant: `now()` never goes backwards, so durations and deadlines survive wall-clock jumps.
 * The fake clock of `fluxor-db/testing` implements the same port and answers "which timers are still pending?".
 */

/** A pending timer. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
  /** Whether the timer holds the process open; see `setTimer`. */
  setKeepAlive(isOn: boolean): void;
}

/** Where a room gets its time from. */
export interface Clock {
  /** Monotonic milliseconds with fractions; the origin means nothing. */
  now(): number;
  /** Milliseconds since the Unix epoch; only for stamps that people read. */
  wallNow(): number;
  /**
   * Calls `fire` once after `delayMs`.
   * `keepAlive: false` is for housekeeping that must not hold the process open; a timer somebody awaits keeps it
   * open (the default), or a process with nothing else to do would exit with the promise unsettled.
   */
  setTimer(delayMs: number, fire: () => void, options?: { readonly keepAlive?: boolean }): Timer;
}

/** Node clamps a longer delay to 1 ms (timers API: delays above 2^31-1), which would turn "in a month" into "now". */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A class for what it remembers. */
class SystemClock implements Clock {
  /**
   * Asked for once, since the global is a getter that costs as much as the time itself; and not before somebody wants to know
   * the time, since the first to ask makes Node load `perf_hooks`, 2 ms that an import need not take.
   */
  #machine: typeof globalThis.performance | undefined;

  now(): number {
    return (this.#machine ??= globalThis.performance).now();
  }

  wallNow(): number {
    return Date.now();
  }

  setTimer(delayMs: number, fire: () => void, options?: { readonly keepAlive?: boolean }): Timer {
    const handle = setTimeout(fire, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
    if (options?.keepAlive === false) handle.unref();
    return {
      cancel: () => clearTimeout(handle),
      setKeepAlive: (isOn) => void (isOn ? handle.ref() : handle.unref()),
    };
  }
}

/** The machine's clock. */
export const systemClock: Clock = new SystemClock();
