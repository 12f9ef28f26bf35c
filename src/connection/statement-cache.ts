/**
 * The statements that one connection has prepared, by the names that statement-book.ts gives: least recently used first out,
 * by whatever connection.
 * Invariants: never more than `perConnection` here, nor `total` on all connections together; what is evicted is closed at
 * the server, off its caller's path; what this connection held is given back to the budget when it ends.
 *
 * Where there is no room, a statement is let in only when it has come again sooner than the oldest one here. So a working set
 * that is a little too large for the cache keeps most of it prepared, in the place of pushing each other out all the time.
 */
import type { DriverConnection } from '../driver/driver.js';
import type { StatementBook, StatementCacheConfig, StatementFacts, StatementHolder } from './statement-book.js';

export class StatementCache implements StatementHolder {
  readonly #native: Pick<DriverConnection, 'forget' | 'isPooled'>;
  readonly #book: StatementBook;
  readonly #config: StatementCacheConfig | undefined;
  /** By name. The facts are the book's own, so that each knows when it was used last on any connection. */
  readonly #entries = new Map<string, StatementFacts>();
  /** None here was used before this: uses only become later, so whoever was is refused without looking at all of them. */
  #floor = 0;

  constructor(native: Pick<DriverConnection, 'forget' | 'isPooled'>, book: StatementBook) {
    this.#native = native;
    this.#book = book;
    // What a pooler prepares on one of its sessions is not there on the next.
    this.#config = book.cache === false || native.isPooled === true ? undefined : book.cache;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The name to run a statement under, or `undefined` to run it without one. */
  use(facts: StatementFacts): string | undefined {
    if (this.#config === undefined) return undefined;
    const { name, usedAt } = facts;
    facts.usedAt = this.#book.uses += 1;
    const entry = name === undefined ? undefined : this.#entries.get(name);
    if (name !== undefined && entry !== undefined) {
      // The book had forgotten it meanwhile.
      if (entry !== facts) this.#entries.set(name, facts);
      this.#book.counts.hits += 1;
      return name;
    }
    this.#book.counts.misses += 1;
    return name === undefined || !this.#hasRoom(usedAt, this.#config) ? undefined : this.#admit(name, facts);
  }

  /** All are gone, or belong to nobody any more: the connection has ended, or somebody has deallocated them. */
  clear(): void {
    this.#book.counts.prepared -= this.#entries.size;
    for (const name of this.#entries.keys()) this.#native.forget?.(name);
    this.#entries.clear();
    this.#book.holders.delete(this);
  }

  /** Somebody else has fewer. */
  giveOne(): void {
    this.#evict(this.#oldest());
  }

  #admit(name: string, facts: StatementFacts): string {
    this.#entries.set(name, facts);
    this.#book.counts.prepared += 1;
    this.#book.holders.add(this);
    return name;
  }

  /** There is room, or some has been made, for a statement that had been used at `usedAt` before. */
  #hasRoom(usedAt: number, { perConnection, total }: StatementCacheConfig): boolean {
    if (this.#entries.size < perConnection) {
      if (this.#book.counts.prepared < total || this.#book.takeOneFor(this)) return true;
    }
    if (usedAt <= this.#floor) return false;
    const oldest = this.#oldest();
    return oldest !== undefined && oldest.usedAt < usedAt && this.#evict(oldest);
  }

  /** Looked for only when room is needed, so that a use costs a number and not a move. */
  #oldest(): StatementFacts | undefined {
    let oldest: StatementFacts | undefined;
    for (const facts of this.#entries.values()) {
      if (oldest === undefined || facts.usedAt < oldest.usedAt) oldest = facts;
    }
    if (oldest !== undefined) this.#floor = oldest.usedAt;
    return oldest;
  }

  #evict(facts: StatementFacts | undefined): boolean {
    if (facts?.name === undefined) return false;
    this.#entries.delete(facts.name);
    this.#native.forget?.(facts.name);
    this.#book.counts.prepared -= 1;
    this.#book.counts.evicted += 1;
    return true;
  }
}
