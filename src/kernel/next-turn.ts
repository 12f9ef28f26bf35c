/**
 * The end of this turn of the event loop: for work that could go on for seconds without ever waiting, so that sockets,
 * timers and everybody else get their turn. No time passes by it, so a fake clock has no say in it.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * Calls when whatever runs now has ended, with everything that settled promises let run after it, and before the event loop
 * turns to another socket or timer: for what is worth doing once for all who ask meanwhile. Sooner than `setImmediate`, and
 * cheaper (10 connections, 64 statements in flight: 8.5 against 9.5 µs of CPU for a query).
 */
export function atEndOfTick(callback: () => void): void {
  process.nextTick(callback);
}
