/**
 * The rows of one result set of the library, page by page: decoded, with what LOBs and nested cursors hold. Read from by results,
 * cursors and REF CURSORs.
 *
 * Invariants: memory holds one page; a value that cannot be read fails its page, and nobody can go on after that.
 */
import type { Field } from '../query.js';
import { isLob, osonDecoder, readLob } from './oracle-lobs.js';
import type { OracleMetadata, OracleResultSet } from './oracle-module.js';
import type { OraclePort } from './oracle-port.js';
import { OracleRowReader } from './oracle-rows.js';

export interface RowPage {
  readonly rows: unknown[];
  readonly isDone: boolean;
}

/** Rows of one round trip, where all of them are wanted. */
const ROWS_AT_ONCE = 1_000;

export class OracleRowSource {
  readonly #port: OraclePort;
  readonly #native: OracleResultSet;
  readonly #rowMode: 'object' | 'array';
  readonly #reader: OracleRowReader;
  #isClosed = false;

  constructor(port: OraclePort, native: OracleResultSet, rowMode: 'object' | 'array') {
    this.#port = port;
    this.#native = native;
    this.#rowMode = rowMode;
    this.#reader = readerFor(port, native.metaData);
  }

  get fields(): readonly Field[] {
    return this.#reader.fields;
  }

  /** Once with fewer rows than asked for, it is done and closed. */
  async read(maxRows: number): Promise<RowPage> {
    try {
      const raw = (await this.#port.call(() => this.#native.getRows(maxRows))) as unknown[][];
      const isDone = raw.length < maxRows;
      await this.#fillIn(raw);
      const rows = raw.map((row) => this.#reader.read(row, this.#rowMode));
      // Waited for here: some programs forbid the library calls that wait for one another.
      if (isDone) await this.#end();
      return { rows, isDone };
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Up to `limit` rows; `isDone` where these were all. */
  async readAll(limit = Infinity): Promise<RowPage> {
    const rows: unknown[] = [];
    while (rows.length < limit) {
      const page = await this.read(Math.min(ROWS_AT_ONCE, limit - rows.length));
      for (const row of page.rows) rows.push(row);
      if (page.isDone) return { rows, isDone: true };
    }
    return { rows, isDone: false };
  }

  /** Nobody waits for it: its cursor is closed with whatever is sent next. */
  close(): void {
    void this.#end();
  }

  async #end(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#native.close().catch(() => undefined);
  }

  /** One after the other: the library would only line them up. */
  async #fillIn(rows: readonly unknown[][]): Promise<void> {
    const { lobs, cursors } = this.#reader;
    if (lobs.length === 0 && cursors.length === 0) return;
    for (const row of rows) {
      for (const at of lobs) {
        const value = row[at];
        if (isLob(value, this.#port)) row[at] = await readLob(this.#port, value);
      }
      for (const at of cursors) {
        const value = row[at] as OracleResultSet | null;
        if (value === null) continue;
        row[at] = (await new OracleRowSource(this.#port, value, this.#rowMode).readAll()).rows;
      }
    }
  }
}

export function readerFor(port: OraclePort, metadata: readonly OracleMetadata[]): OracleRowReader {
  const { types, readsUtc, client } = port;
  return new OracleRowReader(metadata, { types, readsUtc, decodeOson: osonDecoder(client) });
}
