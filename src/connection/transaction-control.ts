/**
 * One transaction on one connection, as a state machine that admits what it does not know. Used by the runtime's
 * Transaction, which adds the executor's methods.
 *
 *     open → committing → committed | rolled-back | unknown
 *     open → committing → resolving → committed | rolled-back | unknown      (COMMIT's answer was lost, and is asked for)
 *     open → rolling-back → rolled-back | lost
 *     open → lost                      (the connection went away: the server rolls back)
 *     open → committed | unknown       (a statement has committed by itself, or may have: own-commits.ts)
 *
 * Invariant: after the server has ended the transaction, no further statement goes to the wire through this handle; it
 * would run, and commit, on its own.
 *
 * Over 300 lines, because every way to send a statement must look at the state before it, and at the server after it.
 */
import { UsageError } from '../errors/usage-error.js';
import type { ErrorCode } from '../errors/catalogue.js';
import type { FluxorError, Outcome } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { TransactionError } from '../errors/query-error.js';
import type { TransitionTable } from '../kernel/transitions.js';
import { assertTransition } from '../kernel/transitions.js';
import type { BeginOptions, OwnCommit, TransactionStatements } from '../driver/driver.js';
import type { CursorPage, DriverQuery, DriverResult } from '../driver/query.js';
import type { Dialect } from '../sql/dialect.js';
import type { DriverBatchResult } from '../driver/batch.js';
import type { BatchWork } from './batch-work.js';
import { RUN_BATCH } from './batch-work.js';
import type { Connection } from './connection.js';
import type { OutcomeFinder } from './outcome-finder.js';
import { OwnCommits } from './own-commits.js';
import type { StatementCall } from './statement-call.js';
import type { StatementCursor } from './statement-cursor.js';
import type { FailedStatement } from './transaction-failures.js';
import { endingOf } from './written-endings.js';
import { chainError, committedByItself, endedByError, failedBeforeError } from './transaction-failures.js';

export type TransactionState =
  'open' | 'committing' | 'resolving' | 'rolling-back' | 'committed' | 'rolled-back' | 'lost' | 'unknown';

export const TRANSACTION_TRANSITIONS: TransitionTable<TransactionState> = {
  // Unknown: it was ended past this handle, or by a COMMIT written as a statement whose answer was lost.
  open: ['committing', 'rolling-back', 'lost', 'unknown'],
  // A COMMIT can be answered with a rollback: a deferred constraint, a serialization failure, a failed transaction.
  // What is asked for just before it can fail as any statement can: then it is not sent.
  committing: ['committed', 'rolled-back', 'unknown', 'resolving', 'rolling-back', 'lost'],
  resolving: ['committed', 'rolled-back', 'unknown'],
  'rolling-back': ['rolled-back', 'lost', 'unknown'],
  committed: [],
  'rolled-back': [],
  lost: [],
  unknown: [],
};

/** A COMMIT with one of these outcomes has left nothing: what was not sent is rolled back when the connection is cleaned. */
const CERTAINLY_NOT: ReadonlySet<Outcome> = new Set<Outcome>(['not-applied', 'not-sent']);

/** The errors of statements that the runtime, or the server, has stopped. */
const STOPPED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['TIMEOUT', 'CANCELLED']);

const SAVEPOINT = 'fluxor_';

export class TransactionControl {
  readonly #connection: Connection;
  readonly #words: TransactionStatements;
  readonly #options: BeginOptions;
  readonly #dialect: Dialect;
  /** The loan of the connection that this transaction belongs to; it may end first. */
  readonly #tenure: number;
  #state: TransactionState = 'open';
  /** Called once, when nothing more can happen through this transaction, however that came about. */
  onEnded: (() => void) | undefined;
  #savepoints = 0;
  #statements = 0;
  /** The first statement that failed, and was not undone with its savepoint. */
  #failed: FailedStatement | undefined;
  readonly #own: OwnCommits;

  /** The caller has the connection while it lives. `dialect`: of its statements. `telling`: a statement that is part of BEGIN. */
  static async begin(
    connection: Connection,
    words: TransactionStatements,
    options: BeginOptions,
    call: StatementCall,
    dialect: Dialect,
    telling?: string,
  ): Promise<TransactionControl> {
    const control = new TransactionControl(connection, words, options, dialect);
    try {
      await connection.execute(plain(words.begin(options)), { ...call, inTransaction: true, isBegin: true });
      if (telling !== undefined) await connection.execute(plain(telling), { ...call, inTransaction: true });
    } catch (error) {
      control.#undoBegin(call);
      // A BEGIN that was carried out after all has applied nothing.
      if (isFluxorError(error)) error.noteRolledBack();
      throw error;
    }
    return control;
  }

