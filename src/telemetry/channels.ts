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

/** One statement, stream's first page, or chunk of a batch, with all its attempts: `tracing:fluxor:query:*`. */
export interface QueryTrace extends TraceContext {
  readonly type: 'query';
  /** Name of the runtime. */
  readonly runtime: string;
  readonly queryId: number;
  /** As given by the caller. */
  readonly name: string | undefined;
  /** The text as it is sent, with placeholders. Literals that the application wrote into it are in it. */
  readonly text: string;
  /** Values are sent apart from the text. */
  readonly hasValues: boolean;
  /** Without literals, safe to show. */
  readonly fingerprint: string | undefined;
  readonly operation: string | undefined;
  /** Part of a session or transaction. */
  readonly isInside: boolean;
  /** Of the last attempt, once there is one. */
  connectionId: number | undefined;
  attempts: number;
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

/** A function given to `transaction()`, with all its runs; or a `begin()` until there is a transaction: `tracing:fluxor:transaction:*`. */
export interface TransactionTrace extends TraceContext {
  readonly type: 'transaction';
  readonly runtime: string;
  readonly way: 'function' | 'begin';
  readonly label: string | undefined;
  readonly isolation: string | undefined;
  readonly readOnly: boolean;
}

/** An attempt to open a connection: `tracing:fluxor:connect:*`. */
export interface ConnectTrace extends TraceContext {
  readonly type: 'connect';
  /** Driver and place, without secrets. */
  readonly endpoint: string;
  readonly driver: string;
  readonly connectionId: number;
}

type Channel<C extends object> = TracingChannel<unknown, C>;

/** The names are a promise: tools subscribe to `tracing:` + name + `:start`, `:end`, `:asyncStart`, `:asyncEnd`, `:error`. */
export const QUERY_CHANNEL: Channel<QueryTrace> = tracingChannel<unknown, QueryTrace>('fluxor:query');
export const ACQUIRE_CHANNEL: Channel<AcquireTrace> = tracingChannel<unknown, AcquireTrace>('fluxor:acquire');
export const TRANSACTION_CHANNEL: Channel<TransactionTrace> = tracingChannel<unknown, TransactionTrace>(
  'fluxor:transaction',
);
export const CONNECT_CHANNEL: Channel<ConnectTrace> = tracingChannel<unknown, ConnectTrace>('fluxor:connect');

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
