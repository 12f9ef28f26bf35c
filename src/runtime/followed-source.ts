/**
 * The pages of a stream inside a transaction, each of them followed while it is on its way: a page that nobody awaits is a
 * statement that nobody awaits. Between two pages nothing is under way, however long the consumer takes.
 * Invariant: a page is followed from the call for it, before anything is sent.
 * Refuses to know: who follows, and what comes of it.
 */
import type { Field } from '../driver/query.js';
import type { RowPage, RowSource } from './row-stream.js';

export class FollowedSource implements RowSource {
  readonly #source: RowSource;
  readonly #follow: (page: Promise<RowPage>) => Promise<RowPage>;

  constructor(source: RowSource, follow: (page: Promise<RowPage>) => Promise<RowPage>) {
    this.#source = source;
    this.#follow = follow;
  }

  get fields(): readonly Field[] {
    return this.#source.fields;
  }

  get isStopped(): boolean {
    return this.#source.isStopped;
  }

  read(): Promise<RowPage> {
    return this.#follow(this.#source.read());
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  watch(handle: object): void {
    this.#source.watch(handle);
  }
}
