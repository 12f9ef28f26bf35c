/**
 * The pages of a stream inside a transaction, each of them followed while it is on its way: a page that nobody awaits is a
 * statement that nobody awaits. Between two pages nothing is under way, however long the consumer takes.
 * Invariant: a page is followed from the call for it, before anything is sent.
 * Refuses to know: who follows, and what comes of it.
 */
import type { RowPage, RowSource } from './row-stream.js';
import { SourceAround } from './source-around.js';

export class FollowedSource extends SourceAround {
  readonly #follow: (page: Promise<RowPage>) => Promise<RowPage>;

  constructor(source: RowSource, follow: (page: Promise<RowPage>) => Promise<RowPage>) {
    super(source);
    this.#follow = follow;
  }

  override read(): Promise<RowPage> {
    return this.#follow(this.inner.read());
  }
}
