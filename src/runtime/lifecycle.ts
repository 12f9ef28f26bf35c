/** The runtime's own life, as a state machine. Docs draw the same table. */
import { UsageError } from '../errors/usage-error.js';
import type { TransitionTable } from '../kernel/transitions.js';
import { assertTransition } from '../kernel/transitions.js';

export type RuntimeState = 'idle' | 'starting' | 'running' | 'draining' | 'closed';

export const RUNTIME_TRANSITIONS: TransitionTable<RuntimeState> = {
  idle: ['starting', 'running', 'draining'],
  // Back to idle when `connect()` failed: the database may be up at the next try.
  starting: ['running', 'idle', 'draining'],
  running: ['draining'],
  draining: ['closed'],
  closed: [],
};

export class Lifecycle {
  readonly #name: string;
  #state: RuntimeState = 'idle';

  constructor(name: string) {
    this.#name = name;
  }

  get state(): RuntimeState {
    return this.#state;
  }

  move(to: RuntimeState): void {
    assertTransition('runtime', RUNTIME_TRANSITIONS, this.#state, to);
    this.#state = to;
  }

  /** @throws UsageError `RUNTIME_CLOSED` once `disconnect()` has been called. */
  assertOpen(): void {
    if (this.#state !== 'draining' && this.#state !== 'closed') return;
    throw new UsageError('RUNTIME_CLOSED', `The runtime '${this.#name}' is ${this.#state}; it takes no more calls`, {
      context: { runtime: this.#name },
    });
  }
}
