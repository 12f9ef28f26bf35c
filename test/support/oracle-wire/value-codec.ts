/** Between a backend's values and what stands in binds, rows and OUT binds. LOBs and cursors need the session's tables. */
import type { SqlValue } from './backend.js';
import { OraError, SqlJson } from './backend.js';
import type { BindMeta, WireValue } from './codec/ttc-read.js';
import { JsonNumber } from './codec/oson-codes.js';
import { decodeOson } from './codec/oson-decode.js';
import { encodeOson } from './codec/oson-encode.js';
import { CSFRM, T } from './codec/type-codes.js';
import { textOfUtf16, utf16 } from './codec/utf16.js';
import type { VectorValue } from './codec/vector.js';
import { decodeVector, encodeVector } from './codec/vector.js';
import type { Writer } from './codec/wire.js';
import type { LobTable } from './lobs.js';
import { LOB_CHUNK_BYTES } from './lobs.js';
import * as values from './values.js';

export function valueOfBind(meta: BindMeta, wire: WireValue, lobs: LobTable): SqlValue | SqlValue[] {
  if (wire === null) return null;
  if (Array.isArray(wire)) return wire.map((item) => valueOfBind(meta, item, lobs) as SqlValue);
  if (Buffer.isBuffer(wire)) return valueOfBytes(meta, wire);
  // A cursor stands there for a REF CURSOR to come: it has no value yet.
  return 'locator' in wire ? lobs.valueOf(wire.locator) : null;
}

function valueOfBytes({ type, csfrm }: BindMeta, bytes: Buffer): SqlValue {
  switch (type) {
    case T.NUMBER:
    case T.INTEGER:
      return values.decodeNumber(bytes);
    case T.VARCHAR:
    case T.CHAR:
    case T.LONG:
    case T.ROWID:
    case T.UROWID:
      return csfrm === CSFRM.NATIONAL ? textOfUtf16(bytes) : bytes.toString('utf8');
    case T.RAW:
    case T.LONG_RAW:
      return bytes;
    case T.DATE:
    case T.TIMESTAMP:
    case T.TIMESTAMP_TZ:
    case T.TIMESTAMP_LTZ:
      return values.decodeDate(bytes);
    case T.BINARY_DOUBLE:
      return values.decodeDouble(bytes);
    case T.BINARY_FLOAT:
      return values.decodeFloat(bytes);
    case T.BOOLEAN:
      return bytes[bytes.length - 1] === 1;
    case T.INTERVAL_DS:
      return values.decodeIntervalDS(bytes);
    case T.INTERVAL_YM:
      return values.decodeIntervalYM(bytes);
    case T.JSON:
      return new SqlJson(decodeOson(bytes));
    case T.VECTOR:
      return decodeVector(bytes);
    default:
      throw unsupported(type);
  }
}

/** What a value is written as. `place` decides where sizes are told and where a text may be too long. */
export interface Target {
  readonly type: number;
  readonly csfrm: number;
  readonly maxSize: number;
  readonly place: 'row' | 'out';
}

export function writeValue(writer: Writer, target: Target, value: SqlValue, lobs: LobTable): void {
  if (value === null) {
    writer.u8(0);
    return;
  }
  switch (target.type) {
    case T.NUMBER:
    case T.INTEGER:
      writer.bytes(values.encodeNumber(typeof value === 'boolean' ? Number(value) : textOf(value)));
      return;
    case T.VARCHAR:
    case T.CHAR:
    case T.LONG:
      writer.bytes(textBytes(value, target));
      return;
    case T.RAW:
    case T.LONG_RAW:
      writer.bytes(Buffer.isBuffer(value) ? value : Buffer.from(textOf(value)));
      return;
    case T.DATE:
    case T.TIMESTAMP:
    case T.TIMESTAMP_TZ:
    case T.TIMESTAMP_LTZ:
      writer.bytes(values.encodeDate(datePartsOf(value, target.type), target.type));
      return;
    case T.BINARY_DOUBLE:
      writer.bytes(values.encodeDouble(Number(value)));
      return;
    case T.BINARY_FLOAT:
      writer.bytes(values.encodeFloat(Number(value)));
      return;
    case T.BOOLEAN:
      writer.bytes(isTrue(value) ? Buffer.from([1, 1]) : Buffer.from([0]));
      return;
    case T.INTERVAL_DS:
      writer.bytes(values.encodeIntervalDS(value as values.IntervalDS));
      return;
    case T.INTERVAL_YM:
      writer.bytes(values.encodeIntervalYM(value as values.IntervalYM));
      return;
    case T.ROWID:
    case T.UROWID:
      writeRowid(writer, target, textOf(value));
      return;
    case T.CLOB:
    case T.BLOB:
      writeLob(writer, target, value, lobs);
      return;
    case T.JSON:
      writeInline(writer, encodeOson(jsonOf(value)));
      return;
    case T.VECTOR:
      writeInline(writer, Buffer.isBuffer(value) ? value : encodeVector(value as VectorValue));
      return;
    default:
      throw unsupported(target.type);
  }
}

