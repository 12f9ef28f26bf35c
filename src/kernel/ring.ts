/** The latest so many of something, in constant memory; what is older is overwritten. */
export class Ring<T> {
  readonly #items: T[] = [];
  readonly #capacity: number;
  #added = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many there have been, those that are gone counted. */
  get added(): number {
    return this.#added;
  }

  add(item: T): void {
    this.#items[this.#added % this.#capacity] = item;
    this.#added += 1;
  }

  /** The latest first; at most `limit`. */
  latest(limit: number = this.#capacity): T[] {
    const latest: T[] = [];
    const count = Math.min(limit, this.#items.length);
    for (let back = 1; back <= count; back += 1) {
      const item = this.#items[(this.#added - back) % this.#capacity];
      if (item !== undefined) latest.push(item);
    }
    return latest;
  }
}
