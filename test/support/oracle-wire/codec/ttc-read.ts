/**
 * The calls of a client as they are read: EXECUTE, REEXECUTE, FETCH, LOB. Piggybacks are in ttc-piggybacks.ts, the
 * messages of a logon in ttc-logon.ts. What depends on the negotiated field version takes it as an argument. Fields that
 * mean nothing to this server are skipped, with their name where they stand.
 */
import { FIELD_VERSION, BIND_IS_ARRAY, LOB_OPERATION, LONGEST_VALUE, MESSAGE } from './ttc-codes.js';
import { T } from './type-codes.js';
import type { Reader } from './wire.js';

export interface BindMeta {
  readonly type: number;
  readonly flags: number;
  readonly maxSize: number;
  readonly csfrm: number;
}

/** A bind as it stood on the wire: bytes, null, a LOB's locator, a cursor, or an array of these. */
export type WireValue = Buffer | null | { readonly locator: Buffer } | { readonly cursorId: number } | WireValue[];

/** What is known of a statement while its binds are read. */
export interface BindShape {
  readonly isPlsql: boolean;
  /** Whether a value comes with this bind: RETURNING binds have none, nor have PL/SQL binds known to be OUT. */
  hasValue(index: number): boolean;
}

export interface ExecuteCall {
  readonly options: number;
  readonly cursorId: number;
  /** Null when the statement is known by its cursor. */
  readonly sql: string | null;
  /** Rows to fetch with the answer. */
  readonly fetchRows: number;
  readonly executions: number;
  readonly flags: number;
  readonly binds: BindMeta[];
  readonly defines: BindMeta[];
  readonly rows: WireValue[][];
}

export function readFunctionHeader(reader: Reader, fieldVersion: number): { code: number; token: number } {
  const code = reader.u8();
  reader.u8();
  return { code, token: fieldVersion >= FIELD_VERSION.V23_1_EXT1 ? reader.ub8() : 0 };
}

/** `shapeOf` is asked once the SQL and the cursor are read, in front of the binds. */
export function readExecute(
  reader: Reader,
  fieldVersion: number,
  shapeOf: (sql: string | null, cursorId: number) => BindShape,
): ExecuteCall {
  const options = reader.ub4();
  const cursorId = reader.ub4();
  reader.u8(); // pointer: SQL
  const sqlLength = reader.ub4();
  reader.u8(); // pointer: al8i4
  reader.ub4(); // its length, 13
  reader.skip(3); // pointers: al8o4, al8o4l, prefetch buffer
  const fetchRows = reader.ub4();
  reader.ub4(); // longest LONG
  reader.u8(); // pointer: binds
  const bindCount = reader.ub4();
  reader.skip(5); // pointers: al8pp, al8txn, al8txl, al8kv, al8kvl
  reader.u8(); // pointer: defines
  const defineCount = reader.ub4();
  reader.ub4(); // registration id, low
  reader.skip(2); // pointers: object list
  reader.u8();
  reader.ub4(); // al8blv
  reader.u8();
  reader.ub4(); // al8dnam
  reader.ub4(); // registration id, high
  reader.u8();
  reader.ub4();
  reader.u8(); // row counts of array DML
  if (fieldVersion >= FIELD_VERSION.V12_2) skipSqlSignature(reader, fieldVersion);
  const sql = sqlLength > 0 ? reader.text() : null;
  const numbers = Array.from({ length: 13 }, () => reader.ub4());
  const defines = Array.from({ length: defineCount }, () => readColumnMeta(reader, fieldVersion));
  const binds = Array.from({ length: bindCount }, () => readColumnMeta(reader, fieldVersion));
  const rows = readBindRows(reader, binds, shapeOf(sql, cursorId));
  return {
    options,
    cursorId,
    sql,
    fetchRows,
    executions: numbers[1] ?? 0,
    flags: numbers[9] ?? 0,
    binds,
    defines,
    rows,
  };
}

function skipSqlSignature(reader: Reader, fieldVersion: number): void {
  reader.u8();
  reader.ub4(); // SQL signature
  reader.u8();
  reader.ub4();
  reader.u8(); // SQL id
  if (fieldVersion < FIELD_VERSION.V12_2_EXT) return;
  reader.u8();
  reader.ub4(); // chunk ids
}

export interface ReexecuteCall {
  readonly cursorId: number;
  /** Iterations, or rows to fetch for a query. */
  readonly count: number;
  readonly flags: number;
}

