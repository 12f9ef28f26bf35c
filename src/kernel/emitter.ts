/**
 * Typed events that cost one lookup when nobody listens, and cannot be hurt by those who do.
 * `on` answers a Disposable; there is no `off` by function identity, so a listener added twice is removed twice.
 */

type Listener<P> = (payload: P) => void;

interface Subscription {
  readonly call: Listener<never>;
  isOver: boolean;
}

export class Emitter<Events extends object> {
  /** Replaced as a whole and never changed in place: an emit goes through the list that it found. No list is empty. */
  readonly #listeners = new Map<keyof Events, readonly Subscription[]>();
  readonly #onListenerError: (error: unknown, event: keyof Events) => void;

  /** `onListenerError` hears what a listener threw; it must not throw itself. */
  constructor(onListenerError: (error: unknown, event: keyof Events) => void) {
    this.#onListenerError = onListenerError;
  }

  on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): Disposable {
    const subscription: Subscription = { call: listener, isOver: false };
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), subscription]);
    return {
      [Symbol.dispose]: () => {
        subscription.isOver = true;
        const left = this.#listeners.get(event)?.filter((other) => other !== subscription) ?? [];
        if (left.length === 0) this.#listeners.delete(event);
        else this.#listeners.set(event, left);
      },
    };
  }

  /** Ask before building a payload on the hot path. */
  hasListeners(event: keyof Events): boolean {
    return this.#listeners.size > 0 && this.#listeners.has(event);
  }

  emit<E extends keyof Events>(event: E, payload: Events[E]): void {
    const subscriptions = this.#listeners.get(event);
    if (subscriptions === undefined) return;
    // A listener may add listeners of this very event, who are not called yet; one that was removed meanwhile is not called.
    for (const subscription of subscriptions) {
      if (subscription.isOver) continue;
      try {
        const result: unknown = (subscription.call as (payload: Events[E]) => unknown)(payload);
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
    for (const subscriptions of this.#listeners.values()) count += subscriptions.length;
    return count;
  }

  clear(): void {
    for (const subscriptions of this.#listeners.values()) {
      for (const subscription of subscriptions) subscription.isOver = true;
    }
    this.#listeners.clear();
  }
}
