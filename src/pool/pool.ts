/**
 * Lends things and takes them back. Generic: it has never heard of SQL, and talks to what it lends only through the
 * ResourceFactory port. Start reading here: this is what the house sees of the pool, and where its parts are put together.
 *
 *     lending.ts       who is served next                                     (waiting-line, waiter, lease, refusals)
 *     lanes.ts         who of the line can be served by what                  (fast-lane)
 *     sharing.ts       which statements travel together                       (shared-loan, shelf)
 *     growth.ts        when something new is made
 *     entry-care.ts    what takes time: make, ask, clean, close               (creator, connect-pacer, validator)
 *     maintenance.ts   what is too old, too much, too quiet; once a second
 *     leak-detector.ts, deadlock.ts, warm-up.ts
 *     entry-book.ts    which entries there are, in which state                (pool-entry)
 *
 * Invariants, checked in test/chaos/ after every step: an entry is in one state and lent to at most one lease, or shared by
 * at most as many short ones as it is deep; open + creating ≤ maxSize; waiters of one lane and priority are served in order of arrival; a waiter with room to grow means
 * that a creation is running or scheduled; nothing is lent that is broken, busy or inside a transaction; the sums of the
 * statistics hold. Over 300 lines because all that the house may ask of a pool stands here together.
 */
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { Random } from '../kernel/random.js';
import type { LeakReport } from '../telemetry/events.js';
import type { Hub } from '../telemetry/hub.js';
import { ConnectPacer } from './connect-pacer.js';
import type { CareParts } from './entry-care.js';
import { REVOKE_LIMIT_MS } from './entry-care.js';
import { EntryBook } from './entry-book.js';
import type { FreezeWatch } from './freeze-watch.js';
import type { SharingPorts } from './lane.js';
import type { Detached, LeaseScopes } from './lease-scopes.js';
import type { Lease } from './lease.js';
import { Lending } from './lending.js';
import type { ReplaceOutcome } from './maintenance.js';
import { Maintenance } from './maintenance.js';
import type { PoolEntry } from './pool-entry.js';
import { poolClosedError } from './pool-errors.js';
import type { PoolConfig, WarmUpConfig } from './pool-options.js';
import { PoolInspection } from './pool-inspection.js';
import type { PoolSettings } from './pool-settings.js';
import type { PoolStats } from './pool-stats.js';
import { Tally } from './pool-stats.js';
import type { ResourceFactory, SiblingVerdict } from './resource-factory.js';
import { Validator } from './validator.js';
import type { AcquireRequest } from './waiter.js';
import type { WarmUpResult } from './warm-up.js';

/** A generation this young is not ended by what its own connections say: then it is no failover, it is the server's way. */
const GENERATION_MIN_MS = 60_000;

export interface PoolPorts {
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly random: Random;
  readonly hub: Hub;
  /** For the detection of deadlocks; without it there is none. */
  readonly scopes?: LeaseScopes | undefined;
  /** Without it every lease is exclusive, whatever lane its caller stands in. */
  readonly sharing?: SharingPorts | undefined;
  /** Default: as it is called. */
  readonly detached?: Detached;
}

export class Pool<R> {
  readonly #parts: CareParts<R>;
  readonly #lending: Lending<R>;
  readonly #maintenance: Maintenance<R>;
  /** What reports want to know beyond `stats()`. */
  readonly inspection: PoolInspection<R>;
  #generationSince = -Infinity;
  #closing: Promise<number> | undefined;

  constructor(factory: ResourceFactory<R>, settings: PoolSettings, ports: PoolPorts) {
    const { clock, timers, random, hub, detached = (fn) => fn() } = ports;
    const pacer = new ConnectPacer({ clock, random, settings, onRetry: () => this.#lending.pump() });
    const freeze: FreezeWatch = { thawedAt: -Infinity, notice: () => void this.#maintenance.noticeFreeze() };
    const validator = new Validator(factory, settings, clock, timers, freeze);
    const [book, tally] = [new EntryBook<R>(), new Tally()];
    this.#parts = { factory, settings, clock, timers, random, hub, book, pacer, validator, tally, detached, freeze };
    this.#lending = new Lending(this.#parts, ports, {
      stats: () => this.stats(),
      noticeFreeze: () => this.#maintenance.noticeFreeze(),
      siblings: (verdict, entry) => this.#heedSibling(verdict, entry),
      rotated: (entry) => this.#renewAllBut(entry),
    });
    this.inspection = new PoolInspection(this.#parts, this.#lending.line);
    this.#maintenance = new Maintenance(this.#parts, {
      close: (entry, reason) => this.#lending.care.close(entry, reason),
      replace: (entry) => this.#replace(entry),
      keepAlive: (entry) => void this.#lending.check(entry, Infinity),
      thaw: (frozenMs, lostMs) => this.#thaw(frozenMs, lostMs),
      afterRound: (now) => this.#lending.round(now),
    });
  }

