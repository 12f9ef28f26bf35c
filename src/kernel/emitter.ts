/**
 * Typed events that cost one lookup when nobody listens, and cannot be hurt by those who do.
 * `on` answers a Disposable; there is no `off` by function identity, so a listener added twice is removed twice.
 */

type Listener<P> = (payload: P) => void;

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<{ readonly call: Listener<never> }>>();
  readonly #onListenerError: (error: unknown, event: keyof Events) => void;

  /** `onListenerError` hears what a listener threw; it must not throw itself. */
  constructor(onListenerError: (error: unknown, event: keyof Events) => void) {
    this.#onListenerError = onListenerError;
  }

  on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): Disposable {
    let set = this.#listeners.get(event);
    if (set === undefined) this.#listeners.set(event, (set = new Set()));
    const entry = { call: listener };
    set.add(entry);
    return {
      [Symbol.dispose]: () => {
        set.delete(entry);
        if (set.size === 0 && this.#listeners.get(event) === set) this.#listeners.delete(event);
      },
    };
  }

  /** Ask before building a payload on the hot path. */
  hasListeners(event: keyof Events): boolean {
    return this.#listeners.size > 0 && this.#listeners.has(event);
  }

  emit<E extends keyof Events>(event: E, payload: Events[E]): void {
    const set = this.#listeners.get(event);
    if (set === undefined) return;
    // A copy, so that a listener may add listeners of this very event; one that was removed meanwhile is not called.
    for (const entry of [...set]) {
      if (!set.has(entry)) continue;
      try {
        const result: unknown = (entry.call as (payload: Events[E]) => unknown)(payload);
        // An async listener throws by rejecting; unheard, that would end the process.
        if (result instanceof Promise) result.catch((error: unknown) => this.#onListenerError(error, event));
      } catch (error) {
        this.#onListenerError(error, event);
      }
    }
  }

  /** How many listeners there are, over all events; tests count it to find the forgotten ones. */
  get listenerCount(): number {
    let count = 0;
    for (const set of this.#listeners.values()) count += set.size;
    return count;
  }

  clear(): void {
    this.#listeners.clear();
  }
}
