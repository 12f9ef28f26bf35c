/**
 * A subscription as user code holds it: `for await (const item of await db.listen('jobs'))`.
 * Invariant: nothing that lives on holds the stream or its iterator while nobody waits for the next item, so that the garbage
 * collector can find a subscription that was dropped. Both hold one anchor; when that goes, the subscription ends.
 */
import { UsageError } from '../errors/usage-error.js';
import type { NotificationItem } from './notification-buffer.js';
import type { NotificationStep, Subscription } from './subscription.js';

/**
 * What is sent to some channels, from the moment `listen()` resolved. Ends when its loop is left, its signal aborts, it is
 * disposed of, or the runtime is disconnected; then the loop ends, without an error. Can be iterated once.
 */
export interface NotificationStream extends AsyncIterable<NotificationItem>, AsyncDisposable {
  /** Without doubles. */
  readonly channels: readonly string[];
  /** @throws UsageError `STREAM_CONSUMED` the second time. */
  [Symbol.asyncIterator](): AsyncIterableIterator<NotificationItem, undefined>;
}

export class NotificationStreamHandle implements NotificationStream {
  readonly #subscription: Subscription;
  readonly #anchor: object;
  #isIterated = false;

  constructor(subscription: Subscription, anchor: object) {
    this.#subscription = subscription;
    this.#anchor = anchor;
  }

  get channels(): readonly string[] {
    return this.#subscription.channels;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<NotificationItem, undefined> {
    // Two loops would share the notifications between them, each missing what the other got.
    if (this.#isIterated) throw consumedError();
    this.#isIterated = true;
    return new NotificationIterator(this.#subscription, this.#anchor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription.end();
  }
}

class NotificationIterator implements AsyncIterableIterator<NotificationItem, undefined> {
  readonly #subscription: Subscription;
  /** Held, and never looked at: see the head of this file. */
  protected readonly anchor: object;

  constructor(subscription: Subscription, anchor: object) {
    this.#subscription = subscription;
    this.anchor = anchor;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<NotificationStep> {
    return this.#subscription.next();
  }

  /** Does not wait for the server: a network that is down must not keep anybody in a loop. */
  async return(): Promise<NotificationStep> {
    this.#subscription.end();
    return this.#subscription.next();
  }

  async throw(error?: unknown): Promise<NotificationStep> {
    this.#subscription.end();
    throw error;
  }
}

function consumedError(): UsageError {
  const text = 'A subscription can be iterated once; call listen() again for a second loop over the same channels';
  return new UsageError('STREAM_CONSUMED', text);
}
