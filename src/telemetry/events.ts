/**
 * The whole vocabulary on one page: what the runtime says about itself, as past facts. Rooms speak through the hub and
 * never learn who listens. Rules: names are `noun:verb`; `at` is epoch milliseconds for people and logs; durations are
 * milliseconds on the monotonic clock; no SQL text, no bind value, no secret in any payload. A few lines over 300 because it is
 * one vocabulary.
 */
import type { FluxorError } from '../errors/fluxor-error.js';

/** Why a connection was closed. */
export type CloseReason =
  | 'broken'
  | 'discarded'
  | 'validation-failed'
  | 'reset-failed'
  | 'idle-timeout'
  | 'max-lifetime'
  | 'evicted'
  | 'shutdown';

/** The states of the circuit breaker; the gate has the table. */
export type CircuitStateName = 'closed' | 'open' | 'half-open' | 'forced-open' | 'disabled' | 'metrics-only';

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

/** What is known of a lease that user code has held for long. Statements come without their values. */
export interface LeakReport {
  readonly connectionId: number;
  readonly holder: 'session' | 'transaction' | 'stream';
  /** As given to `acquire()`, `use()`, `begin()` or `transaction()`; of a stream, its `name`. */
  readonly label?: string;
  readonly ageMs: number;
  /** Epoch milliseconds. */
  readonly acquiredAt: number;
  /** The last statement's fingerprint. */
  readonly lastStatement?: string;
  /** What the protocol says about the session: `idle`, `busy`, `in-transaction`, `failed-transaction`, `closed`. */
  readonly state?: string;
  /** Where it was acquired, if that was noted (`pool.leak.stack`). */
  readonly stack?: string;
}

