/**
 * Lets so many calls a second pass, and no more. The gate asks it before anything is sent; it may also be used alone.
 * Tokens lie in a bucket (rate-limiter-bucket.ts). A call that finds none is refused at once, or waits in line if
 * `maxWait` allows: first come, first served, each knowing at arrival how long it will be.
 *
 *     take ──► bucket ──► passes                       nobody waits: no promise, no timer, no allocation
 *               │ empty
 *               └──► line ──► the moment has come ──► passes       one watch, for the head of the line
 *
 * Invariants: nobody who awaits `take` overtakes another; tokens are taken at the moment a call passes, so that timers that come late (a busy
 * process, a frozen one) never make a burst larger than `burst`. The scope is this process.
 */
import { ConfigError } from '../errors/config-error.js';
import type { RejectedError } from '../errors/rejected-error.js';
import type { WatchedDeadline } from '../kernel/deadline.js';
import { formatMs } from '../kernel/duration.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { LimitCause, Limits } from '../kernel/within.js';
import { WaiterQueue } from '../kernel/waiter-queue.js';
import type { GatePorts } from './gate-ports.js';
import { fillPorts } from './gate-ports.js';
import { abortedError, limiterStoppedError, rateLimitError } from './limiter-errors.js';
import type { WaiterKeeper } from './limiter-waiter.js';
import { LimiterWaiter } from './limiter-waiter.js';
import { TokenBucket } from './rate-limiter-bucket.js';
import type { RateLimitConfig, RateLimitOptions } from './rate-limiter-options.js';
import { resolveRateLimitOptions } from './rate-limiter-options.js';

/** What one call asks for. */
export interface TakeRequest {
  /** Tokens, more than 0. Default 1. */
  readonly cost?: number;
  /** The caller's own look at the monotonic clock, when it was just now. Default: the limiter looks. */
  readonly now?: number;
  /** Monotonic milliseconds; a call that would pass only later is refused at once. Default: `maxWait` alone counts. */
  readonly deadlineAt?: number;
  /** Calls the call away from the line; its place is given to those behind. */
  readonly signal?: AbortSignal | undefined;
}

export interface RateLimiterStats {
  readonly perSecond: number;
  readonly burst: number;
  /** What could be taken now; 0 while somebody waits. */
  readonly tokens: number;
  readonly waiting: number;
  /** Calls that passed, since the start; those that waited first are also in `waited`. */
  readonly allowed: number;
  readonly waited: number;
  /** Calls refused with `RATE_LIMIT`. */
  readonly rejected: number;
  /** Calls that were aborted while they waited. */
  readonly cancelled: number;
  /** Calls that gave their tokens back. */
  readonly refunded: number;
}

const ANY: TakeRequest = Object.freeze({});

class RateWaiter extends LimiterWaiter<void> {
  readonly cost: number;
  readonly #keeper: WaiterKeeper<RateWaiter>;

  constructor(cost: number, sinceAt: number, limits: Limits, ports: GatePorts, keeper: WaiterKeeper<RateWaiter>) {
    super(sinceAt, limits, ports.timers);
    this.cost = cost;
    this.#keeper = keeper;
  }

  protected override giveUp(cause: LimitCause): void {
    this.#keeper.giveUp(this, cause);
  }
}

/**
 * A token bucket with a line.
 *
 * @example
 * const limiter = new RateLimiter({ perSecond: 200, burst: 50, maxWait: '1s' });
 * await limiter.take({ signal }); // passes, waits, or throws RATE_LIMIT with retryAfterMs
 */
export class RateLimiter {
  readonly #ports: GatePorts;
  readonly #ownsTimers: boolean;
  readonly #bucket: TokenBucket;
  readonly #line = new WaiterQueue<RateWaiter>();
  #config: RateLimitConfig;
  /** What the line asks for together. Invariant: 0 when nobody waits. */
  #owed = 0;
  /** The moment of the head of the line; `Infinity` when nobody waits. */
  #watchedAt = Infinity;
  #watched: WatchedDeadline | undefined;
  readonly #keeper: WaiterKeeper<RateWaiter> = { giveUp: (waiter, cause) => this.#giveUp(waiter, cause) };
  readonly #headCame = { onDeadline: () => this.#onHeadCame() };
  #isStopped = false;
  readonly #totals = { allowed: 0, waited: 0, rejected: 0, cancelled: 0, refunded: 0 };

