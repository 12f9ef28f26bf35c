/**
 * A transaction from BEGIN to its end: its own deadline, the caller's signal, COMMIT and ROLLBACK, and the connection that
 * is given back afterwards. Made by begin.ts.
 * Invariant: it is ended once, in whatever way; after that it watches no deadline and listens to no signal.
 */
import type { OutcomeFinder } from '../connection/outcome-finder.js';
import type { TransactionState } from '../connection/transaction-control.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { CancelledError, TimeoutError } from '../errors/timeout-error.js';
import { onAbort } from '../kernel/abort-listener.js';
import type { DeadlineTarget, WatchedDeadline } from '../kernel/deadline.js';
import { formatMs } from '../kernel/duration.js';
import type { LimitCause } from '../kernel/within.js';
import type { Call } from './call.js';
import type { Statement } from './executor.js';
import type { OpenTransaction } from './transaction-metrics.js';
import type { Scope } from './transaction.js';
import { TransactionScope } from './transaction.js';

export class TransactionHandle extends TransactionScope implements DeadlineTarget {
  readonly id: number;
  /** Asks for the answer of COMMIT when it was lost; `undefined` where nobody wants that. Given by whoever opened it. */
  finder: OutcomeFinder | undefined;
  readonly #startedAt: number;
  readonly #counted: OpenTransaction;
  readonly #onEnd: (isReusable: boolean) => void;
  readonly #watched: WatchedDeadline | undefined;
  readonly #stopListening: (() => void) | undefined;
  /** Why it was ended from outside, if it was. */
  #givenUp: LimitCause | undefined;
  /** COMMIT or ROLLBACK under way or done; a second end waits for it instead of cutting it off. */
  #ending: Promise<void> | undefined;

  /** `onEnd` gives the connection back; it may have been given back before, while the outcome was asked for. */
  constructor(scope: Scope, call: Call, onEnd: (isReusable: boolean) => void) {
    super(scope);
    const { house, connection, deadline } = scope;
    this.id = house.nextTransactionId();
    this.#startedAt = call.startedAt;
    this.#counted = house.parts.transactions.begun(connection);
    this.#onEnd = onEnd;
    scope.control.onEnded = () => this.#end();
    this.#watched = house.parts.timers.watch(deadline.at, this);
    // Weakly: a signal of the whole process must not keep a transaction alive that everybody else has dropped.
    const self = new WeakRef(this);
    this.#stopListening = scope.signal && onAbort(scope.signal, () => self.deref()?.onAbort());
    house.parts.hub.tell('transaction:begun', { connectionId: connection.id, transactionId: this.id });
  }

  get state(): TransactionState {
    return this.scope.control.state;
  }

  /** Knows whether it is about to end, and does not hold this handle. */
  get counted(): OpenTransaction {
    return this.#counted;
  }

  async commit(): Promise<void> {
    if (this.scope.signal?.aborted === true) this.#giveUp('aborted');
    this.assertUsable();
    if (this.hasPending) return this.refuseCommit();
    this.#counted.isEnding = true;
    this.#ending = this.scope.control.commit(this.endCall(), this.finder);
    await this.#ending;
  }

  async rollback(): Promise<void> {
    this.excusePending();
    // How the end went is heard by whoever began it.
    if (this.#ending !== undefined) return this.#ending.catch(() => undefined);
    this.#counted.isEnding = true;
    this.#ending = this.scope.control.rollback(this.endCall());
    await this.#ending;
  }

  onDeadline(): void {
    this.#giveUp('deadline');
  }

  onAbort(): void {
    this.#giveUp('aborted');
  }

  /** Its statements end by the same deadline or signal; what is open is rolled back. */
  #giveUp(cause: LimitCause): void {
    if (this.state !== 'open') return;
    this.#givenUp = cause;
    this.rollback().catch(() => {
      // The connection is discarded; whoever holds the transaction hears of it at the next statement.
    });
  }

  override givenUpError(): FluxorError | undefined {
    if (this.scope.trouble.error !== undefined) return this.scope.trouble.error;
    if (this.#givenUp === undefined) return undefined;
    const error = this.#limitError(this.#givenUp);
    this.tellOwnCommit(error);
    return error;
  }

  #limitError(cause: LimitCause): FluxorError {
    if (cause === 'aborted') {
      const text = 'the caller aborted the transaction; it was rolled back';
      return new CancelledError('caller', text, { outcome: 'not-applied', cause: this.scope.signal?.reason });
    }
    const text = `the transaction lasted longer than its ${formatMs(this.scope.timeoutMs)} and was rolled back`;
    return new TimeoutError('transaction', text, { outcome: 'not-applied', decision: 'whole-transaction' });
  }

  protected override assertUsable(sql?: Statement<unknown>): void {
    const error = this.givenUpError();
    if (error !== undefined) throw error;
    if (this.state !== 'open') throw this.closedError(sql);
  }

  /** Called by the state machine, once, in whatever way the transaction ended. */
  #end(): void {
    const { house, connection, control, traced } = this.scope;
    this.#stopListening?.();
    const { state } = control;
    house.parts.timers.unwatch(this.#watched);
    if (state === 'committed' || state === 'rolled-back' || state === 'lost' || state === 'unknown') {
      const now = house.parts.config.clock.now();
      const durationMs = now - this.#startedAt;
      house.parts.transactions.ended(this.#counted, state, control.statements, durationMs, now);
      const fact = { connectionId: connection.id, transactionId: this.id, durationMs, statements: control.statements };
      house.parts.hub.tell('transaction:ended', { ...fact, end: state });
      if (traced !== undefined) {
        Object.assign(traced.trace, { outcome: state, statements: control.statements, connectionId: connection.id });
        traced.onEnd?.();
      }
    }
    this.#onEnd(state === 'committed' || state === 'rolled-back');
  }
}
