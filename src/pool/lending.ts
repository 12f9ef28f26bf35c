/**
 * Who is served next. Here every acquire begins and every lease ends; each change ends with `pump()`, which serves the line
 * with what there is, asks stale entries for a proof of life, and makes something new where that is not enough (growth.ts).
 *
 *     acquire ──► fresh idle entry? ──yes──► lease
 *        │no
 *        ▼
 *     the waiting line ◄── release, validated, created: whoever comes free goes to the head of the line
 *
 * Over 300 lines, because what decides over the next lease can be checked only where all of it is seen.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import type { LimitCause } from '../kernel/within.js';
import type { CloseReason, LeaseEnd } from '../telemetry/events.js';
import { DeadlockDetector } from './deadlock.js';
import type { CareHost, CareParts } from './entry-care.js';
import { EntryCare, RESET_LIMIT_MS, REVOKE_LIMIT_MS } from './entry-care.js';
import { Growth } from './growth.js';
import { LeakDetector } from './leak-detector.js';
import type { LeaseScopes } from './lease-scopes.js';
import type { LeaseKeeper } from './lease.js';
import { Lease } from './lease.js';
import type { PoolEntry } from './pool-entry.js';
import { resourceOf } from './pool-entry.js';
import {
  abortedWaitError,
  acquireTimeoutError,
  poolClosedError,
  queueFullError,
  refusedWhileDownError,
  unreachableError,
} from './pool-errors.js';
import type { PoolStats } from './pool-stats.js';
import type { AcquireRequest, WaiterKeeper } from './waiter.js';
import { Waiter } from './waiter.js';
import { WaitingLine } from './waiting-line.js';
import { WarmUp } from './warm-up.js';

/** Whatever is hung on it runs when this turn of promise callbacks is over. */
const SETTLED = Promise.resolve();

/** What the pool around knows. */
export interface LendingHost<R> extends Pick<CareHost<R>, 'siblings' | 'rotated'> {
  stats(): PoolStats;
  /** Whether the process stood still just now; then everybody's time has been extended. */
  noticeFreeze(): boolean;
}

