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
import type { ValidationConfig } from './pool-options.js';
import type { ResourceFactory } from './resource-factory.js';

export class Validator<R> {
  readonly #factory: ResourceFactory<R>;
  readonly #config: ValidationConfig | false;
  readonly #clock: Clock;
  readonly #timers: DeadlineTimer;

  constructor(factory: ResourceFactory<R>, config: ValidationConfig | false, clock: Clock, timers: DeadlineTimer) {
    this.#factory = factory;
    this.#config = config;
    this.#clock = clock;
    this.#timers = timers;
  }

  /** Whether a resource idle since `sinceAt` may be lent at `now` without being asked. */
  isFresh(sinceAt: number, now: number): boolean {
    return this.#config === false || now - sinceAt <= this.#config.bypassMs;
  }

  /** Resolves when the resource has proved itself; rejects with the last failure, or when `signal` says it is gone. */
  async validate(resource: R, signal: AbortSignal): Promise<void> {
    if (this.#config === false) return;
    const { attempts, backoffMs, timeoutMs } = this.#config;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#ask(resource, timeoutMs, signal);
      } catch (error) {
        // A resource that broke or did not answer will not do better; only an answer of "no" is worth another question.
        const isAnswer = !(error instanceof TimeoutError) && this.#factory.condition(resource) === 'clean';
        if (attempt >= attempts || !isAnswer) throw error;
      }
      await this.#pause(backoffMs * 2 ** (attempt - 1), signal);
      signal.throwIfAborted();
    }
  }

  #ask(resource: R, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const limits = { deadlineAt: this.#clock.now() + timeoutMs, signal };
    return within(this.#factory.validate(resource), limits, this.#timers, () => {
      throw new TimeoutError('validate', `${this.#factory.label}: no proof of life within ${formatMs(timeoutMs)}`, {
        isConnectionFatal: true,
      });
    });
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    const over = createDeferred<void>();
    const timer = this.#clock.setTimer(ms, () => over.resolve());
    return within(over.promise, { deadlineAt: Infinity, signal }, this.#timers, () => timer.cancel());
  }
}
