/**
 * One statement on the wire: the promise its caller waits for, and the limits that may end that wait before the statement
 * itself ends. Made by connection.ts for every statement, so it is lean: one object, one promise, and nothing else
 * allocated where nobody stops it.
 *
 * Invariants: the caller is answered exactly once, by the statement's end or by whoever stopped it; its limits are let go
 * with the answer; `ended` settles when the server is ready for the next statement, also after an error.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import { onAbort } from '../kernel/abort-listener.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import { DeadlineItem } from '../kernel/deadline.js';
import type { Deferred } from '../kernel/deferred.js';
import { createDeferred } from '../kernel/deferred.js';
import type { StatementCall } from './statement-call.js';
import type { StopCause } from './stop-errors.js';

/** The connection, as its statement sees it. */
export interface StatementHost {
  readonly timers: DeadlineTimer;
  /** The open connection keeps the process alive; a statement need not. */
  readonly holdsProcess: boolean;
  /** Resolves when the server is ready again after an error. */
  untilReady(): Promise<void>;
  /** The server is ready. Called once, before the caller is answered. */
  onStatementEnded(statement: RunningStatement): void;
  /** A limit was reached: what the caller is answered. */
  stop<T>(statement: RunningStatement<T>, cause: StopCause): Promise<T>;
  /** The error of the house for one of the client library's. */
  toError(error: unknown, statement: RunningStatement): FluxorError;
  /** It failed through no fault of its own, and has been sent again: how that ends. Absent where that cannot be. */
  again?<T>(statement: RunningStatement<T>, error: unknown): Promise<T> | undefined;
}

/** `T` is what the statement brings back. */
export class RunningStatement<T = unknown> extends DeadlineItem {
  /** What was sent. With its values, if they were written into it: never to be shown. */
  readonly text: string;
  readonly call: StatementCall;
  /** The number under which it holds the connection; see turns.ts. */
  readonly turn: number;
  /** What its caller waits for. */
  readonly answer: Promise<T>;
  /** What the socket had taken before it, also on its behalf; more afterwards means that it was sent. */
  bytesBefore: number;
  /** Being stopped already. It is stopped once: a second cancel could hit whatever comes after it. */
  isStopped = false;
  /** Its lease has ended: its caller hears that it was stopped, and not what the server said to the cancel. */
  #isTakenAway = false;
  #isAnswered = false;
  readonly #host: StatementHost;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  #stopListening: (() => void) | undefined;
  /** How it ended, once it has. */
  #end: { readonly result: T } | { readonly error: unknown } | undefined;
  /** For whoever stopped it. */
  #ended: Deferred<T> | undefined;

  constructor(host: StatementHost, text: string, call: StatementCall, turn: number, bytesBefore: number) {
    super(!host.holdsProcess);
    this.#host = host;
    this.text = text;
    this.call = call;
    this.turn = turn;
    this.bytesBefore = bytesBefore;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve as (value: unknown) => void;
      this.#reject = reject;
    });
  }

  /** `work` is the client library's own promise. */
  follow(work: Promise<T>): void {
    const { call } = this;
    this.#host.timers.enlist(call.deadlineAt, this);
    if (call.signal !== undefined) this.#stopListening = onAbort(call.signal, () => this.#limit('aborted'));
    this.#watch(work);
  }

  #watch(work: Promise<T>): void {
    work.then(
      (result) => this.#succeed(result),
      (error: unknown) => void this.#fail(error),
    );
  }

  /** How it ends, with the client library's own error. */
  get ended(): Promise<T> {
    if (this.#ended === undefined) {
      this.#ended = createDeferred();
      // Whoever asks may stop caring before it ends.
      this.#ended.promise.catch(() => undefined);
      this.#tellEnd();
    }
    return this.#ended.promise;
  }

  /** It has ended as it was meant to, and nobody has stopped it: how long it took says how fast it is. */
  get isTelling(): boolean {
    return !this.isStopped && this.#end !== undefined && 'result' in this.#end;
  }

  onDeadline(): void {
    this.#limit('deadline');
  }

  /** It may last longer than was said when it began. */
  prolong(deadlineAt: number): void {
    if (this.#isAnswered || this.isStopped) return;
    this.#host.timers.unwatch(this);
    this.#host.timers.enlist(deadlineAt, this);
  }

  /** From here on the caller hears what became of stopping it; its own deadline still holds. */
  takeAway(): void {
    this.#isTakenAway = true;
    this.#host.stop(this, 'runtime').then(
      (result) => this.#answer(() => this.#resolve(result)),
      (error: unknown) => this.#answer(() => this.#reject(error)),
    );
  }

  #succeed(result: T): void {
    this.#end = { result };
    this.#host.onStatementEnded(this);
    this.#tellEnd();
    if (this.#isAnswered || this.#isTakenAway) return;
    this.#isAnswered = true;
    this.#letGo();
    this.#resolve(result);
  }

  /** An error reaches the caller together with a usable connection. */
  async #fail(error: unknown): Promise<void> {
    const again = this.#host.again?.(this, error);
    if (again !== undefined) return this.#watch(again);
    await this.#host.untilReady().catch(() => undefined);
    this.#end = { error };
    this.#host.onStatementEnded(this);
    this.#tellEnd();
    if (!this.#isTakenAway) this.#answer(() => this.#reject(this.#host.toError(error, this)));
  }

  #limit(cause: StopCause): void {
    // A throw of `stop` becomes the answer.
    this.#answer(() => this.#resolve(this.#host.stop(this, cause)));
  }

  #answer(give: () => void): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#letGo();
    give();
  }

  #letGo(): void {
    this.#host.timers.unwatch(this);
    this.#stopListening?.();
  }

  #tellEnd(): void {
    if (this.#ended === undefined || this.#end === undefined) return;
    if ('result' in this.#end) this.#ended.resolve(this.#end.result);
    else this.#ended.reject(this.#end.error);
  }
}
