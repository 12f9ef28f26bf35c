/**
 * Lends things and takes them back. Generic: it has never heard of SQL, and talks to what it lends only through the
 * ResourceFactory port. This is the one file where counts change, and `#move` the one place where they do.
 *
 *     acquire ──► fresh idle entry? ──yes──► lease
 *        │no
 *        ▼
 *     waiters (FIFO) ◄── release, validated, created: whoever comes free goes to the head of the line
 *
 * Invariants, checked in the tests after every step: an entry is in one state and lent to at most one lease;
 * open + creating ≤ maxSize; waiters are served in order of arrival; a waiter with room to grow means that a creation is
 * running or scheduled; nothing is lent that is broken, busy or inside a transaction.
 * Every change ends with `#pump()`, so that no waiter is forgotten.
 *
 * 310 lines, because splitting what moves entries from what counts them would hide the invariants.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Clock } from '../kernel/clock.js';
import type { Deferred } from '../kernel/deferred.js';
import { createDeferred } from '../kernel/deferred.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { Random } from '../kernel/random.js';
import type { LimitCause } from '../kernel/within.js';
import { within } from '../kernel/within.js';
import { WaiterQueue } from '../kernel/waiter-queue.js';
import type { CloseReason } from '../telemetry/events.js';
import type { Hub } from '../telemetry/hub.js';
import { Creator } from './creator.js';
import type { LeaseKeeper } from './lease.js';
import { Lease } from './lease.js';
import type { EntryState, EntryStateName } from './pool-entry.js';
import { OPEN_STATES, PoolEntry } from './pool-entry.js';
import { abortedWaitError, acquireTimeoutError, poolClosedError, queueFullError, unreachableError } from './pool-errors.js';
import type { PoolConfig } from './pool-options.js';
import type { PoolStats } from './pool-stats.js';
import type { ResourceFactory } from './resource-factory.js';
import { Validator } from './validator.js';
import type { AcquireRequest } from './waiter.js';
import { Waiter } from './waiter.js';

/** How long an unclean return may take to be cleaned before the resource is destroyed. Nobody waits for it. */
const RESET_LIMIT_MS = 5_000;
/** How long a gentle close may take before the resource is destroyed. */
const CLOSE_LIMIT_MS = 2_000;

