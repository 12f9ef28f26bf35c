/**
 * Transactions and savepoints as users hold them: an executor whose statements all run on one connection, and an end.
 * The state machine below (connection/transaction-control.ts) decides what is still possible; this file adds the
 * executor's methods, the transaction's own deadline, and gives the connection back when it has ended.
 */
import type { Connection } from '../connection/connection.js';
import type { StatementCall } from '../connection/statement-call.js';
import type { OutcomeFinder, TransactionControl, TransactionState } from '../connection/transaction-control.js';
import { CancelledError, TimeoutError } from '../errors/timeout-error.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { onAbort } from '../kernel/abort-listener.js';
import type { Deadline, DeadlineTarget, WatchedDeadline } from '../kernel/deadline.js';
import { formatMs } from '../kernel/duration.js';
import type { LimitCause } from '../kernel/within.js';
import type { Call } from './call.js';
import type { DriverResult } from '../driver/query.js';
import type { Executor, Statement, StatementParams } from './executor.js';
import { StatementExecutor } from './executor.js';
import type { House } from './house.js';
import type { QueryOptions } from './query-options.js';
import type { StatementWay } from './send-statement.js';
import { sendStatement } from './send-statement.js';
import { closedError, lostError, overlapError } from './transaction-errors.js';

/** A transaction, or a savepoint inside one. Its statements run one after the other on one connection. */
export interface Transaction extends Executor, AsyncDisposable {
  /** `open` until it ends; then how it ended. `lost`: the connection went away and the server rolled back. */
  readonly state: TransactionState;
  /** 1 for the first run of a transaction function. */
  readonly attempt: number;
  /** @throws OutcomeUnknownError when COMMIT was sent and its answer lost; with `resolveOutcome` only if asking was in vain. */
  commit(): Promise<void>;
  /** Does nothing when the transaction has ended already. */
  rollback(): Promise<void>;
  /**
   * A savepoint: `fn` succeeds as a whole or leaves no trace, and the surrounding transaction goes on either way.
   * @example await tx.transaction(async (inner) => { await inner.exec('insert …'); });
   */
  transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
}

/** Ending must work when the transaction's own time is up: ROLLBACK and COMMIT have a time of their own at least. */
const END_TIMEOUT_MS = 5_000;

interface Scope {
  readonly house: House;
  readonly connection: Connection;
  readonly control: TransactionControl;
  readonly deadline: Deadline;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** 1 for the first run of a transaction function. */
  readonly attempt: number;
  /** What the circuit breaker was when it let the transaction pass: its statements are told with it. */
  readonly generation: number;
}

export abstract class TransactionScope extends StatementExecutor implements Transaction {
  readonly attempt: number;
  protected readonly scope: Scope;

  constructor(scope: Scope) {
    super();
    this.scope = scope;
    this.attempt = scope.attempt;
  }

  abstract readonly state: TransactionState;
  abstract commit(): Promise<void>;
  abstract rollback(): Promise<void>;
  /** Why it was ended from outside (its deadline, its signal), if it was. */
  givenUpError(): FluxorError | undefined {
    return undefined;
  }

  /** Throws when no statement may go through this handle any more. */
  protected abstract assertUsable(): void;

  async transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    this.assertUsable();
    // Savepoints nest: undoing one of two that overlap would undo the other with it.
    if (this.#hasSavepoint) throw overlapError();
    this.#hasSavepoint = true;
    try {
      const name = await this.scope.control.savepoint(this.endCall());
      return await runInTransaction(new SavepointHandle(this.scope, name), fn);
    } finally {
      this.#hasSavepoint = false;
    }
  }

  #hasSavepoint = false;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rollback();
  }

  protected override send(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions | undefined,
    rowMode?: 'array',
  ): Promise<DriverResult> {
    this.assertUsable();
    const { house, connection, control, deadline, timeoutMs, signal, generation } = this.scope;
    const way: StatementWay = {
      inside: { connectionId: connection.id, generation },
      outer: { deadlineAt: deadline.at, timeoutMs },
      signal,
      work: (call) => control.execute(call.query, call.toStatementCall()),
    };
    return sendStatement(house, way, sql, params, options, rowMode);
  }

  protected override now(): number {
    return this.scope.house.parts.config.clock.now();
  }

  /** The call under which BEGIN's companions run: COMMIT, ROLLBACK, SAVEPOINT. */
  protected endCall(): StatementCall {
    const { house, connection, deadline } = this.scope;
    const { clock, name, query } = house.parts.config;
    const timeoutMs = Math.max(END_TIMEOUT_MS, Math.min(deadline.remaining(), query.timeoutMs));
    return {
      deadlineAt: clock.now() + timeoutMs,
      timeoutMs,
      signal: undefined,
      phase: 'transaction',
      isReadOnly: false,
      isSafeToRepeat: false,
      inTransaction: true,
      askedReadOnly: false,
      context: { runtime: name, connectionId: connection.id },
    };
  }
}

