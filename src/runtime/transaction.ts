/**
 * Transactions and savepoints as users hold them: an executor whose statements all run on one connection, and an end.
 * The state machine below (connection/transaction-control.ts) decides what is still possible; this file adds the
 * executor's methods, the transaction's own deadline, and gives the connection back when it has ended.
 */
import type { Connection, StatementCall } from '../connection/connection.js';
import type { TransactionControl, TransactionState } from '../connection/transaction-control.js';
import type { DriverResult } from '../driver/query.js';
import { TransactionError } from '../errors/query-error.js';
import { TimeoutError } from '../errors/timeout-error.js';
import { UsageError } from '../errors/usage-error.js';
import type { Deadline, DeadlineTarget, WatchedDeadline } from '../kernel/deadline.js';
import { formatMs } from '../kernel/duration.js';
import type { Call } from './call.js';
import type { Executor, Statement, StatementParams, TimedResult } from './executor.js';
import { StatementExecutor } from './executor.js';
import type { House } from './house.js';
import type { QueryOptions } from './query-options.js';
import { readTimeout } from './query-options.js';

/** A transaction, or a savepoint inside one. Its statements run one after the other on one connection. */
export interface Transaction extends Executor, AsyncDisposable {
  /** `open` until it ends; then how it ended. `lost`: the connection went away and the server rolled back. */
  readonly state: TransactionState;
  /** 1 for the first run of a transaction function. */
  readonly attempt: number;
  /** @throws OutcomeUnknownError when COMMIT was sent and its answer lost. */
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
}

abstract class TransactionScope extends StatementExecutor implements Transaction {
  readonly attempt = 1;
  protected readonly scope: Scope;

  constructor(scope: Scope) {
    super();
    this.scope = scope;
  }

  abstract readonly state: TransactionState;
  abstract commit(): Promise<void>;
  abstract rollback(): Promise<void>;
  /** Throws when no statement may go through this handle any more. */
  protected abstract assertUsable(): void;

  async transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    this.assertUsable();
    const name = await this.scope.control.savepoint(this.endCall());
    return runInTransaction(new SavepointHandle(this.scope, name), fn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rollback();
  }

  protected override async send(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions = {},
  ): Promise<TimedResult> {
    this.assertUsable();
    const { house, connection, control, deadline, signal } = this.scope;
    const { compiler, config, innerRoad } = house.parts;
    const query = { ...compiler.compile(sql, params), rowMode: options.rowMode ?? ('object' as const) };
    const call = house.newCall({
      kind: 'statement',
      timeoutMs: readTimeout(options.timeout, config.query.timeoutMs),
      outer: deadline,
      // The transaction's signal reaches into its statements; a statement's own comes on top.
      options: { ...options, ...joinSignals(signal, options.signal) },
      connectionId: connection.id,
      work: (self) => control.execute(query, self.toStatementCall()),
    });
    const result = (await innerRoad(call)) as DriverResult;
    return { result, durationMs: config.clock.now() - call.startedAt };
  }

  /** The call under which BEGIN's companions run: COMMIT, ROLLBACK, SAVEPOINT. */
  protected endCall(): StatementCall {
    const { house, connection, deadline, timeoutMs } = this.scope;
    const { clock, name } = house.parts.config;
    const ownAt = clock.now() + END_TIMEOUT_MS;
    return {
      deadlineAt: Math.max(ownAt, deadline.at),
      timeoutMs: deadline.at > ownAt ? timeoutMs : END_TIMEOUT_MS,
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
  readonly #id: number;
  readonly #startedAt: number;
  readonly #onEnd: (isReusable: boolean) => void;
  readonly #watched: WatchedDeadline | undefined;
  #isExpired = false;

  /** `onEnd` gives the connection back; called once. */
  constructor(scope: Scope, call: Call, onEnd: (isReusable: boolean) => void) {
    super(scope);
    const { house, connection, deadline } = scope;
    this.#id = house.nextTransactionId();
    this.#startedAt = call.startedAt;
    this.#onEnd = onEnd;
    this.#watched = house.parts.timers.watch(deadline.at, this);
    house.parts.hub.tell('transaction:begun', { connectionId: connection.id, transactionId: this.#id });
  }

  get state(): TransactionState {
    return this.scope.control.state;
  }

  async commit(): Promise<void> {
    this.assertUsable();
    try {
      await this.scope.control.commit(this.endCall());
    } finally {
      this.#end();
    }
  }

  async rollback(): Promise<void> {
    if (this.state !== 'open') return this.#end();
    try {
      await this.scope.control.rollback(this.endCall());
    } finally {
      this.#end();
    }
  }

  /** The transaction's time is up: its statements end by the same deadline, and what is open is rolled back. */
  onDeadline(): void {
    if (this.state !== 'open') return;
    this.#isExpired = true;
    this.rollback().catch(() => {
      // The connection is discarded; whoever holds the transaction hears of it at the next statement.
    });
  }

  protected override assertUsable(): void {
    if (this.#isExpired) {
      const text = `the transaction lasted longer than its ${formatMs(this.scope.timeoutMs)} and was rolled back`;
      throw new TimeoutError('transaction', text, { outcome: 'not-applied', decision: 'whole-transaction' });
    }
    if (this.state !== 'open') throw closedError(this.state);
  }

  #isEnded = false;

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { house, connection, control } = this.scope;
    const { state } = control;
    house.parts.timers.unwatch(this.#watched);
    if (state === 'committed' || state === 'rolled-back' || state === 'lost' || state === 'unknown') {
      const durationMs = house.parts.config.clock.now() - this.#startedAt;
      const fact = { connectionId: connection.id, transactionId: this.#id, durationMs, statements: control.statements };
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
    await this.scope.control.releaseSavepoint(this.#name, this.endCall());
    this.#end = 'committed';
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
export async function runInTransaction<T>(tx: Transaction, fn: (tx: Transaction) => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await fn(tx);
  } catch (error) {
    // Why the rollback failed, if it did, would hide why the transaction failed; the connection is dealt with either way.
    await tx.rollback().catch(() => undefined);
    throw error;
  }
  if (tx.state === 'open') await tx.commit();
  // `fn` swallowed the error of a lost connection: nothing was committed, and saying nothing would claim it was.
  else if (tx.state === 'lost' || tx.state === 'unknown') throw lostError(tx.state);
  return result;
}

function closedError(state: TransactionState): UsageError {
  return new UsageError('TRANSACTION_CLOSED', `The transaction is ${state}; await every statement before it ends`);
}

function lostError(state: 'lost' | 'unknown'): TransactionError {
  const outcome = state === 'lost' ? 'not-applied' : 'unknown';
  return new TransactionError(
    'aborted',
    'the connection was lost in the transaction, and the transaction function did not say so',
    {
      outcome,
      decision: state === 'lost' ? 'whole-transaction' : 'never',
    },
  );
}

function joinSignals(outer: AbortSignal | undefined, inner: AbortSignal | undefined): { signal?: AbortSignal } {
  if (outer === undefined) return inner === undefined ? {} : { signal: inner };
  return { signal: inner === undefined ? outer : AbortSignal.any([outer, inner]) };
}
