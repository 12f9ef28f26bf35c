/**
 * Lets so many calls run at once, and no more: a semaphore with a line, priorities, and a limit that may move. The gate
 * asks it before a connection is asked for; it may also be used alone.
 *
 *     acquire ──► free slot ──► permit ──► release           nobody waits: no promise, no timer, one small object
 *                  │ none                     │
 *                  └──► line ◄── hands over ──┘               in the tick of the release
 *
 * The limit is `max`, or what the adaptive mode finds (adaptive-limit.ts), or less while it ramps up after an outage.
 * Invariants: a call waits only while all slots are in use; whoever is woken owns a permit before any newcomer can
 * run; nobody who holds a permit is cut off when the limit falls.
 * It knows nothing of connections: a permit is a right, and the pool lends the thing.
 */
import type { WatchedDeadline } from '../kernel/deadline.js';
import { Emitter } from '../kernel/emitter.js';
import type { Priority } from '../kernel/priority.js';
import { WaiterQueue } from '../kernel/waiter-queue.js';
import type { LimitCause } from '../kernel/within.js';
import type { LimitMove } from './adaptive-limit.js';
import { AdaptiveLimit } from './adaptive-limit.js';
import { SlotWaiter } from './connection-limiter-lane.js';
import { SlotLine } from './connection-limiter-line.js';
import type { ConnectionLimitConfig, ConnectionLimitOptions } from './connection-limiter-options.js';
import { readConnectionLimitOptions } from './connection-limiter-options.js';
import type { PermitHome, ReleaseSample } from './connection-limiter-permit.js';
import { LimitPermit } from './connection-limiter-permit.js';
import { LimitRamp } from './connection-limiter-ramp.js';
import type { SlotRequest } from './connection-limiter-request.js';
import { ANY, DEFAULT_WAIT_MS } from './connection-limiter-request.js';
import type { ConnectionLimiterEvents, ConnectionLimiterStats } from './connection-limiter-stats.js';
import type { GatePorts } from './gate-ports.js';
import { fillPorts } from './gate-ports.js';
import type { SlotFacts } from './limiter-errors.js';
import { abortedError, limiterStoppedError, slotQueueFullError, slotTimeoutError } from './limiter-errors.js';

/**
 * @example
 * const limiter = new ConnectionLimiter({ max: 20, queue: 200 });
 * const permit = await limiter.acquire({ priority: 'low', signal });
 * try { await work(); } finally { permit.release(); }
 */
export class ConnectionLimiter {
  readonly #ports: GatePorts;
  readonly #ownsTimers: boolean;
  readonly #line = new SlotLine<LimitPermit>();
  readonly #control = new WaiterQueue<SlotWaiter<LimitPermit>>();
  readonly #events = new Emitter<ConnectionLimiterEvents>(() => undefined);
  readonly #home: PermitHome = { giveBack: (permit, sample) => this.#giveBack(permit, sample) };
  readonly #keeper = { giveUp: (who: SlotWaiter<LimitPermit>, why: LimitCause) => this.#giveUp(who, why) };
  readonly #rampStep = { onDeadline: () => this.#serve(this.#ports.clock.now()) };
  #config: ConnectionLimitConfig;
  #adaptive: AdaptiveLimit | undefined;
  #ramp: LimitRamp | undefined;
  #watched: WatchedDeadline | undefined;
  /** What may be in use; as of the last look while it ramps up. */
  #limit: number;
  /** Ordinary slots and reserved slots in use. */
  #inUse = 0;
  #reservedInUse = 0;
  #arrivals = 0;
  #isStopped = false;
  readonly #totals = { acquired: 0, waited: 0, rejected: 0, timedOut: 0, cancelled: 0 };

  /** @throws ConfigError with everything that is wrong with `options`. */
  constructor(options: ConnectionLimitOptions | number, ports?: Partial<GatePorts>) {
    this.#ports = fillPorts(ports);
    this.#ownsTimers = ports?.timers === undefined;
    this.#config = readConnectionLimitOptions(options);
    this.#limit = this.#apply(this.#ports.clock.now());
  }

  /** The largest number of slots there can be. */
  get max(): number {
    return this.#config.max;
  }

  /** It looks for the limit by itself. */
  get isAdaptive(): boolean {
    return this.#adaptive !== undefined;
  }

  /** It is growing back after an outage. */
  get isRamping(): boolean {
    return this.#ramp !== undefined;
  }

  get isAwaited(): boolean {
    return this.#line.length > 0;
  }

  /** A permit at once, also above the limit: for those whom something else makes wait, so that they are counted. */
  admit(priority: Priority = 'normal'): LimitPermit {
    return this.#lend(priority, false);
  }

