/** What one call asks of the connection limiter. Every field has a default: a call that says nothing is an ordinary one. */
import type { Priority } from '../kernel/priority.js';

export interface SlotRequest {
  /** Default `'normal'`; `'high'` for control calls. */
  readonly priority?: Priority | undefined;
  /** A cancel, a rollback, a proof of health: may use the reserved slots, goes before everybody, is never refused for a full queue. */
  readonly isControl?: boolean;
  /** The caller's own look at the monotonic clock, when it was just now. Default: the limiter looks. */
  readonly now?: number;
  /** Monotonic milliseconds by which the wait must have ended; `Infinity` for never. Default: 10 s from now. */
  readonly deadlineAt?: number;
  /** Calls the call away from the line; its place is free at once. */
  readonly signal?: AbortSignal | undefined;
}

/** Nothing waits without a deadline. */
export const DEFAULT_WAIT_MS = 10_000;

export const ANY: SlotRequest = Object.freeze({});
