/**
 * Whether a call that failed is tried again, and when. The runtime asks `judge` after each failed attempt and does the
 * waiting itself; `execute` is the same on its own, around any function.
 *
 * Invariant: every repetition but the free one was paid for from a budget, at the moment it was allowed.
 * Refuses to know: what is repeated, breakers, pools.
 */
import { ConfigError } from '../errors/config-error.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { within } from '../kernel/within.js';
import { backoffMs } from './backoff.js';
import type { GatePorts } from './gate-ports.js';
import { fillPorts } from './gate-ports.js';
import { abortedBetween, finalError } from './retry-final.js';
import type { FinalCause, RetryStats } from './retry-ledger.js';
import { RetryLedger } from './retry-ledger.js';
import type { RetryConfig, RetryNumbers, RetryOptions } from './retry-options.js';
import { resolveRetryOptions } from './retry-options.js';
import type { FailedAttempt } from './retry-rules.js';
import { isContention, isFree, isRepeatable } from './retry-rules.js';

export type { FinalCause, RetryStats } from './retry-ledger.js';

export type RetryVerdict =
  | { readonly kind: 'again'; readonly delayMs: number; readonly isFree: boolean }
  | { readonly kind: 'final'; readonly why: FinalCause };

/** Options of `RetryPolicy.execute`. */
export interface RetryExecuteOptions {
  /** Running it twice does no more than running it once, so it may be repeated when its outcome is unknown. Default false. */
  readonly idempotent?: boolean;
  /** Monotonic milliseconds of the policy's clock; nothing is begun that could not end by then. Default: none. */
  readonly deadlineAt?: number;
  /** Aborting ends a pause at once. It does not end an attempt: `fn` has the same signal to hear of it. */
  readonly signal?: AbortSignal | undefined;
}

/** What an attempt needs at least: a round trip and a statement by its key. With less time the real error is worth more. */
export const MIN_ATTEMPT_MS = 10;

const FREE: RetryVerdict = Object.freeze({ kind: 'again', delayMs: 0, isFree: true });
const FINAL: Readonly<Record<FinalCause, RetryVerdict>> = {
  'not-retryable': Object.freeze({ kind: 'final', why: 'not-retryable' }),
  attempts: Object.freeze({ kind: 'final', why: 'attempts' }),
  budget: Object.freeze({ kind: 'final', why: 'budget' }),
  deadline: Object.freeze({ kind: 'final', why: 'deadline' }),
};

/**
 * @example
 * const retry = new RetryPolicy({ maxRetries: 5 });
 * await retry.execute(() => db.query('select …', [], { readOnly: true }), { idempotent: true });
 */
export class RetryPolicy {
  readonly #config: RetryConfig;
  readonly #ports: GatePorts;
  readonly #ledger: RetryLedger;

  /** @throws ConfigError with everything that is wrong with the options. */
  constructor(options?: RetryOptions, ports?: Partial<GatePorts>) {
    const issues: OptionIssue[] = [];
    this.#config = resolveRetryOptions(options, 'retry', issues);
    if (issues.length > 0) throw ConfigError.fromIssues(issues);
    this.#ports = fillPorts(ports);
    this.#ledger = new RetryLedger(this.#config.budget, this.#ports.clock);
  }

  /** How often and how fast, where a call says nothing else. */
  get numbers(): RetryNumbers {
    return this.#config;
  }

  /** A call begins: its first attempt earns a fraction of a repetition for all. */
  begun(now: number): void {
    this.#ledger.begun(now);
  }

  /** What follows from a failed attempt. `again` has been paid for: whoever gets it makes the attempt. */
  judge(failed: FailedAttempt): RetryVerdict {
    if (!isRepeatable(failed)) return this.#final('not-retryable');
    if (isFree(failed)) return this.#judgeFree(failed);
    if (failed.attempt > (failed.maxRetries ?? this.#config.maxRetries)) return this.#final('attempts');
    const delayMs = this.#delayMs(failed);
    if (delayMs === undefined) return this.#final('deadline');
    const repeated = { unit: failed.unit, isContended: isContention(failed.error) };
    if (!this.#ledger.tryPay(repeated, failed.now)) return this.#final('budget');
    return { kind: 'again', delayMs, isFree: false };
  }

  /**
   * Calls `fn` until it succeeds or its error is final, and rejects with the error of the last attempt, which has those
   * before it as `attempts`, and the outcome `unknown` where one of those had it. Errors that are not of the runtime are final: nothing is known about them. Repeat at one
   * layer only: three attempts around a call that makes four of its own are twelve.
   * @throws CancelledError when `signal` aborts before an attempt.
   */
  async execute<T>(fn: (attempt: number) => Promise<T>, options: RetryExecuteOptions = {}): Promise<T> {
    const { idempotent: isSafeToRepeat = false, deadlineAt = Infinity, signal } = options;
    const { clock } = this.#ports;
    const earlier: FluxorError[] = [];
    let previousDelayMs = 0;
    assertNotAborted(signal, earlier);
    this.begun(clock.now());
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await fn(attempt);
      } catch (error) {
        if (!isFluxorError(error)) throw error;
        const call = { unit: 'statement', isSafeToRepeat, wasLeased: false, hadFreeRetry: false, deadlineAt } as const;
        const verdict = this.judge({ ...call, error, attempt, earlier, previousDelayMs, now: clock.now() });
        if (verdict.kind === 'final') throw finalError(error, earlier, verdict.why);
        earlier.push(error);
        previousDelayMs = verdict.delayMs;
      }
      await this.#pause(previousDelayMs, signal);
      assertNotAborted(signal, earlier);
    }
  }

  stats(): RetryStats {
    return this.#ledger.stats(this.#ports.clock.now());
  }

  #judgeFree({ now, deadlineAt }: FailedAttempt): RetryVerdict {
    if (now + MIN_ATTEMPT_MS > deadlineAt) return this.#final('deadline');
    this.#ledger.noteFree();
    return FREE;
  }

  #final(why: FinalCause): RetryVerdict {
    this.#ledger.noteFinal(why);
    return FINAL[why];
  }

  /**
   * The pause, or undefined when no attempt would fit behind it. `retryAfterMs` is the least; the back-off comes on top,
   * because everybody was given the same moment and must not come back at the same moment.
   */
  #delayMs({ error, now, deadlineAt, attempt, previousDelayMs, backoff }: FailedAttempt): number | undefined {
    const numbers = backoff ?? this.#config.backoff;
    const spreadMs = backoffMs(numbers, attempt - 1, previousDelayMs, this.#ports.random);
    const leastMs = error.retryAfterMs ?? 0;
    const longestMs = deadlineAt - now - MIN_ATTEMPT_MS;
    const delayMs = leastMs > 0 ? Math.min(leastMs + spreadMs, Math.max(leastMs, longestMs)) : spreadMs;
    return delayMs > longestMs ? undefined : delayMs;
  }

  /** Resolves after `delayMs`, or at once when `signal` aborts; all pauses share one timer. */
  async #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (delayMs <= 0 || signal?.aborted === true) return;
    const limits = { deadlineAt: this.#ports.clock.now() + delayMs, signal };
    await within(new Promise<void>(ignore), limits, this.#ports.timers, ignore);
  }
}

/** @throws CancelledError */
function assertNotAborted(signal: AbortSignal | undefined, earlier: readonly FluxorError[]): void {
  if (signal?.aborted === true) throw abortedBetween(signal.reason, earlier);
}

function ignore(): void {
  // Only the limits of the wait can end it.
}
