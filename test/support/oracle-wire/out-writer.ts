/** What statements give back besides rows: OUT binds, the values of RETURNING, REF CURSORs and implicit results. */
import type { SqlCursor, SqlResult, SqlValue } from './backend.js';
import type { CallPort } from './calls.js';
import { DIRECTION, MESSAGE } from './codec/ttc-codes.js';
import type { BindMeta } from './codec/ttc-read.js';
import { isArrayBind } from './codec/ttc-read.js';
import { writeDescribeBody, writeIoVector } from './codec/ttc-write.js';
import type { Writer } from './codec/wire.js';
import type { Cursor } from './cursors.js';
import { RowQueue } from './row-queue.js';
import { parseStatement } from './sql-scan.js';
import { writeValue } from './value-codec.js';
import { T } from './values.js';

export class OutWriter {
  readonly #port: CallPort;

  constructor(port: CallPort) {
    this.#port = port;
  }

  writeOutBinds(writer: Writer, cursor: Cursor, { outDirs = [], outValues = [] }: SqlResult): void {
    const directions = outDirs.map((direction) =>
      direction === 'in' ? DIRECTION.IN : direction === 'out' ? DIRECTION.OUT : DIRECTION.IN_OUT,
    );
    cursor.directions = directions;
    writeIoVector(writer, directions);
    if (directions.every((direction) => direction === DIRECTION.IN)) return;
    for (const row of outValues) {
      writer.u8(MESSAGE.ROW_DATA);
      for (const [index, direction] of directions.entries()) {
        const meta = cursor.binds[index];
        if (direction !== DIRECTION.IN && meta !== undefined) this.#writeOutBind(writer, meta, row[index] ?? null);
      }
    }
  }

  #writeOutBind(writer: Writer, meta: BindMeta, value: SqlValue | SqlValue[]): void {
    if (!isArrayBind(meta)) return this.#writeOutValue(writer, meta, Array.isArray(value) ? null : value);
    const items = Array.isArray(value) ? value : [];
    writer.ub4(items.length);
    for (const item of items) this.#writeOutValue(writer, meta, item);
  }

  /** The number behind it is what was cut off: nothing, ever. A null BOOLEAN says so there. */
  #writeOutValue(writer: Writer, meta: BindMeta, value: SqlValue): void {
    if (meta.type === T.CURSOR) {
      if (isCursor(value)) this.#writeNestedCursor(writer.u8(1), value);
      else writer.u8(0);
      writer.sb4(0);
      return;
    }
    writeValue(writer, { ...meta, place: 'out' }, value, this.#port.lobs);
    writer.sb4(value === null && meta.type === T.BOOLEAN ? -1 : 0);
  }

  writeReturning(writer: Writer, cursor: Cursor, iteration: SqlValue[][]): void {
    writer.u8(MESSAGE.ROW_DATA);
    for (const [position, index] of [...cursor.statement.returnBinds].entries()) {
      const returned = iteration[position] ?? [];
      const meta = cursor.binds[index];
      if (meta === undefined) continue;
      writer.ub4(returned.length);
      for (const value of returned) this.#writeOutValue(writer, meta, value);
    }
  }

  writeImplicitResults(writer: Writer, results: readonly SqlCursor[]): void {
    if (results.length === 0) return;
    writer.u8(MESSAGE.IMPLICIT_RESULTS).ub4(results.length);
    for (const result of results) this.#writeNestedCursor(writer.u8(0), result);
  }

  #writeNestedCursor(writer: Writer, { columns, rows }: SqlCursor): void {
    const cursor = this.#port.cursors.open(parseStatement('SELECT'));
    cursor.columns = columns;
    cursor.shape = JSON.stringify(columns);
    cursor.rows = new RowQueue(rows);
    writeDescribeBody(writer, columns, this.#port.fieldVersion);
    writer.ub2(cursor.id);
  }
}

function isCursor(value: SqlValue): value is SqlCursor {
  return typeof value === 'object' && value !== null && 'rows' in value;
}