/** A transaction from BEGIN to its end. */
export class TransactionHandle extends TransactionScope implements DeadlineTarget {
  readonly id: number;
  /** Asks for the answer of COMMIT when it was lost; `undefined` where nobody wants that. Given by whoever opened it. */
  finder: OutcomeFinder | undefined;
  readonly #startedAt: number;
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

  get connectionId(): number {
    return this.scope.connection.id;
  }

  get runtimeName(): string {
    return this.scope.house.parts.config.name;
  }

  async commit(): Promise<void> {
    if (this.scope.signal?.aborted === true) this.#giveUp('aborted');
    this.assertUsable();
    this.#ending = this.scope.control.commit(this.endCall(), this.finder);
    await this.#ending;
  }

  async rollback(): Promise<void> {
    // How the end went is heard by whoever began it.
    if (this.#ending !== undefined) return this.#ending.catch(() => undefined);
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
    if (this.#givenUp === undefined) return undefined;
    if (this.#givenUp === 'aborted') {
      const text = 'the caller aborted the transaction; it was rolled back';
      return new CancelledError('caller', text, { outcome: 'not-applied', cause: this.scope.signal?.reason });
    }
    const text = `the transaction lasted longer than its ${formatMs(this.scope.timeoutMs)} and was rolled back`;
    return new TimeoutError('transaction', text, { outcome: 'not-applied', decision: 'whole-transaction' });
  }

  protected override assertUsable(): void {
    const error = this.givenUpError();
    if (error !== undefined) throw error;
    if (this.state !== 'open') throw closedError(this.state);
  }

  /** Called by the state machine, once, in whatever way the transaction ended. */
  #end(): void {
    const { house, connection, control } = this.scope;
    this.#stopListening?.();
    const { state } = control;
    house.parts.timers.unwatch(this.#watched);
    if (state === 'committed' || state === 'rolled-back' || state === 'lost' || state === 'unknown') {
      const durationMs = house.parts.config.clock.now() - this.#startedAt;
      const fact = { connectionId: connection.id, transactionId: this.id, durationMs, statements: control.statements };
      house.parts.hub.tell('transaction:ended', { ...fact, end: state });
    }
    this.#onEnd(state === 'committed' || state === 'rolled-back');
  }
}

/** A savepoint. It shares the connection and the fate of its transaction. */
class SavepointHandle extends TransactionScope {
  readonly #name: string;
  #end: 'committed' | 'rolled-back' | undefined;

  constructor(scope: Scope, name: string) {
    super(scope);
    this.#name = name;
  }

  get state(): TransactionState {
    return this.#end ?? this.scope.control.state;
  }

  async commit(): Promise<void> {
    this.assertUsable();
    try {
      await this.scope.control.releaseSavepoint(this.#name, this.endCall());
      this.#end = 'committed';
    } catch (error) {
      // A statement in it had failed and nobody said so: the transaction around it goes on without it.
      await this.rollback().catch(() => undefined);
      throw error;
    }
  }

  async rollback(): Promise<void> {
    if (this.state !== 'open') return;
    this.#end = 'rolled-back';
    await this.scope.control.rollbackTo(this.#name, this.endCall());
  }

  protected override assertUsable(): void {
    if (this.state !== 'open') throw closedError(this.state);
  }
}

/** Commits when `fn` resolves, rolls back when it rejects, and rejects with `fn`'s own error. */
export async function runInTransaction<T>(tx: TransactionScope, fn: (tx: Transaction) => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await fn(tx);
  } catch (error) {
    // Why the rollback failed, if it did, would hide why the transaction failed; the connection is dealt with either way.
    await tx.rollback().catch(() => undefined);
    throw error;
  }
  const givenUp = tx.givenUpError();
  if (givenUp !== undefined) {
    await tx.rollback();
    throw givenUp;
  }
  if (tx.state === 'open') await tx.commit();
  // `fn` swallowed the error of a lost connection: nothing was committed, and saying nothing would claim it was.
  else if (tx.state === 'lost' || tx.state === 'unknown') throw lostError(tx.state);
  return result;
}
