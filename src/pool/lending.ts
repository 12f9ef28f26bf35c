/**
 * Who is served next. Here every acquire begins and every lease ends; each change ends with `pump()`, which serves the line
 * with what there is, asks stale entries for a proof of life, and makes something new where that is not enough (growth.ts).
 *
 *     acquire ──► fresh idle entry? ──yes──► lease
 *        │no
 *        ├──► short, and nothing new is on its way for it? ──► a lease beside others (sharing.ts)
 *        ▼
 *     the waiting line ◄── release, validated, created: whoever comes free goes to the head of the line
 *                      ◄── a shared lease ended: the head of the short ones joins in its place
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
import type { Lane, SharingPorts } from './lane.js';
import { Lanes } from './lanes.js';
import { LeakDetector } from './leak-detector.js';
import type { LeaseScopes } from './lease-scopes.js';
import type { LeaseKeeper } from './lease.js';
import { Lease } from './lease.js';
import type { PoolEntry } from './pool-entry.js';
import { resourceOf } from './pool-entry.js';
import type { PoolStats } from './pool-stats.js';
import { Outlook } from './outlook.js';
import { Refusals } from './refusals.js';
import type { SharingHost } from './sharing.js';
import { Sharing } from './sharing.js';
import { TurnClock } from './turn-clock.js';
import type { AcquireRequest, WaiterKeeper } from './waiter.js';
import { Waiter } from './waiter.js';
import { WaitingLine } from './waiting-line.js';
import { WarmUp } from './warm-up.js';

/** What the pool around knows. */
export interface LendingHost<R> extends Pick<CareHost<R>, 'siblings' | 'rotated'> {
  stats(): PoolStats;
  /** Whether the process stood still just now; then everybody's time has been extended. */
  noticeFreeze(): boolean;
}

export interface LendingPorts {
  readonly scopes?: LeaseScopes | undefined;
  readonly sharing?: SharingPorts | undefined;
}

export class Lending<R> implements LeaseKeeper<R>, WaiterKeeper<R>, CareHost<R>, SharingHost<R> {
  readonly isShared = false;
  readonly line: WaitingLine<R>;
  readonly care: EntryCare<R>;
  readonly leaks: LeakDetector<R>;
  readonly deadlocks: DeadlockDetector<R>;
  readonly warmUp: WarmUp<R>;
  readonly growth: Growth<R>;
  readonly refusals: Refusals<R>;
  /** Absent where every lease is exclusive; then there is one lane, and all that is about sharing costs nothing. */
  readonly sharing: Sharing<R> | undefined;
  /** Entries of earlier generations are not lent again. */
  generation = 1;
  isClosing = false;
  isSuspended = false;
  readonly #lanes: Lanes<R>;
  readonly #outlooks: Readonly<Record<Lane, Outlook>>;
  readonly #parts: CareParts<R>;
  readonly #host: LendingHost<R>;
  readonly #turn: TurnClock;
  #isPumping = false;
  #mustPump = false;

