/**
 * The statements that are in flight together on one connection: sent at once, answered by the server one after the other.
 * Used by connection.ts, one for each connection whose driver can do it; the pool decides who joins (pool/sharing.ts).
 *
 * Invariants: one statement's fate is its own. Only the head, which the server is working on, is ever cancelled, and then
 * nobody joins until the cancel has settled (stopper.ts). A cancel that comes too late hits the one after it, which the
 * server has undone then: it is sent again, and its caller never hears of it. Nor does anybody hear of a cancel that cannot be
 * delivered: its connection takes nobody more, and ends with the last of those in flight. Whoever is stopped behind the head is answered
 * at once: nothing of it can be taken back from the wire. It is cancelled when its turn comes, and its result is dropped.
 * Refuses to know: pools, and which statements are short.
 */
import type { DriverConnection, InFlight } from '../driver/driver.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { Deferred } from '../kernel/deferred.js';
import { createDeferred } from '../kernel/deferred.js';
import { RunningStatement } from './running-statement.js';
import type { StatementHost } from './running-statement.js';
import type { StatementCall } from './statement-call.js';
import type { StatementFacts } from './statement-book.js';
import type { StatementPace } from './statement-pace.js';
import type { StatementStart } from './statement-start.js';
import type { StopCause } from './stop-errors.js';
import { stopped, stoppedError } from './stop-errors.js';
import type { Stopper } from './stopper.js';
import type { Turns } from './turns.js';

export interface PipelinePorts {
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly holdsProcess: boolean;
  readonly canCancel: boolean;
  readonly pace: StatementPace;
  readonly starter: StatementStart;
  readonly stopper: Stopper;
  readonly turns: Turns;
  /** The error of the house for one of the client library's. */
  toError(error: unknown, statement: RunningStatement): FluxorError;
  tellCancelled(call: StatementCall, cause: StopCause): void;
}

/** Prepared anew each time: what is stale more often than this is so for a reason of its own. */
const STALE_AGAIN = 3;

/** After a cancel. */
interface Settling {
  /** The connection is held by it. */
  readonly turn: number;
  readonly over: Deferred<void>;
}

class SharedStatement extends RunningStatement<DriverResult> implements InFlight {
  readonly query: DriverQuery;
  readonly facts: StatementFacts;
  /** How often what was prepared for it was found to be stale while a cancel was under way. */
  timesStale = 0;
  readonly #pipeline: Pipeline;

  constructor(pipeline: Pipeline, query: DriverQuery, call: StatementCall, facts: StatementFacts, bytesBefore: number) {
    super(pipeline, query.text, call, 0, bytesBefore);
    this.#pipeline = pipeline;
    this.query = query;
    this.facts = facts;
  }

  goBehind(): boolean {
    return this.#pipeline.goBehind(this);
  }
}

export class Pipeline implements StatementHost {
  readonly timers: DeadlineTimer;
  readonly holdsProcess: boolean;
  readonly #native: DriverConnection;
  readonly #ports: PipelinePorts;
  /** In the order in which the server answers. */
  readonly #inFlight: SharedStatement[] = [];
  /** Since when the server has been at work on the head. */
  #headSince = 0;
  /** Those in flight whose callers do not wait any more. */
  #stopped = 0;
  /** Cancels under way. */
  #cancels = 0;
  /** From the first cancel until nothing that one can have hit is in flight, and none can hit anything later. */
  #settling: Settling | undefined;

  constructor(native: DriverConnection, ports: PipelinePorts) {
    this.#native = native;
    this.#ports = ports;
    this.timers = ports.timers;
    this.holdsProcess = ports.holdsProcess;
  }

  get isEmpty(): boolean {
    return this.#inFlight.length === 0;
  }

