/**
 * The answers as they are written: DESCRIBE, rows, return parameters, and the blocks that end a call. Fields that mean
 * nothing here are written as 0. Values of rows are written by value-codec.ts.
 */
import type { BatchError, Column } from '../backend.js';
import { encodeDate, partsOf } from './date.js';
import type { Rowid } from './rowid.js';
import { NO_ROWID } from './rowid.js';
import { CHARSET, FIELD_VERSION, MESSAGE, SERVER_PIGGYBACK_LTXID } from './ttc-codes.js';
import { CSFRM, T } from './type-codes.js';
import type { Writer } from './wire.js';

const DEFAULT_SIZE = 4000;
/** The bytes of a type that has one size; others have their column's. */
const FIXED_SIZES = new Map<number, number>([
  [T.NUMBER, 22],
  [T.DATE, 7],
  [T.TIMESTAMP, 11],
  [T.TIMESTAMP_LTZ, 11],
  [T.TIMESTAMP_TZ, 13],
  [T.BINARY_DOUBLE, 8],
  [T.BINARY_FLOAT, 4],
  [T.BOOLEAN, 4],
  [T.INTERVAL_DS, 11],
  [T.INTERVAL_YM, 5],
  [T.ROWID, 128],
  [T.LONG, 0],
  [T.LONG_RAW, 0],
]);

/** The size that DESCRIBE tells. 0 is a column without bytes in its rows (`SELECT NULL`), LONGs aside. */
export function bufferSize(column: Column): number {
  const sized = column.type === T.VARCHAR || column.type === T.CHAR || column.type === T.RAW;
  return sized ? (column.size ?? DEFAULT_SIZE) : (FIXED_SIZES.get(column.type) ?? DEFAULT_SIZE);
}

/** -127 is a NUMBER without precision; the digits of the second are the scale of a TIMESTAMP. */
function scaleOf(column: Column): number {
  if (column.type === T.NUMBER) return column.scale ?? (column.precision === undefined ? -127 : 0);
  if (column.type === T.TIMESTAMP || column.type === T.TIMESTAMP_TZ || column.type === T.TIMESTAMP_LTZ) {
    return column.scale ?? 6;
  }
  return column.scale ?? 0;
}

export function writeDescribe(
  writer: Writer,
  columns: readonly Column[],
  fieldVersion: number,
  signature: Buffer,
): void {
  writer.u8(MESSAGE.DESCRIBE).bytes(Buffer.concat([signature, currentDate()]));
  writeDescribeBody(writer, columns, fieldVersion);
}

/** Also what describes a REF CURSOR inside a value. */
export function writeDescribeBody(writer: Writer, columns: readonly Column[], fieldVersion: number): void {
  writer.ub4(columns.reduce((sum, column) => sum + bufferSize(column), 0)).ub4(columns.length);
  if (columns.length > 0) writer.u8(0x5c);
  for (const column of columns) writeColumn(writer, column, fieldVersion);
  writer.sized(currentDate());
  writer.ub4(0).ub4(8168).ub4(2).ub4(2);
  writer.ub4(0); // query cache key
}

const CHARACTER_TYPES: ReadonlySet<number> = new Set([T.VARCHAR, T.CHAR, T.LONG, T.CLOB]);
const IS_JSON = 0x100;
const ANY_DIMENSIONS = 1;

function writeColumn(writer: Writer, column: Column, fieldVersion: number): void {
  const isText = CHARACTER_TYPES.has(column.type);
  const form = isText ? (column.csfrm ?? CSFRM.IMPLICIT) : 0;
  writer
    .u8(column.type)
    .u8(0)
    .u8(column.precision ?? 0)
    .u8(scaleOf(column));
  writer.ub4(bufferSize(column)).ub4(0).ub8(0);
  writer.ub4(0); // object type
  writer
    .ub2(0)
    .ub2(isText ? (form === CSFRM.NATIONAL ? CHARSET.UTF16 : CHARSET.UTF8) : 0)
    .u8(form);
  writer.ub4(isText ? (column.size ?? 0) : 0);
  if (fieldVersion >= FIELD_VERSION.V12_2) writer.ub4(0);
  writer.u8(column.nullable === false ? 0 : 1).u8(Math.min(column.name.length, 30));
  writer.sized(column.name).sized(null).sized(null);
  writer.ub2(0); // position
  writer.ub4(column.json === true ? IS_JSON : 0);
  if (fieldVersion >= FIELD_VERSION.V23_1) writer.ub4(0).ub4(0); // domain
  if (fieldVersion >= FIELD_VERSION.V23_1_EXT3) writer.ub4(0); // annotations
  if (fieldVersion < FIELD_VERSION.V23_4) return;
  const vector = column.vector;
  writer.ub4(vector?.dimensions ?? 0).u8(vector?.format ?? 0);
  writer.u8(column.type === T.VECTOR && vector?.dimensions === undefined ? ANY_DIMENSIONS : 0);
}

function currentDate(): Buffer {
  return encodeDate(partsOf(new Date()), T.DATE);
}

export function writeRowHeader(writer: Writer, columns: number, rows: number, isFirst: boolean): void {
  writer
    .u8(MESSAGE.ROW_HEADER)
    .u8(isFirst ? 0x22 : 0x02)
    .ub2(columns)
    .ub4(0)
    .ub4(rows)
    .ub2(0)
    .ub4(0)
    .ub4(0);
}

