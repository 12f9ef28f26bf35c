/**
 * First come, first served, and leaving the line costs O(1): an intrusive doubly linked list.
 *
 *     head ⇄ item ⇄ item ⇄ tail        push at the tail, shift at the head, remove anywhere
 *
 * A waiter that timed out is unlinked at once; an array would keep its corpse until the line reached it.
 * Invariant: `length` is the number of linked items, and an item stands in at most one queue.
 */

/** The links of one item. They belong to the queue; nobody else writes them. */
export abstract class QueueItem {
  /** @internal */ queue: object | undefined = undefined;
  /** @internal */ queuePrevious: QueueItem | undefined = undefined;
  /** @internal */ queueNext: QueueItem | undefined = undefined;
}

export class WaiterQueue<T extends QueueItem> {
  #head: QueueItem | undefined;
  #tail: QueueItem | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The one who has waited longest. */
  get first(): T | undefined {
    return this.#head as T | undefined;
  }

  push(item: T): void {
    if (item.queue !== undefined) throw new Error('bug: an item cannot stand in two queues');
    item.queue = this;
    item.queuePrevious = this.#tail;
    if (this.#tail === undefined) this.#head = item;
    else this.#tail.queueNext = item;
    this.#tail = item;
    this.#length += 1;
  }

  shift(): T | undefined {
    const item = this.first;
    if (item !== undefined) this.remove(item);
    return item;
  }

  /** Takes `item` out wherever it stands; answers whether it was there. */
  remove(item: T): boolean {
    if (item.queue !== this) return false;
    if (item.queuePrevious === undefined) this.#head = item.queueNext;
    else item.queuePrevious.queueNext = item.queueNext;
    if (item.queueNext === undefined) this.#tail = item.queuePrevious;
    else item.queueNext.queuePrevious = item.queuePrevious;
    item.queue = item.queuePrevious = item.queueNext = undefined;
    this.#length -= 1;
    return true;
  }

  /** In order of arrival. The item just given out may be removed while walking; others may not. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let item = this.#head; item !== undefined;) {
      const next = item.queueNext;
      yield item as T;
      item = next;
    }
  }
}
