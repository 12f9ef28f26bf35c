/**
 * Transactions and savepoints as users hold them: an executor whose statements all run on one connection, and an end.
 * What is still possible, connection/transaction-control.ts decides; transaction-handle.ts adds the transaction's own end.
 * Over 300 lines, because a savepoint and its transaction are one class but for their ends, and both stand on this page.
 */
import type { Connection } from '../connection/connection.js';
import type { StatementCall } from '../connection/statement-call.js';
import { shapeOf } from '../connection/transaction-failures.js';
import type { TransactionControl, TransactionState } from '../connection/transaction-control.js';
import type { ErrorContext, FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Pass } from '../gate/gate.js';
import type { Deadline } from '../kernel/deadline.js';
import type { BatchWay } from './batch-call.js';
import { batchOpenError } from './batch-call.js';
import { sendBatch } from './batch.js';
import type { BatchOptions, BatchResult, ParamSets } from './batch-options.js';
import type { Executor, Row, Statement, StatementParams, Take } from './executor.js';
import { StatementExecutor } from './executor.js';
import { FollowedSource } from './followed-source.js';
import type { House } from './house.js';
import type { QueryOptions, StreamOptions } from './query-options.js';
import { assertFunction } from './query-options.js';
import type { RowSource } from './row-stream.js';
import type { StatementWay } from './send-statement.js';
import { sendStatement } from './send-statement.js';
import type { Pages, StreamWay } from './stream-plan.js';
import { StreamSource } from './stream-source.js';
import type { TracedTransaction } from './transaction-traces.js';
import { UNDONE, closedError, lostError, notAwaitedError, overlapError, savepointError } from './transaction-errors.js';
import { PendingWork } from './transaction-pending.js';

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
   * A savepoint: `fn` succeeds as a whole or leaves no trace, and the surrounding transaction goes on either way. Until it
   * ends, statements go through the handle that `fn` is given; those of this one are refused.
   * @throws TransactionError `invalid-state` while another savepoint is open, ConfigError when `fn` is not a function.
   * @example await tx.transaction(async (inner) => { await inner.exec('insert …'); });
   */
  transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
}

/** Ending must work when the transaction's own time is up: ROLLBACK and COMMIT have a time of their own at least. */
const END_TIMEOUT_MS = 5_000;

/** What a transaction and its savepoints share. */
export interface Scope {
  readonly house: House;
  readonly connection: Connection;
  readonly control: TransactionControl;
  readonly deadline: Deadline;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** 1 for the first run of a transaction function. */
  readonly attempt: number;
  /** What the gate gave for its connection: its statements report to it. */
  readonly pass: Pass;
  /** Why all of it had to be rolled back although nobody asked for that. */
  readonly trouble: { error: FluxorError | undefined };
  readonly traced: TracedTransaction | undefined;
}

export abstract class TransactionScope extends StatementExecutor implements Transaction {
  readonly attempt: number;
  /** Private to the language: whoever prints a transaction wants to see no runtime, and no values of its statements. */
  readonly #scope: Scope;
  /** What was sent through this handle and is not answered yet. */
  readonly #pending: PendingWork;
  /** What goes through the handle of the savepoint that is open on this one. */
  #savepoint: PendingWork | undefined;

  constructor(scope: Scope, pending = new PendingWork()) {
    super();
    this.#scope = scope;
    this.#pending = pending;
    this.attempt = scope.attempt;
  }

  protected get scope(): Scope {
    return this.#scope;
  }

  abstract readonly state: TransactionState;
  abstract commit(): Promise<void>;
  abstract rollback(): Promise<void>;
  /** Why it was ended from outside (its deadline, its signal), if it was. */
  givenUpError(): FluxorError | undefined {
    return undefined;
  }

  /** Throws when no statement may go through this handle any more; `sql` is the one that wants to. */
  protected abstract assertUsable(sql?: Statement<unknown>): void;

  transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    const inner = new PendingWork();
    return this.#pending.follow(this.#nest(fn, inner), 'savepoint', inner);
  }

  async #nest<T>(fn: (tx: Transaction) => Promise<T>, pending: PendingWork): Promise<T> {
    assertFunction(fn, 'transaction');
    this.#assertFree();
    this.#savepoint = pending;
    const free = () => {
      if (this.#savepoint === pending) this.#savepoint = undefined;
    };
    try {
      const name = await this.scope.control.savepoint(this.endCall());
      return await runInTransaction(new SavepointHandle(this.scope, name, this, pending, free), fn);
    } finally {
      free();
    }
  }

  /**
   * Usable, and no savepoint open on it: what went through now would be undone with that, and its sender never told. Of two
   * savepoints that overlap, undoing one would undo the other.
   */
  #assertFree(sql?: Statement<unknown>): void {
    this.assertUsable(sql);
    const { house, connection } = this.scope;
    if (house.parts.scopes.isDrawnFor(connection)) throw batchOpenError(connection.id);
    if (this.#savepoint !== undefined) throw overlapError(sql && this.shapeOf(sql));
  }

  /** Whether `error` was raised by this connection, and not by another database that user code also talked to. */
  isAbout(error: unknown): error is FluxorError {
    if (!isFluxorError(error)) return false;
    const { house, connection } = this.scope;
    return error.context.runtime === house.parts.config.name && error.context.connectionId === connection.id;
  }

  /** Nothing of it will be kept: what is under way, or begins now, may fail without a word. */
  protected excusePending(): void {
    this.#pending.excuse();
  }

  /** Whether something is under way that nobody awaited. It is asked before every commit. */
  protected get hasPending(): boolean {
    return !this.#pending.isEmpty;
  }

  /** Instead of a commit, where something is under way: rolls back, when it has had its turn, and says what it was. */
  protected async refuseCommit(): Promise<never> {
    const shapes = this.#pending
      .list()
      .map(({ what }) => (what === 'savepoint' ? 'a savepoint: tx.transaction()' : this.shapeOf(what.sql)));
    await this.rollback().catch(() => undefined);
    // One of them may have been a COMMIT.
    const outcome = UNDONE.has(this.state) ? 'not-applied' : 'unknown';
    throw notAwaitedError(shapes, outcome, this.endCall().context);
  }

  protected shapeOf(sql: Statement<unknown>): string {
    const { compiler, config } = this.scope.house.parts;
    return shapeOf(config.driver.dialect, typeof sql === 'string' ? sql : compiler.compile(sql).text);
  }

  /** Nothing goes through this handle any more; `sql` is what was to. */
  protected closedError(sql?: Statement<unknown>): FluxorError {
    return closedError(this.state, sql && this.shapeOf(sql), this.ownCommit, this.whereabouts);
  }

  /** Lets the error that ends all of it say so. */
  tellOwnCommit(error: FluxorError): void {
    this.scope.control.tellOwnCommit(error);
  }

  /** How a statement has committed it by itself, or may have, in words. */
  get ownCommit(): string | undefined {
    return this.scope.control.ownCommit;
  }

  /** Never rejects: that would hide the error that ended the scope. A rollback that fails leaves nothing behind either. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.rollback().catch(() => undefined);
  }

  override batch<R = Row>(sql: string, paramSets: ParamSets, options?: BatchOptions): Promise<BatchResult<R>> {
    return this.#pending.follow(this.#sendBatch<R>(sql, paramSets, options), { sql });
  }

  async #sendBatch<R>(sql: string, paramSets: ParamSets, options?: BatchOptions): Promise<BatchResult<R>> {
    this.#assertFree(sql);
    const { house, connection, control, deadline, timeoutMs, signal, pass, traced } = this.scope;
    const way: BatchWay = {
      inside: { connectionId: connection.id, pass, trace: traced?.trace },
      outer: { deadlineAt: deadline.at, timeoutMs },
      signal,
      held: connection,
      connection: () => connection,
      run: (call, work) => {
        // Its sets may have come after the end of this handle, or a savepoint before them.
        this.#assertFree(sql);
        return control.runBatch(work, call.toStatementCall());
      },
    };
    return sendBatch<R>(house, way, sql, paramSets, options);
  }

  protected override get whereabouts(): ErrorContext {
    const { house, connection } = this.scope;
    return { runtime: house.parts.config.name, connectionId: connection.id };
  }

  protected override send(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions | undefined,
    take: Take,
  ): Promise<unknown> {
    this.#assertFree(sql);
    const { house, connection, control, deadline, timeoutMs, signal, pass, traced } = this.scope;
    const way: StatementWay = {
      inside: { connectionId: connection.id, pass, trace: traced?.trace },
      outer: { deadlineAt: deadline.at, timeoutMs },
      signal,
      work: (call) => control.execute(call.query, call.toStatementCall()),
    };
    return sendStatement(house, way, sql, params, options, take);
  }

  protected override follow(answer: Promise<unknown>, sql: Statement<unknown>): Promise<unknown> {
    return this.#pending.follow(answer, { sql });
  }

  protected override openStream(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: StreamOptions | undefined,
  ): RowSource {
    const { house, connection, control, deadline, timeoutMs, signal, pass, traced } = this.scope;
    const pages: Pages = {
      readPage: async (cursor, call) => {
        this.#assertFree(sql);
        return control.readPage(cursor, call);
      },
      closeCursor: (cursor, call) => control.closeCursor(cursor, call),
    };
    const way: StreamWay = {
      inside: { connectionId: connection.id, pass, trace: traced?.trace },
      outer: { deadlineAt: deadline.at, timeoutMs },
      signal,
      isTransaction: true,
      pagesOf: () => pages,
    };
    const source = new StreamSource(house, way, sql, params, options);
    return new FollowedSource(source, (page) => this.#pending.follow(page, { sql }));
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

/** A savepoint. It shares the connection and the fate of its transaction, and ends with the savepoint around it. */
class SavepointHandle extends TransactionScope {
  readonly #name: string;
  readonly #around: TransactionScope;
  readonly #onEnd: () => void;
  /** Set before its end is sent: what went through after that would belong to the transaction around it. */
  #end: 'committing' | 'committed' | 'rolling-back' | 'rolled-back' | undefined;
  /** The end under way or done; a second one waits for it. */
  #ending: Promise<void> | undefined;

