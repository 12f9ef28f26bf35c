/**
 * The tracing channels of `node:diagnostics_channel`: for tools that want to be around a call and not told of it afterwards.
 * What is published on each is in docs/guide/monitoring.md.
 *
 *     start ──► (the work, in the stores that subscribers bound) ──► end ──► … ──► asyncStart ──► asyncEnd
 *                                                                              └── error, before them, where it failed
 *
 * Invariants: where nobody subscribed, nothing is made and nothing costs more than one question; the promise of the work is
 * handed on as it is; a context has all its fields from the start, and no bind value, ever.
 */
import type { TracingChannel } from 'node:diagnostics_channel';
import { tracingChannel } from 'node:diagnostics_channel';

/** What every context has. */
export interface TraceContext {
  /** Why it failed, once it has. */
  error: unknown;
  /** Monotonic milliseconds from the start, once it has ended. */
  durationMs: number | undefined;
}

/** Where something is done. */
export interface TracePlace {
  /** Name of the runtime. */
  readonly runtime: string;
  /** The driver's: `postgres`, `pglite`, `mysql`, `mariadb`, `oracle`. */
  readonly driver: string;
  /** As `Driver.endpoint`, without secrets: `postgres://app@localhost:5432/shop`. */
  readonly endpoint: string;
}

/** A wait for a connection that has ended, in lines of the gate and the pool and while the connection was made. */
export interface WaitTrace {
  /** Epoch milliseconds, with fractions. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** How many were waiting in the pool's line when it began. */
  readonly waiting: number;
  /** Why it ended without a connection. */
  readonly error: unknown;
}

/** One attempt of a statement that was repeated. */
export interface AttemptTrace {
  /** 1 for the first. */
  readonly attempt: number;
  /** Epoch milliseconds, with fractions. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly connectionId: number | undefined;
  /** Why it failed; `undefined` of the one that succeeded. */
  readonly error: unknown;
}

/** One statement, stream, or chunk of a batch, with all its attempts: `tracing:fluxor:query:*`. */
export interface QueryTrace extends TraceContext, TracePlace {
  readonly type: 'query';
  readonly queryId: number;
  /** As given by the caller. */
  readonly name: string | undefined;
  /**
   * The text as it is sent, with placeholders; of a batch, the statement. Literals that the application wrote into it are in it.
   */
  readonly text: string;
  /** Values are sent apart from the text. */
  readonly hasValues: boolean;
  /** Without literals, safe to show. */
  readonly fingerprint: string | undefined;
  readonly operation: string | undefined;
  /** It is a chunk of a batch. */
  readonly isBatch: boolean;
  /** Of a chunk of a batch: how many sets of values it has. Of sets that come one by one, it is known at the end. */
  batchSize: number | undefined;
  /** Part of a session or transaction. */
  readonly isInside: boolean;
  /** The transaction that it is a part of, where that is traced as well. */
  readonly transaction: TransactionTrace | undefined;
  /** Of the last attempt, once there is one. */
  connectionId: number | undefined;
  attempts: number;
  /** Each of them, where there was more than one. */
  tries: readonly AttemptTrace[];
  /** Waits for a connection; none where it was served at once. */
  waits: readonly WaitTrace[];
  rows: number | undefined;
  rowsAffected: number | undefined;
}

/** A wait for a connection; who is served at once is not traced: `tracing:fluxor:acquire:*`. */
export interface AcquireTrace extends TraceContext {
  readonly type: 'acquire';
  readonly runtime: string;
  readonly queryId: number;
  /** How many wait, this one not counted. */
  readonly waiting: number;
  connectionId: number | undefined;
}

/**
 * A function given to `transaction()`, with all its runs; or a `begin()`, for the channel until there is a transaction, for
 * tracers until it has ended: `tracing:fluxor:transaction:*`.
 */
export interface TransactionTrace extends TraceContext, TracePlace {
  readonly type: 'transaction';
  readonly way: 'function' | 'begin';
  readonly label: string | undefined;
  readonly isolation: string | undefined;
  readonly readOnly: boolean;
  /** Of the last run, as far as it got. */
  connectionId: number | undefined;
  outcome: 'committed' | 'rolled-back' | 'lost' | 'unknown' | undefined;
  /** BEGIN, COMMIT, ROLLBACK and savepoints are not counted. */
  statements: number;
  /** How often the function was run. */
  attempts: number;
  /** Waits for a connection, of all runs. */
  waits: readonly WaitTrace[];
}

/** An attempt to open a connection: `tracing:fluxor:connect:*`. */
export interface ConnectTrace extends TraceContext, TracePlace {
  readonly type: 'connect';
  readonly connectionId: number;
}

/** One type in both places: whether the store's or the context's comes first depends on the version of Node's types. */
type Channel<C extends object> = TracingChannel<C, C>;

/** The names are a promise: tools subscribe to `tracing:` + name + `:start`, `:end`, `:asyncStart`, `:asyncEnd`, `:error`. */
export const QUERY_CHANNEL: Channel<QueryTrace> = tracingChannel<QueryTrace, QueryTrace>('fluxor:query');
export const ACQUIRE_CHANNEL: Channel<AcquireTrace> = tracingChannel<AcquireTrace, AcquireTrace>('fluxor:acquire');
export const TRANSACTION_CHANNEL: Channel<TransactionTrace> = tracingChannel<TransactionTrace, TransactionTrace>(
  'fluxor:transaction',
);
export const CONNECT_CHANNEL: Channel<ConnectTrace> = tracingChannel<ConnectTrace, ConnectTrace>('fluxor:connect');

/**
 * Runs `work` between what is published. `fill` completes the context when it has ended. Not `tracePromise`: that would hand
 * on another promise.
 */
export function traced<C extends TraceContext, T>(
  channel: Channel<C>,
  context: C,
  work: () => Promise<T>,
  fill: (result: T | undefined) => void,
): Promise<T> {
  return channel.start.runStores(context, () => {
    const answer = work();
    channel.end.publish(context);
    const ended = (): void => {
      channel.asyncStart.publish(context);
      channel.asyncEnd.publish(context);
    };
    answer.then(
      (result) => {
        fill(result);
        ended();
      },
      (error: unknown) => {
        context.error = error;
        fill(undefined);
        channel.error.publish(context);
        ended();
      },
    );
    return answer;
  });
}