export class Lending<R> implements LeaseKeeper<R>, WaiterKeeper<R>, CareHost<R> {
  readonly isShared = false;
  readonly line: WaitingLine<R>;
  readonly care: EntryCare<R>;
  readonly leaks: LeakDetector<R>;
  readonly deadlocks: DeadlockDetector<R>;
  readonly warmUp: WarmUp<R>;
  readonly growth: Growth<R>;
  /** Entries of earlier generations are not lent again. */
  generation = 1;
  isClosing = false;
  isSuspended = false;
  readonly #parts: CareParts<R>;
  readonly #host: LendingHost<R>;
  /** When the hand-overs of this turn take place. */
  #turnAt: number | undefined;
  readonly #endTurn = (): void => {
    this.#turnAt = undefined;
  };
  #isPumping = false;
  #mustPump = false;

  constructor(parts: CareParts<R>, scopes: LeaseScopes | undefined, host: LendingHost<R>) {
    const line = new WaitingLine<R>(parts.clock, parts.timers, (waiter) => this.giveUp(waiter, 'deadline'));
    this.line = line;
    this.#parts = parts;
    this.#host = host;
    this.care = new EntryCare(parts, this);
    this.warmUp = new WarmUp(parts);
    this.growth = new Growth(parts, line, this.warmUp);
    this.leaks = new LeakDetector({ ...parts, reclaim: (entry) => this.takeBack(entry, RESET_LIMIT_MS) });
    const fail = (waiter: Waiter<R>, error: FluxorError) => this.#refuse(waiter, error);
    this.deadlocks = new DeadlockDetector({ ...parts, line, scopes, fail });
  }

  /** A lease without a promise, where one can be had at once and nobody stands in line. */
  tryAcquire(request: AcquireRequest, now: number): Lease<R> | undefined {
    if (this.isClosing || this.isSuspended || this.line.length > 0 || request.signal?.aborted === true)
      return undefined;
    const entry = this.#takeFresh(now);
    return entry === undefined ? undefined : this.#lend(entry, now, 0, request, this.#stackOf(request));
  }

  acquire(request: AcquireRequest): Promise<Lease<R>> {
    const { signal } = request;
    if (this.isClosing) return this.#refusal(poolClosedError(this.#label));
    if (signal?.aborted === true) {
      this.#parts.tally.aborted += 1;
      return Promise.reject(abortedWaitError(this.#label, 0, signal.reason));
    }
    const now = request.now ?? this.#parts.clock.now();
    const lease = this.tryAcquire(request, now);
    return lease === undefined ? this.#join(request, now) : Promise.resolve(lease);
  }

  /** Called by a lease when it ends. */
  end(lease: Lease<R>, isDiscarded: boolean, reason?: string, now?: number): void {
    const { entry } = lease;
    const { state } = entry;
    if (state.name !== 'in-use' || state.lease !== lease) return;
    const { factory, settings } = this.#parts;
    this.#tellEnd(entry, state.sinceAt, lease, isDiscarded ? 'discarded' : 'released', reason);
    const condition = factory.condition(state.resource);
    if (condition === 'clean' && !isDiscarded) this.offer(entry, now);
    else if (condition === 'broken') this.care.close(entry, 'broken');
    // A cut socket would not stop what a discarded one still runs at the server.
    else if (isDiscarded && condition === 'dirty') void this.care.reset(entry, REVOKE_LIMIT_MS, 'discarded');
    else if (isDiscarded) this.care.close(entry, 'discarded');
    else if (settings.current.onRelease === 'destroy') this.care.close(entry, 'reset-failed');
    else void this.care.reset(entry, RESET_LIMIT_MS);
  }

  /** Takes a resource from its lease. The server is told to stop what it still runs: a cut socket would not stop it. */
  takeBack(entry: PoolEntry<R>, limitMs: number): boolean {
    const { state } = entry;
    if (state.name !== 'in-use') return false;
    state.lease.revoke();
    this.#tellEnd(entry, state.sinceAt, state.lease, 'discarded');
    if (this.#parts.factory.condition(state.resource) === 'dirty') void this.care.reset(entry, limitMs);
    else if (this.#parts.factory.condition(state.resource) === 'broken') this.care.close(entry, 'broken');
    else this.offer(entry);
    return true;
  }

  /** A clean entry goes to the head of the line, in this very tick, or rests. */
  offer(entry: PoolEntry<R>, at?: number): void {
    const reason = this.reasonToGo(entry);
    if (reason !== undefined) return this.care.close(entry, reason);
    const waiter = this.isSuspended ? undefined : this.line.shift();
    if (waiter !== undefined) return this.#serve(waiter, entry, at ?? this.#handOverAt());
    const now = at ?? this.#parts.clock.now();
    this.#parts.book.rest(entry, { name: 'idle', resource: resourceOf(entry), sinceAt: now, provenAt: now });
  }

  /** A newborn, or one that has proved itself: it rests for no time at all when somebody waits. */
  rested(entry: PoolEntry<R>): void {
    // What it replaced has been closed, and that pumped: it may be at work already.
    if (entry.state.name !== 'idle') return;
    const { factory, clock } = this.#parts;
    // One that broke while being born is found by the pump.
    const isClean = factory.condition(resourceOf(entry)) === 'clean';
    const reason = this.reasonToGo(entry);
    if (reason !== undefined) return this.care.close(entry, reason);
    const waiter = isClean && !this.isSuspended ? this.line.shift() : undefined;
    if (waiter !== undefined) this.#serve(waiter, entry, clock.now());
    this.pump();
  }

  /** Whatever it closes or makes pumps again: one after the other, not one inside the other. */
  pump(): void {
    this.#mustPump = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#mustPump) {
        this.#mustPump = false;
        this.#pumpOnce();
      }
    } finally {
      this.#isPumping = false;
    }
  }

  #pumpOnce(): void {
    if (this.isClosing || this.isSuspended) return;
    if (this.line.length > 0) this.#serveLine();
    while (this.growth.isDue()) void this.care.create();
    this.warmUp.settle();
    const { pacer, book, settings } = this.#parts;
    if (this.line.length === 0) return;
    if (book.inUse >= settings.current.maxSize) this.deadlocks.look();
    // An attempt still under way may know better.
    if (!pacer.isHopeless || book.alive > 0 || book.count('creating') > 0) return;
    const { lastError, isPausing, failures } = pacer;
    if (lastError === undefined || !isPausing) return;
    // With nothing alive and no hope, waiting would only hide the cause until the deadline.
    this.refuseAll((waitedMs) => unreachableError(lastError, waitedMs, failures));
  }

  async check(entry: PoolEntry<R>, patienceMs: number): Promise<void> {
    this.growth.isDoubtful = !(await this.care.check(entry, patienceMs));
    if (this.growth.isDoubtful) this.pump();
  }

  giveUp(waiter: Waiter<R>, cause: LimitCause): void {
    if (waiter.queue === undefined || (cause === 'deadline' && this.#host.noticeFreeze())) return;
    const { clock, tally, hub } = this.#parts;
    const waitedMs = clock.now() - waiter.sinceAt;
    // Before it leaves: its own message counts it among those who wait.
    const error = cause === 'aborted' ? undefined : this.#lateError(waitedMs);
    this.line.remove(waiter);
    tally.waitedMs += waitedMs;
    if (error === undefined) {
      tally.aborted += 1;
      return waiter.reject(abortedWaitError(this.#label, waitedMs, waiter.request.signal?.reason));
    }
    tally.timedOut += 1;
    hub.tell('acquire:timed-out', { waitedMs, error });
    waiter.reject(error);
  }

  refuseAll(makeError: (waitedMs: number) => FluxorError): void {
    const now = this.#parts.clock.now();
    for (const waiter of this.line) this.#refuse(waiter, makeError(now - waiter.sinceAt));
  }

  createFailed(error: FluxorError, durationMs: number): void {
    const { pacer, hub, validator, clock } = this.#parts;
    const { delayMs, hasOpened } = pacer.failed(error);
    if (error.siblings !== 'keep') validator.distrustBefore = clock.now();
    const retry = !this.isSuspended && this.growth.isWanted(0) ? { retryInMs: delayMs } : {};
    hub.tell('connection:create-failed', { durationMs, error, ...retry });
    if (hasOpened) hub.tell('pool:unreachable', { failures: pacer.failures, error });
    this.warmUp.failed(error);
    for (const waiter of this.line) if (waiter.request.failFast === true) this.#refuse(waiter, error);
    this.pump();
  }

  siblings(...args: Parameters<CareHost<R>['siblings']>): void {
    this.#host.siblings(...args);
  }

  rotated(entry: PoolEntry<R>): void {
    this.#host.rotated(entry);
  }

  #join(request: AcquireRequest, now: number): Promise<Lease<R>> {
    const { settings, pacer, book, tally } = this.#parts;
    this.growth.lastDemandAt = now;
    const down = this.#refusalWhileDown(request);
    if (down !== undefined) return this.#refusal(down);
    const { maxWaiting } = settings.current;
    if (this.line.length >= maxWaiting) {
      return this.#refusal(queueFullError(this.#label, maxWaiting, this.#host.stats()));
    }
    // Only together with the pump below: a pause that is over without a new attempt would leave the line forgotten.
    if (request.failFast === true) pacer.clearPause();
    const outer = this.deadlocks.outerScope();
    const waiter = new Waiter<R>(request, now, outer, this);
    waiter.stack = this.#stackOf(request);
    tally.waits += 1;
    this.line.push(waiter);
    // When everything there may be is lent, only a release can help.
    if (book.inUse < settings.current.maxSize) this.pump();
    if (outer !== undefined && waiter.queue !== undefined) this.deadlocks.joined(outer);
    return waiter.promise;
  }

  /** Only user code can leak: a statement's lease ends with the statement. */
  #stackOf(request: AcquireRequest): string | undefined {
    return request.holder === undefined ? undefined : this.leaks.stackOf(request);
  }

  /** While nothing is alive and nothing can be made, a caller hears why at once instead of waiting for the impossible. */
  #refusalWhileDown({ failFast = false }: AcquireRequest): FluxorError | undefined {
    const { pacer, book } = this.#parts;
    const { lastError, breaker } = pacer;
    if (failFast || this.isSuspended || breaker === 'closed' || lastError === undefined || book.alive > 0)
      return undefined;
    // After the pause one caller's attempt finds out anew: the password may have been corrected at the server.
    const isBeingTried = breaker === 'half-open' && !pacer.isOldNews;
    const isRefusing = lastError.retryable
      ? pacer.isPausing || isBeingTried
      : pacer.isPausing && book.count('creating') === 0;
    if (!isRefusing) return undefined;
    return refusedWhileDownError(lastError, pacer.failures, pacer.pauseLeftMs);
  }

  /** The entry used last, if it is fit to be lent without a question. */
  #takeFresh(now: number): PoolEntry<R> | undefined {
    const { book, factory, validator } = this.#parts;
    for (let entry = book.lastIdle; entry !== undefined; entry = book.lastIdle) {
      if (entry.state.name !== 'idle') throw new Error(`bug: a ${entry.state.name} entry in the idle list`);
      const isFit = factory.condition(entry.state.resource) === 'clean';
      if (isFit) return validator.isFresh(entry.state.provenAt, now) ? entry : undefined;
      this.care.close(entry, 'broken');
    }
    return undefined;
  }

  #lend(entry: PoolEntry<R>, now: number, waitedMs: number, request: AcquireRequest, stack?: string): Lease<R> {
    const { book, hub, tally } = this.#parts;
    const resource = resourceOf(entry);
    const note = request.holder === undefined ? undefined : this.leaks.note(request, stack);
    const lease = new Lease(entry, resource, this, note);
    note?.scope?.hold(entry.id, lease);
    book.lend(entry, { name: 'in-use', resource, sinceAt: now, lease });
    tally.lent += 1;
    if (hub.hasListeners('lease:acquired')) hub.tell('lease:acquired', { connectionId: entry.id, waitedMs });
    return lease;
  }

  /**
   * The clock, read once for all hand-overs of one turn of promise callbacks: reading it is a tenth of a hand-over, and
   * what depends on it here are statistics.
   */
  #handOverAt(): number {
    if (this.#turnAt === undefined) {
      this.#turnAt = this.#parts.clock.now();
      void SETTLED.then(this.#endTurn);
    }
    return this.#turnAt;
  }

  #serve(waiter: Waiter<R>, entry: PoolEntry<R>, now: number): void {
    const waitedMs = now - waiter.sinceAt;
    this.#parts.tally.waitedMs += waitedMs;
    waiter.resolve(this.#lend(entry, now, waitedMs, waiter.request, waiter.stack));
  }

  #serveLine(): void {
    const { clock, book } = this.#parts;
    // Nothing rests in a busy pool; then not even the clock needs to be asked.
    if (book.lastIdle === undefined) return;
    const now = clock.now();
    while (this.line.length > 0) {
      const entry = this.#takeFresh(now);
      // Asked for after the entry: closing a broken one on the way pumps too, and may have served the head already.
      const waiter = entry === undefined ? undefined : this.line.shift();
      if (entry === undefined || waiter === undefined) break;
      this.#serve(waiter, entry, now);
    }
    while (book.asked < this.line.length) {
      const entry = book.lastIdle;
      if (entry === undefined) break;
      void this.check(entry, ((this.line.first?.deadlineAt ?? Infinity) - now) / 2);
    }
  }

  /** Why an entry that comes free is not to be lent again. */
  reasonToGo(entry: PoolEntry<R>): CloseReason | undefined {
    if (this.isClosing) return 'shutdown';
    if (entry.isEvicted || entry.generation < this.generation) return 'evicted';
    if (entry.retirement === 'due') return 'max-lifetime';
    return this.#parts.book.open > this.#parts.settings.current.maxSize ? 'evicted' : undefined;
  }

  #lateError(waitedMs: number): FluxorError {
    const { pacer, book } = this.#parts;
    const { lastError, failures } = pacer;
    if (book.alive === 0 && lastError !== undefined) return unreachableError(lastError, waitedMs, failures);
    return acquireTimeoutError(this.#label, waitedMs, this.#host.stats(), this.leaks.longestHeld());
  }

  #refuse(waiter: Waiter<R>, error: FluxorError): void {
    if (!this.line.remove(waiter)) return;
    const { tally, clock } = this.#parts;
    tally.refused += 1;
    tally.waitedMs += clock.now() - waiter.sinceAt;
    waiter.reject(error);
  }

  #refusal(error: FluxorError): Promise<never> {
    this.#parts.tally.refused += 1;
    return Promise.reject(error);
  }

  #tellEnd(
    entry: PoolEntry<R>,
    sinceAt: number,
    { note }: Pick<Lease<R>, 'note'>,
    end: LeaseEnd,
    reason?: string,
  ): void {
    const { hub, clock } = this.#parts;
    const isSuspected = note?.isSuspected === true;
    if (!isSuspected && !hub.hasListeners('lease:released')) return;
    const heldMs = clock.now() - sinceAt;
    hub.tell('lease:released', { connectionId: entry.id, heldMs, end, ...(reason === undefined ? {} : { reason }) });
    if (isSuspected) this.leaks.resolved(entry.id, heldMs);
  }

  get #label(): string {
    return this.#parts.factory.label;
  }
}