/** The rows of binds follow: they are read when the cursor's binds are known. */
export function readReexecute(reader: Reader): ReexecuteCall {
  const cursorId = reader.ub4();
  const count = reader.ub4();
  reader.ub4();
  return { cursorId, count, flags: reader.ub4() };
}

export function readFetch(reader: Reader): { cursorId: number; count: number } {
  return { cursorId: reader.ub4(), count: reader.ub4() };
}

function readColumnMeta(reader: Reader, fieldVersion: number): BindMeta {
  const type = reader.u8();
  const flags = reader.u8();
  reader.skip(2); // precision, scale: always 0
  const maxSize = reader.ub4();
  reader.ub4(); // most elements of an array
  reader.ub4(); // whether LOBs are prefetched
  if (reader.ub4() > 0) reader.bytes(); // object type
  reader.ub2(); // its version
  reader.ub2(); // character set
  const csfrm = reader.u8();
  reader.ub4(); // LOB prefetch length
  if (fieldVersion >= FIELD_VERSION.V12_2) reader.ub4();
  return { type, flags, maxSize, csfrm };
}

export function isArrayBind(meta: BindMeta): boolean {
  return (meta.flags & BIND_IS_ARRAY) !== 0;
}

export function readBindRows(reader: Reader, binds: readonly BindMeta[], shape: BindShape): WireValue[][] {
  const rows: WireValue[][] = [];
  while (reader.peek() === MESSAGE.ROW_DATA) {
    reader.u8();
    rows.push(readBindRow(reader, binds, shape));
  }
  return rows;
}

function readBindRow(reader: Reader, binds: readonly BindMeta[], shape: BindShape): WireValue[] {
  const row: WireValue[] = new Array<WireValue>(binds.length).fill(null);
  const late: [number, BindMeta][] = [];
  for (const [index, meta] of binds.entries()) {
    if (!shape.hasValue(index)) continue;
    if (isArrayBind(meta)) row[index] = Array.from({ length: reader.ub4() }, () => readBindValue(reader, meta));
    else if (!shape.isPlsql && meta.maxSize > LONGEST_VALUE) late.push([index, meta]);
    else row[index] = readBindValue(reader, meta);
  }
  for (const [index, meta] of late) row[index] = readBindValue(reader, meta);
  return row;
}

/** The second byte of a null BOOLEAN: `FD 01`, where every other type writes a zero. */
const NULL_BOOLEAN = 0xfd;

function readBindValue(reader: Reader, meta: BindMeta): WireValue {
  switch (meta.type) {
    case T.BOOLEAN:
      if (reader.peek() !== NULL_BOOLEAN) return copied(reader.bytes());
      reader.skip(2);
      return null;
    case T.CLOB:
    case T.BLOB:
    case T.BFILE: {
      const locator = reader.ub4() === 0 ? null : copied(reader.bytes());
      return locator === null ? null : { locator };
    }
    case T.CURSOR:
      return { cursorId: reader.ub4() === 0 ? 0 : reader.ub4() };
    case T.JSON:
    case T.VECTOR:
      if (reader.ub4() === 0) return null;
      reader.bytes(); // the value's locator: its value follows at once
      return copied(reader.bytes());
    case T.OBJECT:
      throw new Error('Binds of object types are beyond this server.');
    default:
      return copied(reader.bytes());
  }
}

/** The request's buffer is not kept for a bind's sake. */
function copied(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes);
}

export interface LobCall {
  readonly operation: number;
  readonly locator: Buffer | null;
  readonly sourceOffset: number;
  /** The type, when a temporary LOB is made. */
  readonly destinationOffset: number;
  /** Null when none was sent: then none is sent back. */
  readonly amount: number | null;
  readonly data: Buffer | null;
}

export function readLobCall(reader: Reader): LobCall {
  reader.u8();
  const locatorBytes = reader.ub4();
  reader.u8();
  reader.ub4(); // destination length
  reader.ub4();
  reader.ub4();
  reader.skip(3);
  const operation = reader.ub4();
  reader.skip(2);
  const sourceOffset = reader.ub8();
  const destinationOffset = reader.ub8();
  const sendsAmount = reader.u8() === 1;
  reader.skip(6);
  const locator = locatorBytes > 0 ? Buffer.from(reader.raw(locatorBytes)) : null;
  if (operation === LOB_OPERATION.CREATE_TEMP) reader.ub4(); // character set
  let data: Buffer | null = null;
  if (reader.peek() === MESSAGE.LOB_DATA) {
    reader.u8();
    data = copied(reader.bytes());
  }
  return { operation, locator, sourceOffset, destinationOffset, amount: sendsAmount ? reader.ub8() : null, data };
}
