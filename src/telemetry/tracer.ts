/**
 * The port of whoever traces one runtime: they stand around what it does, in the async context they want, and are told how it
 * ended. `db.trace()` takes one; tools that trace a whole process use the channels (channels.ts).
 *
 *     begin(trace) ──► run(work) ── the work, in the tracer's context ──► … ──► end(): the trace has all its fields
 *
 * Invariants: where nobody traces, a call asks once and nothing is made; the work runs exactly once, whatever a tracer does;
 * a tracer that throws hurts nobody.
 */
import type { ConnectTrace, QueryTrace, TransactionTrace } from './channels.js';

/** What a tracer is told of, by `type`. What is known at the end only is filled in before `end()`. */
export type Trace = QueryTrace | TransactionTrace | ConnectTrace;

/** One doing, from its beginning to its end. */
export interface TraceBracket {
  /**
   * Runs `work` in a context of the tracer's own, as `AsyncLocalStorage.run` does; everything it waits for stays in that. Must
   * call it once, at once; what it answers is nobody's. Absent: it runs where it is.
   */
  run?(work: () => void): void;
  /**
   * Of a transaction: what the database is to be told of it (a W3C `traceparent`), where the driver has a way to say it that
   * ends with the transaction. Costs a round trip after BEGIN. Default: nothing.
   */
  readonly carrier?: string | undefined;
  /** The trace is complete. Called once, before the caller goes on. */
  end(): void;
}

/**
 * Stands around everything that one runtime does. Its methods are called on the path of every call: they must be quick, and
 * must not wait.
 *
 * @example
 * const tracing = db.trace({
 *   begin(trace) {
 *     if (trace.type !== 'query') return undefined;
 *     return { end: () => console.log(trace.fingerprint, trace.durationMs, trace.error) };
 *   },
 * });
 */
export interface Tracer {
  /**
   * Asked before a trace is made, in the caller's context: whether it wants to hear of it at all. Default: yes.
   */
  wants?(type: Trace['type']): boolean;
  /** Something begins; answers what is around it, or `undefined` to hear no more of it. */
  begin(trace: Trace): TraceBracket | undefined;
  /**
   * What sessions that are opened from now on are called at the server, where the user has not said it (`application_name` of
   * PostgreSQL). Default: the driver's own word.
   */
  readonly sessionName?: string | undefined;
  /**
   * Runs each call into the client library: a statement, a COMMIT, a connect, a proof of life, a cancel. For tools that must
   * keep others from tracing the library as well. Must call `work` once, at once; what it answers is nobody's. What the library
   * calls by itself later, of a lost connection or a notification, is told outside of it. Default: runs where it is.
   */
  quietly?(work: () => void): void;
}
