/**
 * Lends things and takes them back. Generic: it has never heard of SQL, and talks to what it lends only through the
 * ResourceFactory port. All decisions are here; entry-book.ts keeps the books.
 *
 *     acquire ──► fresh idle entry? ──yes──► lease
 *        │no
 *        ▼
 *     waiters (FIFO) ◄── release, validated, created: whoever comes free goes to the head of the line
 *
 * Invariants, checked in test/chaos/ after every step: an entry is in one state and lent to at most one lease;
 * open + creating ≤ maxSize; waiters are served in order of arrival; a waiter with room to grow means that a creation is
 * running or scheduled; nothing is lent that is broken, busy or inside a transaction. Every change ends with `#pump()`.
 *
 * Nearly 400 lines, because what moves an entry from state to state can be checked only where all the moves are seen.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { Random } from '../kernel/random.js';
import type { LimitCause } from '../kernel/within.js';
import { within } from '../kernel/within.js';
import { WaiterQueue } from '../kernel/waiter-queue.js';
import type { CloseReason, LeaseEnd } from '../telemetry/events.js';
import type { Hub } from '../telemetry/hub.js';
import { Creator } from './creator.js';
import { EntryBook } from './entry-book.js';
import type { LeaseKeeper } from './lease.js';
import { Lease } from './lease.js';
import type { EntryState, PoolEntry } from './pool-entry.js';
import {
  abortedWaitError,
  acquireTimeoutError,
  hopelessError,
  poolClosedError,
  queueFullError,
  unreachableError,
} from './pool-errors.js';
import type { PoolConfig } from './pool-options.js';
import type { PoolStats } from './pool-stats.js';
import type { ResourceFactory } from './resource-factory.js';
import { Validator } from './validator.js';
import type { AcquireRequest } from './waiter.js';
import { Waiter } from './waiter.js';

/** How long an unclean return may take to be cleaned before the resource is destroyed. Nobody waits for it. */
const RESET_LIMIT_MS = 5_000;
/** The same for what is taken away at the deadline of a shutdown, which somebody waits for. */
const REVOKE_LIMIT_MS = 2_000;
/** How long a gentle close may take before the resource is destroyed. */
const CLOSE_LIMIT_MS = 2_000;

/** Ends after which the other side is still there to say goodbye to. */
const GENTLE_REASONS: ReadonlySet<CloseReason> = new Set([
  'discarded',
  'idle-timeout',
  'max-lifetime',
  'evicted',
  'shutdown',
]);

export interface PoolPorts {
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly random: Random;
  readonly hub: Hub;
}

export class Pool<R> implements LeaseKeeper<R> {
  readonly #factory: ResourceFactory<R>;
  readonly #config: PoolConfig;
  readonly #ports: PoolPorts;
  readonly #validator: Validator<R>;
  readonly #creator: Creator<R>;
  readonly #book = new EntryBook<R>();
  readonly #waiters = new WaiterQueue<Waiter<R>>();
  /**
   * The last proof of life failed: others that rested as long are probably dead too. So a caller no longer has to wait
   * for one proof after the other (50 connections behind a cut cable would take 50 s): a creation runs beside them.
   */
  #isDoubtful = false;
  #closing: Promise<number> | undefined;

