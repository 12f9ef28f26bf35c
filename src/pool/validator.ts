/**
 * When a resource must prove that it is alive before it is lent, and how often it is asked. The *how* is the factory's.
 * The bypass window is HikariCP's idea (`aliveBypassWindowMs`, 500 ms): what answered a moment ago is not asked again,
 * so a busy pool validates nothing and a quiet one finds its dead connections before a caller does.
 */
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import { createDeferred } from '../kernel/deferred.js';
import { formatMs } from '../kernel/duration.js';
import { within } from '../kernel/within.js';
import { TimeoutError } from '../errors/timeout-error.js';
import type { FreezeWatch } from './freeze-watch.js';
import { frozenSince } from './freeze-watch.js';
import type { PoolSettings } from './pool-settings.js';
import type { ResourceFactory } from './resource-factory.js';

/** Shorter than this, a proof would fail for the length of the way to the server. */
const MIN_TIMEOUT_MS = 10;

/** Without validation nothing is asked before it is lent, and the rare question is that of a keepalive. */
const KEEPALIVE_ONLY = { attempts: 1, backoffMs: 100, timeoutMs: 1_000 };

export class Validator<R> {
  readonly #factory: ResourceFactory<R>;
  readonly #settings: PoolSettings;
  readonly #clock: Clock;
  readonly #timers: DeadlineTimer;
  readonly #freeze: FreezeWatch;

  constructor(
    factory: ResourceFactory<R>,
    settings: PoolSettings,
    clock: Clock,
    timers: DeadlineTimer,
    freeze: FreezeWatch,
  ) {
    this.#freeze = freeze;
    this.#factory = factory;
    this.#settings = settings;
    this.#clock = clock;
    this.#timers = timers;
  }

  /** Nothing proved before this moment counts any more: the process stood still, or a sibling was found dead. */
  distrustBefore = -Infinity;

  /** Whether a resource that proved itself at `provenAt` may be lent at `now` without being asked. */
  isFresh(provenAt: number, now: number): boolean {
    const { validation } = this.#settings.current;
    return validation === false || (now - provenAt <= validation.bypassMs && provenAt > this.distrustBefore);
  }

  /**
   * Resolves when the resource has proved itself; rejects with the last failure, or when `signal` says it is gone.
   * Nobody's wait may go into one doubtful resource alone: all questions together end within `patienceMs`, which is half
   * of what the caller next in line has left.
   */
  async validate(resource: R, signal: AbortSignal, patienceMs: number): Promise<void> {
    const validation = this.#settings.current.validation || KEEPALIVE_ONLY;
    const { attempts, backoffMs, timeoutMs } = validation;
    const giveUpAt = this.#clock.now() + Math.max(MIN_TIMEOUT_MS, patienceMs);
    for (let attempt = 1; ; attempt += 1) {
      const pauseMs = backoffMs * 2 ** (attempt - 1);
      try {
        return await this.#ask(resource, Math.min(timeoutMs, giveUpAt - this.#clock.now()), signal);
      } catch (error) {
        // A resource that broke or did not answer will not do better; only an answer of "no" is worth another question.
        const isAnswer = !(error instanceof TimeoutError) && this.#factory.condition(resource) === 'clean';
        const isLast = attempt >= attempts || this.#clock.now() + pauseMs >= giveUpAt;
        if (isLast || !isAnswer) throw error;
      }
      await this.#pause(pauseMs, signal);
      signal.throwIfAborted();
    }
  }

  #ask(resource: R, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const startedAt = this.#clock.now();
    const limits = () => ({ deadlineAt: this.#clock.now() + timeoutMs, signal });
    const proof = this.#factory.validate(resource);
    const giveUp = () => {
      throw new TimeoutError('validate', `${this.#factory.label}: no proof of life within ${formatMs(timeoutMs)}`, {
        isConnectionFatal: true,
      });
    };
    return within(proof, limits(), this.#timers, (cause) => {
      const isExcused = cause === 'deadline' && frozenSince(this.#freeze, startedAt);
      return isExcused ? within(proof, limits(), this.#timers, giveUp) : giveUp();
    });
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    const over = createDeferred<void>();
    const timer = this.#clock.setTimer(ms, () => over.resolve());
    return within(over.promise, { deadlineAt: Infinity, signal }, this.#timers, () => timer.cancel());
  }
}