  /**
   * A lease, at once or in turn.
   * @throws RejectedError when the line is full, TimeoutError or ConnectionError at the deadline, ConnectionError at once
   * while the database cannot be reached, CancelledError on abort, UsageError when the pool is closed or deadlocked.
   * Nothing was sent in any of these cases.
   */
  acquire(request: AcquireRequest): Promise<Lease<R>> {
    return this.#lending.acquire(request);
  }

  /**
   * A lease at once and without a promise, if a resource rests ready, or may be shared, and nobody waits for it; else
   * `undefined`, and `acquire` says why or waits. `now` is the caller's own look at the clock.
   */
  tryAcquire(request: AcquireRequest, now: number): Lease<R> | undefined {
    return this.#lending.tryAcquire(request, now);
  }

  /** The same as `acquire`, for a caller who has just tried: in turn, until `deadlineAt`, whatever the request says. */
  wait(request: AcquireRequest, now: number, deadlineAt: number): Promise<Lease<R>> {
    return this.#lending.wait(request, now, deadlineAt);
  }

  /**
   * Begins the housekeeping, and the warm-up if one is configured, in the background. Answers how that warm-up ends;
   * the answer rejects only where `failFast`. A second call does nothing. A warm-up that is awaited keeps the process alive.
   */
  start(isAwaited = false): Promise<WarmUpResult> | undefined {
    if (this.#closing !== undefined || this.#lending.growth.isStarted) return undefined;
    this.#lending.growth.isStarted = true;
    this.#maintenance.start();
    const { warmUp } = this.#parts.settings.current;
    if (warmUp === false) {
      this.#lending.pump();
      return undefined;
    }
    const ended = this.#warm(warmUp, isAwaited);
    // Whoever does not listen is told as `pool:warmed`.
    ended.catch(() => undefined);
    return ended;
  }

  /** Opens resources before somebody asks. Rejects only where `failFast`. */
  warmUp(config: WarmUpConfig): Promise<WarmUpResult> {
    return this.#warm(config, true);
  }

  /** Takes back what nobody can release any more: the handle of this lease has been garbage-collected. */
  dropped(lease: Lease<R>): void {
    const { state } = lease.entry;
    if (state.name === 'in-use' && state.lease === lease) this.#lending.leaks.dropped(lease.entry);
  }

  /** Lends nothing until `resume`; callers wait, each until their own deadline. */
  suspend(): void {
    if (this.#lending.isSuspended || this.#closing !== undefined) return;
    this.#lending.isSuspended = true;
    this.#parts.hub.tell('pool:suspended', {});
  }

  resume(): void {
    if (!this.#lending.isSuspended) return;
    this.#lending.isSuspended = false;
    this.#parts.hub.tell('pool:resumed', {});
    this.#lending.pump();
  }

  /** Tells one resource, or all there are, to go: at once when idle, else when it comes free. Answers how many were told. */
  evict(connectionId?: number): number {
    if (connectionId === undefined) return this.#endGeneration('asked');
    const entry = this.#parts.book.all().find(({ id }) => id === connectionId);
    if (entry === undefined || entry.state.name === 'closing') return 0;
    entry.isEvicted = true;
    // Closed before it is told: a listener may acquire.
    if (entry.state.name === 'idle') this.#lending.care.close(entry, 'evicted');
    this.#parts.hub.tell('pool:evicted', { reason: 'asked', count: 1 });
    return 1;
  }

  /** Replaces every resource there is, a tenth of the pool at a time. */
  renew(): void {
    this.#renewAllBut(undefined);
  }

  /** New numbers, at once: what is too much goes when it comes free, what is wanted more is made. */
  reconfigure(config: PoolConfig): void {
    const { settings, hub, book } = this.#parts;
    const before = settings.current;
    settings.current = config;
    const names = Object.keys(config) as (keyof PoolConfig)[];
    const changed = names.filter((name) => JSON.stringify(config[name]) !== JSON.stringify(before[name]));
    if (changed.length > 0) hub.tell('pool:reconfigured', { changed: changed.map((name) => name.replace(/Ms$/, '')) });
    for (let idle = book.firstIdle; idle !== undefined && book.open > config.maxSize; idle = book.firstIdle) {
      this.#lending.care.close(idle, 'evicted');
    }
    this.#lending.warmUp.settle();
    this.#lending.pump();
  }

  /** What user code has held for longer than the threshold. */
  leaks(): readonly LeakReport[] {
    return this.#lending.leaks.suspects();
  }

  stats(): PoolStats {
    const { book, settings, pacer, tally } = this.#parts;
    const { sharing, returned } = this.#lending;
    return Object.freeze({
      maxSize: settings.current.maxSize,
      total: book.open,
      idle: book.count('idle'),
      inUse: book.count('in-use'),
      sharing: sharing?.loans ?? 0,
      sharedLeases: sharing?.leases ?? 0,
      reserved: sharing?.reserved ?? 0,
      creating: book.count('creating'),
      checking: book.count('checking'),
      resetting: book.count('resetting'),
      closing: book.count('closing'),
      waiting: this.#lending.line.length,
      isSuspended: this.#lending.isSuspended,
      breaker: pacer.breaker,
      totals: Object.freeze({ ...tally, returned }),
    });
  }

  /**
   * Refuses everybody who waits, lets leases finish until `deadlineAt`, then takes them away: what they still run is
   * stopped at the server, within a bound. Resolves with the number of leases taken away, when every resource is gone.
   * A second call joins the first.
   */
  close(deadlineAt: number): Promise<number> {
    this.#lending.isClosing = true;
    this.#closing ??= this.#drain(deadlineAt);
    return this.#closing;
  }

  #warm(config: WarmUpConfig, isAwaited: boolean): Promise<WarmUpResult> {
    if (this.#closing !== undefined) return Promise.reject(poolClosedError(this.#parts.factory.label));
    const { settings, pacer } = this.#parts;
    const { maxSize } = settings.current;
    // Somebody waits for the truth: it may have changed since the last refusal.
    if (config.failFast && pacer.isHopeless) pacer.clearPause();
    const connections = Math.min(config.connections, maxSize);
    const ended = this.#lending.warmUp.begin({ ...config, connections }, isAwaited);
    this.#lending.warmUp.settle();
    this.#lending.pump();
    return ended;
  }

  async #drain(deadlineAt: number): Promise<number> {
    // Let `#closing` be set first: a listener of what is told below may call `close` again.
    await Promise.resolve();
    const { book, pacer, factory, timers, clock } = this.#parts;
    const lending = this.#lending;
    pacer.clearPause();
    this.#maintenance.stop();
    lending.deadlocks.stop();
    lending.warmUp.stop(poolClosedError(factory.label));
    lending.refusals.refuseAll(() => poolClosedError(factory.label));
    for (const entry of book.all()) {
      if (entry.state.name === 'creating') entry.state.abort.abort();
      // Nobody waits for the answer of one that is being asked.
      if (entry.state.name === 'idle' || entry.state.name === 'checking') lending.care.close(entry, 'shutdown');
    }
    await book.untilEmpty(deadlineAt, timers);
    const forced = book.all().reduce((sum, entry) => sum + lending.takeBack(entry, REVOKE_LIMIT_MS), 0);
    // What was being cleaned before the deadline gets no longer than what is cleaned because of it.
    await book.untilEmpty(clock.now() + REVOKE_LIMIT_MS, timers);
    for (const entry of book.all()) if (entry.state.name === 'resetting') lending.care.close(entry, 'shutdown');
    // What is left is bounded by its own limits: farewells, attempts that were aborted.
    await book.untilEmpty(Infinity, timers);
    return forced;
  }

  #replace(entry: PoolEntry<R>): ReplaceOutcome {
    const { book, settings, pacer } = this.#parts;
    if (book.open >= settings.current.maxSize) return 'full';
    const isHeldBack = this.#lending.isSuspended || book.count('creating') >= pacer.limit || !pacer.mayBegin();
    if (isHeldBack) return 'later';
    entry.retirement = 'replacing';
    void this.#lending.care.create(entry);
    return 'opening';
  }

  /** Time nobody lived through proves nothing, and is not held against those who wait. */
  #thaw(frozenMs: number, lostMs: number): void {
    const { validator, clock, hub, freeze } = this.#parts;
    const now = clock.now();
    validator.distrustBefore = now;
    freeze.thawedAt = now;
    this.#lending.line.extend(lostMs, now);
    this.#lending.leaks.forgive(lostMs, now);
    hub.tell('pool:frozen', { frozenMs });
  }

  #renewAllBut(fresh: PoolEntry<R> | undefined): void {
    for (const entry of this.#parts.book.all()) if (entry !== fresh) entry.isTired = true;
  }

  #heedSibling(verdict: SiblingVerdict, entry: PoolEntry<R>): void {
    const { validator, clock } = this.#parts;
    validator.distrustBefore = clock.now();
    if (verdict !== 'evict' || entry.generation < this.#lending.generation) return;
    if (clock.now() - this.#generationSince >= GENERATION_MIN_MS) this.#endGeneration('siblings');
  }

  #endGeneration(reason: 'asked' | 'siblings'): number {
    const { clock, hub, book } = this.#parts;
    const count = book.open;
    this.#lending.generation += 1;
    this.#generationSince = clock.now();
    // Closed before it is told: a listener may acquire.
    for (const entry of book.all()) if (entry.state.name === 'idle') this.#lending.care.close(entry, 'evicted');
    hub.tell('pool:evicted', { reason, count });
    return count;
  }
}
