/** What a circuit breaker tells. Every moment is monotonic; listeners cannot change the course of a call. */
import type { CircuitState } from './circuit-state.js';

/** `at` is in monotonic milliseconds, in all events. */
export interface CircuitEvents {
  readonly stateChange: {
    readonly at: number;
    readonly from: CircuitState;
    readonly to: CircuitState;
    /** Of the circuit after the move. */
    readonly generation: number;
    /** In words: `5 failures in a row within 800 ms`. */
    readonly why: string;
    /** For `open`: milliseconds until a call may find out. */
    readonly retryAfterMs?: number;
    /** For `open`: the last failure. */
    readonly error?: unknown;
  };
  /** `isStale`: begun in an earlier life of the circuit; it was added to the totals and to nothing else. */
  readonly success: { readonly at: number; readonly isStale: boolean };
  readonly failure: { readonly at: number; readonly isStale: boolean; readonly error: unknown };
  readonly ignored: { readonly at: number; readonly why: IgnoredBecause; readonly error: unknown };
  readonly rejected: { readonly at: number; readonly state: CircuitState; readonly retryAfterMs: number | undefined };
  readonly slow: { readonly at: number; readonly durationMs: number };
  /** A call of the trial was still in flight at its end, and is given up; it may still end, which will be stale. */
  readonly permitLeaked: { readonly at: number; readonly generation: number; readonly ageMs: number };
  /** In `metrics-only`: here it would have opened. */
  readonly wouldOpen: { readonly at: number; readonly why: string; readonly error: unknown };
}

/**
 * Why a result counted neither as success nor as failure: its verdict said so; the same native error had counted; its
 * connection was known to be dead; it ran into the statement timeout, which `countStatementTimeouts` leaves out.
 */
export type IgnoredBecause = 'verdict' | 'same-error' | 'dead-connection' | 'statement-timeout';
