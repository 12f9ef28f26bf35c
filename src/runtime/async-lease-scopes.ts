/**
 * In which scope does the code run that is calling now? Node's AsyncLocalStorage knows: it follows a function through all
 * its awaits. Its price is paid by the whole process from the first `run` on (a hook per promise before Node 24), so a
 * runtime with `pool.deadlockDetection: false` never calls it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { LeaseScopes } from '../pool/lease-scopes.js';
import { LeaseScope } from '../pool/lease-scopes.js';
import type { PoolSettings } from '../pool/pool-settings.js';

export class AsyncLeaseScopes implements LeaseScopes {
  readonly #settings: PoolSettings;
  readonly #storage = new AsyncLocalStorage<LeaseScope>();

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  current(): LeaseScope | undefined {
    return this.#storage.getStore();
  }

  /** A scope inside the current one, to acquire with and then to run in; none when nobody looks for deadlocks. */
  open(): LeaseScope | undefined {
    return this.#settings.current.deadlockDetection ? new LeaseScope(this.current()) : undefined;
  }

  run<T>(scope: LeaseScope | undefined, fn: () => T): T {
    return scope === undefined ? fn() : this.#storage.run(scope, fn);
  }
}
