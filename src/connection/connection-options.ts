/** How a pooled database connection behaves; derived from the runtime's options, not written by users. */
import type { ReleasePolicy } from '../pool/pool-options.js';

export interface ConnectionConfig {
  readonly validationQuery: string | undefined;
  readonly onRelease: ReleasePolicy;
}

/**
 * How long a stopped statement may take to end at the server before its connection is destroyed. Nobody waits for it;
 * 2 s is several round trips to the far side of the world.
 */
export const CANCEL_GRACE_MS = 2_000;

/**
 * How much later than its deadline a caller may be answered so as to learn what became of the statement. A cancel takes
 * one round trip: within a data centre the answer is here in a few milliseconds and `outcome` says `not-applied`; beyond
 * 100 ms the caller is told `unknown` and not kept waiting.
 */
export const ANSWER_GRACE_MS = 100;

/**
 * When a cancel has been delivered and its statement still runs, it is sent again after this pause, which doubles each
 * time (six cancels within the grace). A cancel travels on a connection of its own and may overtake its statement; a
 * server that is idle at that moment ignores it, and the statement would then run to its end.
 */
export const CANCEL_AGAIN_MS = 50;

/**
 * How much longer than the runtime's own limit the server's is: when it is reached, the runtime has cancelled in vain, or is
 * not there any more.
 */
export const SERVER_LIMIT_GRACE_MS = 5_000;

/**
 * The server's limit that a call needs, in milliseconds, 0 for none; `undefined` where the one in force will do, or there is
 * none.
 */
export function longerLimit(inForceMs: number | undefined, timeoutMs: number): number | undefined {
  if (inForceMs === undefined || inForceMs === 0 || timeoutMs + SERVER_LIMIT_GRACE_MS <= inForceMs) return undefined;
  return timeoutMs === Infinity ? 0 : timeoutMs + SERVER_LIMIT_GRACE_MS;
}