/** One query that was slow, as the meter has it. */
export interface SlowQueryFact {
  readonly queryId: number;
  readonly name?: string;
  readonly fingerprint: string;
  readonly operation: string;
  readonly connectionId?: number;
  readonly durationMs: number;
  readonly waitingMs: number;
  readonly connectingMs: number;
  readonly executingMs: number;
  readonly fetchingMs: number;
  readonly attempts: number;
  readonly rows: number;
  readonly rowsAffected: number;
  /** Its error's code, where it failed. */
  readonly errorCode?: string;
}

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
  /** `reason` is what `session.discard(reason)` was given. */
  'lease:released': ConnectionFact & { readonly heldMs: number; readonly end: LeaseEnd; readonly reason?: string };
  'acquire:timed-out': Fact & { readonly waitedMs: number; readonly error: FluxorError };
  /** Held longer than `pool.leak.threshold`. Told once for a lease. */
  'lease:leak-suspected': Fact & LeakReport;
  /** A suspected lease has ended after all. */
  'lease:leak-resolved': ConnectionFact & { readonly heldMs: number };
  /** Held too long, and taken away (`pool.leak.reclaim`). */
  'lease:reclaimed': ConnectionFact & { readonly heldMs: number };
  /** The garbage collector found a session or transaction that nobody released; its connection was taken back. */
  'lease:dropped': Fact & LeakReport;
  /** A caller who holds `connectionId` waits for another connection. Told once in a runtime's life. */
  'lease:nested': ConnectionFact & { readonly stack?: string; readonly outerStack?: string };

  /** A warm-up has ended; with less than it wanted, `error` is why, if an attempt failed. */
  'pool:warmed': Fact & {
    readonly wanted: number;
    readonly opened: number;
    readonly durationMs: number;
    readonly error?: FluxorError;
  };
  'pool:suspended': Fact;
  'pool:resumed': Fact;
  /** `changed` names the options. */
  'pool:reconfigured': Fact & { readonly changed: readonly string[] };
  /** Connections were told to go: because somebody asked, or because of what one of them said about all (a failover). */
  'pool:evicted': Fact & { readonly reason: 'asked' | 'siblings'; readonly count: number };
  /** No connection can be made: callers are refused at once while nothing is alive. */
  'pool:unreachable': Fact & { readonly failures: number; readonly error: FluxorError };
  'pool:reachable': Fact & { readonly downMs: number };
  /** The process or the machine stood still: every connection proves itself before it is lent again. */
  'pool:frozen': Fact & { readonly frozenMs: number };

  /**
   * A pooler lends the server's processes for a transaction at a time. Statements are not prepared under names any more,
   * and nothing is set for a session; told once. See `docs/guide/postgres.md`.
   */
  'pooler:detected': ConnectionFact;

  /** A prepared statement that the server had forgotten, or could not use any more, was prepared anew, unseen by its caller. */
  'statement:healed': ConnectionFact;

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
    /** The statement's shape. */
    readonly fingerprint?: string;
    readonly durationMs: number;
    readonly error: FluxorError;
  };
  /** It took `query.slowThreshold` or longer, whether it failed or not. Its times add up to `durationMs`. */
  'query:slow': Fact & SlowQueryFact;
  /** The gate or the pool refused a call; nothing was sent. Of a statement `query:failed` is told as well. */
  'call:rejected': Fact & {
    readonly queryId: number;
    readonly name?: string;
    readonly kind: 'statement' | 'transaction' | 'session';
    readonly error: FluxorError;
  };
  /** A running statement was stopped and the server was told: at its deadline, by its caller, or because its lease ended. */
  'query:cancelled': ConnectionFact & {
    readonly queryId: number;
    readonly cause: 'deadline' | 'aborted' | 'runtime';
  };

  /** The circuit breaker moved, in words `why`. `error` is the last failure, `retryAfterMs` how long it refuses calls. */
  'circuit:state-changed': Fact & {
    readonly from: CircuitStateName;
    readonly to: CircuitStateName;
    readonly why: string;
    readonly retryAfterMs?: number;
    readonly error?: FluxorError;
  };

  /** A call that failed will be tried again. `attempt` is the one to come, `error` why the one before it failed. */
  'query:retried': Fact & {
    readonly queryId: number;
    readonly name?: string;
    readonly attempt: number;
    readonly delayMs: number;
    readonly error: FluxorError;
  };

  /** `done` sets of a batch have been handed over, or dealt with; of `total`, where that is known. */
  'batch:progress': Fact & {
    readonly queryId: number;
    readonly name?: string;
    readonly connectionId?: number;
    readonly done: number;
    readonly total?: number;
  };

  'transaction:begun': ConnectionFact & { readonly transactionId: number };
  'transaction:ended': ConnectionFact & {
    readonly transactionId: number;
    readonly end: 'committed' | 'rolled-back' | 'lost' | 'unknown';
    readonly durationMs: number;
    readonly statements: number;
  };

  /**
   * The answer of a COMMIT was lost, and the database was asked what became of it, in `attempts` tries. Told before
   * `transaction:ended`. `unknown`: it could not be asked in time, or could not tell for certain.
   */
  'transaction:resolved': ConnectionFact & {
    readonly transactionId: number;
    readonly fate: 'committed' | 'rolled-back' | 'unknown';
    readonly durationMs: number;
    readonly attempts: number;
  };

  /** The database rolled a transaction back, and its function is to be run again when the pause has passed. */
  'transaction:retried': Fact & { readonly attempt: number; readonly delayMs: number; readonly error: FluxorError };

  /** `errors.override` threw, answered nonsense, or what would be unsafe; `detail` says which, and it was not followed. */
  'error:override-refused': Fact & {
    readonly why: 'threw' | 'nonsense' | 'unsafe';
    readonly detail: string;
    readonly error: FluxorError;
    readonly thrown?: unknown;
  };

  /** The session that `db.listen()` hears through was opened, outside the pool. `serverId` is its name at the server. */
  'listening:started': Fact & { readonly serverId: string; readonly durationMs: number };
  /** It was lost, or gave no proof of life; it will be opened anew in `retryInMs`. */
  'listening:lost': Fact & { readonly serverId: string; readonly error: FluxorError; readonly retryInMs: number };
  /** An attempt to open it anew failed; `attempt` counts from 1. */
  'listening:restore-failed': Fact & {
    readonly attempt: number;
    readonly durationMs: number;
    readonly error: FluxorError;
    readonly retryInMs: number;
  };
  /** It was opened anew, and every channel is listened to again. What was sent in the `lostMs` before may have been missed. */
  'listening:restored': Fact & { readonly serverId: string; readonly lostMs: number; readonly attempts: number };
  /** Nobody listens any more, or the runtime is disconnected: it is being closed. */
  'listening:stopped': Fact & { readonly serverId: string; readonly ageMs: number };

  /** `healthCheck()` found another status than before; before the first, it is taken to be `up`. */
  'health:changed': Fact & {
    readonly from: 'up' | 'degraded' | 'down';
    readonly to: 'up' | 'degraded' | 'down';
    readonly reasons: readonly string[];
    readonly latencyMs: number;
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
  'lease:leak-suspected': true,
  'lease:leak-resolved': true,
  'lease:reclaimed': true,
  'lease:dropped': true,
  'lease:nested': true,
  'pool:warmed': true,
  'pool:suspended': true,
  'pool:resumed': true,
  'pool:reconfigured': true,
  'pool:evicted': true,
  'pool:unreachable': true,
  'pool:reachable': true,
  'pool:frozen': true,
  'pooler:detected': true,
  'statement:healed': true,
  'query:completed': true,
  'query:failed': true,
  'query:slow': true,
  'call:rejected': true,
  'query:cancelled': true,
  'circuit:state-changed': true,
  'query:retried': true,
  'batch:progress': true,
  'transaction:begun': true,
  'transaction:ended': true,
  'transaction:resolved': true,
  'transaction:retried': true,
  'error:override-refused': true,
  'listening:started': true,
  'listening:lost': true,
  'listening:restore-failed': true,
  'listening:restored': true,
  'listening:stopped': true,
  'health:changed': true,
  'listener:failed': true,
};
