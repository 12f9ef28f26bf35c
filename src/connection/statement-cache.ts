/**
 * The statements that one connection has prepared, by the names that statement-book.ts gives: least recently used first out.
 * Invariants: never more than `perConnection` here, nor `total` on all connections together; what is evicted is closed at
 * the server, off its caller's path; what this connection held is given back to the budget when it ends.
 */
import type { DriverConnection } from '../driver/driver.js';
import type { StatementBook, StatementCacheConfig, StatementFacts } from './statement-book.js';

interface Entry {
  readonly name: string;
  usedAt: number;
}

export class StatementCache {
  readonly #native: Pick<DriverConnection, 'forget' | 'isPooled'>;
  readonly #book: StatementBook;
  readonly #config: StatementCacheConfig | undefined;
  readonly #entries = new Map<string, Entry>();
  #uses = 0;

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
  use({ name }: StatementFacts): string | undefined {
    if (this.#config === undefined) return undefined;
    this.#uses += 1;
    const entry = name === undefined ? undefined : this.#entries.get(name);
    if (entry !== undefined) {
      entry.usedAt = this.#uses;
      this.#book.counts.hits += 1;
      return name;
    }
    this.#book.counts.misses += 1;
    return name === undefined ? undefined : this.#admit(name, this.#config);
  }

  /** All are gone, or belong to nobody any more: the connection has ended, or somebody has deallocated them. */
  clear(): void {
    this.#book.counts.prepared -= this.#entries.size;
    for (const name of this.#entries.keys()) this.#native.forget?.(name);
    this.#entries.clear();
  }

  #admit(name: string, { perConnection, total }: StatementCacheConfig): string | undefined {
    const { counts } = this.#book;
    const isFull = this.#entries.size >= perConnection || counts.prepared >= total;
    if (isFull && !this.#evictOldest()) return undefined;
    this.#entries.set(name, { name, usedAt: this.#uses });
    counts.prepared += 1;
    return name;
  }

  /** Looked for only when room is needed, so that a use costs a number and not a move. False where there is none. */
  #evictOldest(): boolean {
    let oldest: Entry | undefined;
    for (const entry of this.#entries.values())
      if (oldest === undefined || entry.usedAt < oldest.usedAt) oldest = entry;
    if (oldest === undefined) return false;
    this.#entries.delete(oldest.name);
    this.#native.forget?.(oldest.name);
    this.#book.counts.prepared -= 1;
    this.#book.counts.evicted += 1;
    return true;
  }
}
