/** The rows of an open cursor, made as they are fetched: a source is never read further than the client asks. */
import type { RowSource, SqlRow } from './backend.js';

export class RowQueue {
  readonly #rows: Iterator<SqlRow> | AsyncIterator<SqlRow>;
  #isEnded = false;

  constructor(source: RowSource) {
    this.#rows = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** Fewer than `count` only at the end. */
  async take(count: number): Promise<SqlRow[]> {
    const taken: SqlRow[] = [];
    while (taken.length < count && !this.#isEnded) {
      const step = this.#rows.next();
      const result: IteratorResult<SqlRow, unknown> = step instanceof Promise ? await step : step;
      if (result.done === true) this.#isEnded = true;
      else taken.push(result.value);
    }
    return taken;
  }

  /** Lets go of the source. */
  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const returned = this.#rows.return?.();
    if (returned instanceof Promise) returned.catch(() => undefined);
  }
}
