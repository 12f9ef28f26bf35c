/**
 * Finds the deadlock that pools are famous for: every resource is held by a function that waits for another one, so none
 * will ever come back. `use(() => db.query(…))` fifty times at once is enough. The youngest waiter is failed; its
 * function ends, what it held comes back, and the others go on.
 *
 * Only functions given to `use()` and `transaction()` can be seen: they run in a scope (lease-scopes.ts). As a function
 * may end although a call in its background still waits, a deadlock counts only when nothing has come back for a moment,
 * and nothing runs on anything held.
 */
import type { UsageError } from '../errors/usage-error.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer, WatchedDeadline } from '../kernel/deadline.js';
import type { Hub } from '../telemetry/hub.js';
import type { EntryBook } from './entry-book.js';
import { captureStack } from './leak-detector.js';
import type { LeaseScope, LeaseScopes } from './lease-scopes.js';
import { deadlockError } from './pool-errors.js';
import type { PoolSettings } from './pool-settings.js';
import type { ResourceFactory } from './resource-factory.js';
import type { Waiter } from './waiter.js';
import type { WaitingLine } from './waiting-line.js';

/** How long nothing may come back before it is called a deadlock. */
const SUSPICION_MS = 250;

export interface DeadlockParts<R> {
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly hub: Hub;
  readonly settings: PoolSettings;
  readonly book: EntryBook<R>;
  readonly line: WaitingLine<R>;
  readonly factory: ResourceFactory<R>;
  readonly scopes: LeaseScopes | undefined;
  /** How many leases have ended so far. */
  readonly returned: () => number;
  /** Takes the waiter out of the line with this error. */
  readonly fail: (waiter: Waiter<R>, error: UsageError) => void;
}

export class DeadlockDetector<R> {
  readonly #parts: DeadlockParts<R>;
  #hasTold = false;
  #suspicion: WatchedDeadline | undefined;
  /** How many leases had ended when the suspicion arose. */
  #returnedThen = 0;

  constructor(parts: DeadlockParts<R>) {
    this.#parts = parts;
  }

  /** The scope the caller runs in, if that scope holds something already. */
  outerScope(): LeaseScope | undefined {
    const { scopes, settings } = this.#parts;
    if (scopes === undefined || !settings.current.deadlockDetection) return undefined;
    for (let scope = scopes.current(); scope !== undefined; scope = scope.parent) {
      if (scope.held !== undefined) return scope;
    }
    return undefined;
  }

  /** A caller who holds something has joined the line. */
  joined(outer: LeaseScope): void {
    if (!this.#hasTold) this.#tellNested(outer);
    this.look();
  }

  stop(): void {
    this.#parts.timers.unwatch(this.#suspicion);
    this.#suspicion = undefined;
  }

  /** Looks whether anybody can ever be served; called whenever that may have changed for the worse. */
  look(): void {
    if (this.#suspicion !== undefined || !this.#isStuck()) return;
    const { clock, timers, returned } = this.#parts;
    this.#returnedThen = returned();
    this.#suspicion = timers.watch(clock.now() + SUSPICION_MS, { onDeadline: () => this.#decide() });
  }

  #decide(): void {
    this.#suspicion = undefined;
    if (!this.#isStuck()) return;
    // Something came back meanwhile, or a holder is at work and may yet end: look once more.
    if (this.#returnedThen !== this.#parts.returned() || this.#isAnyAtWork()) return this.look();
    const youngest = this.#youngest();
    if (youngest === undefined) return;
    this.#parts.fail(youngest, deadlockError(this.#parts.factory.label, this.#parts.book.count('in-use')));
    this.look();
  }

  /** Nothing can come: no room to grow, nothing on its way, and every holder waits. */
  #isStuck(): boolean {
    const { book, settings } = this.#parts;
    const held = book.count('in-use');
    if (held === 0 || held < settings.current.maxSize || book.open !== held) return false;
    return book.all().every(({ state }) => {
      if (state.name === 'closing') return true;
      return state.name === 'in-use' && (state.lease.note?.scope?.waiting ?? 0) > 0;
    });
  }

  /** A statement is running on something held; the waiting may go on beside it, and end without us. */
  #isAnyAtWork(): boolean {
    const { book, factory } = this.#parts;
    return book.all().some(({ state }) => state.name === 'in-use' && factory.isBusy(state.resource));
  }

  #youngest(): Waiter<R> | undefined {
    let youngest: Waiter<R> | undefined;
    for (const waiter of this.#parts.line) {
      if (waiter.outer !== undefined && (youngest === undefined || waiter.sinceAt >= youngest.sinceAt))
        youngest = waiter;
    }
    return youngest;
  }

  #tellNested(outer: LeaseScope): void {
    const { hub } = this.#parts;
    const { held } = outer;
    if (held === undefined || !hub.hasListeners('lease:nested')) return;
    this.#hasTold = true;
    const stack = captureStack();
    const outerStack = held.lease.note?.stack;
    hub.tell('lease:nested', {
      connectionId: held.connectionId,
      stack,
      ...(outerStack === undefined ? {} : { outerStack }),
    });
  }
}
