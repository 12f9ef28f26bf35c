/**
 * Rows of a PGlite statement page by page. PGlite answers a statement as a whole, in the memory of this very process, so the
 * first page runs all of it: what is kept small is what the consumer sees, and not what the database holds.
 * Nothing stays open at the database between two pages, so other statements may come in between.
 */
import type { CursorPage, DriverCursor, DriverResult, Field } from '../query.js';

export class PgliteCursor implements DriverCursor {
  readonly #execute: () => Promise<DriverResult>;
  #result: DriverResult | undefined;
  #at = 0;

  constructor(execute: () => Promise<DriverResult>) {
    this.#execute = execute;
  }

  get fields(): readonly Field[] {
    return this.#result?.fields ?? [];
  }

  async read(maxRows: number): Promise<CursorPage> {
    this.#result ??= await this.#execute();
    const { rows, rowsAffected } = this.#result;
    const page = rows.slice(this.#at, this.#at + maxRows);
    this.#at += page.length;
    const isDone = this.#at >= rows.length;
    return { rows: page, isDone, rowsAffected: isDone ? rowsAffected : 0 };
  }

  async close(): Promise<void> {
    this.#at = Infinity;
  }
}