  /** A permit if a slot is free and nobody waits for it, else `undefined`. Looks at neither deadline nor signal. */
  tryAcquire(request: SlotRequest = ANY): LimitPermit | undefined {
    if (this.#isStopped) return undefined;
    const isControl = request.isControl === true;
    const priority = request.priority ?? (isControl ? 'high' : 'normal');
    if (this.#ramp !== undefined) this.#serve(request.now ?? this.#ports.clock.now());
    if (isControl && this.#reservedInUse < this.#config.reserve) return this.#lend(priority, true);
    return this.#inUse < this.#limit ? this.#lend(priority, false) : undefined;
  }

  /**
   * A permit at once when a slot is free, else a promise of one, which rejects with
   * RejectedError `POOL_EXHAUSTED` (at once, when the queue is full), TimeoutError of phase `acquire` at the deadline,
   * CancelledError when the signal aborts, or UsageError `RUNTIME_CLOSED` after `stop()`.
   */
  acquire(request: SlotRequest = ANY): LimitPermit | Promise<LimitPermit> {
    const { signal } = request;
    if (signal?.aborted === true) return Promise.reject(abortedError('a slot', 0, signal.reason));
    return this.tryAcquire(request) ?? this.#wait(request);
  }

  /**
   * Other options from now on; what is not given gets its default. With a smaller `max` nobody is cut off: new calls
   * wait until fewer are in use.
   *
   * @throws ConfigError with everything that is wrong; then nothing has changed.
   */
  set(options: ConnectionLimitOptions | number): void {
    this.#config = readConnectionLimitOptions(options);
    const now = this.#ports.clock.now();
    this.#limit = this.#apply(now);
    this.#serve(now);
  }

  /** The limit grows from 1 to what it is over `durationMs`: for the first moments after an outage. 0 ends a ramp. */
  ramp(durationMs: number): void {
    const now = this.#ports.clock.now();
    this.#ramp = durationMs > 0 ? new LimitRamp(now, durationMs) : undefined;
    this.#serve(now);
  }

  on<E extends keyof ConnectionLimiterEvents>(
    event: E,
    listener: (payload: ConnectionLimiterEvents[E]) => void,
  ): Disposable {
    return this.#events.on(event, listener);
  }

  stats(): ConnectionLimiterStats {
    const now = this.#ports.clock.now();
    return {
      limit: this.#limitAt(now),
      max: this.#config.max,
      inUse: this.#inUse,
      reservedInUse: this.#reservedInUse,
      waiting: this.#line.length + this.#control.length,
      controlWaiting: this.#control.length,
      oldestWaitMs: Math.max(0, now - Math.min(this.#line.oldestSinceAt, this.#control.first?.sinceAt ?? Infinity)),
      perPriority: this.#line.counts,
      isNewestFirst: this.#line.isNewestFirst,
      ...this.#totals,
    };
  }

  /** Everybody in line is refused with `RUNTIME_CLOSED`, and so is everybody who comes. Permits may still be released. */
  stop(): void {
    this.#isStopped = true;
    for (const queue of [this.#control, this.#line]) {
      for (const waiter of queue) {
        this.#remove(waiter);
        waiter.reject(limiterStoppedError('a slot'));
      }
    }
    this.#watchRamp();
    this.#events.clear();
    if (this.#ownsTimers) this.#ports.timers.stop();
  }

  /** Puts the options in force; answers the limit that comes of them. */
  #apply(now: number): number {
    const { partitions, adaptive } = this.#config;
    this.#line.shares = partitions;
    if (adaptive === false) this.#adaptive = undefined;
    else if (this.#adaptive === undefined) this.#adaptive = new AdaptiveLimit(adaptive, now);
    else this.#adaptive.reconfigure(adaptive);
    return this.#limitAt(now);
  }

  #limitAt(now: number): number {
    const cap = this.#adaptive?.limit ?? this.#config.max;
    return this.#ramp?.limitAt(now, cap) ?? cap;
  }

  #look(now: number): void {
    this.#limit = this.#limitAt(now);
    if (this.#ramp?.isOver(now) === true) this.#ramp = undefined;
  }

  #lend(priority: Priority, isReserved: boolean): LimitPermit {
    if (isReserved) this.#reservedInUse += 1;
    else {
      this.#inUse += 1;
      this.#line.countInUse(priority, 1);
    }
    this.#totals.acquired += 1;
    return new LimitPermit(priority, isReserved, this.#home);
  }

  #giveBack(permit: LimitPermit, sample: ReleaseSample | undefined): void {
    const move = sample === undefined ? undefined : this.#learn(permit, sample);
    if (permit.isReserved) this.#reservedInUse -= 1;
    else {
      this.#inUse -= 1;
      this.#line.countInUse(permit.priority, -1);
    }
    if (this.#line.length + this.#control.length > 0) this.#serve(sample?.now ?? this.#ports.clock.now());
    // Last, because a listener may ask for a permit, and those who wait come first.
    if (move !== undefined) this.#events.emit('limitChange', move);
  }

  #learn({ priority, isReserved }: LimitPermit, sample: ReleaseSample): LimitMove | undefined {
    const { outcome, latencyMs, key } = sample;
    if (this.#adaptive === undefined || isReserved || outcome === 'ignore') return undefined;
    const now = sample.now ?? this.#ports.clock.now();
    const move = this.#adaptive.record({ outcome, latencyMs, key, partition: priority, inFlight: this.#inUse, now });
    if (move !== undefined) this.#look(now);
    return move;
  }

  #wait(request: SlotRequest): Promise<LimitPermit> {
    if (this.#isStopped) return Promise.reject(limiterStoppedError('a slot'));
    const isControl = request.isControl === true;
    const now = request.now ?? this.#ports.clock.now();
    const deadlineAt = request.deadlineAt ?? now + DEFAULT_WAIT_MS;
    if (!isControl && this.#line.length >= this.#config.queue) {
      this.#totals.rejected += 1;
      return Promise.reject(slotQueueFullError(this.#facts(), this.#config.queue));
    }
    if (deadlineAt <= now) {
      this.#totals.timedOut += 1;
      return Promise.reject(slotTimeoutError(this.#facts(), 0));
    }
    const who = { priority: request.priority ?? (isControl ? 'high' : 'normal'), isControl, order: ++this.#arrivals };
    const limits = { deadlineAt, signal: request.signal };
    const waiter = new SlotWaiter<LimitPermit>(who, now, limits, this.#ports.timers, this.#keeper);
    if (isControl) this.#control.push(waiter);
    else this.#line.push(waiter);
    this.#watchRamp();
    return waiter.promise;
  }

  /** Hands every free slot to whoever is next. */
  #serve(now: number): void {
    this.#look(now);
    while (this.#control.length > 0) {
      const isReserved = this.#reservedInUse < this.#config.reserve;
      if (!isReserved && this.#inUse >= this.#limit) break;
      this.#hand(this.#control.shift(), isReserved);
    }
    while (this.#line.length > 0 && this.#inUse < this.#limit) {
      this.#hand(this.#line.takeNext(this.#limit, now, this.#config.lifo), false);
    }
    this.#watchRamp();
  }

  #hand(waiter: SlotWaiter<LimitPermit> | undefined, isReserved: boolean): void {
    if (waiter === undefined) throw new Error('bug: somebody waits and nobody is next');
    this.#totals.waited += 1;
    waiter.resolve(this.#lend(waiter.priority, isReserved));
  }

  #giveUp(waiter: SlotWaiter<LimitPermit>, cause: LimitCause): void {
    if (!this.#remove(waiter)) return;
    const waitedMs = this.#ports.clock.now() - waiter.sinceAt;
    if (cause === 'aborted') {
      this.#totals.cancelled += 1;
      waiter.reject(abortedError('a slot', waitedMs, waiter.limits.signal?.reason));
    } else {
      this.#totals.timedOut += 1;
      waiter.reject(slotTimeoutError(this.#facts(), waitedMs));
    }
    this.#watchRamp();
  }

  #remove(waiter: SlotWaiter<LimitPermit>): boolean {
    return waiter.isControl ? this.#control.remove(waiter) : this.#line.remove(waiter);
  }

  /** Time alone changes the limit only while it ramps up, and that matters only while somebody waits. */
  #watchRamp(): void {
    if (this.#ramp === undefined && this.#watched === undefined) return;
    this.#ports.timers.unwatch(this.#watched);
    this.#watched = undefined;
    const isWaiting = this.#line.length + this.#control.length > 0;
    if (this.#ramp === undefined || !isWaiting) return;
    const cap = this.#adaptive?.limit ?? this.#config.max;
    // A step that leaves all slots in use would wake nobody.
    const limit = Math.min(cap, Math.max(this.#limit, this.#inUse) + 1);
    this.#watched = this.#ports.timers.watch(this.#ramp.stepAt(limit, cap), this.#rampStep);
  }

  #facts(): SlotFacts {
    return { limit: this.#limit, inUse: this.#inUse, waiting: this.#line.length + this.#control.length };
  }
}
