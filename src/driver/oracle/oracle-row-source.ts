/**
 * The rows of the library, decoded, with what LOBs and nested cursors hold: of one result set, page by page, for cursors and REF CURSORs;
 * or all at once, for results.
 *
 * Invariants: memory holds one page of a result set; a value that cannot be read fails its page, and nobody can go on after that.
 */
import type { Field } from '../query.js';
import { letGo } from './oracle-leftovers.js';
import { isLob, osonDecoder, readLob } from './oracle-lobs.js';
import type { OracleMetadata, OracleResultSet } from './oracle-module.js';
import type { OraclePort, RowReader } from './oracle-port.js';
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
      const rows = await readRows(this.#port, this.#reader, raw, { rowMode: this.#rowMode });
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
}

/** How rows are wanted, and what is known of the columns of nested cursors that the library has read. */
interface RowForm {
  readonly rowMode: 'object' | 'array';
  readonly metadata?: readonly OracleMetadata[];
}

/** Of one result. Works in place; there is nothing to wait for where there are neither LOBs nor cursors. */
export function readRows(
  port: OraclePort,
  reader: RowReader,
  raw: readonly unknown[][],
  form: RowForm,
): unknown[] | Promise<unknown[]> {
  const read = (): unknown[] => raw.map((row) => reader.read(row, form.rowMode));
  if (reader.lobs.length === 0 && reader.cursors.length === 0) return read();
  return fillIn(port, reader, raw, form)
    .then(read)
    .catch((error: unknown) => {
      letGo(port, raw);
      throw error;
    });
}

/** One after the other: the library would only line them up. */
async function fillIn(
  port: OraclePort,
  { lobs, cursors }: RowReader,
  rows: readonly unknown[][],
  form: RowForm,
): Promise<void> {
  for (const row of rows) {
    for (const at of lobs) {
      const value = row[at];
      if (isLob(value, port)) row[at] = await readLob(port, value);
    }
    for (const at of cursors) {
      const value = row[at] as OracleResultSet | unknown[][] | null;
      if (value !== null) row[at] = await readNested(port, value, form, form.metadata?.[at]?.metaData);
    }
  }
}

async function readNested(
  port: OraclePort,
  value: OracleResultSet | unknown[][],
  { rowMode }: RowForm,
  metadata: readonly OracleMetadata[] = [],
): Promise<readonly unknown[]> {
  if (!Array.isArray(value)) return (await new OracleRowSource(port, value, rowMode).readAll()).rows;
  return readRows(port, readerFor(port, metadata), value, { rowMode, metadata });
}

export function readerFor(port: OraclePort, metadata: readonly OracleMetadata[]): OracleRowReader {
  const { types, readsUtc, client } = port;
  return new OracleRowReader(metadata, { types, readsUtc, decodeOson: osonDecoder(client) });
}
