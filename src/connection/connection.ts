/**
 * A pooled database connection: one driver connection, one statement at a time, and the truth about each of them.
 * The pool lends it; sessions, transactions and single statements run through `execute`.
 *
 * Invariant: `condition()` answers `clean` only when the server is ready, outside any transaction, and nothing that was
 * stopped can still hit a later statement (stopper.ts), and nothing that a borrower left in the session is left there
 * (session-care.ts).
 * Refuses to know: pools, retries, who asked.
 *
 * Over 300 lines, because execute, stop and reset pass one thing between them, the turn, and races hide in the seams.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { Driver, DriverConnection } from '../driver/driver.js';
import type { CursorPage, DriverQuery, DriverResult } from '../driver/query.js';
import type { Condition, CreateRequest, ResourceFacts } from '../pool/resource-factory.js';
import { fingerprint } from '../sql/fingerprint.js';
import type { Hub } from '../telemetry/hub.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { Classify } from './classifier.js';
import type { ConnectionConfig } from './connection-options.js';
import type { StatementHost } from './running-statement.js';
import { RunningStatement } from './running-statement.js';
import type { StatementCall } from './statement-call.js';
import { StatementFailures } from './statement-failures.js';
import type { StatementCursor } from './statement-cursor.js';
import { assertInStep, assertInTime, lateError, releasedError } from './lease-errors.js';
import { OpenCursor } from './open-cursor.js';
import { Pipeline } from './pipeline.js';
import { SessionCare } from './session-care.js';
import type { StatementBook, StatementFacts } from './statement-book.js';
import { StatementCache } from './statement-cache.js';
import type { StatementPace } from './statement-pace.js';
import { StatementStart } from './statement-start.js';
import type { StopCause } from './stop-errors.js';
import { stopped, stoppedError } from './stop-errors.js';
import { Stopper } from './stopper.js';
import type { Begin, Work } from './work.js';
import { Turns } from './turns.js';

export interface ConnectionPorts {
  readonly driver: Driver;
  /** The driver's, with the user's word on it. */
  readonly classify: Classify;
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly hub: Hub;
  /** One for all connections of the runtime. */
  readonly book: StatementBook;
  /** How fast statements are; absent where none travel together. One for all connections, too. */
  readonly pace?: StatementPace | undefined;
  /** What is in force now: asked anew each time, because a pool may be reconfigured. */
  readonly config: () => ConnectionConfig;
  /** The fingerprint of a text, where it is known already: to make one takes as long as the rest of a report. */
  readonly fingerprintOf?: (text: string) => string | undefined;
  readonly tracing?: Tracing | undefined;
}

