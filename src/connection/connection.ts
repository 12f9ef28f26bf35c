/**
 * A pooled database connection: one driver connection, one statement at a time, and the truth about each of them.
 * The pool lends it; sessions, transactions and single statements run through `execute`.
 *
 * Invariant: `condition()` answers `clean` only when the server is ready, outside any transaction, and nothing that was
 * stopped can still hit a later statement. Stopping is surgical: the cancel is sent, and the connection is held until
 * both the statement and the cancel have ended, or it is destroyed. (Measured for the design: of 300 cancels of fast
 * statements, 298 killed an innocent later one when the connection was reused at once.)
 * Refuses to know: pools, retries, who asked.
 *
 * Over 300 lines, because execute, stop and reset pass one thing between them, the turn, and races hide in the seams.
 */
import { TransactionError } from '../errors/query-error.js';
import { TimeoutError } from '../errors/timeout-error.js';
import { UsageError } from '../errors/usage-error.js';
import type { FluxorError, Outcome } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import { within } from '../kernel/within.js';
import type { Driver, DriverConnection, FailureSituation } from '../driver/driver.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import type { Condition, CreateRequest, ResourceFacts } from '../pool/resource-factory.js';
import { fingerprint } from '../sql/fingerprint.js';
import type { Hub } from '../telemetry/hub.js';
import type { Classify } from './classifier.js';
import type { ConnectionConfig } from './connection-options.js';
import type { StatementHost } from './running-statement.js';
import { RunningStatement } from './running-statement.js';
import type { StatementCall } from './statement-call.js';
import { ANSWER_GRACE_MS, CANCEL_AGAIN_MS, CANCEL_GRACE_MS } from './connection-options.js';
import type { StopCause, StoppedStatement } from './stop-errors.js';
import { stoppedError } from './stop-errors.js';
import { Turns } from './turns.js';

export interface ConnectionPorts {
  readonly driver: Driver;
  /** The driver's, with the user's word on it. */
  readonly classify: Classify;
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly hub: Hub;
  /** What is in force now: asked anew each time, because a pool may be reconfigured. */
  readonly config: () => ConnectionConfig;
}

/** Statements that can commit while they run, behind any comments: `CALL` of a procedure, and `DO`. */
const COMMITS_INSIDE = /^(?:\s|--[^\n]*\n|\/\*[^]*?\*\/)*(?:call|do)\b/i;

export class Connection {
  readonly id: number;
  /** Monotonic milliseconds by which it had been opened. */
  readonly openedAt: number;
  readonly #native: DriverConnection;
  readonly #ports: ConnectionPorts;
  readonly #onSiblings: CreateRequest['onSiblings'];
  readonly #turns = new Turns();
  readonly #host: StatementHost;
  /** The statement on the wire. */
  #running: RunningStatement | undefined;
  /** Pending while a stopped statement and its cancel have not both ended. */
  #settling: Promise<void> | undefined;
  /** From the start of a reset to its end, and for good once closed: whoever still calls has no lease any more. */
  #isFenced = false;
  #tenure = 1;
  #loans = 0;
  /** The server said something after which it must not be used again, although it is open. */
  #isCondemned = false;
  /** Lent for arbitrary statements since the last reset; they may have changed settings of the session. */
  #isTouched = false;
  /** Sent last in this loan. With its values, if they were written into it: only its fingerprint may be shown. */
  #lastText: string | undefined;

