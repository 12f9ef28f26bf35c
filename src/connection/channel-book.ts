/**
 * Who listens to which channel. The reference count of a channel is the number of its subscribers. Kept by
 * listening-session.ts, which makes it true at the server.
 * Invariants: a channel is in the book exactly while somebody listens to it; within one channel, subscribers are told in the
 * order in which they came. Refuses to know: sessions, and what a subscriber does with what it is told.
 */
import type { DriverNotification } from '../driver/driver.js';

/** From when on notifications may have been missed, and for how long. */
export interface MissedSpan {
  /** Epoch milliseconds. */
  readonly since: number;
  readonly lostMs: number;
}

/** Somebody who listens. None of these may throw. */
export interface Subscriber {
  /** Without doubles. */
  readonly channels: readonly string[];
  notified(notification: DriverNotification): void;
  /** The session was lost, and all channels are listened to again. Told before the first notification after that. */
  missed(span: MissedSpan): void;
  /** Nothing comes any more: the runtime is disconnected. */
  ended(): void;
}

export class ChannelBook {
  readonly #subscribers = new Set<Subscriber>();
  readonly #byChannel = new Map<string, Set<Subscriber>>();

  get isEmpty(): boolean {
    return this.#subscribers.size === 0;
  }

  /** As they are now, in the order in which they came. */
  get subscribers(): readonly Subscriber[] {
    return [...this.#subscribers];
  }

  get channels(): readonly string[] {
    return [...this.#byChannel.keys()];
  }

  add(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    for (const channel of subscriber.channels) {
      const present = this.#byChannel.get(channel);
      if (present === undefined) this.#byChannel.set(channel, new Set([subscriber]));
      else present.add(subscriber);
    }
  }

  /** False when it was not there. */
  remove(subscriber: Subscriber): boolean {
    if (!this.#subscribers.delete(subscriber)) return false;
    for (const channel of subscriber.channels) {
      const present = this.#byChannel.get(channel);
      present?.delete(subscriber);
      if (present?.size === 0) this.#byChannel.delete(channel);
    }
    return true;
  }

  has(channel: string): boolean {
    return this.#byChannel.has(channel);
  }

  of(channel: string): readonly Subscriber[] {
    return [...(this.#byChannel.get(channel) ?? [])];
  }

  /** Told to nobody when the last of them has left a moment ago, and the server does not know yet. */
  deliver(notification: DriverNotification): void {
    const present = this.#byChannel.get(notification.channel);
    if (present === undefined) return;
    for (const subscriber of present) subscriber.notified(notification);
  }
}
