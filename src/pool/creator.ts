/**
 * One attempt to make a resource, bounded and fenced. A caller who gives up does not stop it; what it makes joins the
 * pool. An attempt that outlives its own timeout is fenced: whatever it still brings is destroyed, never lent. A server
 * that accepts and hangs up at once counts as failing.
 *
 * Called by entry-care.ts; when an attempt may be made is the pacer's business.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import { within } from '../kernel/within.js';
import type { FreezeWatch } from './freeze-watch.js';
import { frozenSince } from './freeze-watch.js';
import { connectTimeoutError, stillbornError } from './pool-errors.js';
import type { PoolSettings } from './pool-settings.js';
import type { CreateRequest, ResourceFactory } from './resource-factory.js';

export interface CreatorPorts {
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly settings: PoolSettings;
  readonly freeze: FreezeWatch;
}

export class Creator<R> {
  readonly #factory: ResourceFactory<R>;
  readonly #ports: CreatorPorts;

  constructor(factory: ResourceFactory<R>, ports: CreatorPorts) {
    this.#factory = factory;
    this.#ports = ports;
  }

  /** `abort` is raised by the timeout, and by the pool when it closes. */
  async create(request: Omit<CreateRequest, 'signal'>, abort: AbortController): Promise<R> {
    const { clock, timers, settings, freeze } = this.#ports;
    const { connectTimeoutMs } = settings.current;
    let lostBecause: FluxorError | undefined;
    const onLost = (error: FluxorError) => {
      lostBecause = error;
      request.onLost(error);
    };
    const attempt = this.#factory.create({ ...request, onLost, signal: abort.signal });
    const startedAt = clock.now();
    const limits = () => ({ deadlineAt: clock.now() + connectTimeoutMs, signal: abort.signal });
    const giveUp = () => {
      abort.abort();
      attempt.then((late) => this.#factory.destroy(late), ignoreLateFailure);
      throw connectTimeoutError(this.#factory.label, connectTimeoutMs);
    };
    const resource = await within(attempt, limits(), timers, (cause) => {
      const isExcused = cause === 'deadline' && frozenSince(freeze, startedAt);
      return isExcused ? within(attempt, limits(), timers, giveUp) : giveUp();
    });
    // Called a success, a server that hangs up right after login would be called again at once, for ever, without a pause.
    if (this.#factory.condition(resource) !== 'clean') {
      this.#factory.destroy(resource);
      throw lostBecause ?? stillbornError(this.#factory.label);
    }
    return resource;
  }
}

function ignoreLateFailure(): void {
  // The attempt was given up and reported; that it failed in the end is no news.
}
