/** What the connection limiter tells, when it is asked and of itself. */
import type { Priority } from '../kernel/priority.js';
import type { LimitMove } from './adaptive-limit.js';

export interface ConnectionLimiterStats {
  /** What may be in use now: `max`, or what the adaptive mode found, or less while it ramps up. */
  readonly limit: number;
  readonly max: number;
  /** Slots in use, the reserved ones aside; more than `limit` after it fell. */
  readonly inUse: number;
  /** Slots on top of the limit that control calls use. */
  readonly reservedInUse: number;
  /** Calls in line, control calls included. */
  readonly waiting: number;
  readonly controlWaiting: number;
  /** How long the one who came first has waited; 0 when nobody waits. Milliseconds. */
  readonly oldestWaitMs: number;
  readonly perPriority: Readonly<Record<Priority, { readonly inUse: number; readonly waiting: number }>>;
  /** A jam has turned at least one priority around; see the option `lifo`. */
  readonly isNewestFirst: boolean;
  /** Permits given out; those after a wait are also in `waited`. */
  readonly acquired: number;
  readonly waited: number;
  /** Calls refused because the queue was full. */
  readonly rejected: number;
  readonly timedOut: number;
  readonly cancelled: number;
}

/** A listener that throws is not heard of. */
export interface ConnectionLimiterEvents {
  /** The adaptive mode moved the limit. */
  readonly limitChange: LimitMove;
}