  constructor(parts: CareParts<R>, { scopes, sharing }: LendingPorts, host: LendingHost<R>) {
    const line = new WaitingLine<R>(parts.clock, parts.timers, (waiter) => this.giveUp(waiter, 'deadline'));
    const outlooks = { exclusive: new Outlook(), short: new Outlook(), long: new Outlook() };
    this.line = line;
    this.#outlooks = outlooks;
    this.#parts = parts;
    this.#host = host;
    this.care = new EntryCare(parts, this);
    this.warmUp = new WarmUp(parts);
    this.growth = new Growth(parts, () => this.#lanes.demand(), this.warmUp);
    this.leaks = new LeakDetector({ ...parts, reclaim: (entry) => void this.takeBack(entry, RESET_LIMIT_MS) });
    this.refusals = new Refusals({ ...parts, line, leaks: this.leaks, outlooks, stats: () => host.stats() });
    this.sharing = sharing && new Sharing(parts, sharing, this);
    this.#turn = new TurnClock(parts.clock);
    const { growth } = this;
    const times = sharing ?? { maxStatementMs: Infinity, statementMs: () => 0 };
    this.#lanes = new Lanes(
      { ...parts, line, growth, outlook: outlooks.short, turn: this.#turn, sharing: this.sharing, times },
      this,
    );
    const fail = (waiter: Waiter<R>, error: FluxorError) => {
      this.refusals.refuse(waiter, error);
      this.#lanes.settle();
    };
    this.deadlocks = new DeadlockDetector({ ...parts, line, scopes, fail, returned: () => this.returned });
  }

  /** How many leases have ended. */
  get returned(): number {
    const { book, tally } = this.#parts;
    const beside = this.sharing === undefined ? 0 : this.sharing.leases - this.sharing.loans;
    return tally.lent - book.inUse - beside;
  }

  /** A lease without a promise, where one can be had at once and nobody stands in line for it. */
  tryAcquire(request: AcquireRequest, now: number): Lease<R> | undefined {
    if (this.isClosing || this.isSuspended || request.signal?.aborted === true) return undefined;
    if (this.sharing === undefined) {
      const entry = this.line.length > 0 ? undefined : this.#takeFresh(now);
      return entry === undefined ? undefined : this.#lend(entry, now, 0, request, this.#stackOf(request));
    }
    const lane = this.#lanes.asked(request, now);
    if (this.line.length === 0 || this.#lanes.demand(now) === 0) {
      const entry = lane === 'long' && this.#lanes.fastLane.room(now) === 0 ? undefined : this.#takeFresh(now);
      if (entry !== undefined) return this.#lendTo(lane, entry, now, 0, request, this.#stackOf(request));
    }
    return lane === 'short' ? this.#lanes.joinAtOnce(now) : undefined;
  }

  acquire(request: AcquireRequest): Promise<Lease<R>> {
    const now = this.#parts.clock.now();
    const lease = this.tryAcquire(request, now);
    return lease === undefined ? this.wait(request, now, request.deadlineAt) : Promise.resolve(lease);
  }

  /** In turn, for a caller who has tried in this very tick; `deadlineAt` in the place of the request's own. */
  wait(request: AcquireRequest, now: number, deadlineAt: number): Promise<Lease<R>> {
    if (this.isClosing) return Promise.reject(this.refusals.closed());
    if (request.signal?.aborted === true) return Promise.reject(this.refusals.aborted(request));
    const { settings, pacer, book, tally } = this.#parts;
    this.growth.lastDemandAt = now;
    const lane = this.#lanes.asked(request, now);
    const refusal = this.refusals.atTheDoor(request, lane, now, deadlineAt, this.isSuspended);
    if (refusal !== undefined) return Promise.reject(refusal);
    // Only together with the pump below: a pause that is over without a new attempt would leave the line forgotten.
    if (request.failFast === true) pacer.clearPause();
    const outer = this.deadlocks.outerScope();
    const waiter = new Waiter<R>(request, now, deadlineAt, outer, this, lane);
    waiter.stack = this.#stackOf(request);
    tally.waits += 1;
    if (this.line.lengthOf(lane) === 0) this.#outlooks[lane].began(now);
    this.line.push(waiter);
    // When everything there may be is lent, only a release can help.
    if (book.inUse < settings.current.maxSize) this.pump();
    else this.#lanes.settle(now);
    if (outer !== undefined && waiter.queue !== undefined) this.deadlocks.joined(outer);
    return waiter.promise;
  }

  /** Called by an exclusive lease when it ends. */
  end(lease: Lease<R>, isDiscarded: boolean, reason?: string, now?: number): void {
    const { entry } = lease;
    const { state } = entry;
    if (state.name !== 'in-use' || state.lease !== lease) return;
    this.#tellEnd(entry, state.sinceAt, lease, isDiscarded ? 'discarded' : 'released', reason);
    const wasLong = this.sharing !== undefined && this.#lanes.fastLane.ended(entry);
    this.free(entry, state.resource, isDiscarded, now);
    // Now one more of those who could not be served can be, by something new if need be.
    if (wasLong && this.line.length > 0) this.pump();
  }

  /** The last lease of an entry has ended. */
  free(entry: PoolEntry<R>, resource: R, isDiscarded: boolean, now?: number): void {
    const { factory, settings, tally, clock } = this.#parts;
    const at = tally.used(entry, now ?? clock.now());
    const condition = factory.condition(resource);
    if (condition === 'clean' && !isDiscarded) return this.offer(entry, at);
    if (condition === 'broken') this.care.close(entry, 'broken');
    // A cut socket would not stop what a discarded one still runs at the server.
    else if (isDiscarded && condition === 'dirty') void this.care.reset(entry, REVOKE_LIMIT_MS, 'discarded');
    else if (isDiscarded) this.care.close(entry, 'discarded');
    else if (settings.current.onRelease === 'destroy') this.care.close(entry, 'reset-failed');
    else void this.care.reset(entry, RESET_LIMIT_MS);
    // One less to hope for.
    this.#lanes.settle(at);
  }

  /** One of several leases has ended. */
  onRoom(now?: number): void {
    this.#lanes.settle(now);
  }

  /**
   * Takes a resource from its lease, or from all who share it; answers how many had it. The server is told to stop what it
   * still runs: a cut socket would not stop it.
   */
  takeBack(entry: PoolEntry<R>, limitMs: number): number {
    const { state } = entry;
    if (state.name !== 'in-use') return 0;
    const { lease, resource, sinceAt } = state;
    const shared = this.sharing?.takeBack(entry);
    if (shared === undefined) {
      lease.revoke();
      this.#tellEnd(entry, sinceAt, lease, 'discarded');
      this.#lanes.fastLane.ended(entry);
    }
    if (this.#parts.factory.condition(resource) === 'dirty') void this.care.reset(entry, limitMs);
    else if (this.#parts.factory.condition(resource) === 'broken') this.care.close(entry, 'broken');
    else this.offer(entry);
    this.#lanes.settle();
    return shared ?? 1;
  }

  /** A clean entry goes to the head of the line, in this very tick, or rests. */
  offer(entry: PoolEntry<R>, at?: number): void {
    const reason = this.reasonToGo(entry);
    if (reason !== undefined) return this.care.close(entry, reason);
    const waiter = this.line.length === 0 ? undefined : this.#lanes.shift();
    if (waiter === undefined) {
      const now = at ?? this.#parts.clock.now();
      this.#parts.book.rest(entry, { name: 'idle', resource: resourceOf(entry), sinceAt: now, provenAt: now });
    } else this.#serve(waiter, entry, at ?? this.#turn.now());
    if (this.sharing !== undefined) this.#lanes.settle(at);
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
    const waiter = isClean ? this.#lanes.shift() : undefined;
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
    this.#lanes.settle();
    this.warmUp.settle();
    if (this.line.length === 0) return;
    if (this.#parts.book.inUse >= this.#parts.settings.current.maxSize) this.deadlocks.look();
    this.refusals.refuseHopeless();
  }

  async check(entry: PoolEntry<R>, patienceMs: number): Promise<void> {
    this.growth.isDoubtful = !(await this.care.check(entry, patienceMs));
    if (this.growth.isDoubtful) this.pump();
  }

  /** Once a second. */
  round(now: number): void {
    this.leaks.scan(now);
    this.sharing?.reconsider();
    this.pump();
  }

  giveUp(waiter: Waiter<R>, cause: LimitCause): void {
    if (waiter.queue === undefined || (cause === 'deadline' && this.#host.noticeFreeze())) return;
    this.refusals.giveUp(waiter, cause);
    this.#lanes.settle();
  }

  createFailed(error: FluxorError, durationMs: number): void {
    const { pacer, hub, validator, clock } = this.#parts;
    const { delayMs, hasOpened } = pacer.failed(error);
    if (error.siblings !== 'keep') validator.distrustBefore = clock.now();
    const retry = !this.isSuspended && this.growth.isWanted(0) ? { retryInMs: delayMs } : {};
    hub.tell('connection:create-failed', { durationMs, error, ...retry });
    if (hasOpened) hub.tell('pool:unreachable', { failures: pacer.failures, error });
    this.warmUp.failed(error);
    for (const waiter of this.line) if (waiter.request.failFast === true) this.refusals.refuse(waiter, error);
    this.pump();
  }

  siblings(...args: Parameters<CareHost<R>['siblings']>): void {
    this.#host.siblings(...args);
  }

  rotated(entry: PoolEntry<R>): void {
    this.#host.rotated(entry);
  }

  /** Only user code can leak: a statement's lease ends with the statement. */
  #stackOf(request: AcquireRequest): string | undefined {
    return request.holder === undefined ? undefined : this.leaks.stackOf(request);
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

  #lendTo(
    lane: Lane,
    entry: PoolEntry<R>,
    now: number,
    waitedMs: number,
    request: AcquireRequest,
    stack?: string,
  ): Lease<R> {
    if (lane === 'short' && this.sharing !== undefined)
      return this.sharing.begin(entry, resourceOf(entry), now, waitedMs);
    // Before it is told: a listener may end it.
    if (lane === 'long') this.#lanes.fastLane.begun(entry);
    return this.#lend(entry, now, waitedMs, request, stack);
  }

  #lend(entry: PoolEntry<R>, now: number, waitedMs: number, request: AcquireRequest, stack?: string): Lease<R> {
    const { book, hub, tally } = this.#parts;
    const resource = resourceOf(entry);
    const note = request.holder === undefined ? undefined : this.leaks.note(request, stack);
    const lease = new Lease(entry, resource, this, note);
    note?.scope?.hold(entry.id, lease);
    book.lend(entry, { name: 'in-use', resource, sinceAt: now, lease });
    tally.lent += 1;
    if (hub.hasListeners('lease:acquired')) hub.tellAt('lease:acquired', now, { connectionId: entry.id, waitedMs });
    return lease;
  }

  #serve(waiter: Waiter<R>, entry: PoolEntry<R>, now: number): void {
    const waitedMs = now - waiter.sinceAt;
    this.#parts.tally.served(waitedMs);
    this.#outlooks[waiter.lane].served(now);
    const { lane, request, stack } = waiter;
    const lease =
      lane === 'exclusive'
        ? this.#lend(entry, now, waitedMs, request, stack)
        : this.#lendTo(lane, entry, now, waitedMs, request, stack);
    waiter.resolve(lease);
  }

  #serveLine(): void {
    const { clock, book } = this.#parts;
    // Nothing rests in a busy pool; then not even the clock needs to be asked.
    if (book.lastIdle === undefined) return;
    const now = clock.now();
    while (this.#lanes.demand(now) > 0) {
      const entry = this.#takeFresh(now);
      // Asked for after the entry: closing a broken one on the way pumps too, and may have served the head already.
      const waiter = entry === undefined ? undefined : this.#lanes.shift();
      if (entry === undefined || waiter === undefined) break;
      this.#serve(waiter, entry, now);
    }
    while (book.asked < this.#lanes.demand(now)) {
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

  /** The same, whatever becomes of the pool's size until then. */
  isToGo(entry: PoolEntry<R>): boolean {
    return this.isClosing || entry.isEvicted || entry.generation < this.generation || entry.retirement === 'due';
  }

  #tellEnd({ id }: PoolEntry<R>, sinceAt: number, loan: Pick<Lease<R>, 'note'>, end: LeaseEnd, reason?: string): void {
    const { hub, clock } = this.#parts;
    const isSuspected = loan.note?.isSuspected === true;
    if (!isSuspected && !hub.hasListeners('lease:released')) return;
    const now = clock.now();
    const fact = { connectionId: id, heldMs: now - sinceAt, end };
    hub.tellAt('lease:released', now, reason === undefined ? fact : { ...fact, reason });
    if (isSuspected) this.leaks.resolved(id, fact.heldMs);
  }
}