/** Ahead of a row that leaves out what is as in the row before. */
export function writeBitVector(writer: Writer, isSent: readonly boolean[]): void {
  writer.u8(MESSAGE.BIT_VECTOR).ub2(isSent.filter(Boolean).length);
  const bits = Buffer.alloc(Math.ceil(isSent.length / 8));
  for (const [index, sent] of isSent.entries()) {
    if (sent) bits[index >> 3] = bits.readUInt8(index >> 3) | (1 << (index & 7));
  }
  writer.raw(bits);
}

/** The direction of each bind of a PL/SQL block: OUT and IN OUT values follow as a row. */
export function writeIoVector(writer: Writer, directions: readonly number[]): void {
  writer
    .u8(MESSAGE.IO_VECTOR)
    .u8(0)
    .ub2(directions.length % 256)
    .ub4(directions.length >> 8);
  writer.ub4(0).ub2(0).ub2(0).ub2(0);
  for (const direction of directions) writer.u8(direction);
}

export interface ReturnParameters {
  readonly scn: number;
  readonly cursorId: number;
  /** Rows of each iteration, when they were asked for. */
  readonly rowCounts: readonly number[] | null;
  readonly currentSchema: string | null;
}

const KEYWORD_CURRENT_SCHEMA = 168;

export function writeReturnParameters(writer: Writer, returned: ReturnParameters): void {
  const { scn, cursorId, rowCounts, currentSchema } = returned;
  writer.u8(MESSAGE.PARAMETER).ub2(6).ub4(scn).ub4(0).ub4(cursorId).ub4(0).ub4(0).ub4(0).ub2(0);
  writer.ub2(currentSchema === null ? 0 : 1);
  if (currentSchema !== null) {
    writer.ub2(Buffer.byteLength(currentSchema)).text(currentSchema).ub2(0).ub2(KEYWORD_CURRENT_SCHEMA);
  }
  writer.ub2(0);
  if (rowCounts === null) return;
  writer.ub4(rowCounts.length);
  for (const count of rowCounts) writer.ub8(count);
}

export function writeWarning(writer: Writer, code: number, message: string): void {
  const bytes = Buffer.from(`${message}\n`, 'utf8');
  writer.u8(MESSAGE.WARNING).ub2(code).ub2(bytes.length).ub2(0).bytes(bytes);
}

/** The logical transaction id of the transaction to come. */
export function writeLtxid(writer: Writer, ltxid: Buffer): void {
  writer.u8(MESSAGE.SERVER_PIGGYBACK).u8(SERVER_PIGGYBACK_LTXID).sized(ltxid);
}

export interface CallEnd {
  readonly status: number;
  readonly sequence: number;
  readonly callNumber: number;
  readonly cursorId?: number;
  /** 0 or absent is success; 1403 ends a query. */
  readonly code?: number;
  readonly message?: string;
  readonly position?: number;
  readonly rowCount?: number;
  readonly rowid?: Rowid | null;
  readonly batchErrors?: readonly BatchError[];
  readonly sqlType?: number;
}

const MAX_UB2 = 0xffff;
const MAX_SB2 = 0x7fff;

/** ERROR, which ends most calls, the good ones too: status, row count, cursor and, for a code, the text. */
export function writeCallEnd(writer: Writer, end: CallEnd, fieldVersion: number): void {
  const { code = 0, cursorId = 0, rowCount = 0, position = 0, sqlType = 0 } = end;
  const rowid = end.rowid ?? NO_ROWID;
  writer.u8(MESSAGE.ERROR).ub4(end.status).ub2(end.sequence).ub4(Math.min(rowCount, 0xffff_ffff));
  writer.ub2(Math.min(code, MAX_UB2)).ub2(0).ub2(0).ub2(cursorId);
  if (position < 0) writer.sb4(position);
  else writer.ub2(Math.min(position, MAX_SB2));
  writer.u8(sqlType).raw(Buffer.alloc(5)); // fatal, flags, cursor options, UPI parameter, warning
  writer.ub4(rowid.object).ub2(rowid.file).u8(0).ub4(rowid.block).ub2(rowid.slot);
  writer
    .ub4(0)
    .u8(0)
    .u8(end.callNumber & 0xff)
    .ub2(0)
    .ub4(1); // OS error, statement, call, padding, iterations
  writer.ub4(0); // logical rowid
  writeBatchErrors(writer, end.batchErrors ?? []);
  writer.ub4(code).ub8(rowCount);
  if (fieldVersion >= FIELD_VERSION.V20) writer.ub4(sqlType).ub4(0);
  if (code !== 0) writer.text(end.message ?? `ORA-${String(code).padStart(5, '0')}`);
}

/** Three arrays: codes, offsets, messages. */
function writeBatchErrors(writer: Writer, errors: readonly BatchError[]): void {
  const some = errors.length > 0;
  writer.ub2(errors.length);
  if (some) writer.u8(1);
  for (const { code } of errors) writer.ub2(Math.min(code, MAX_UB2));
  writer.ub4(errors.length);
  if (some) writer.u8(1);
  for (const { offset } of errors) writer.ub4(offset);
  writer.ub2(errors.length);
  if (some) writer.u8(1);
  for (const { message } of errors) {
    const bytes = Buffer.from(message, 'utf8');
    writer.ub2(bytes.length).bytes(bytes).u8(0).u8(0);
  }
}

/** STATUS, which ends the calls that have nothing to tell: COMMIT, ROLLBACK, PING, logon. */
export function writeStatus(writer: Writer, status: number, sequence: number): void {
  writer.u8(MESSAGE.STATUS).ub4(status).ub2(sequence);
}
