/**
 * Makes new resources off the callers' path: at most `maxCreating` at once, one at a time while the database fails,
 * with growing, jittered pauses between failures. A server that accepts and hangs up at once counts as failing. A caller
 * who gives up does not stop an attempt; what it makes joins the pool. An attempt that outlives its own timeout is fenced: whatever it still brings is destroyed, never lent.
 *
 * Called by pool.ts, which decides when one is needed and owns all counts.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import type { Clock, Timer } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { Random } from '../kernel/random.js';
import { fullJitter } from '../kernel/random.js';
import { within } from '../kernel/within.js';
import { connectTimeoutError, stillbornError } from './pool-errors.js';
import type { CreateRequest, ResourceFactory } from './resource-factory.js';

/**
 * Pauses between failed attempts: full jitter below 10 ms, 20 ms, 40 ms … 500 ms. Attempts are made only while somebody
 * waits, one at a time; with a longer cap, callers with a second to spend would miss a database that is back.
 */
const BACKOFF_FIRST_MS = 10;
const BACKOFF_MAX_MS = 500;

/** After a refusal that trying again won't change (a wrong password): hammering locks accounts. */
const BACKOFF_PERMANENT_MS = 5_000;

export interface CreatorPorts {
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly random: Random;
  readonly connectTimeoutMs: number;
  /** The pause after a failure is over. */
  readonly onRetry: () => void;
}

export class Creator<R> {
  readonly #factory: ResourceFactory<R>;
  readonly #ports: CreatorPorts;
  #failures = 0;
  #lastError: FluxorError | undefined;
  #pause: Timer | undefined;

  constructor(factory: ResourceFactory<R>, ports: CreatorPorts) {
    this.#factory = factory;
    this.#ports = ports;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Why the last attempt failed; gone with the next success. */
  get lastError(): FluxorError | undefined {
    return this.#lastError;
  }

  /** Between a failure and the next attempt. */
  get isPausing(): boolean {
    return this.#pause !== undefined;
  }

  /** One attempt. `abort` is raised by the timeout, and by the pool when it closes. */
  async create(request: Omit<CreateRequest, 'signal'>, abort: AbortController): Promise<R> {
    const { clock, timers, connectTimeoutMs } = this.#ports;
    let lostBecause: FluxorError | undefined;
    const onLost = (error: FluxorError) => {
      lostBecause = error;
      request.onLost(error);
    };
    const attempt = this.#factory.create({ id: request.id, onLost, signal: abort.signal });
    const limits = { deadlineAt: clock.now() + connectTimeoutMs, signal: abort.signal };
    const resource = await within(attempt, limits, timers, () => {
      abort.abort();
      attempt.then((late) => this.#factory.destroy(late), ignoreLateFailure);
      throw connectTimeoutError(this.#factory.label, connectTimeoutMs);
    });
    // Called a success, a server that hangs up right after login would be called again at once, for ever, without a pause.
    if (this.#factory.condition(resource) !== 'clean') {
      this.#factory.destroy(resource);
      throw lostBecause ?? stillbornError(this.#factory.label);
    }
    this.#failures = 0;
    this.#lastError = undefined;
    // Another attempt may have failed a moment ago; what has just succeeded proves its pause needless.
    this.stop();
    return resource;
  }

  /** Notes a failure and starts the pause; answers its length. */
  pauseAfter(error: FluxorError): number {
    this.#failures += 1;
    this.#lastError = error;
    const cap = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
    const delayMs = error.retryable ? fullJitter(cap, this.#ports.random) : BACKOFF_PERMANENT_MS;
    this.#pause?.cancel();
    this.#pause = this.#ports.clock.setTimer(
      delayMs,
      () => {
        this.#pause = undefined;
        this.#ports.onRetry();
      },
      // Somebody may be waiting with nothing else that keeps the process alive; but not for a hopeless cause.
      { keepAlive: error.retryable },
    );
    return delayMs;
  }

  stop(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
  }
}

function ignoreLateFailure(): void {
  // The attempt was given up and reported; that it failed in the end is no news.
}
