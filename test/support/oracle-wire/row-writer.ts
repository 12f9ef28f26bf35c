/**
 * Rows of a query, each written apart and compared with the one before: what is the same is left out, and a bit vector
 * says so. The two buffers take turns, so that no cell is an object of its own.
 */
import type { SqlRow, SqlValue } from './backend.js';
import type { BindMeta } from './codec/ttc-read.js';
import { LONGEST_VALUE, MESSAGE } from './codec/ttc-codes.js';
import { bufferSize, writeBitVector, writeRowHeader } from './codec/ttc-write.js';
import { CSFRM, T } from './codec/type-codes.js';
import { Writer } from './codec/wire.js';
import type { Cursor } from './cursors.js';
import type { LobTable } from './lobs.js';
import type { Target } from './value-codec.js';
import { writeValue } from './value-codec.js';

/** ORA-01405, the return code of a LONG that is null. */
const FETCHED_NULL = 1405;

interface Cell {
  readonly target: Target;
  readonly isAbsent: boolean;
  readonly hasIndicator: boolean;
}

interface EncodedRow {
  readonly writer: Writer;
  /** Where each column ends. */
  ends: number[];
}

export class RowWriter {
  readonly #lobs: LobTable;
  readonly #leavesOutEqual: boolean;
  #row: EncodedRow = { writer: new Writer(4096), ends: [] };
  #before: EncodedRow = { writer: new Writer(4096), ends: [] };

  constructor(lobs: LobTable, leavesOutEqual: boolean) {
    this.#lobs = lobs;
    this.#leavesOutEqual = leavesOutEqual;
  }

  write(out: Writer, cursor: Cursor, rows: readonly SqlRow[], asked: number, isFirst: boolean): void {
    const cells = cellsOf(cursor);
    writeRowHeader(out, cells.length, asked, isFirst);
    for (const [index, row] of rows.entries()) {
      this.#encode(cells, row);
      this.#copy(out, cells.length, this.#leavesOutEqual && index > 0);
      [this.#row, this.#before] = [this.#before, this.#row];
    }
  }

  #encode(cells: readonly Cell[], row: SqlRow): void {
    const { writer } = this.#row;
    writer.clear();
    this.#row.ends = cells.map((cell, index) => {
      this.#writeCell(writer, cell, row[index] ?? null);
      return writer.length;
    });
  }

  #writeCell(writer: Writer, cell: Cell, value: SqlValue): void {
    if (cell.isAbsent) return;
    writeValue(writer, cell.target, value, this.#lobs);
    if (cell.hasIndicator) writer.sb4(value === null ? -1 : 0).ub4(value === null ? FETCHED_NULL : 0);
  }

  #copy(out: Writer, columns: number, mayLeaveOut: boolean): void {
    const isSent = mayLeaveOut ? Array.from({ length: columns }, (_, index) => !this.#isAsBefore(index)) : [];
    if (!isSent.includes(false)) {
      out.u8(MESSAGE.ROW_DATA).raw(this.#row.writer.view());
      return;
    }
    writeBitVector(out, isSent);
    out.u8(MESSAGE.ROW_DATA);
    for (const [index, sent] of isSent.entries()) if (sent) out.raw(bytesOf(this.#row, index));
  }

  #isAsBefore(index: number): boolean {
    return bytesOf(this.#row, index).equals(bytesOf(this.#before, index));
  }
}

function bytesOf({ writer, ends }: EncodedRow, index: number): Buffer {
  return writer.view(index === 0 ? 0 : ends[index - 1], ends[index]);
}

function cellsOf({ columns, defines }: Cursor): Cell[] {
  return (columns ?? []).map((column, index) => {
    const define = defines?.[index];
    const type = define?.type ?? column.type;
    const maxSize = define?.maxSize ?? bufferSize(column);
    const isLong = type === T.LONG || type === T.LONG_RAW;
    return {
      target: { type, csfrm: column.csfrm ?? CSFRM.IMPLICIT, maxSize, place: 'row' },
      isAbsent: define === undefined && bufferSize(column) === 0 && !isLong,
      hasIndicator: isLong || isLongDefine(define),
    };
  });
}

/** Wanted as a string or RAW of any length; JSON, VECTOR and LOBs have a way of their own. */
function isLongDefine(define: BindMeta | undefined): boolean {
  if (define === undefined || define.maxSize <= LONGEST_VALUE) return false;
  return define.type === T.VARCHAR || define.type === T.CHAR || define.type === T.RAW;
}