  /** @throws ConfigError with everything that is wrong with `options`. */
  constructor(options: RateLimitOptions | number = {}, ports?: Partial<GatePorts>) {
    this.#ports = fillPorts(ports);
    this.#ownsTimers = ports?.timers === undefined;
    this.#config = readOptions(options);
    this.#bucket = new TokenBucket(this.#config.perSecond, this.#config.burst, this.#ports.clock.now());
  }

  /**
   * Takes the tokens of one call: `undefined` when they were there, else a promise that resolves when they are.
   *
   * @throws RejectedError `RATE_LIMIT`, with `retryAfterMs`, when the wait would be longer than `maxWait` or the deadline,
   * or the line is full; without it when the cost is more than the burst and can never pass.
   * @throws CancelledError when the signal is aborted already; the promise rejects with it when it aborts later.
   * @throws ConfigError when the cost is no number above 0. @throws UsageError `RUNTIME_CLOSED` after `stop()`.
   */
  take(request: TakeRequest = ANY): undefined | Promise<void> {
    const cost = request.cost ?? 1;
    const now = request.now ?? this.#ports.clock.now();
    if (this.#isStopped) throw limiterStoppedError('a token');
    if (request.signal?.aborted === true) throw abortedError('a token', 0, request.signal.reason);
    checkCost(cost);
    if (this.tryTake(cost, now)) return undefined;
    return this.#wait(cost, now, request);
  }

  /** Takes the tokens if they are there and nobody waits for them. `cost` must be above 0. Counts no refusal. */
  tryTake(cost: number, now: number): boolean {
    // A timer may be a millisecond late: whoever came before passes before.
    if (this.#line.length > 0) this.#serve(now);
    if (this.#isStopped || this.#line.length > 0 || !this.#bucket.tryTake(cost, now)) return false;
    this.#totals.allowed += 1;
    return true;
  }

  /** Gives tokens back that were taken for something that was not sent. The bucket never holds more than the burst. */
  refund(cost = 1): void {
    checkCost(cost);
    this.#bucket.giveBack(cost);
    this.#totals.refunded += 1;
    if (this.#line.length > 0) this.#serve(this.#ports.clock.now());
  }

  /**
   * Other options from now on; what is not given gets its default. Tokens that are there stay.
   * Those in line keep their order and their bounds; who could not pass within theirs any more is refused.
   *
   * @throws ConfigError with everything that is wrong; then nothing has changed.
   */
  set(options: RateLimitOptions | number): void {
    this.#config = readOptions(options);
    const now = this.#ports.clock.now();
    this.#bucket.reshape(this.#config.perSecond, this.#config.burst, now);
    this.#serve(now);
    this.#refuseHopeless(now);
  }

  stats(): RateLimiterStats {
    const { perSecond, burst } = this.#config;
    const waiting = this.#line.length;
    const tokens = waiting > 0 ? 0 : this.#bucket.tokens(this.#ports.clock.now());
    return { perSecond, burst, tokens, waiting, ...this.#totals };
  }

  /** Everybody in line is refused with `RUNTIME_CLOSED`, and so is everybody who comes. No timer is left. */
  stop(): void {
    this.#isStopped = true;
    for (const waiter of this.#line) {
      this.#leave(waiter);
      waiter.reject(limiterStoppedError('a token'));
    }
    this.#watchHead(0);
    if (this.#ownsTimers) this.#ports.timers.stop();
  }

  /** A waiter's time is up, or it was called away. */
  #giveUp(waiter: RateWaiter, cause: LimitCause): void {
    const now = this.#ports.clock.now();
    // Its token may have come in this very millisecond.
    if (cause === 'deadline') this.#serve(now);
    if (waiter.queue === undefined) return;
    const waitedMs = now - waiter.sinceAt;
    if (cause === 'aborted') {
      this.#totals.cancelled += 1;
      this.#leave(waiter);
      waiter.reject(abortedError('a token', waitedMs, waiter.limits.signal?.reason));
    } else {
      waiter.reject(this.#refuse(`no token came within ${formatMs(waitedMs)}`, this.#waitOf(waiter, now)));
      this.#leave(waiter);
    }
    this.#serve(now);
  }

  #wait(cost: number, now: number, request: TakeRequest): Promise<void> {
    const { burst, maxWaitMs, maxQueue } = this.#config;
    if (cost > burst) throw this.#refuse(`a call of ${cost} tokens never fits into the burst`, undefined);
    const passesAt = this.#bucket.readyAt(this.#owed + cost, now);
    const deadlineAt = Math.min(now + maxWaitMs, request.deadlineAt ?? Infinity);
    const waitMs = passesAt - now;
    if (passesAt > deadlineAt) throw this.#refuse(describeWait(waitMs, deadlineAt - now), waitMs);
    if (this.#line.length >= maxQueue) throw this.#refuse(`the line holds ${maxQueue}`, waitMs);
    const waiter = new RateWaiter(cost, now, { deadlineAt, signal: request.signal }, this.#ports, this.#keeper);
    this.#line.push(waiter);
    this.#owed += cost;
    if (this.#line.first === waiter) this.#watchHead(now);
    return waiter.promise;
  }

  /** Lets everybody pass whose moment has come, in order, and watches for the next. */
  #serve(now: number): void {
    for (let head = this.#line.first; head !== undefined; head = this.#line.first) {
      if (!this.#bucket.tryTake(head.cost, now)) break;
      this.#pass(head);
    }
    this.#watchHead(now);
  }

  #pass(waiter: RateWaiter): void {
    this.#leave(waiter);
    this.#totals.allowed += 1;
    this.#totals.waited += 1;
    waiter.resolve();
  }

  #refuseHopeless(now: number): void {
    let ahead = 0;
    for (const waiter of this.#line) {
      const passesAt = this.#bucket.readyAt(ahead + waiter.cost, now);
      const fits = waiter.cost <= this.#config.burst;
      if (fits && passesAt <= waiter.limits.deadlineAt) {
        ahead += waiter.cost;
        continue;
      }
      this.#leave(waiter);
      waiter.reject(this.#refuse('the limit was lowered while the call waited', fits ? passesAt - now : undefined));
    }
    this.#serve(now);
  }

  #leave(waiter: RateWaiter): void {
    this.#line.remove(waiter);
    // Fractions of tokens must not add up to a debt that nobody has.
    this.#owed = this.#line.length === 0 ? 0 : this.#owed - waiter.cost;
  }

  /** How much longer `waiter` would have to wait. */
  #waitOf(waiter: RateWaiter, now: number): number {
    let owed = 0;
    for (const other of this.#line) {
      owed += other.cost;
      if (other === waiter) break;
    }
    return this.#bucket.readyAt(owed, now) - now;
  }

  #watchHead(now: number): void {
    const head = this.#line.first;
    const at = head === undefined ? Infinity : this.#bucket.readyAt(head.cost, now);
    if (at === this.#watchedAt) return;
    this.#ports.timers.unwatch(this.#watched);
    this.#watchedAt = at;
    this.#watched = this.#ports.timers.watch(at, this.#headCame);
  }

  #onHeadCame(): void {
    this.#watched = undefined;
    this.#watchedAt = Infinity;
    this.#serve(this.#ports.clock.now());
  }

  #refuse(why: string, waitMs: number | undefined): RejectedError {
    this.#totals.rejected += 1;
    const { perSecond, burst } = this.#config;
    return rateLimitError(why, { perSecond, burst, waiting: this.#line.length }, waitMs);
  }
}

/** @throws ConfigError with everything that is wrong. */
function readOptions(options: RateLimitOptions | number): RateLimitConfig {
  const issues: OptionIssue[] = [];
  const config = resolveRateLimitOptions(options, 'rateLimit', issues);
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  return config;
}

function checkCost(cost: number): void {
  if (cost > 0 && cost < Infinity) return;
  throw ConfigError.fromIssues([{ path: 'cost', got: String(cost), expected: 'a number above 0' }]);
}

function describeWait(waitMs: number, mayMs: number): string {
  if (mayMs <= 0) return 'no token is there, and the call may not wait';
  return `the call would wait ${formatMs(waitMs)} and may wait ${formatMs(mayMs)}`;
}
