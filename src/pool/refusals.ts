/**
 * Whoever is not served, and why: out of time, called away, turned away at the door, or told at once of an outage. Takes
 * them out of the line, counts them, and gives each an error of their own. Asked by lending.ts.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import type { LimitCause } from '../kernel/within.js';
import type { CareParts } from './entry-care.js';
import type { Lane } from './lane.js';
import type { LeakDetector } from './leak-detector.js';
import {
  abortedWaitError,
  acquireTimeoutError,
  poolClosedError,
  lineTooLongError,
  queueFullError,
  refusedWhileDownError,
  unreachableError,
} from './pool-errors.js';
import type { Outlooks } from './outlook.js';
import type { PoolStats } from './pool-stats.js';
import type { AcquireRequest, Waiter } from './waiter.js';
import type { WaitingLine } from './waiting-line.js';

export interface RefusalParts<R> extends CareParts<R> {
  readonly line: WaitingLine<R>;
  readonly leaks: LeakDetector<R>;
  readonly outlooks: Outlooks;
  stats(): PoolStats;
}

export class Refusals<R> {
  readonly #parts: RefusalParts<R>;

  constructor(parts: RefusalParts<R>) {
    this.#parts = parts;
  }

  /** Who need not even get in line; the error is counted. */
  atTheDoor(
    request: AcquireRequest,
    lane: Lane,
    now: number,
    deadlineAt: number,
    isSuspended: boolean,
  ): FluxorError | undefined {
    const error =
      this.#whileDown(request, isSuspended) ??
      this.#whileFull() ??
      (isSuspended ? undefined : this.#whileTooLong(request, lane, now, deadlineAt - now));
    if (error !== undefined) this.#parts.tally.refused += 1;
    return error;
  }

  closed(): FluxorError {
    this.#parts.tally.refused += 1;
    return poolClosedError(this.#label);
  }

  /** Called away before there was anything to wait for. */
  aborted({ signal }: AcquireRequest): FluxorError {
    this.#parts.tally.aborted += 1;
    return abortedWaitError(this.#label, 0, signal?.reason);
  }

  /** Out of time, or called away. */
  giveUp(waiter: Waiter<R>, cause: LimitCause): void {
    const { clock, tally, hub, line } = this.#parts;
    const waitedMs = clock.now() - waiter.sinceAt;
    // Before it leaves: its own message counts it among those who wait.
    const error = cause === 'aborted' ? undefined : this.#lateError(waitedMs);
    line.remove(waiter);
    tally.waitedMs += waitedMs;
    if (error === undefined) {
      tally.aborted += 1;
      return waiter.reject(abortedWaitError(this.#label, waitedMs, waiter.request.signal?.reason));
    }
    tally.timedOut += 1;
    hub.tell('acquire:timed-out', { waitedMs, error });
    waiter.reject(error);
  }

  refuse(waiter: Waiter<R>, error: FluxorError): void {
    const { tally, clock, line } = this.#parts;
    if (!line.remove(waiter)) return;
    tally.refused += 1;
    tally.waitedMs += clock.now() - waiter.sinceAt;
    waiter.reject(error);
  }

  refuseAll(makeError: (waitedMs: number) => FluxorError): void {
    const now = this.#parts.clock.now();
    for (const waiter of this.#parts.line) this.refuse(waiter, makeError(now - waiter.sinceAt));
  }

  /** With nothing alive and no hope, waiting would only hide the cause until the deadline. */
  refuseHopeless(): void {
    const { pacer, book } = this.#parts;
    // An attempt still under way may know better.
    if (!pacer.isHopeless || book.alive > 0 || book.count('creating') > 0) return;
    const { lastError, isPausing, failures } = pacer;
    if (lastError === undefined || !isPausing) return;
    this.refuseAll((waitedMs) => unreachableError(lastError, waitedMs, failures));
  }

  /** While nothing is alive and nothing can be made, a caller hears why at once instead of waiting for the impossible. */
  #whileDown({ failFast = false }: AcquireRequest, isSuspended: boolean): FluxorError | undefined {
    const { pacer, book } = this.#parts;
    const { lastError, breaker } = pacer;
    if (failFast || isSuspended || breaker === 'closed' || lastError === undefined || book.alive > 0) return undefined;
    // After the pause one caller's attempt finds out anew: the password may have been corrected at the server.
    const isBeingTried = breaker === 'half-open' && !pacer.isOldNews;
    const isRefusing = lastError.retryable
      ? pacer.isPausing || isBeingTried
      : pacer.isPausing && book.count('creating') === 0;
    if (!isRefusing) return undefined;
    return refusedWhileDownError(lastError, pacer.failures, pacer.pauseLeftMs);
  }

  #whileFull(): FluxorError | undefined {
    const { settings, line } = this.#parts;
    const { maxWaiting } = settings.current;
    return line.length < maxWaiting ? undefined : queueFullError(this.#label, maxWaiting, this.#parts.stats());
  }

  /**
   * Served in the last moment they would still need the connection for a while. Counted are those who would be served before; the
   * urgent ones do not wait for all others. What is being made may change everything, so nobody is sent away before it is there.
   */
  #whileTooLong(
    { priority = 'normal' }: AcquireRequest,
    lane: Lane,
    now: number,
    leftMs: number,
  ): FluxorError | undefined {
    const { line, outlooks, book } = this.#parts;
    if (priority === 'high' || book.count('creating') > 0) return undefined;
    const outlook = outlooks[lane];
    const waitMs = outlook.waitMs(line.countBefore(lane, priority), now);
    if (waitMs === 0 || waitMs + outlook.holdMs(book.inUse, now) <= leftMs) return undefined;
    return lineTooLongError(this.#label, waitMs, leftMs, this.#parts.stats());
  }

  #lateError(waitedMs: number): FluxorError {
    const { pacer, book, leaks } = this.#parts;
    const { lastError, failures } = pacer;
    if (book.alive === 0 && lastError !== undefined) return unreachableError(lastError, waitedMs, failures);
    return acquireTimeoutError(this.#label, waitedMs, this.#parts.stats(), leaks.longestHeld());
  }

  get #label(): string {
    return this.#parts.factory.label;
  }
}
