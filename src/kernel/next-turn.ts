/**
 * The end of this turn of the event loop: for work that could go on for seconds without ever waiting, so that sockets,
 * timers and everybody else get their turn. No time passes by it, so a fake clock has no say in it.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Calls once everything has run that is due in this turn: for what is worth doing once for all who ask in it. */
export function atEndOfTurn(callback: () => void): void {
  setImmediate(callback);
}