/** Ends after which the other side is still there to say goodbye to. */
const GENTLE_REASONS: ReadonlySet<CloseReason> = new Set(['discarded', 'idle-timeout', 'max-lifetime', 'evicted', 'shutdown']);

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
  /** Everything not yet closed. */
  readonly #entries = new Set<PoolEntry<R>>();
  /** Invariant: an entry is in here iff its state is idle. Lent from the end: the hot set stays small. */
  readonly #idle: PoolEntry<R>[] = [];
  readonly #waiters = new WaiterQueue<Waiter<R>>();
  /** Invariant: `#counts[name]` is the number of entries in that state; changed in `#add` and `#move` only. */
  readonly #counts: Record<EntryStateName, number> = {
    creating: 0, idle: 0, checking: 0, 'in-use': 0, resetting: 0, closing: 0, closed: 0,
  };
  #nextId = 1;
  #closing: Promise<number> | undefined;
  /** Resolved whenever an entry leaves, while the pool is closing. */
  #left: Deferred<void> | undefined;

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
    const { lastError } = this.#creator;
    if (request.failFast === true) this.#creator.stop();
    else if (lastError?.retryable === false && this.#openCount() === 0) return Promise.reject(lastError);
    if (this.#waiters.length >= this.#config.maxWaiting) {
      return Promise.reject(queueFullError(this.#factory.label, this.stats()));
    }
    const waiter = new Waiter<R>(request, now, this.#ports.timers, (who, cause) => this.#giveUp(who, cause, request));
    this.#waiters.push(waiter);
    this.#pump();
    return waiter.promise;
  }

  /** Called by a lease when it ends. */
  end(lease: Lease<R>, isDiscarded: boolean): void {
    const { entry } = lease;
    if (entry.state.name !== 'in-use' || entry.state.lease !== lease) return;
    const { hub, clock } = this.#ports;
    if (hub.hasListeners('lease:released')) {
      const heldMs = clock.now() - entry.state.sinceAt;
      hub.tell('lease:released', { connectionId: entry.id, heldMs, end: isDiscarded ? 'discarded' : 'released' });
    }
    const condition = this.#factory.condition(entry.state.resource);
    if (condition === 'broken') this.#close(entry, 'broken');
    else if (isDiscarded) this.#close(entry, 'discarded');
    else if (condition === 'clean') this.#offer(entry);
    else if (this.#config.onRelease === 'destroy') this.#close(entry, 'reset-failed');
    else void this.#reset(entry);
  }

  stats(): PoolStats {
    const { creating, idle, checking, 'in-use': inUse, resetting, closing } = this.#counts;
    const total = this.#openCount();
    const { maxSize } = this.#config;
    return { maxSize, total, idle, inUse, creating, checking, resetting, closing, waiting: this.#waiters.length };
  }

  /**
   * Refuses everybody who waits, lets leases finish until `deadlineAt`, then takes them away.
   * Resolves with the number of leases taken away, when every resource is gone. A second call joins the first.
   */
  close(deadlineAt: number): Promise<number> {
    this.#closing ??= this.#drain(deadlineAt);
    return this.#closing;
  }

  async #drain(deadlineAt: number): Promise<number> {
    // Let `#closing` be set first, so that everything below already sees a closing pool.
    await Promise.resolve();
    this.#creator.stop();
    this.#rejectWaiters(() => poolClosedError(this.#factory.label));
    for (const entry of [...this.#entries]) {
      if (entry.state.name === 'creating') entry.state.abort.abort();
      if (entry.state.name === 'idle') this.#close(entry, 'shutdown');
    }
    await this.#untilEmpty(deadlineAt);
    let forced = 0;
    for (const entry of [...this.#entries]) {
      if (entry.state.name !== 'in-use') continue;
      forced += 1;
      entry.state.lease.revoke();
      this.#factory.destroy(entry.state.resource);
      this.#close(entry, 'shutdown');
    }
    // What is left is bounded by its own limits: resetting, checking, closing, attempts that were aborted.
    await this.#untilEmpty(Infinity);
    return forced;
  }

  async #untilEmpty(deadlineAt: number): Promise<void> {
    let isLate = false;
    while (this.#entries.size > 0 && !isLate) {
      this.#left = createDeferred();
      await within(this.#left.promise, { deadlineAt, signal: undefined }, this.#ports.timers, () => {
        isLate = true;
      });
    }
  }

  /** The entry used last, if it is fit to be lent without a question. */
  #takeFresh(now: number): PoolEntry<R> | undefined {
    for (let entry = this.#idle.at(-1); entry !== undefined; entry = this.#idle.at(-1)) {
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
    this.#move(entry, { name: 'in-use', resource, sinceAt: now, lease });
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
    else this.#move(entry, { name: 'idle', resource: resourceOf(entry), sinceAt: now });
    this.#pump();
  }

  /** Serves the line with what there is, asks stale entries for a proof of life, and grows where that is not enough. */
  #pump(): void {
    if (this.#closing !== undefined) return;
    const now = this.#ports.clock.now();
    for (let waiter = this.#waiters.first; waiter !== undefined; waiter = this.#waiters.first) {
      const entry = this.#takeFresh(now);
      if (entry === undefined) break;
      this.#waiters.remove(waiter);
      waiter.resolve(this.#lend(entry, now, now - waiter.sinceAt));
    }
    while (this.#counts.checking < this.#waiters.length) {
      const entry = this.#idle.at(-1);
      if (entry === undefined) break;
      void this.#check(entry);
    }
    while (this.#shouldCreate()) void this.#create();
  }

  /** No attempt belongs to a caller: there are as many as there are callers that nothing else is on its way to. */
  #shouldCreate(): boolean {
    if (this.#creator.isPausing || this.#openCount() >= this.#config.maxSize) return false;
    const atOnce = this.#creator.failures > 0 ? 1 : this.#config.maxCreating;
    return this.#counts.creating < atOnce && this.#waiters.length > this.#counts.creating + this.#counts.checking;
  }

  async #create(): Promise<void> {
    const { clock, hub } = this.#ports;
    const abort = new AbortController();
    const startedAt = clock.now();
    const entry = this.#add(startedAt, abort);
    try {
      const onLost = (error: FluxorError) => this.#lose(entry, error);
      const resource = await this.#creator.create({ id: entry.id, onLost }, abort);
      hub.tell('connection:created', { connectionId: entry.id, durationMs: clock.now() - startedAt });
      this.#move(entry, { name: 'idle', resource, sinceAt: clock.now() });
      // A newborn rests for no time at all when somebody waits; the pump also finds one that broke while being born.
      if (this.#closing !== undefined) this.#close(entry, 'shutdown');
      else this.#pump();
    } catch (error) {
      this.#move(entry, { name: 'closed' });
      this.#failToCreate(error, clock.now() - startedAt);
    }
  }

  #failToCreate(cause: unknown, durationMs: number): void {
    if (this.#closing !== undefined) return;
    if (!isFluxorError(cause)) throw new Error('bug: a factory must reject with a FluxorError', { cause });
    const error = cause;
    const delayMs = this.#creator.pauseAfter(error);
    const retry = this.#waiters.length > 0 ? { retryInMs: delayMs } : {};
    this.#ports.hub.tell('connection:create-failed', { durationMs, error, ...retry });
    // With nothing alive and no hope, waiting would only hide the cause until the deadline.
    const isHopeless = !error.retryable && this.#openCount() === 0;
    for (const waiter of this.#waiters) {
      if (!isHopeless && !waiter.failFast) continue;
      this.#waiters.remove(waiter);
      waiter.reject(error);
    }
  }

  async #check(entry: PoolEntry<R>): Promise<void> {
    const resource = resourceOf(entry);
    const checking: EntryState<R> = { name: 'checking', resource };
    this.#move(entry, checking);
    const isAlive = await this.#validator.validate(resource).then(
      () => true,
      () => false,
    );
    // Lost while being asked: it has been closed already.
    if (entry.state !== checking) return;
    if (isAlive && this.#factory.condition(resource) === 'clean') this.#offer(entry);
    else this.#close(entry, 'validation-failed');
  }

  async #reset(entry: PoolEntry<R>): Promise<void> {
    const { clock, timers, hub } = this.#ports;
    const resource = resourceOf(entry);
    const resetting: EntryState<R> = { name: 'resetting', resource };
    const startedAt = clock.now();
    this.#move(entry, resetting);
    const limits = { deadlineAt: startedAt + RESET_LIMIT_MS, signal: undefined };
    await within(this.#factory.reset(resource), limits, timers, () => undefined).catch(() => undefined);
    if (entry.state !== resetting) return;
    if (this.#factory.condition(resource) !== 'clean') return this.#close(entry, 'reset-failed');
    hub.tell('connection:reset', { connectionId: entry.id, durationMs: clock.now() - startedAt });
    this.#offer(entry);
  }

  /** The resource broke by itself. One in use is closed when its lease ends: its caller hears of it from the statement. */
  #lose(entry: PoolEntry<R>, error: FluxorError): void {
    if (entry.state.name === 'closing' || entry.state.name === 'closed') return;
    this.#ports.hub.tell('connection:lost', { connectionId: entry.id, error });
    if (entry.state.name !== 'in-use' && entry.state.name !== 'creating') this.#close(entry, 'broken');
  }

  #close(entry: PoolEntry<R>, reason: CloseReason): void {
    const resource = resourceOf(entry);
    this.#move(entry, { name: 'closing', resource, reason });
    void this.#finish(entry, resource, reason);
    this.#pump();
  }

  async #finish(entry: PoolEntry<R>, resource: R, reason: CloseReason): Promise<void> {
    const { clock, timers, hub } = this.#ports;
    if (GENTLE_REASONS.has(reason) && this.#factory.condition(resource) === 'clean') {
      const limits = { deadlineAt: clock.now() + CLOSE_LIMIT_MS, signal: undefined };
      await within(this.#factory.close(resource), limits, timers, () => undefined).catch(() => undefined);
    }
    this.#factory.destroy(resource);
    this.#move(entry, { name: 'closed' });
    hub.tell('connection:closed', { connectionId: entry.id, reason, ageMs: clock.now() - entry.bornAt });
  }

  #giveUp(waiter: Waiter<R>, cause: LimitCause, request: AcquireRequest): void {
    if (!this.#waiters.remove(waiter)) return;
    const { label } = this.#factory;
    const waitedMs = this.#ports.clock.now() - waiter.sinceAt;
    if (cause === 'aborted') return waiter.reject(abortedWaitError(label, waitedMs, request.signal?.reason));
    const { lastError, failures } = this.#creator;
    const hasNone = this.#openCount() === this.#counts.creating;
    const error =
      hasNone && lastError !== undefined
        ? unreachableError(lastError, waitedMs, failures)
        : acquireTimeoutError(label, waitedMs, this.stats());
    this.#ports.hub.tell('acquire:timed-out', { waitedMs, error });
    waiter.reject(error);
  }

  #rejectWaiters(makeError: () => FluxorError): void {
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) waiter.reject(makeError());
  }

  #openCount(): number {
    return OPEN_STATES.reduce((sum, name) => sum + this.#counts[name], 0);
  }

  #add(bornAt: number, abort: AbortController): PoolEntry<R> {
    const entry = new PoolEntry<R>(this.#nextId++, bornAt, { name: 'creating', abort });
    this.#entries.add(entry);
    this.#counts.creating += 1;
    return entry;
  }

  /** With `#add`, the only writer of states, counts and memberships. */
  #move(entry: PoolEntry<R>, to: EntryState<R>): void {
    entry.assertCanMove(to.name);
    const from = entry.state.name;
    if (from === 'idle') this.#removeIdle(entry);
    this.#counts[from] -= 1;
    entry.state = to;
    if (to.name === 'closed') {
      this.#entries.delete(entry);
      this.#left?.resolve();
      return;
    }
    this.#counts[to.name] += 1;
    if (to.name === 'idle') this.#idle.push(entry);
  }

  #removeIdle(entry: PoolEntry<R>): void {
    if (this.#idle.at(-1) === entry) this.#idle.pop();
    else this.#idle.splice(this.#idle.indexOf(entry), 1);
  }
}

function resourceOf<R>(entry: PoolEntry<R>): R {
  if (entry.state.name === 'creating' || entry.state.name === 'closed') {
    throw new Error(`bug: a ${entry.state.name} entry has no resource`);
  }
  return entry.state.resource;
}
