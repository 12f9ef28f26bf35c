/**
 * The pauses between the attempts of calls. A call in one holds nothing, so nothing else would remember it when the runtime
 * is disconnected: here it is remembered, and its pause ended.
 * Invariant: every pause ends, by its time, its caller's signal, or `stop`; after `stop` none begins.
 */
import { onAbort } from '../kernel/abort-listener.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTarget, DeadlineTimer } from '../kernel/deadline.js';

/** Why a pause has ended. */
export type PauseEnd = 'over' | 'aborted' | 'stopped';

export class Pauses {
  readonly #clock: Clock;
  readonly #timers: DeadlineTimer;
  readonly #pausing = new Set<(end: PauseEnd) => void>();
  #isStopped = false;

  constructor(clock: Clock, timers: DeadlineTimer) {
    this.#clock = clock;
    this.#timers = timers;
  }

  /** How many calls pause now. */
  get size(): number {
    return this.#pausing.size;
  }

  /** Resolves when the pause has ended; never rejects. */
  async pause(delayMs: number, signal: AbortSignal | undefined): Promise<PauseEnd> {
    if (signal?.aborted === true) return 'aborted';
    if (this.#isStopped) return 'stopped';
    if (delayMs <= 0) return 'over';
    return this.#wait(this.#clock.now() + delayMs, signal);
  }

  /** Ends all of them at once. */
  stop(): void {
    this.#isStopped = true;
    for (const end of [...this.#pausing]) end('stopped');
  }

  #wait(untilAt: number, signal: AbortSignal | undefined): Promise<PauseEnd> {
    return new Promise((resolve) => {
      const end = (how: PauseEnd): void => {
        this.#pausing.delete(end);
        this.#timers.unwatch(watched);
        stopListening?.();
        resolve(how);
      };
      const target: DeadlineTarget = { onDeadline: () => end('over') };
      const watched = this.#timers.watch(untilAt, target);
      const stopListening = signal && onAbort(signal, () => end('aborted'));
      this.#pausing.add(end);
    });
  }
}