export class Connection {
  readonly id: number;
  /** Monotonic milliseconds by which it had been opened. */
  readonly openedAt: number;
  readonly #native: DriverConnection;
  readonly #ports: ConnectionPorts;
  readonly #failures: StatementFailures;
  readonly #turns = new Turns();
  readonly #host: StatementHost;
  readonly #stopper: Stopper;
  readonly #cache: StatementCache;
  readonly #care: SessionCare;
  readonly #starter: StatementStart;
  readonly #cursor: OpenCursor;
  /** Statements that travel together; absent where the session cannot have several in flight. */
  readonly #pipeline: Pipeline | undefined;
  /** The statement on the wire, where it has the connection to itself, and since when. */
  #running: RunningStatement | undefined;
  #runningSince = 0;
  /** From the start of a reset to its end, and for good once closed: whoever still calls has no lease any more. */
  #isFenced = false;
  /** Closed or destroyed. */
  #hasEnded = false;
  #tenure = 1;
  #loans = 0;
  /** The server said something after which it must not be used again, although it is open. */
  #isCondemned = false;
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
    this.#failures = new StatementFailures(native, ports.classify, ports.driver, onSiblings);
    this.#cache = new StatementCache(native, ports.book);
    this.#care = new SessionCare(native);
    const { clock, timers, driver, tracing } = ports;
    const cursor = (this.#cursor = new OpenCursor(native, driver.dialect));
    this.#stopper = new Stopper(native, {
      clock,
      timers,
      canCancel: driver.capabilities.canCancel,
      turns: this.#turns,
      endCursor: () => cursor.end(),
      tracing,
    });
    const memory = { book: ports.book, cache: this.#cache, care: this.#care, tracing };
    this.#starter = new StatementStart(native, { ...memory, shield: this.#stopper });
    this.#host = {
      timers,
      holdsProcess: driver.capabilities.holdsProcess ?? false,
      untilReady: () => native.untilReady(),
      onStatementEnded: (statement) => this.#onStatementEnded(statement),
      stop: (statement, cause) => this.#stop(statement, cause),
      toError: (error, statement) => this.#toError(error, statement),
    };
    this.#pipeline = ports.pace && native.canPipeline !== false ? this.#newPipeline(ports.pace) : undefined;
  }

  /** The server's own name for this session. */
  get sessionId(): string {
    return this.#native.sessionId;
  }

  condition(): Condition {
    const { state } = this.#native;
    if (state === 'closed' || this.#isCondemned) return 'broken';
    if (state !== 'idle' || this.isBusy) return 'dirty';
    // Part of every call: the settings lie far from all else that it touches, and are asked only where they have a say.
    const policy = this.#care.isTouched ? this.#ports.config().onRelease : 'rollback';
    return this.#care.needsReset(policy) ? 'dirty' : 'clean';
  }

  /** For reports: nothing of it is computed before somebody asks. */
  describe(): ResourceFacts {
    const { state } = this.#native;
    if (this.#lastText === undefined) return { state };
    const { driver, fingerprintOf } = this.#ports;
    return { state, lastStatement: fingerprintOf?.(this.#lastText) ?? fingerprint(driver.dialect, this.#lastText) };
  }

  /** Says that the next borrower may run anything: it matters where `onRelease` is `'reset'`. */
  markTouched(): void {
    this.#care.touch();
  }

  /** The server's transaction has ended, whatever our own handle believes. */
  get isOutsideTransaction(): boolean {
    return this.#native.state === 'idle' || this.#native.state === 'closed';
  }

  /** A statement is on the wire, or has its turn. */
  get isBusy(): boolean {
    return !this.#turns.isFree || this.#pipeline?.isEmpty === false;
  }

  /** Nothing runs or is left: the next statement of the same holder finds it ready. */
  get isReady(): boolean {
    return this.isIdle && !this.isBusy && !this.#isCondemned;
  }

  /** One more statement may join those in flight. `now` is the caller's own look at the clock. */
  canShare(now: number): boolean {
    if (this.#pipeline === undefined || this.#isFenced || this.#isCondemned || !this.#turns.isFree) return false;
    return this.#native.state !== 'closed' && this.#native.hasChangedSettings !== true && this.#pipeline.canJoin(now);
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

  /** Runs one statement; a second one waits for it. Rejects with an error that says what became of the statement. */
  execute(query: DriverQuery, call: StatementCall): Promise<DriverResult> {
    return this.run(query, this.#starter.execute, call);
  }

  /**
   * The same for one that travels with others: it is sent at once, whatever is in flight. A cancel may have begun since
   * `canShare` was asked: then it waits until that has settled.
   */
  share(query: DriverQuery, call: StatementCall, facts: StatementFacts): Promise<DriverResult> {
    // A loan of several begins with the first of them.
    if (this.#pipeline?.isEmpty !== false) this.beginTenure();
    if (this.#pipeline === undefined || !this.#turns.isFree) return this.execute(query, call);
    try {
      this.#assertLent(call);
      const now = assertInTime(call, this.#ports.clock);
      this.#lastText = query.text;
      this.#cursor.forget();
      return this.#pipeline.send(query, call, facts, now);
    } catch (error) {
      return Promise.reject(isFluxorError(error) ? error : this.#failures.of(error, call, false, this.#loans === 1));
    }
  }

  /** The same for whatever else a driver can begin on a connection: a batch, a page of a cursor. */
  run<W extends Work, T>(work: W, begin: Begin<W, T>, call: StatementCall): Promise<T> {
    try {
      this.#assertLent(call);
    } catch (error) {
      return Promise.reject(error);
    }
    if (!this.#turns.isFree) return this.#startInTurn(work, begin, call);
    const open = call.endsStream === true ? this.#cursor.before(work) : undefined;
    if (open === undefined) return this.#start(work, begin, call, this.#turns.occupy());
    return this.closeCursor(open, call).then(() => this.run(work, begin, call));
  }

  /** What runs now may last longer than was said when it began. */
  prolong(deadlineAt: number): void {
    this.#running?.prolong(deadlineAt);
  }

  /** The next rows of a cursor, which is opened by its first page. */
  readPage(cursor: StatementCursor, call: StatementCall): Promise<CursorPage> {
    return this.run(cursor, this.#cursor.read, call);
  }

  /** Ends a cursor early. */
  closeCursor(cursor: StatementCursor, call: StatementCall): Promise<void> {
    return this.run(cursor, this.#cursor.close, call);
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
      await this.#pipeline?.untilSettled();
      await this.#stopper.settling;
      await this.#cursor.end();
      await this.#native.untilReady();
      const { state } = this.#native;
      if (state === 'in-transaction' || state === 'failed-transaction') {
        await this.#native.execute({ text: this.#ports.driver.transactions.rollback, values: [], rowMode: 'array' });
        await this.#native.untilReady();
      }
      const left = this.#care.toUndo(this.#ports.config().onRelease);
      if (left !== 0) await this.#native.reset(left);
      this.#care.undone();
    } finally {
      this.#isFenced = this.#hasEnded;
      this.#turns.leave(me);
    }
  }

  async close(): Promise<void> {
    this.#isFenced = this.#hasEnded = true;
    this.#refuseTurns();
    this.#cache.clear();
    await this.#native.close();
  }

  destroy(): void {
    this.#isFenced = this.#hasEnded = true;
    this.#refuseTurns();
    this.#cache.clear();
    this.#native.destroy();
  }

  /** Never throws: a statement that may not start, or cannot be sent, is a rejection like any other. */
  #start<W extends Work, T>(work: W, begin: Begin<W, T>, call: StatementCall, turn: number): Promise<T> {
    let bytesBefore: number | undefined;
    try {
      this.#cursor.assertNone(work, call);
      this.#assertMayStart(turn, call);
      bytesBefore = this.#native.bytesWritten;
      this.#lastText = work.text;
      const statement = new RunningStatement<T>(this.#host, work.text, call, turn, bytesBefore);
      const begun = this.#starter.begin(work, begin, statement);
      this.#running = statement;
      statement.follow(begun);
      return statement.answer;
    } catch (error) {
      this.#turns.leave(turn);
      if (isFluxorError(error)) return Promise.reject(error);
      return Promise.reject(
        this.#failures.of(error, call, this.#native.bytesWritten !== bytesBefore, this.#loans === 1),
      );
    }
  }

  async #startInTurn<W extends Work, T>(work: W, begin: Begin<W, T>, call: StatementCall): Promise<T> {
    return this.#start(work, begin, call, await this.#waitTurn(call));
  }

  #onStatementEnded(statement: RunningStatement): void {
    if (this.#running === statement) this.#running = undefined;
    this.#turns.leave(statement.turn);
    const { pace, clock } = this.#ports;
    const { facts } = statement.call;
    if (pace === undefined || facts === undefined) return;
    const ms = clock.now() - this.#runningSince;
    if (statement.isTelling) pace.ended(facts, ms);
    else pace.cut(facts, ms);
  }

  #newPipeline(pace: StatementPace): Pipeline {
    const { clock, timers, driver } = this.#ports;
    const { canCancel, holdsProcess = false } = driver.capabilities;
    return new Pipeline(this.#native, {
      ...{ clock, timers, canCancel, holdsProcess, pace },
      ...{ turns: this.#turns, starter: this.#starter, stopper: this.#stopper },
      toError: (error, statement) => this.#toError(error, statement),
      tellCancelled: (call, cause) => this.#tellCancelled(call, cause),
    });
  }

  #toError(error: unknown, running: RunningStatement): FluxorError {
    const known = this.#failures.ofRunning(error, running, this.#loans === 1);
    if (known.isConnectionFatal) this.#isCondemned = true;
    return known;
  }

  /** Stops the statement, if nobody did before, and answers its caller with what became of it. */
  async #stop<T>(running: RunningStatement<T>, cause: StopCause): Promise<T> {
    const { call } = running;
    if (!running.isStopped) {
      this.#stopper.stop(running);
      this.#tellCancelled(call, cause);
    }
    const outcome = await this.#stopper.learnOutcome(running, cause, this.#host);
    if (call.phase === 'commit' && outcome === 'applied') return running.ended;
    throw stoppedError(stopped(cause, call), outcome === 'unknown' && call.isReadOnly ? 'not-applied' : outcome);
  }

  /** Stops what a lease that has ended still runs. A COMMIT is given the grace to end by itself, and answers by itself. */
  #takeAway(): void {
    this.#pipeline?.takeAway();
    const running = this.#running;
    if (running === undefined || running.isStopped) return;
    if (running.call.phase === 'commit') return this.#stopper.stop(running);
    running.takeAway();
  }

  #tellCancelled(call: StatementCall, cause: StopCause): void {
    if (call.phase === 'commit') return;
    this.#ports.hub.tell('query:cancelled', { connectionId: this.id, queryId: call.context.queryId ?? 0, cause });
  }

  #waitTurn(call: StatementCall): Promise<number> {
    return this.#turns.wait(call, this.#ports, (cause) => {
      throw stoppedError(stopped(cause, call), 'not-sent');
    });
  }

  #assertLent(call: StatementCall): void {
    if (!this.#isFenced && (call.tenure ?? this.#tenure) === this.#tenure) return;
    throw releasedError(this.id);
  }

  /** A limit may have been reached, or the lease ended, while the statement had its turn but had not started yet. */
  #assertMayStart(me: number, call: StatementCall): void {
    if (!this.#turns.isHeldBy(me)) throw lateError(this.id);
    this.#runningSince = assertInTime(call, this.#ports.clock);
    assertInStep(call, this.#native.state);
  }

  /** Statements of a lease that has ended must not reach the wire. */
  #refuseTurns(): void {
    this.#turns.refuseAll(() => lateError(this.id));
  }
}

function ignore(): void {
  // Nobody has to hear of it.
}