  /** `onSiblings` hears of every error here that says something about the other connections too. */
  constructor(
    id: number,
    native: DriverConnection,
    ports: ConnectionPorts,
    onSiblings: CreateRequest['onSiblings'] = ignore,
  ) {
    this.id = id;
    this.openedAt = ports.clock.now();
    this.#native = native;
    this.#ports = ports;
    this.#onSiblings = onSiblings;
    this.#host = {
      timers: ports.timers,
      holdsProcess: ports.driver.capabilities.holdsProcess ?? false,
      untilReady: () => native.untilReady(),
      onStatementEnded: (statement) => this.#onStatementEnded(statement),
      stop: (statement, cause) => this.#stop(statement, cause),
      toError: (error, statement) => this.#toError(error, statement),
    };
  }

  /** The server's own name for this session. */
  get sessionId(): string {
    return this.#native.sessionId;
  }

  condition(): Condition {
    const { state } = this.#native;
    if (state === 'closed' || this.#isCondemned) return 'broken';
    const needsReset = this.#isTouched && this.#ports.config().onRelease === 'reset';
    return state === 'idle' && this.#turns.isFree && !needsReset ? 'clean' : 'dirty';
  }

  /** For reports: nothing of it is computed before somebody asks. */
  describe(): ResourceFacts {
    const { state } = this.#native;
    if (this.#lastText === undefined) return { state };
    return { state, lastStatement: fingerprint(this.#ports.driver.dialect, this.#lastText) };
  }

  /** Says that the next borrower may run anything: it matters where `onRelease` is `'reset'`. */
  markTouched(): void {
    this.#isTouched = true;
  }

  /** The server's transaction has ended, whatever our own handle believes. */
  get isOutsideTransaction(): boolean {
    return this.#native.state === 'idle' || this.#native.state === 'closed';
  }

  /** A statement is on the wire, or has its turn. */
  get isBusy(): boolean {
    return !this.#turns.isFree;
  }

  /** Nothing runs and nothing is left over: the next statement of the same holder finds it ready. */
  get isReady(): boolean {
    return this.isIdle && this.#turns.isFree && !this.#isCondemned;
  }

  /** The server is ready, and in no transaction. */
  get isIdle(): boolean {
    return this.#native.state === 'idle';
  }

  /** A new loan begins: whatever the last borrower kept has no say any more. */
  beginTenure(): void {
    this.#loans += 1;
    this.#tenure += 1;
    this.#lastText = undefined;
  }

  /**
   * Moves on with every loan and every reset. A transaction handle remembers it: kept beyond the end of its session, it would otherwise
   * run its statements, or its ROLLBACK, on the connection of whoever has it now.
   */
  get tenure(): number {
    return this.#tenure;
  }

  /**
   * Runs one statement; a second one waits for the first.
   * Rejects with an error of the house that says what became of the statement.
   */
  execute(query: DriverQuery, call: StatementCall): Promise<DriverResult> {
    try {
      this.#assertLent(call);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#turns.isFree ? this.#start(query, call, this.#turns.occupy()) : this.#startInTurn(query, call);
  }

  /** Proves that the server answers. */
  async validate(): Promise<void> {
    await this.#native.ping(this.#ports.config().validationQuery);
  }

  /** Ends what the last borrower left behind: a running statement, a transaction, changed settings. Nothing is bounded here. */
  async reset(): Promise<void> {
    this.#isFenced = true;
    this.#tenure += 1;
    this.#refuseTurns();
    this.#takeAway();
    // Held to the end: neither the settling's own end nor a statement with its turn but not yet started may come between.
    const me = this.#turns.occupy();
    try {
      await this.#settling;
      await this.#native.untilReady();
      const { state } = this.#native;
      if (state === 'in-transaction' || state === 'failed-transaction') {
        await this.#native.execute({ text: this.#ports.driver.transactions.rollback, values: [], rowMode: 'array' });
        await this.#native.untilReady();
      }
      if (this.#ports.config().onRelease === 'reset') await this.#native.reset();
      this.#isTouched = false;
    } finally {
      this.#isFenced = false;
      this.#turns.leave(me);
    }
  }

  async close(): Promise<void> {
    this.#isFenced = true;
    this.#refuseTurns();
    await this.#native.close();
  }

  destroy(): void {
    this.#isFenced = true;
    this.#refuseTurns();
    this.#native.destroy();
  }

  /** Never throws: a statement that may not start, or cannot be sent, is a rejection like any other. */
  #start(query: DriverQuery, call: StatementCall, turn: number): Promise<DriverResult> {
    let bytesBefore: number | undefined;
    try {
      this.#assertMayStart(turn, call);
      bytesBefore = this.#native.bytesWritten;
      this.#lastText = query.text;
      const statement = new RunningStatement(this.#host, query.text, call, turn, bytesBefore);
      const work = this.#native.execute(query);
      this.#running = statement;
      statement.follow(work);
      return statement.answer;
    } catch (error) {
      this.#turns.leave(turn);
      if (isFluxorError(error)) return Promise.reject(error);
      return Promise.reject(this.#classify(error, call, this.#native.bytesWritten !== bytesBefore));
    }
  }

  async #startInTurn(query: DriverQuery, call: StatementCall): Promise<DriverResult> {
    return this.#start(query, call, await this.#waitTurn(call));
  }

  #onStatementEnded(statement: RunningStatement): void {
    if (this.#running === statement) this.#running = undefined;
    this.#turns.leave(statement.turn);
  }

  #toError(error: unknown, { call, text, bytesBefore }: RunningStatement): FluxorError {
    const wasSent = this.#native.bytesWritten !== bytesBefore;
    const known = isFluxorError(error) ? error : this.#classify(error, call, wasSent);
    if (wasSent && known.outcome === 'not-applied' && mayCommitInside(call, text)) known.raiseOutcome('unknown');
    if (known.isConnectionFatal) this.#isCondemned = true;
    return known;
  }

  /** Stops the statement, if nobody did before, and answers its caller with what became of it. */
  async #stop(running: RunningStatement, cause: StopCause): Promise<DriverResult> {
    const { call } = running;
    if (!running.isStopped) {
      this.#settle(running);
      this.#tellCancelled(call, cause);
    }
    const outcome = await this.#learnOutcome(running, cause === 'runtime' ? CANCEL_GRACE_MS : ANSWER_GRACE_MS);
    if (call.phase === 'commit' && outcome === 'applied') return running.ended;
    throw stoppedError(stopped(cause, call), outcome === 'unknown' && call.isReadOnly ? 'not-applied' : outcome);
  }

  /** Stops what a lease that has ended still runs. A COMMIT is given the grace to end by itself, and answers by itself. */
  #takeAway(): void {
    const running = this.#running;
    if (running === undefined || running.isStopped) return;
    if (running.call.phase === 'commit') return this.#settle(running);
    running.takeAway();
  }

  /** What the server says within the grace about a statement that was stopped. */
  #learnOutcome(running: RunningStatement, graceMs: number): Promise<Outcome> {
    const answer = running.ended.then(
      (): Outcome => 'applied',
      (error: unknown): Outcome => this.#toError(error, running).outcome,
    );
    const limits = { deadlineAt: this.#ports.clock.now() + graceMs, signal: undefined };
    return within(answer, limits, this.#ports.timers, () => 'unknown');
  }

  /**
   * Cancels at the server, and keeps the connection occupied until nothing of it can reach a later statement.
   * A COMMIT is never cancelled: half of it may have happened. It is waited for, and destroyed when it hangs.
   */
  #settle(running: RunningStatement): void {
    const { clock, timers, driver } = this.#ports;
    running.isStopped = true;
    const me = this.#turns.occupy();
    const isCancelled = running.call.phase !== 'commit' && driver.capabilities.canCancel;
    const ended = running.ended.then(ignore, ignore);
    const giveUpAt = clock.now() + CANCEL_GRACE_MS;
    const cancelled = isCancelled ? this.#cancelUntil(ended, giveUpAt) : undefined;
    const bothEnded = Promise.all([ended, cancelled]).then(async () => {
      // The cancel may have come too late for its statement. One harmless round trip takes it instead of the next caller.
      if (isCancelled && this.#native.state !== 'closed')
        await this.#native.ping().catch(() => this.#native.untilReady());
    });
    const limits = { deadlineAt: giveUpAt, signal: undefined };
    const settling = within(bothEnded, limits, timers, () => {
      throw new TimeoutError('statement', 'bug: never seen by a caller');
    })
      .catch(() => this.#native.destroy())
      .then(() => {
        if (this.#settling === settling) this.#settling = undefined;
        this.#turns.leave(me);
      });
    this.#settling = settling;
  }

  /** Cancels, and again if the first one overtook its statement; resolves when the last one sent can hit nothing later. */
  async #cancelUntil(ended: Promise<void>, giveUpAt: number): Promise<void> {
    const { clock, timers } = this.#ports;
    let isOver = false;
    for (let pauseMs = CANCEL_AGAIN_MS; !isOver && clock.now() < giveUpAt; pauseMs *= 2) {
      await this.#native.cancel();
      const limits = { deadlineAt: Math.min(clock.now() + pauseMs, giveUpAt), signal: undefined };
      isOver = await within(
        ended.then(() => true),
        limits,
        timers,
        () => false,
      );
    }
  }

  #tellCancelled(call: StatementCall, cause: StopCause): void {
    if (call.phase === 'commit') return;
    this.#ports.hub.tell('query:cancelled', { connectionId: this.id, queryId: call.context.queryId ?? 0, cause });
  }

  #classify(error: unknown, call: StatementCall, wasSent: boolean): FluxorError {
    const situation: FailureSituation = {
      phase: call.phase === 'commit' ? 'commit' : 'statement',
      wasSent,
      isReadOnly: call.isReadOnly,
      isSafeToRepeat: call.isSafeToRepeat,
      inTransaction: call.inTransaction,
      askedReadOnly: call.askedReadOnly,
      context: call.context,
      ...(this.#loans === 1 ? { isFirstLoan: true } : {}),
    };
    const classified = this.#ports.classify(error, situation);
    if (classified.siblings !== 'keep') this.#onSiblings(classified.siblings, classified);
    return classified;
  }

  #waitTurn(call: StatementCall): Promise<number> {
    return this.#turns.wait(call, this.#ports.timers, (cause) => {
      throw stoppedError(stopped(cause, call), 'not-sent');
    });
  }

  #assertLent(call: StatementCall): void {
    if (!this.#isFenced && (call.tenure ?? this.#tenure) === this.#tenure) return;
    const text = 'The connection was released and may serve somebody else now; acquire again';
    throw new UsageError('LEASE_RELEASED', text, { context: { connectionId: this.id } });
  }

  /** A limit may have been reached, or the lease ended, while the statement had its turn but had not started yet. */
  #assertMayStart(me: number, call: StatementCall): void {
    if (!this.#turns.isHeldBy(me)) throw this.#lateError();
    if (call.signal?.aborted === true) throw stoppedError(stopped('aborted', call), 'not-sent');
    if (this.#ports.clock.now() >= call.deadlineAt) throw stoppedError(stopped('deadline', call), 'not-sent');
    this.#assertInStep(call);
  }

  /** What the handle believes about the transaction and what the server says must agree, or work lands in the wrong one. */
  #assertInStep(call: StatementCall): void {
    const isBegin = call.isBegin === true;
    if (isBegin && !this.isIdle && this.#native.state !== 'closed') {
      const text = 'the session is in a transaction already; end it first, or use a savepoint: tx.transaction(fn)';
      throw new TransactionError('invalid-state', text, { context: call.context });
    }
    if (!isBegin && call.inTransaction && this.isIdle) {
      const text = 'The transaction was ended by other means than its handle';
      throw new UsageError('TRANSACTION_CLOSED', text, { context: call.context });
    }
  }

  /** Statements of a lease that has ended must not reach the wire. */
  #refuseTurns(): void {
    this.#turns.refuseAll(() => this.#lateError());
  }

  #lateError(): UsageError {
    const text = 'The connection was released before this statement had its turn; await every statement first';
    return new UsageError('LEASE_RELEASED', text, { context: { connectionId: this.id } });
  }
}

/** A procedure may have committed midway: whatever it was refused or stopped for came after that. */
function mayCommitInside(call: StatementCall, text: string): boolean {
  return !call.inTransaction && !call.isReadOnly && COMMITS_INSIDE.test(text);
}

function stopped(cause: StopCause, call: StatementCall): StoppedStatement {
  const { phase, timeoutMs, isSafeToRepeat, context } = call;
  return { cause, phase, timeoutMs, isSafeToRepeat, reason: call.signal?.reason, context };
}

function ignore(): void {
  // Somebody else hears of it, or nobody has to.
}
