/**
 * A process that stood still finds every deadline of its own behind it, although the answers lie in its sockets. Whoever
 * bounds something in time asks here before giving up: what a freeze fell into gets its whole time once more, once.
 */
export interface FreezeWatch {
  /** When the process was last found to have stood still; `-Infinity` for never. Written by the pool. */
  thawedAt: number;
  /** Looks whether it has, now; deadlines may come due before the housekeeper does. */
  notice(): void;
}

/** Whether the process stood still since `startedAt`. */
export function frozenSince(freeze: FreezeWatch, startedAt: number): boolean {
  freeze.notice();
  return freeze.thawedAt >= startedAt;
}