  private constructor(connection: Connection, words: TransactionStatements, options: BeginOptions, dialect: Dialect) {
    this.#connection = connection;
    this.#words = words;
    this.#options = options;
    this.#dialect = dialect;
    this.#tenure = connection.tenure;
    this.#own = new OwnCommits(words, dialect);
  }

  get state(): TransactionState {
    return this.#state;
  }

  /** How a statement of it has committed it, or may have, in words; `undefined` where none has, or it is open. */
  get ownCommit(): string | undefined {
    return this.#state === 'open' || this.#state === 'rolled-back' ? undefined : this.#own.reason;
  }

  /** Lets an error of the transaction as a whole say so. */
  tellOwnCommit(error: FluxorError): void {
    if (this.ownCommit !== undefined) this.#own.tell(error);
  }

  /** Statements run so far, savepoints not counted. */
  get statements(): number {
    return this.#statements;
  }

  /** @throws UsageError `TRANSACTION_CLOSED` when it has ended; otherwise whatever the statement raises. */
  async execute(query: DriverQuery, call: StatementCall): Promise<DriverResult> {
    this.#assertOpen();
    const ending = endingOf(this.#dialect, query.text);
    if (ending === 'chained') throw chainError(this.#connection.id);
    this.#statements += 1;
    // Written as a statement it is a COMMIT all the same: cut off, it may have happened.
    return this.#run(query, ending === 'for-good' ? { ...call, phase: 'commit' } : call);
  }

  /** Many sets of values, and one statement. */
  async runBatch(work: BatchWork, call: StatementCall): Promise<DriverBatchResult> {
    this.#assertOpen();
    this.#statements += 1;
    return this.#minding(() => this.#connection.run(work, RUN_BATCH, this.#inside(call)), call, work.text);
  }

  /** The next rows of a cursor; as often as wanted, it is one statement. */
  async readPage(cursor: StatementCursor, call: StatementCall): Promise<CursorPage> {
    this.#assertOpen();
    if (!cursor.isOpen) {
      if (endingOf(this.#dialect, cursor.text) === 'chained') throw chainError(this.#connection.id);
      this.#statements += 1;
    }
    return this.#minding(() => this.#connection.readPage(cursor, this.#inside(call)), call, cursor.text, cursor);
  }

  /** The end of the transaction ends its cursors by itself. */
  async closeCursor(cursor: StatementCursor, call: StatementCall): Promise<void> {
    if (this.#state === 'open') {
      await this.#minding(() => this.#connection.closeCursor(cursor, this.#inside(call)), call, cursor.text, cursor);
    }
  }

  /** `call` bounds what is sent on this connection; with a `finder`, a lost answer is asked for before this settles. */
  async commit(call: StatementCall, finder?: OutcomeFinder): Promise<void> {
    this.#assertOpen();
    this.#assertStillThere();
    this.#move('committing');
    const canFind = finder !== undefined && (await this.#prepare(finder, call));
    let result: DriverResult;
    try {
      result = await this.#connection.execute(plain(this.#words.commit), {
        ...this.#inside(call),
        phase: 'commit',
        signal: undefined,
        endsStream: true,
      });
    } catch (error) {
      if (canFind && isFluxorError(error) && error.outcome === 'unknown') return this.#find(finder, error);
      if (isFluxorError(error) && CERTAINLY_NOT.has(error.outcome)) this.#moveUndone('rolled-back', error);
      else this.#move('unknown');
      throw error;
    }
    if (result.command !== 'ROLLBACK') return this.#move('committed');
    // PostgreSQL answers COMMIT of a failed transaction with a friendly ROLLBACK (manual, COMMIT: "Outputs").
    this.#move('rolled-back');
    throw this.failedError('COMMIT rolled back', call);
  }

  /** Nothing of it can be kept, because a statement failed and whoever sent it went on. `what` says what came of that. */
  failedError(what: string, { context }: StatementCall): TransactionError {
    return failedBeforeError(what, this.#failed, this.#dialect, context);
  }

  /** Ends without a trace. Does nothing when it has ended already. */
  async rollback(call: StatementCall): Promise<void> {
    if (this.#state === 'open') await this.#rollBack(call);
  }

  async #rollBack(call: StatementCall): Promise<void> {
    this.#move('rolling-back');
    const ending = { ...this.#inside(call), signal: undefined, endsStream: true };
    await this.#own.settle((text) => this.#connection.execute(plain(text), ending));
    try {
      await this.#connection.execute(plain(this.#words.rollback), ending);
      this.#own.clear();
      this.#moveUndone('rolled-back');
    } catch (error) {
      // The server rolls back what it has lost sight of; the connection is dirty or gone, and the pool sees to that. But
      // with no transaction there to roll back, somebody has ended it, and may have committed.
      if (isEndedElsewhere(error)) this.#move('unknown');
      else this.#moveUndone('lost');
      throw error;
    }
  }

  /** Opens a savepoint and answers its name. */
  async savepoint(call: StatementCall): Promise<string> {
    this.#assertOpen();
    this.#savepoints += 1;
    const name = `${SAVEPOINT}${this.#savepoints}`;
    await this.#run(plain(this.#words.savepoint(name)), call);
    return name;
  }

  async releaseSavepoint(name: string, call: StatementCall): Promise<void> {
    this.#assertOpen();
    await this.#run(plain(this.#words.releaseSavepoint(name)), call);
    this.#own.clearSince(Number(name.slice(SAVEPOINT.length)));
  }

  async rollbackTo(name: string, call: StatementCall): Promise<void> {
    this.#assertOpen();
    await this.#run(plain(this.#words.rollbackTo(name)), call);
    // With it goes what had failed since: before it nothing had, or it could not have been made.
    this.#failed = undefined;
    this.#own.clearSince(Number(name.slice(SAVEPOINT.length)));
    // It would stay otherwise, and a loop of failures would nest ever deeper.
    await this.#run(plain(this.#words.releaseSavepoint(name)), call);
  }

  /** A transaction that has failed already goes on to COMMIT, which says so. Any other failure ends it here. */
  async #prepare(finder: OutcomeFinder, call: StatementCall): Promise<boolean> {
    const inside: StatementCall = { ...this.#inside(call), signal: undefined, isReadOnly: true, isSafeToRepeat: true };
    try {
      return await finder.prepare((query) => this.#connection.execute(query, inside));
    } catch (error) {
      if (isFluxorError(error, 'TRANSACTION') && error.reason === 'aborted') return false;
      if (isFluxorError(error) && this.#hasEnded(error)) this.#moveUndone('lost', error);
      // Why the rollback failed, if it did, would hide why there was no COMMIT.
      else await this.#rollBack(call).catch(() => undefined);
      throw error;
    }
  }

  async #find(finder: OutcomeFinder, lost: FluxorError): Promise<void> {
    this.#move('resolving');
    const found = await finder.find(lost);
    this.#move(found.fate);
    if (found.fate !== 'committed') throw found.error;
  }

  /** Whoever gave up on BEGIN may have done so after the server carried it out. Queued before anything the caller sends next. */
  #undoBegin(call: StatementCall): void {
    const undo = { ...call, inTransaction: true, signal: undefined, deadlineAt: Infinity, tenure: this.#tenure };
    this.#connection.execute(plain(this.#words.rollback), undo).catch(() => {
      // There was none, or the connection is gone, or the lease has ended and the reset sees to it.
    });
  }

  async #run(query: DriverQuery, call: StatementCall): Promise<DriverResult> {
    const result = await this.#minding(() => this.#connection.execute(query, this.#inside(call)), call, query.text);
    this.#noticeEnd(result);
    return result;
  }

  /** `text` is what reports show the fingerprint of; `cursor` is what brings it page by page. */
  async #minding<T>(begin: () => Promise<T>, call: StatementCall, text: string, cursor?: StatementCursor): Promise<T> {
    // Declared read-only, it commits nothing.
    const own = call.isReadOnly || cursor?.isOpen === true ? undefined : this.#own.kindOf(text);
    if (own !== undefined) this.#own.begin(text, own, this.#savepoints, this.#asking(call));
    try {
      const result = await begin();
      // Between the pages of a cursor nothing can be asked for.
      if (own !== undefined && cursor === undefined) await this.#heedOwn(own, call, text);
      return result;
    } catch (error) {
      if (isFluxorError(error)) {
        // What was not sent has failed nothing at the server.
        if (error.outcome === 'not-sent') this.#own.forget(text);
        else this.#failed ??= { error, text };
        if (this.#state === 'open') await this.#heed(error, call, text, error.outcome === 'not-sent' ? undefined : own);
      }
      throw error;
    }
  }

  /** An error may be the end of the transaction, and may leave open which. */
  async #heed(error: FluxorError, call: StatementCall, text: string, own: OwnCommit | undefined): Promise<void> {
    if ((call.phase === 'commit' && error.outcome === 'unknown') || isEndedElsewhere(error))
      return this.#move('unknown');
    if (this.#hasEnded(error)) {
      // A definition commits before it begins; a program may have been rolled back.
      if (this.#connection.isIdle && own !== undefined && own !== 'program') this.#own.find(text);
      if (own !== undefined) error.raiseOutcome('unknown');
      return this.#moveUndone('lost', error);
    }
    if (own === undefined) return;
    // One that was stopped may not have ended yet, and its caller has waited long enough.
    if (error.outcome !== 'unknown' && !STOPPED.has(error.code)) await this.#settleOwn(own, call);
    const { breaker, isConnectionFatal } = error;
    if (this.#own.mayHaveKept) error.overrule({ outcome: 'unknown', decision: 'never', breaker, isConnectionFatal });
    this.tellOwnCommit(error);
  }

  /** It has succeeded. */
  async #heedOwn(own: OwnCommit, call: StatementCall, text: string): Promise<void> {
    if (this.#state !== 'open') return;
    if (!this.#connection.isIdle) return this.#settleOwn(own, call);
    if (own === 'program') return this.#move('unknown');
    this.#own.find(text);
    this.#move('committing');
    this.#move('committed');
  }

  /** It has ended, and the server is in a transaction: perhaps in another one. */
  async #settleOwn(own: OwnCommit, call: StatementCall): Promise<void> {
    if (own === 'program') await this.#own.settle(this.#asking(call));
    else this.#own.clear();
    if (this.#own.hasFound && this.#state === 'open') this.#move('unknown');
  }

  /** For the savepoint that a program may take away. */
  #asking(call: StatementCall): (text: string) => Promise<unknown> {
    const asking = { ...this.#inside(call), phase: 'transaction', signal: undefined, isSafeToRepeat: true } as const;
    return (text) => this.#connection.execute(plain(text), asking);
  }

  /** Nothing of it remains, as far as its handle knows; unless a statement has committed by itself. `error` is what ended it. */
  #moveUndone(to: 'lost' | 'rolled-back', error?: FluxorError): void {
    this.#move(this.#own.mayHaveKept ? 'unknown' : to);
    if (error !== undefined) this.#own.tell(error);
  }

  /** Somebody wrote COMMIT or ROLLBACK as a statement. What came after it would run, and commit, on its own. */
  #noticeEnd({ command }: DriverResult): void {
    if (this.#state !== 'open' || (command !== 'COMMIT' && command !== 'ROLLBACK')) return;
    if (!this.#connection.isOutsideTransaction) {
      // `rollback to savepoint` confirms with the same word, and ends nothing. A COMMIT that nobody took for one, and that
      // began a new transaction, has left behind what this handle must not repeat.
      if (command === 'ROLLBACK') this.#failed = undefined;
      else this.#move('unknown');
      return;
    }
    this.#move(command === 'COMMIT' ? 'committing' : 'rolling-back');
    this.#move(command === 'COMMIT' ? 'committed' : 'rolled-back');
  }

  /** The connection is gone, or the server ended the transaction by itself. */
  #hasEnded(error: FluxorError): boolean {
    return error.isConnectionFatal || this.#connection.isOutsideTransaction;
  }

  /** Somebody ended it past this handle: COMMIT on the session, or another handle of the same session. */
  #assertStillThere(): void {
    if (!this.#connection.isIdle) return;
    this.#move('unknown');
    this.#assertOpen();
  }

  #inside(call: StatementCall): StatementCall {
    return { ...call, inTransaction: true, askedReadOnly: this.#options.readOnly === true, tenure: this.#tenure };
  }

  #assertOpen(): void {
    if (this.#state === 'open') return;
    const context = { connectionId: this.#connection.id };
    if (this.ownCommit !== undefined) throw committedByItself(this.ownCommit, context);
    if (this.#state === 'lost' && this.#failed?.error.isConnectionFatal === false)
      throw endedByError(this.#failed, this.#dialect, context);
    const text = `The transaction is ${this.#state}; await every statement before it ends`;
    throw new UsageError('TRANSACTION_CLOSED', text, { context });
  }

  #move(to: TransactionState): void {
    assertTransition('transaction', TRANSACTION_TRANSITIONS, this.#state, to);
    this.#state = to;
    if (TRANSACTION_TRANSITIONS[to].length === 0) this.onEnded?.();
  }
}

/** The session is in no transaction any more, and it was not this handle that ended it. */
function isEndedElsewhere(error: unknown): boolean {
  return isFluxorError(error, 'TRANSACTION_CLOSED');
}

function plain(text: string): DriverQuery {
  return { text, values: [], rowMode: 'array' };
}