  /** One more may be sent: nobody is being stopped, and the head is no slower than it was thought to be. */
  canJoin(now: number): boolean {
    if (this.#stopped > 0 || this.#settling !== undefined) return false;
    return this.isEmpty || now - this.#headSince <= this.#ports.pace.config.maxStatementTimeMs;
  }

  /** Sends it behind those in flight. A throw means that nothing was sent. */
  send(query: DriverQuery, call: StatementCall, facts: StatementFacts, now: number): Promise<DriverResult> {
    const isHead = this.isEmpty;
    const statement = new SharedStatement(this, query, call, facts, this.#native.bytesWritten);
    const sent = this.#ports.starter.share(query, facts, statement);
    if (isHead) this.#headSince = now;
    this.#inFlight.push(statement);
    statement.follow(sent);
    return statement.answer;
  }

  /** Whatever is left of a lease that has ended: nobody waits for it. */
  takeAway(): void {
    for (const statement of [...this.#inFlight]) if (!statement.isStopped) statement.takeAway();
  }

  /** Resolves when nothing is in flight, and no cancel can hit anything later. */
  async untilSettled(): Promise<void> {
    for (let head = this.#inFlight[0]; head !== undefined; head = this.#inFlight[0]) await head.ended.catch(ignore);
    await this.#settling?.over.promise;
  }

  /** It has heard its own answer; those behind it have not. */
  untilReady(): Promise<void> {
    return READY;
  }

  onStatementEnded(statement: RunningStatement): void {
    const shared = statement as SharedStatement;
    const now = this.#ports.clock.now();
    const wasHead = this.#remove(shared);
    if (shared.isStopped) this.#stopped -= 1;
    const { pace } = this.#ports;
    if (wasHead && shared.isTelling) pace.endedTogether(shared.facts, now - this.#headSince);
    else if (wasHead) pace.cut(shared.facts, now - this.#headSince);
    if (wasHead) this.#goOn(now);
    if (this.#settling !== undefined) this.#settle(this.#settling);
  }

  async stop<T>(statement: RunningStatement<T>, cause: StopCause): Promise<T> {
    const { call } = statement;
    const isReached = this.#ports.canCancel && this.#inFlight[0] === (statement as RunningStatement);
    if (!statement.isStopped) {
      this.#stopped += 1;
      statement.isStopped = true;
      if (isReached) this.#cancel(statement);
      this.#ports.tellCancelled(call, cause);
    }
    const outcome = isReached ? await this.#ports.stopper.learnOutcome(statement, cause, this) : 'unknown';
    throw stoppedError(stopped(cause, call), outcome === 'unknown' && call.isReadOnly ? 'not-applied' : outcome);
  }

  toError(error: unknown, statement: RunningStatement): FluxorError {
    return this.#ports.toError(error, statement);
  }

  /** The driver prepares it anew and sends it once more: the server answers it last, and works on the next one now. */
  goBehind(statement: SharedStatement): boolean {
    if (statement.isStopped) return false;
    const wasHead = this.#moveBehind(statement);
    if (wasHead) this.#goOn(this.#ports.clock.now());
    return true;
  }

  /** What failed because another was cancelled is sent once more, behind all others. */
  again<T>(statement: RunningStatement<T>, error: unknown): Promise<T> | undefined {
    if (this.#settling === undefined || statement.isStopped) return undefined;
    const shared = statement as unknown as SharedStatement;
    if (!this.#isInnocent(shared, error)) return undefined;
    const wasHead = this.#moveBehind(shared);
    const sent = this.#resend(shared) as Promise<unknown> as Promise<T>;
    if (wasHead) this.#goOn(this.#ports.clock.now());
    return sent;
  }

  /** Its error has undone it, and comes from a cancel: that hit it, or has kept the driver from preparing it anew. */
  #isInnocent(shared: SharedStatement, error: unknown): boolean {
    const { code, reason, outcome } = this.toError(error, shared);
    if (outcome !== 'not-applied') return false;
    // A server says the same of its own limit as of a cancel: what the statement has used up of its time stays used up.
    if (code === 'CANCELLED' || code === 'TIMEOUT') return true;
    return reason === 'statement-invalid' && (shared.timesStale += 1) <= STALE_AGAIN;
  }

  /** What was sent of it before has been undone. On a connection that is lost meanwhile it hears of that. */
  #resend(statement: SharedStatement): Promise<DriverResult> {
    statement.bytesBefore = this.#native.bytesWritten;
    try {
      return this.#ports.starter.share(statement.query, statement.facts, statement);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The server works on the next one. If nobody waits for that any more, those behind it would wait for nothing. */
  #goOn(now: number): void {
    this.#headSince = now;
    const [head] = this.#inFlight;
    if (head?.isStopped === true && this.#ports.canCancel) this.#cancel(head);
  }

  #cancel(statement: RunningStatement): void {
    const settling = (this.#settling ??= {
      turn: this.#ports.turns.occupy(),
      over: createDeferred(),
    });
    this.#cancels += 1;
    void this.#ports.stopper.cancel(statement).then(() => {
      this.#cancels -= 1;
      this.#settle(settling);
    });
  }

  /** Those that were in flight behind it take a late cancel, and are sent again. When they have ended, a round trip takes it. */
  #settle(settling: Settling): void {
    if (this.#cancels > 0 || !this.isEmpty) return;
    void this.#ports.stopper.absorb().then(() => {
      this.#settling = undefined;
      this.#ports.turns.leave(settling.turn);
      settling.over.resolve();
    });
  }

  /** Answers whether it was the head. */
  #moveBehind(statement: SharedStatement): boolean {
    const wasHead = this.#remove(statement);
    this.#inFlight.push(statement);
    return wasHead;
  }

  /** Answers whether it was the head. Nearly always it is; what could not be sent at all was not. */
  #remove(statement: SharedStatement): boolean {
    const at = this.#inFlight.indexOf(statement);
    if (at === 0) this.#inFlight.shift();
    else if (at > 0) this.#inFlight.splice(at, 1);
    return at === 0;
  }
}

const READY = Promise.resolve();

function ignore(): void {
  // Its caller hears of it; here only the end matters.
}
