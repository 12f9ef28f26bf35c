/**
 * The whole vocabulary on one page: what the runtime says about itself, as past facts. Rooms speak through the hub and
 * never learn who listens. Rules: names are `noun:verb`; `at` is epoch milliseconds for people and logs; durations are
 * milliseconds on the monotonic clock; no SQL text, no bind value, no secret in any payload.
 */
import type { FluxorError } from '../errors/fluxor-error.js';

/** Why a connection was closed. */
export type CloseReason =
  | 'broken'
  | 'discarded'
  | 'validation-failed'
  | 'reset-failed'
  | 'not-settled'
  | 'idle-timeout'
  | 'max-lifetime'
  | 'evicted'
  | 'shutdown';

interface Fact {
  /** Epoch milliseconds. */
  readonly at: number;
}

interface ConnectionFact extends Fact {
  /** Counts up from 1 within one runtime. */
  readonly connectionId: number;
}

/** Why a lease ended. */
export type LeaseEnd = 'released' | 'discarded';

export interface FluxorEvents {
  /** The first call or `connect()` started the runtime. */
  'runtime:started': Fact;
  /** `disconnect()` was called: no new calls, leases may finish. */
  'runtime:draining': Fact & { readonly inUse: number; readonly waiting: number };
  /** Every connection is closed. */
  'runtime:closed': Fact & { readonly durationMs: number; readonly forced: number };

  'connection:created': ConnectionFact & { readonly durationMs: number };
  /** An attempt to connect failed. `retryInMs` is absent when the pool won't try again by itself. */
  'connection:create-failed': Fact & {
    readonly durationMs: number;
    readonly error: FluxorError;
    readonly retryInMs?: number;
  };
  /** A connection that was idle or in use broke; it will be closed. */
  'connection:lost': ConnectionFact & { readonly error: FluxorError };
  'connection:closed': ConnectionFact & { readonly reason: CloseReason; readonly ageMs: number };
  /** A connection came back with work to clean up (open transaction, running statement) and was cleaned off the caller's path. */
  'connection:reset': ConnectionFact & { readonly durationMs: number };

  'lease:acquired': ConnectionFact & { readonly waitedMs: number };
  'lease:released': ConnectionFact & { readonly heldMs: number; readonly end: LeaseEnd };
  'acquire:timed-out': Fact & { readonly waitedMs: number; readonly error: FluxorError };

  'query:completed': ConnectionFact & {
    readonly queryId: number;
    readonly name?: string;
    readonly durationMs: number;
    readonly rows: number;
    readonly rowsAffected: number;
  };
  'query:failed': Fact & {
    readonly queryId: number;
    readonly name?: string;
    readonly connectionId?: number;
    readonly durationMs: number;
    readonly error: FluxorError;
  };
  /** A running statement was stopped and the server was told: at its deadline, by its caller, or because its lease ended. */
  'query:cancelled': ConnectionFact & {
    readonly queryId: number;
    readonly cause: 'deadline' | 'aborted' | 'runtime';
  };

  'transaction:begun': ConnectionFact & { readonly transactionId: number };
  'transaction:ended': ConnectionFact & {
    readonly transactionId: number;
    readonly end: 'committed' | 'rolled-back' | 'lost' | 'unknown';
    readonly durationMs: number;
    readonly statements: number;
  };

  /** A listener threw. Said once per throw, to whoever listens to this event. */
  'listener:failed': Fact & { readonly event: string; readonly error: unknown };
}

export type EventName = keyof FluxorEvents;

/** Every name once, for `on()` to refuse a misspelt one. */
export const EVENT_NAMES: Readonly<Record<EventName, true>> = {
  'runtime:started': true,
  'runtime:draining': true,
  'runtime:closed': true,
  'connection:created': true,
  'connection:create-failed': true,
  'connection:lost': true,
  'connection:closed': true,
  'connection:reset': true,
  'lease:acquired': true,
  'lease:released': true,
  'acquire:timed-out': true,
  'query:completed': true,
  'query:failed': true,
  'query:cancelled': true,
  'transaction:begun': true,
  'transaction:ended': true,
  'listener:failed': true,
};
