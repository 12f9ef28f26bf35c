/**
 * The callbacks of one runtime: for leaks, for the circuit breaker, and for metrics at an interval. A callback that throws or
 * rejects hurts nobody: it is counted, told as `listener:failed`, and not called any more when it has failed ten times in a
 * row. `disconnect()` ends those with an interval.
 * Invariant: no timer of them holds the process open, and none is left when the runtime is closed.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { Hub } from '../telemetry/hub.js';

/** So often in a row may a callback fail. */
const MAX_FAILURES = 10;

/** A user's function, called as long as it is fit to be. */
class Guarded<A extends readonly unknown[]> {
  readonly #fn: (...args: A) => unknown;
  readonly #onFailure: (error: unknown) => void;
  readonly #onDetached: () => void;
  #failures = 0;
  #isOver = false;

  constructor(fn: (...args: A) => unknown, onFailure: (error: unknown) => void, onDetached: () => void) {
    this.#fn = fn;
    this.#onFailure = onFailure;
    this.#onDetached = onDetached;
  }

  call(...args: A): void {
    if (this.#isOver) return;
    try {
      const result = this.#fn(...args);
      if (!isThenable(result)) this.#failures = 0;
      else
        Promise.resolve(result).then(
          () => void (this.#failures = 0),
          (error: unknown) => this.#failed(error),
        );
    } catch (error) {
      this.#failed(error);
    }
  }

  end(): void {
    this.#isOver = true;
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    this.#failures += 1;
    this.#onFailure(error);
    if (this.#failures < MAX_FAILURES) return;
    this.#isOver = true;
    this.#onDetached();
  }
}

/** Promises of other libraries and other realms among them. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined | null)?.then === 'function';
}

export class Callbacks {
  readonly counts = { errors: 0, detached: 0 };
  readonly #hub: Hub;
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  #isStopped = false;

  constructor(hub: Hub, clock: Clock) {
    this.#hub = hub;
    this.#clock = clock;
  }

  /** `subscribe` is given what is to be called, and answers how to stop that. */
  add<A extends readonly unknown[]>(
    name: string,
    fn: (...args: A) => unknown,
    subscribe: (call: (...args: A) => void) => Disposable,
  ): Disposable {
    const guarded = new Guarded(
      fn,
      (error) => this.noteFailure(name, error),
      () => {
        this.counts.detached += 1;
        subscription[Symbol.dispose]();
      },
    );
    // Nothing is told in this very moment.
    const subscription = subscribe((...args) => guarded.call(...args));
    return {
      [Symbol.dispose]: () => {
        guarded.end();
        subscription[Symbol.dispose]();
      },
    };
  }

  /** Counts and tells it. */
  noteFailure(name: string, error: unknown): void {
    this.counts.errors += 1;
    this.#hub.tell('listener:failed', { event: name, error });
  }

  /** Calls `tick` every `intervalMs`, until disposed or stopped. `Infinity` for never. */
  every(intervalMs: number, tick: () => void): Disposable {
    let timer: Timer | undefined;
    let isOver = false;
    const arm = (): void => {
      if (isOver || this.#isStopped || intervalMs === Infinity) return;
      const armed = this.#clock.setTimer(
        intervalMs,
        () => {
          this.#timers.delete(armed);
          arm();
          tick();
        },
        { keepAlive: false },
      );
      timer = armed;
      this.#timers.add(armed);
    };
    arm();
    return {
      [Symbol.dispose]: () => {
        isOver = true;
        timer?.cancel();
        if (timer !== undefined) this.#timers.delete(timer);
      },
    };
  }

  /** No timer is left, and none is set any more. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
