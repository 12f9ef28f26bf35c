/**
 * Shared loans by how many leases each has: the one with the fewest is found in O(1), and moves on by one when a lease
 * begins or ends. 500 connections cost what 10 do.
 *
 *     0: –   1: loan ⇄ loan   2: loan   …   64        those with as many stand in the order in which they came to have them
 *
 * Invariant: a loan stands in the row of its size at the time it was put; whoever changes the size takes it out and puts
 * it back.
 */
import { WaiterQueue } from '../kernel/waiter-queue.js';
import type { SharedLoan } from './shared-loan.js';

export class Shelf<R> {
  /** Made as they are needed; at most 64 and one, as deep as a connection can be. */
  readonly #rows: WaiterQueue<SharedLoan<R>>[] = [];
  /** No row below has anything in it. */
  #lowest = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Of those with the fewest leases, the one that has had so few for longest. */
  get fewest(): SharedLoan<R> | undefined {
    if (this.#size === 0) return undefined;
    // Joins go up by one and ends go down by one, so this looks at one row or two.
    for (; ; this.#lowest += 1) {
      const first = this.#rows[this.#lowest]?.first;
      if (first !== undefined) return first;
    }
  }

  put(loan: SharedLoan<R>): void {
    const { size } = loan;
    while (this.#rows.length <= size) this.#rows.push(new WaiterQueue());
    this.#rows[size]?.push(loan);
    this.#size += 1;
    if (size < this.#lowest || this.#size === 1) this.#lowest = size;
  }

  take(loan: SharedLoan<R>): void {
    const row = loan.queue as WaiterQueue<SharedLoan<R>> | undefined;
    if (row?.remove(loan) === true) this.#size -= 1;
  }
}