function textBytes(value: SqlValue, { csfrm, maxSize, place }: Target): Buffer {
  const text = textOf(value);
  const bytes = csfrm === CSFRM.NATIONAL ? utf16(text) : Buffer.from(text, 'utf8');
  if (place === 'out' && bytes.length > maxSize) {
    throw new OraError(6502, 'PL/SQL: value or conversion error: character string buffer too small');
  }
  return bytes;
}

/** Fields travel in UTC, whatever zone stands behind them; DATE has no fraction. */
function datePartsOf(value: SqlValue, type: number): values.DateParts {
  const parts = typeof value === 'string' ? values.isoToDate(value) : (value as values.DateParts);
  if (type === T.DATE) return { ...parts, nanos: 0 };
  return type === T.TIMESTAMP ? parts : values.shiftDate(parts, -(parts.offsetMin ?? 0));
}

function writeRowid(writer: Writer, { place }: Target, text: string): void {
  if (place === 'out') {
    writer.text(text);
    return;
  }
  const rowid = values.stringToRowid(text) ?? { object: 0, file: 0, block: 0, slot: 0 };
  writer.u8(14).ub4(rowid.object).ub2(rowid.file).u8(0).ub4(rowid.block).ub2(rowid.slot);
}

function writeLob(writer: Writer, { type, csfrm }: Target, value: SqlValue, lobs: LobTable): void {
  const isBinary = type === T.BLOB;
  const data =
    isBinary && typeof value === 'string' ? Buffer.from(value) : Buffer.isBuffer(value) ? value : textOf(value);
  const lob = lobs.create(data, { isTemporary: false, isBinary, isNational: csfrm === CSFRM.NATIONAL });
  const locator = lobs.locatorOf(lob);
  writer.ub4(locator.length);
  writer.ub8(isBinary ? lob.data.length : lob.data.length / 2).ub4(LOB_CHUNK_BYTES);
  writer.bytes(locator);
}

/** JSON and VECTOR come with their value, and a locator that means nothing. */
const VALUE_LOCATOR = Buffer.alloc(40);

function writeInline(writer: Writer, image: Buffer): void {
  writer.ub4(VALUE_LOCATOR.length).ub8(image.length).ub4(LOB_CHUNK_BYTES).bytes(image).bytes(VALUE_LOCATOR);
}

/** A text in a JSON column is read as JSON, as an engine without the type has it. */
function jsonOf(value: SqlValue): unknown {
  if (value instanceof SqlJson) return value.value;
  return typeof value === 'string' ? JSON.parse(value) : value;
}

export function textOf(value: SqlValue): string {
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('hex').toUpperCase();
  if (value instanceof SqlJson) return value.text ?? JSON.stringify(value.value, (_, part: unknown) => plainJson(part));
  if (ArrayBuffer.isView(value)) return `[${[...value].join(',')}]`;
  if (value !== null && typeof value === 'object' && 'year' in value) return values.dateToIso(value);
  return `${value as number | bigint}`;
}

function plainJson(part: unknown): unknown {
  return part instanceof JsonNumber ? Number(part.digits) : part;
}

function isTrue(value: SqlValue): boolean {
  return value === true || value === 'true' || value === 1;
}

function unsupported(type: number): OraError {
  return new OraError(3115, `unsupported network datatype or representation (type ${type})`);
}