  constructor(factory: ResourceFactory<R>, config: PoolConfig, ports: PoolPorts) {
    this.#factory = factory;
    this.#config = config;
    this.#ports = ports;
    this.#validator = new Validator(factory, config.validation, ports.clock, ports.timers);
    this.#creator = new Creator(factory, {
      clock: ports.clock,
      timers: ports.timers,
      random: ports.random,
      connectTimeoutMs: config.connectTimeoutMs,
      onRetry: () => this.#pump(),
    });
  }

  /**
   * A lease, at once or in turn.
   * @throws RejectedError when the line is full, TimeoutError or ConnectionError at the deadline, CancelledError on
   * abort, UsageError when the pool is closed. Nothing was sent in any of these cases.
   */
  acquire(request: AcquireRequest): Promise<Lease<R>> {
    if (this.#closing !== undefined) return Promise.reject(poolClosedError(this.#factory.label));
    if (request.signal?.aborted === true) {
      return Promise.reject(abortedWaitError(this.#factory.label, 0, request.signal.reason));
    }
    const now = this.#ports.clock.now();
    if (this.#waiters.length === 0) {
      const entry = this.#takeFresh(now);
      if (entry !== undefined) return Promise.resolve(this.#lend(entry, now, 0));
    }
    const hopeless = request.failFast === true ? undefined : this.#hopelessCause();
    if (hopeless !== undefined) return Promise.reject(hopelessError(hopeless));
    if (this.#waiters.length >= this.#config.maxWaiting) {
      return Promise.reject(queueFullError(this.#factory.label, this.stats()));
    }
    // Only together with the pump below: a pause that is over without a new attempt would leave the line forgotten.
    if (request.failFast === true) this.#creator.stop();
    const waiter = new Waiter<R>(request, now, this.#ports.timers, (who, cause) => this.#giveUp(who, cause, request));
    this.#waiters.push(waiter);
    this.#pump();
    return waiter.promise;
  }

  /** Called by a lease when it ends. */
  end(lease: Lease<R>, isDiscarded: boolean): void {
    const { entry } = lease;
    if (entry.state.name !== 'in-use' || entry.state.lease !== lease) return;
    this.#tellEnd(entry.id, entry.state.sinceAt, isDiscarded ? 'discarded' : 'released');
    const condition = this.#factory.condition(entry.state.resource);
    if (condition === 'broken') this.#close(entry, 'broken');
    // A cut socket would not stop what a discarded one still runs at the server.
    else if (isDiscarded && condition === 'dirty') void this.#reset(entry, REVOKE_LIMIT_MS, 'discarded');
    else if (isDiscarded) this.#close(entry, 'discarded');
    else if (condition === 'clean') this.#offer(entry);
    else if (this.#config.onRelease === 'destroy') this.#close(entry, 'reset-failed');
    else void this.#reset(entry, RESET_LIMIT_MS);
  }

  stats(): PoolStats {
    const book = this.#book;
    return {
      maxSize: this.#config.maxSize,
      total: book.open,
      idle: book.count('idle'),
      inUse: book.count('in-use'),
      creating: book.count('creating'),
      checking: book.count('checking'),
      resetting: book.count('resetting'),
      closing: book.count('closing'),
      waiting: this.#waiters.length,
    };
  }

  /**
   * Refuses everybody who waits, lets leases finish until `deadlineAt`, then takes them away: what they still run is
   * stopped at the server, within a bound. Resolves with the number of leases taken away, when every resource is gone.
   * A second call joins the first.
   */
  close(deadlineAt: number): Promise<number> {
    this.#closing ??= this.#drain(deadlineAt);
    return this.#closing;
  }

  async #drain(deadlineAt: number): Promise<number> {
    // Let `#closing` be set first, so that everything below already sees a closing pool.
    await Promise.resolve();
    this.#creator.stop();
    this.#refuseAll(() => poolClosedError(this.#factory.label));
    for (const entry of this.#book.all()) {
      if (entry.state.name === 'creating') entry.state.abort.abort();
      // Nobody waits for the answer of one that is being asked.
      if (entry.state.name === 'idle' || entry.state.name === 'checking') this.#close(entry, 'shutdown');
    }
    await this.#book.untilEmpty(deadlineAt, this.#ports.timers);
    const forced = this.#book.all().filter((entry) => this.#revoke(entry)).length;
    // What is left is bounded by its own limits: resetting, closing, attempts that were aborted.
    await this.#book.untilEmpty(Infinity, this.#ports.timers);
    return forced;
  }

  /** Takes a resource from its lease. The server is told to stop what it still runs: a cut socket would not stop it. */
  #revoke(entry: PoolEntry<R>): boolean {
    const { state } = entry;
    if (state.name !== 'in-use') return false;
    state.lease.revoke();
    this.#tellEnd(entry.id, state.sinceAt, 'discarded');
    if (this.#factory.condition(state.resource) === 'dirty') void this.#reset(entry, REVOKE_LIMIT_MS);
    else this.#close(entry, 'shutdown');
    return true;
  }

  /** The entry used last, if it is fit to be lent without a question. */
  #takeFresh(now: number): PoolEntry<R> | undefined {
    for (let entry = this.#book.lastIdle; entry !== undefined; entry = this.#book.lastIdle) {
      if (entry.state.name !== 'idle') throw new Error(`bug: a ${entry.state.name} entry in the idle list`);
      const isFit = this.#factory.condition(entry.state.resource) === 'clean';
      if (isFit && !this.#validator.isFresh(entry.state.sinceAt, now)) return undefined;
      if (isFit) return entry;
      this.#close(entry, 'broken');
    }
    return undefined;
  }

  #lend(entry: PoolEntry<R>, now: number, waitedMs: number): Lease<R> {
    const resource = resourceOf(entry);
    const lease = new Lease(entry, resource, this);
    this.#book.move(entry, { name: 'in-use', resource, sinceAt: now, lease });
    const { hub } = this.#ports;
    if (hub.hasListeners('lease:acquired')) hub.tell('lease:acquired', { connectionId: entry.id, waitedMs });
    return lease;
  }

  /** A clean entry goes to the head of the line, in this very tick, or rests. */
  #offer(entry: PoolEntry<R>): void {
    if (this.#closing !== undefined) return this.#close(entry, 'shutdown');
    const now = this.#ports.clock.now();
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) waiter.resolve(this.#lend(entry, now, now - waiter.sinceAt));
    else this.#book.move(entry, { name: 'idle', resource: resourceOf(entry), sinceAt: now });
    this.#pump();
  }

  /** Serves the line with what there is, asks stale entries for a proof of life, and grows where that is not enough. */
  #pump(): void {
    if (this.#closing !== undefined) return;
    const now = this.#ports.clock.now();
    while (this.#waiters.length > 0) {
      const entry = this.#takeFresh(now);
      // Asked for after the entry: closing a broken one on the way pumps too, and may have served the head already.
      const waiter = entry === undefined ? undefined : this.#waiters.shift();
      if (entry === undefined || waiter === undefined) break;
      waiter.resolve(this.#lend(entry, now, now - waiter.sinceAt));
    }
    while (this.#book.count('checking') < this.#waiters.length) {
      const entry = this.#book.lastIdle;
      if (entry === undefined) break;
      void this.#check(entry);
    }
    while (this.#shouldCreate()) void this.#create();
    const hopeless = this.#hopelessCause();
    if (hopeless === undefined) return;
    // With nothing alive and no hope, waiting would only hide the cause until the deadline.
    this.#refuseAll((waitedMs) => unreachableError(hopeless, waitedMs, this.#creator.failures));
  }

  /** No attempt belongs to a caller: there are as many as there are callers that nothing else is on its way to. */
  #shouldCreate(): boolean {
    if (this.#creator.isPausing || this.#book.open >= this.#config.maxSize) return false;
    const creating = this.#book.count('creating');
    const atOnce = this.#creator.failures > 0 ? 1 : this.#config.maxCreating;
    const onTheWay = creating + (this.#isDoubtful ? 0 : this.#book.count('checking'));
    return creating < atOnce && this.#waiters.length > onTheWay;
  }

  /** Why nobody needs to wait: nothing is alive, and the last attempt said that another won't change it. */
  #hopelessCause(): FluxorError | undefined {
    const { lastError, isPausing } = this.#creator;
    // After the pause one caller's attempt finds out anew: the password may have been corrected at the server.
    if (!isPausing || lastError === undefined || lastError.retryable) return undefined;
    return this.#book.open === 0 ? lastError : undefined;
  }

  async #create(): Promise<void> {
    const { clock, hub } = this.#ports;
    const abort = new AbortController();
    const startedAt = clock.now();
    const entry = this.#book.add(startedAt, abort);
    let resource: R;
    try {
      const onLost = (error: FluxorError) => this.#lose(entry, error);
      resource = await this.#creator.create({ id: entry.id, onLost }, abort);
    } catch (error) {
      this.#book.move(entry, { name: 'closed' });
      return this.#failToCreate(error, clock.now() - startedAt);
    }
    hub.tell('connection:created', { connectionId: entry.id, durationMs: clock.now() - startedAt });
    this.#book.move(entry, { name: 'idle', resource, sinceAt: clock.now() });
    // A newborn rests for no time at all when somebody waits; the pump also finds one that broke while being born.
    if (this.#closing !== undefined) this.#close(entry, 'shutdown');
    else this.#pump();
  }

  #failToCreate(cause: unknown, durationMs: number): void {
    if (this.#closing !== undefined) return;
    if (!isFluxorError(cause)) throw new Error('bug: a factory must reject with a FluxorError', { cause });
    const error = cause;
    const delayMs = this.#creator.pauseAfter(error);
    const retry = this.#waiters.length > 0 ? { retryInMs: delayMs } : {};
    this.#ports.hub.tell('connection:create-failed', { durationMs, error, ...retry });
    for (const waiter of this.#waiters) {
      if (!waiter.failFast) continue;
      this.#waiters.remove(waiter);
      waiter.reject(error);
    }
    this.#pump();
  }

  async #check(entry: PoolEntry<R>): Promise<void> {
    const resource = resourceOf(entry);
    const abort = new AbortController();
    const checking: EntryState<R> = { name: 'checking', resource, abort };
    this.#book.move(entry, checking);
    const isAlive = await this.#validator.validate(resource, abort.signal).then(
      () => true,
      () => false,
    );
    // Lost while being asked: it has been closed already.
    if (entry.state !== checking) return;
    this.#isDoubtful = !isAlive || this.#factory.condition(resource) !== 'clean';
    if (this.#isDoubtful) this.#close(entry, 'validation-failed');
    else this.#offer(entry);
  }

  async #reset(entry: PoolEntry<R>, limitMs: number, thenClose?: CloseReason): Promise<void> {
    const { clock, hub } = this.#ports;
    const resource = resourceOf(entry);
    const abort = new AbortController();
    const resetting: EntryState<R> = { name: 'resetting', resource, abort };
    const startedAt = clock.now();
    this.#book.move(entry, resetting);
    await this.#bounded(async () => this.#factory.reset(resource), limitMs, abort.signal);
    if (entry.state !== resetting) return;
    const isClean = this.#factory.condition(resource) === 'clean';
    const end = this.#closing !== undefined ? 'shutdown' : (thenClose ?? 'reset-failed');
    if (!isClean || thenClose !== undefined) return this.#close(entry, end);
    hub.tell('connection:reset', { connectionId: entry.id, durationMs: clock.now() - startedAt });
    this.#offer(entry);
  }

  /** The resource broke by itself. One in use is closed when its lease ends: its caller hears of it from the statement. */
  #lose(entry: PoolEntry<R>, error: FluxorError): void {
    const { name } = entry.state;
    // One that breaks while being made is a failed attempt, and told as such.
    if (name === 'creating' || name === 'closing' || name === 'closed') return;
    this.#ports.hub.tell('connection:lost', { connectionId: entry.id, error });
    if (name !== 'in-use') this.#close(entry, 'broken');
  }

  #close(entry: PoolEntry<R>, reason: CloseReason): void {
    const { state } = entry;
    const resource = resourceOf(entry);
    this.#book.move(entry, { name: 'closing', resource, reason });
    if (state.name === 'checking' || state.name === 'resetting') state.abort.abort();
    void this.#finish(entry, resource, reason);
    this.#pump();
  }

  async #finish(entry: PoolEntry<R>, resource: R, reason: CloseReason): Promise<void> {
    const { clock, hub } = this.#ports;
    if (GENTLE_REASONS.has(reason) && this.#factory.condition(resource) === 'clean') {
      await this.#bounded(async () => this.#factory.close(resource), CLOSE_LIMIT_MS, undefined);
    }
    this.#factory.destroy(resource);
    this.#book.move(entry, { name: 'closed' });
    hub.tell('connection:closed', { connectionId: entry.id, reason, ageMs: clock.now() - entry.bornAt });
  }

  /** Waits for the factory, but not for ever; how it ended is read from the resource's condition. */
  async #bounded(work: () => Promise<void>, limitMs: number, signal: AbortSignal | undefined): Promise<void> {
    const limits = { deadlineAt: this.#ports.clock.now() + limitMs, signal };
    await within(work(), limits, this.#ports.timers, () => undefined).catch(() => undefined);
  }

  #giveUp(waiter: Waiter<R>, cause: LimitCause, request: AcquireRequest): void {
    if (!this.#waiters.remove(waiter)) return;
    const { label } = this.#factory;
    const waitedMs = this.#ports.clock.now() - waiter.sinceAt;
    if (cause === 'aborted') return waiter.reject(abortedWaitError(label, waitedMs, request.signal?.reason));
    const { lastError, failures } = this.#creator;
    const hasNone = this.#book.open === this.#book.count('creating');
    const error =
      hasNone && lastError !== undefined
        ? unreachableError(lastError, waitedMs, failures)
        : acquireTimeoutError(label, waitedMs, this.stats());
    this.#ports.hub.tell('acquire:timed-out', { waitedMs, error });
    waiter.reject(error);
  }

  #refuseAll(makeError: (waitedMs: number) => FluxorError): void {
    const now = this.#ports.clock.now();
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) {
      waiter.reject(makeError(now - waiter.sinceAt));
    }
  }

  #tellEnd(connectionId: number, sinceAt: number, end: LeaseEnd): void {
    const { hub, clock } = this.#ports;
    if (!hub.hasListeners('lease:released')) return;
    hub.tell('lease:released', { connectionId, heldMs: clock.now() - sinceAt, end });
  }
}

function resourceOf<R>(entry: PoolEntry<R>): R {
  if (entry.state.name === 'creating' || entry.state.name === 'closed') {
    throw new Error(`bug: a ${entry.state.name} entry has no resource`);
  }
  return entry.state.resource;
}