  /** `onEnd`: the transaction around it may be used again. */
  constructor(scope: Scope, name: string, around: TransactionScope, pending: PendingWork, onEnd: () => void) {
    super(scope, pending);
    this.#name = name;
    this.#around = around;
    this.#onEnd = onEnd;
  }

  get state(): TransactionState {
    return this.#end ?? this.#around.state;
  }

  override givenUpError(): FluxorError | undefined {
    const error = this.#around.givenUpError();
    if (error !== undefined || this.#end !== undefined) return error;
    // Undone with the savepoint around it, in which nobody awaited this one.
    const isUndone = this.scope.control.state === 'open' && this.state !== 'open';
    return isUndone ? this.closedError() : undefined;
  }

  async commit(): Promise<void> {
    this.assertUsable();
    if (this.hasPending) return this.refuseCommit();
    this.#ending = this.#release();
    await this.#ending;
  }

  async rollback(): Promise<void> {
    this.excusePending();
    // How the end went is heard by whoever began it.
    if (this.#ending !== undefined) return this.#ending.catch(() => undefined);
    if (this.state !== 'open') return;
    this.#ending = this.#undo();
    await this.#ending;
  }

  async #release(): Promise<void> {
    const { control } = this.scope;
    this.#end = 'committing';
    try {
      await control.releaseSavepoint(this.#name, this.endCall());
      this.#ended('committed');
    } catch (error) {
      const isFailed = isFluxorError(error, 'TRANSACTION') && error.reason === 'aborted';
      const cause = isFailed ? control.failedError('the savepoint was rolled back', this.endCall()) : error;
      this.excusePending();
      this.#end = undefined;
      // A statement in it had failed and nobody said so: the transaction around it goes on without it.
      if (this.state === 'open') await this.#undo().catch(() => undefined);
      throw cause;
    }
  }

  async #undo(): Promise<void> {
    const { control, trouble } = this.scope;
    this.#end = 'rolling-back';
    try {
      await control.rollbackTo(this.#name, this.endCall());
    } catch (cause) {
      // What should be undone is still there, and the transaction around it must not commit it.
      const { context } = this.endCall();
      trouble.error = savepointError(cause, context);
      await control.rollback(this.endCall()).catch(() => undefined);
      if (control.ownCommit !== undefined) trouble.error = savepointError(cause, context, control.ownCommit);
      throw cause;
    } finally {
      this.#ended('rolled-back');
    }
  }

  #ended(end: 'committed' | 'rolled-back'): void {
    this.#end = end;
    this.#onEnd();
  }

  protected override assertUsable(sql?: Statement<unknown>): void {
    const error = this.#around.givenUpError();
    if (error !== undefined) throw error;
    if (this.state !== 'open') throw this.closedError(sql);
  }
}

/** Commits when `fn` resolves, rolls back when it rejects, and rejects with `fn`'s own error. */
export async function runInTransaction<T>(tx: TransactionScope, fn: (tx: Transaction) => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await fn(tx);
  } catch (error) {
    // Why the rollback failed, if it did, would hide why the transaction failed; the connection is dealt with either way.
    const isUndone = await tx.rollback().then(
      () => true,
      () => tx.state === 'lost',
    );
    if (isUndone && tx.isAbout(error) && UNDONE.has(tx.state)) error.noteRolledBack();
    else if (tx.isAbout(error)) tx.tellOwnCommit(error);
    throw error;
  }
  const givenUp = tx.givenUpError();
  if (givenUp !== undefined) {
    await tx.rollback();
    tx.tellOwnCommit(givenUp);
    throw givenUp;
  }
  if (tx.state === 'open') {
    await tx.commit();
    return result;
  }
  // It ended in `fn`, or is about to: what comes after this must find it ended.
  await tx.rollback();
  // `fn` swallowed the error of a lost connection: nothing was committed, and saying nothing would claim it was.
  if (tx.state === 'lost' || tx.state === 'unknown') throw lostError(tx.state, tx.ownCommit);
  return result;
}
