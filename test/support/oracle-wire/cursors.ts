/** The open cursors of a session. The client knows a statement by its cursor's id, and sends its text only once. */
import type { Column } from './backend.js';
import { OraError } from './backend.js';
import type { BindMeta } from './codec/ttc-read.js';
import type { RowQueue } from './row-queue.js';
import type { ParsedStatement } from './sql-scan.js';

export interface Cursor {
  readonly id: number;
  readonly statement: ParsedStatement;
  binds: readonly BindMeta[];
  /** As what the client wants its columns; null while it has not said. */
  defines: readonly BindMeta[] | null;
  /** Of PL/SQL binds, once they were told: OUT binds bring no value any more. */
  directions: readonly number[] | null;
  columns: readonly Column[] | null;
  /** The columns that the client was told, to see when they change. */
  shape: string;
  rows: RowQueue | null;
  fetched: number;
  /** It was executed once without an error: the client knows its id. */
  isProven: boolean;
}

/** Ids are 16 bits wide in answers. */
const MAX_ID = 60_000;

export class CursorTable {
  readonly #cursors = new Map<number, Cursor>();
  readonly #limit: number;
  #lastId = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#cursors.size;
  }

  /** Throws ORA-01000 beyond the limit. `id` is given when a cursor is parsed again. */
  open(statement: ParsedStatement, id = this.#freeId()): Cursor {
    const cursor: Cursor = {
      id,
      statement,
      binds: [],
      defines: null,
      directions: null,
      columns: null,
      shape: '',
      rows: null,
      fetched: 0,
      isProven: false,
    };
    this.#cursors.set(id, cursor);
    return cursor;
  }

  find(id: number): Cursor | undefined {
    return this.#cursors.get(id);
  }

  /** Throws ORA-01001 for a cursor that is not there. */
  get(id: number): Cursor {
    const cursor = this.#cursors.get(id);
    if (cursor === undefined) throw new OraError(1001, 'invalid cursor');
    return cursor;
  }

  /** Ends the fetching; the statement stays. */
  cancel(id: number): void {
    const cursor = this.#cursors.get(id);
    cursor?.rows?.close();
    if (cursor !== undefined) cursor.rows = null;
  }

  close(id: number): void {
    this.cancel(id);
    this.#cursors.delete(id);
  }

  closeAll(): void {
    for (const id of [...this.#cursors.keys()]) this.close(id);
  }

  #freeId(): number {
    if (this.#cursors.size >= this.#limit) throw new OraError(1000, 'maximum open cursors exceeded');
    do this.#lastId = (this.#lastId % MAX_ID) + 1;
    while (this.#cursors.has(this.#lastId));
    return this.#lastId;
  }
}
