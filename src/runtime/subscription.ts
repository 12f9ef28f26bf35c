/**
 * One subscription, from `db.listen()` to its end: takes what the listening session tells and hands it to whoever iterates,
 * or keeps it for them. Made by listen.ts; iterated by notification-stream.ts.
 * Invariants: items come in the order in which they were told; after the end there is nothing more, and nothing is kept.
 * Refuses to know: connections. A slow consumer fills this buffer, and stands in nobody's way.
 */
import type { MissedSpan, Subscriber } from '../connection/channel-book.js';
import type { DriverNotification } from '../driver/driver.js';
import { onAbort } from '../kernel/abort-listener.js';
import type { Deferred } from '../kernel/deferred.js';
import { createDeferred } from '../kernel/deferred.js';
import type { ListenPlan } from './listen-options.js';
import type { NotificationItem } from './notification-buffer.js';
import { NotificationBuffer } from './notification-buffer.js';

export type NotificationStep = IteratorResult<NotificationItem, undefined>;

const DONE: NotificationStep = Object.freeze({ value: undefined, done: true });

export class Subscription implements Subscriber {
  readonly channels: readonly string[];
  readonly #buffer: NotificationBuffer;
  readonly #leave: (subscription: Subscription) => void;
  /** Calls of `next` that wait for an item, in their order. While there are any, the buffer is empty. */
  readonly #waiting: Deferred<NotificationStep>[] = [];
  readonly #stopHearing: (() => void) | undefined;
  #isOver = false;

  /** `leave` is called once, when it ends from this side. The signal must not be aborted yet. */
  constructor(plan: ListenPlan, wallNow: () => number, leave: (subscription: Subscription) => void) {
    this.channels = Object.freeze([...plan.channels]);
    this.#buffer = new NotificationBuffer(plan.maxBuffered, wallNow);
    this.#leave = leave;
    this.#stopHearing = plan.signal && onAbort(plan.signal, () => this.end());
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  next(): Promise<NotificationStep> {
    if (this.#isOver) return Promise.resolve(DONE);
    const item = this.#buffer.take();
    if (item !== undefined) return Promise.resolve({ value: item, done: false });
    const waiting = createDeferred<NotificationStep>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** From this side: the loop was left, the signal aborted, the iterator dropped. */
  end(): void {
    if (this.#isOver) return;
    this.ended();
    this.#leave(this);
  }

  onDropped(): void {
    this.end();
  }

  notified({ channel, payload, processId }: DriverNotification): void {
    this.#give({ type: 'notification', channel, payload, processId });
  }

  missed({ since, lostMs }: MissedSpan): void {
    this.#give({ type: 'gap', why: 'reconnected', channels: this.channels, since, lostMs });
  }

  ended(): void {
    this.#isOver = true;
    this.#stopHearing?.();
    this.#buffer.clear();
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(DONE);
  }

  #give(item: NotificationItem): void {
    if (this.#isOver) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#buffer.push(item);
    else waiting.resolve({ value: item, done: false });
  }
}
