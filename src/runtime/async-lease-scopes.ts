/**
 * Two uses of Node's async context: to know in which scope a caller runs, and to keep what the runtime does for itself out
 * of every caller's context.
 *
 * In which scope does the code run that is calling now? Node's AsyncLocalStorage knows: it follows a function through all
 * its awaits. Its price is paid by the whole process from the first `run` on (a hook per promise before Node 24), so a
 * runtime with `pool.deadlockDetection: false` never calls it.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type { Clock } from '../kernel/clock.js';
import type { Detached, LeaseScopes } from '../pool/lease-scopes.js';
import { LeaseScope } from '../pool/lease-scopes.js';
import type { PoolSettings } from '../pool/pool-settings.js';

export class AsyncLeaseScopes implements LeaseScopes {
  readonly #settings: PoolSettings;
  readonly #storage = new AsyncLocalStorage<LeaseScope>();
  /** A program that holds no connections is never asked where it is. */
  #hasOpened = false;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  current(): LeaseScope | undefined {
    return this.#storage.getStore();
  }

  /** Whether the code that is calling now runs in a function that holds a connection. */
  isHolding(): boolean {
    if (!this.#hasOpened || !this.#settings.current.deadlockDetection) return false;
    for (let scope = this.current(); scope !== undefined; scope = scope.parent) {
      if (scope.held !== undefined) return true;
    }
    return false;
  }

  /** A scope inside the current one, to acquire with and then to run in; none when nobody looks for deadlocks. */
  open(): LeaseScope | undefined {
    if (!this.#settings.current.deadlockDetection) return undefined;
    this.#hasOpened = true;
    return new LeaseScope(this.current());
  }

  run<T>(scope: LeaseScope | undefined, fn: () => T): T {
    return scope === undefined ? fn() : this.#storage.run(scope, fn);
  }
}

/** The context in which the runtime was made, for all that no caller waits for. */
export function createDetached(): Detached {
  const origin = new AsyncResource('FluxorRuntime');
  return (fn) => origin.runInAsyncScope(fn);
}

/** Timers fire in the context in which they were set; those of this clock in the runtime's own. */
export function detachClock(clock: Clock, detached: Detached): Clock {
  return {
    now: () => clock.now(),
    wallNow: () => clock.wallNow(),
    setTimer: (delayMs, fire, options) => detached(() => clock.setTimer(delayMs, fire, options)),
  };
}
