/**
 * The attempts of one call after its first has failed: asks the retry policy, pauses, and gives the final error what came
 * before it. Made only when something fails; the road and the transactions of a function both go through here.
 * Invariants: nothing is repeated that the policy does not allow; a pause ends at once when its caller aborts; the final
 * error is the real one, never "timeout while waiting to try again".
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import { abortedBetween, finalError } from '../gate/retry-final.js';
import type { RetryNumbers } from '../gate/retry-options.js';
import type { RetryPolicy } from '../gate/retry-policy.js';
import type { Clock } from '../kernel/clock.js';
import type { Pauses } from './pauses.js';

/** How one call is repeated; `undefined` for not at all. */
export type CallRetry = { readonly policy: RetryPolicy; readonly numbers: RetryNumbers } | undefined;

export interface AttemptPorts {
  readonly clock: Clock;
  readonly pauses: Pauses;
}

/** What is repeated, and within which bounds. */
export interface RepeatedCall {
  readonly unit: 'statement' | 'transaction';
  readonly isSafeToRepeat: boolean;
  readonly deadlineAt: number;
  readonly signal: AbortSignal | undefined;
}

/** What is told before the pause. `attempt` is the one to come. */
export interface Repetition {
  readonly attempt: number;
  readonly delayMs: number;
  readonly error: FluxorError;
}

export class Attempts {
  readonly #ports: AttemptPorts;
  readonly #retry: Exclude<CallRetry, undefined>;
  readonly #call: RepeatedCall;
  readonly #onRepeat: (repetition: Repetition) => void;
  readonly #earlier: FluxorError[] = [];
  #previousDelayMs = 0;
  #hadFreeRetry = false;

  constructor(
    ports: AttemptPorts,
    retry: Exclude<CallRetry, undefined>,
    call: RepeatedCall,
    onRepeat: (repetition: Repetition) => void,
  ) {
    this.#ports = ports;
    this.#retry = retry;
    this.#call = call;
    this.#onRepeat = onRepeat;
  }

  /** The attempt under way, the free one counted; 1 for the first. */
  get number(): number {
    return this.#earlier.length + 1;
  }

  /**
   * Resolves when the next attempt may begin. `wasLeased`: the one that failed had got a connection from the pool.
   * @throws the error itself, with `attempts`, when there is no next one; CancelledError when the caller aborts the pause.
   */
  async afterFailure(error: unknown, wasLeased: boolean): Promise<void> {
    if (!isFluxorError(error)) throw error;
    const { policy, numbers } = this.#retry;
    const verdict = policy.judge({
      ...this.#call,
      ...numbers,
      error,
      attempt: this.number - (this.#hadFreeRetry ? 1 : 0),
      earlier: this.#earlier,
      wasLeased,
      now: this.#ports.clock.now(),
      previousDelayMs: this.#previousDelayMs,
      hadFreeRetry: this.#hadFreeRetry,
    });
    if (verdict.kind === 'final') throw finalError(error, this.#earlier, verdict.why);
    this.#earlier.push(error);
    this.#hadFreeRetry ||= verdict.isFree;
    this.#previousDelayMs = verdict.delayMs;
    this.#onRepeat({ attempt: this.number, delayMs: verdict.delayMs, error });
    const { signal } = this.#call;
    const end = await this.#ports.pauses.pause(verdict.delayMs, signal);
    if (end === 'aborted') throw abortedBetween(signal?.reason, this.#earlier);
    // The runtime is disconnecting, and there will be no other attempt: what the last one said is the truth.
    if (end === 'stopped') throw finalError(this.#earlier.pop() ?? error, this.#earlier);
  }
}
