/**
 * Three uses of Node's async context: to know in which scope a caller runs, to know what makes the sets of a batch, and to keep
 * what the runtime does for itself out of every caller's context.
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

/** The code that makes the sets of a batch. While the batch runs on what a session or transaction holds, it must send nothing there. */
export interface Draw {
  /** What the batch keeps busy. */
  readonly held: object;
  /** The batch around, whose sets this one has a part in. */
  readonly around: Draw | undefined;
}

export class AsyncLeaseScopes implements LeaseScopes {
  readonly #settings: PoolSettings;
  readonly #storage = new AsyncLocalStorage<LeaseScope>();
  readonly #draws = new AsyncLocalStorage<Draw>();
  /** Of the batches that run now. Nobody is asked where it is while there are none. */
  readonly #open = new Set<Draw>();
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

  /** A batch begins on `held`; none when nobody looks for deadlocks. */
  openDraw(held: object): Draw | undefined {
    if (!this.#settings.current.deadlockDetection) return undefined;
    const draw = { held, around: this.#draws.getStore() };
    this.#open.add(draw);
    return draw;
  }

  closeDraw(draw: Draw | undefined): void {
    if (draw !== undefined) this.#open.delete(draw);
  }

  draw<T>(draw: Draw | undefined, fn: () => T): T {
    return draw === undefined ? fn() : this.#draws.run(draw, fn);
  }

  /** Whether a batch that keeps `held` busy waits for the code that is calling now: that code must not wait for `held`. */
  isDrawnFor(held: object): boolean {
    if (this.#open.size === 0) return false;
    for (let draw = this.#draws.getStore(); draw !== undefined; draw = draw.around) {
      if (draw.held === held && this.#open.has(draw)) return true;
    }
    return false;
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

/** The context of the caller, to run something in later: what makes the sets of a batch is the caller's, not the driver's. */
export function callersContext(): <T>(fn: () => T) => T {
  const here = new AsyncResource('FluxorBatch');
  return (fn) => here.runInAsyncScope(fn);
}

/** Timers fire in the context in which they were set; those of this clock in the runtime's own. */
export function detachClock(clock: Clock, detached: Detached): Clock {
  return {
    now: () => clock.now(),
    wallNow: () => clock.wallNow(),
    setTimer: (delayMs, fire, options) => detached(() => clock.setTimer(delayMs, fire, options)),
  };
}
