// TTC messages as the server sees them: request parsing and response building.
// Every layout that depends on the negotiated field version takes `fv`.
import { Reader, Writer } from './wire.js';
import type { BatchError, Column } from './backend.js';
import { T, encodeDate, type Rowid } from './values.js';

export const MSG = {
  PROTOCOL: 1, DATA_TYPES: 2, FUNCTION: 3, ERROR: 4, ROW_HEADER: 6, ROW_DATA: 7, PARAMETER: 8, STATUS: 9,
  IO_VECTOR: 11, LOB_DATA: 14, WARNING: 15, DESCRIBE: 16, PIGGYBACK: 17, FLUSH_OUT_BINDS: 19, BIT_VECTOR: 21,
  SERVER_PIGGYBACK: 23, ONEWAY: 26, IMPLICIT_RESULTS: 27, END_OF_REQUEST: 29, TOKEN: 33, FAST_AUTH: 34,
} as const;
export const FN = {
  REEXECUTE: 4, FETCH: 5, LOGOFF: 9, COMMIT: 14, ROLLBACK: 15, REEXECUTE_FETCH: 78, EXECUTE: 94, LOB_OP: 96,
  TPC_SWITCH: 103, TPC_CHANGE: 104, CLOSE_CURSORS: 105, AUTH_TWO: 115, AUTH_ONE: 118, CANCEL_CURSORS: 120,
  SET_END_TO_END: 135, PING: 147, SET_SCHEMA: 152, APP_CONTEXT: 154, SESSION_GET: 162, SESSION_RELEASE: 163,
  SESSION_STATE: 176, PIPELINE_BEGIN: 199, PIPELINE_END: 200, ALTER_SESSION: 204, END_USER_CTX: 205,
} as const;
export const OPT = {
  PARSE: 0x1, BIND: 0x8, DEFINE: 0x10, EXECUTE: 0x20, FETCH: 0x40, COMMIT: 0x100, PLSQL_BIND: 0x400, NOT_PLSQL: 0x8000,
  DESCRIBE: 0x20000, BATCH_ERRORS: 0x80000,
} as const;
export const EXEC_FLAG = { DML_ROWCOUNTS: 0x4000 } as const;
export const FV = { V12_2: 8, V12_2_1: 9, V20: 14, V23_1: 17, V23_1_1: 18, V23_1_3: 20, V23_4: 24 } as const;
export const DIR = { OUT: 16, IN: 32, INOUT: 48 } as const;
export const CALL_TXN_IN_PROGRESS = 0x2;
const NCHAR_FORM = 2;
const UTF8 = 873, UTF16 = 2000;

// ---------------------------------------------------------------- requests

export interface BindMeta {
  type: number; flags: number; maxSize: number; maxElements: number; csfrm: number; contFlags: number;
}
export interface LobRef { locator: Buffer }
/** Wire value of one bind: raw bytes, null, a LOB locator, a cursor id or an array of those. */
export type BindValue = Buffer | null | LobRef | { cursorId: number } | BindValue[];

export interface ExecuteRequest {
  kind: 'execute';
  options: number; cursorId: number; sql: string | null; numIters: number; execCount: number; execFlags: number;
  isQuery: boolean; binds: BindMeta[]; defines: BindMeta[]; rows: BindValue[][];
}
export interface ReexecuteRequest { kind: 'reexecute'; fetch: boolean; cursorId: number; numIters: number; flags1: number; flags2: number; reader: Reader }

export function readFunctionHeader(r: Reader, fv: number) {
  const fn = r.u8(), seq = r.u8();
  const token = fv >= FV.V23_1_1 ? r.ub8() : 0;
  return { fn, seq, token };
}

function readColumnMeta(r: Reader, fv: number): BindMeta {
  const type = r.u8(), flags = r.u8();
  r.u8(); r.u8();                                   // precision, scale
  const maxSize = r.ub4(), maxElements = r.ub4(), contFlags = r.ub4();
  if (r.ub4() > 0) r.bytes();                       // type oid
  r.ub2(); r.ub2();                                 // version, charset
  const csfrm = r.u8();
  r.ub4();                                          // max chars / LOB prefetch
  if (fv >= FV.V12_2) r.ub4();
  return { type, flags, maxSize, maxElements, csfrm, contFlags };
}

const isArray = (m: BindMeta) => (m.flags & 0x40) !== 0;

function readBindValue(r: Reader, m: BindMeta): BindValue {
  switch (m.type) {
    case T.BOOLEAN:
      if (r.peek() === 0xfd) { r.u8(); r.u8(); return null; }
      return r.bytes();
    case T.CLOB: case T.BLOB: case T.BFILE: {
      if (r.ub4() === 0) return null;
      return { locator: Buffer.from(r.bytes()!) };
    }
    case T.CURSOR: {
      return { cursorId: r.ub4() === 0 ? 0 : r.ub4() };
    }
    case T.JSON: case T.VECTOR: {
      if (r.ub4() === 0) return null;
      r.bytes();                                    // quasi-locator
      return copy(r.bytes());
    }
    case T.OBJECT: throw new Error('object binds are not supported');
    default: return copy(r.bytes());
  }
}
const copy = (b: Buffer | null) => (b ? Buffer.from(b) : null);

/** One ROW_DATA block of bind values; long values of non-PL/SQL statements come last. */
export function readBindRow(r: Reader, metas: { meta: BindMeta; index: number }[], total: number, plsql: boolean): BindValue[] {
  const row: BindValue[] = new Array(total).fill(null);
  const late: { meta: BindMeta; index: number }[] = [];
  for (const b of metas) {
    if (isArray(b.meta)) {
      const n = r.ub4(), items: BindValue[] = [];
      for (let i = 0; i < n; i++) items.push(readBindValue(r, b.meta));
      row[b.index] = items;
    } else if (!plsql && b.meta.maxSize > 32767) late.push(b);
    else row[b.index] = readBindValue(r, b.meta);
  }
  for (const b of late) row[b.index] = readBindValue(r, b.meta);
  return row;
}

export function readExecute(r: Reader, fv: number,
  sendsValue: (sql: string | null, cursorId: number, i: number) => boolean, isPlsql: (sql: string | null, cursorId: number) => boolean): ExecuteRequest {
  const options = r.ub4(), cursorId = r.ub4();
  r.u8();
  const sqlLen = r.ub4();
  r.u8(); r.ub4();                                  // al8i4 vector
  r.u8(); r.u8(); r.ub4();                          // al8o4, al8o4l, prefetch buffer size
  const numIters = r.ub4();
  r.ub4();                                          // max long
  r.u8();
  const numBinds = r.ub4();
  r.skip(5);
  r.u8();
  const numDefines = r.ub4();
  r.ub4(); r.u8(); r.u8();                          // registration id lsb, object list
  r.u8(); r.ub4(); r.u8(); r.ub4(); r.ub4();        // blv, dnam, registration id msb
  r.u8(); r.ub4(); r.u8();                          // DML row counts
  if (fv >= FV.V12_2) {
    r.u8(); r.ub4(); r.u8(); r.ub4(); r.u8();       // SQL signature, SQL id
    if (fv >= FV.V12_2_1) { r.u8(); r.ub4(); }      // chunk ids
  }
  const sql = sqlLen > 0 ? r.str() : null;
  const al8i4: number[] = [];
  for (let i = 0; i < 13; i++) al8i4.push(r.ub4());
  const req: ExecuteRequest = {
    kind: 'execute', options, cursorId, sql, numIters, execCount: al8i4[1], execFlags: al8i4[9],
    isQuery: al8i4[7] === 1, binds: [], defines: [], rows: [],
  };
  for (let i = 0; i < numDefines; i++) req.defines.push(readColumnMeta(r, fv));
  for (let i = 0; i < numBinds; i++) req.binds.push(readColumnMeta(r, fv));
  const metas = req.binds.map((meta, index) => ({ meta, index })).filter((b) => sendsValue(sql, cursorId, b.index));
  const plsql = isPlsql(sql, cursorId);
  while (r.left > 0 && r.peek() === MSG.ROW_DATA) {
    r.u8();
    req.rows.push(readBindRow(r, metas, numBinds, plsql));
  }
  return req;
}

export interface LobRequest {
  op: number; locator: Buffer | null; destLength: number; sourceOffset: number; destOffset: number;
  sendAmount: boolean; amount: number; data: Buffer | null; charset: number;
}
export const LOB_OP = {
  GET_LENGTH: 0x1, READ: 0x2, TRIM: 0x20, WRITE: 0x40, CREATE_TEMP: 0x110, FREE_TEMP: 0x111, GET_CHUNK_SIZE: 0x4000,
  OPEN: 0x8000, CLOSE: 0x10000, IS_OPEN: 0x11000, ARRAY: 0x80000,
} as const;
export function readLobOp(r: Reader): LobRequest {
  r.u8();
  const locLen = r.ub4();
  r.u8();
  const destLength = r.ub4();
  r.ub4(); r.ub4(); r.u8(); r.u8(); r.u8();
  const op = r.ub4();
  r.u8(); r.u8();
  const sourceOffset = r.ub8(), destOffset = r.ub8();
  const sendAmount = r.u8() === 1;
  r.skip(6);
  const locator = locLen > 0 ? Buffer.from(r.raw(locLen)) : null;
  const charset = op === LOB_OP.CREATE_TEMP ? r.ub4() : 0;
  let data: Buffer | null = null;
  if (r.left > 0 && r.peek() === MSG.LOB_DATA) { r.u8(); data = copy(r.bytes()); }
  const amount = sendAmount ? r.ub8() : 0;
  return { op, locator, destLength, sourceOffset, destOffset, sendAmount, amount, data, charset };
}

export interface Piggybacks {
  closeCursors: number[]; cancelCursors: number[]; schema?: string; freeLobs: Buffer[];
  endToEnd: Record<string, string>; pipelineMode: number; appContext: [string, string, string][]; unknown?: number;
}
/** Reads every piggyback in front of a function message. */
export function readPiggybacks(r: Reader, fv: number): Piggybacks {
  const out: Piggybacks = { closeCursors: [], cancelCursors: [], freeLobs: [], endToEnd: {}, pipelineMode: 0, appContext: [] };
  while (r.peek() === MSG.PIGGYBACK) {
    r.u8();
    const { fn } = readFunctionHeader(r, fv);
    switch (fn) {
      case FN.CLOSE_CURSORS: case FN.CANCEL_CURSORS: {
        r.u8();
        const n = r.ub4(), list = fn === FN.CLOSE_CURSORS ? out.closeCursors : out.cancelCursors;
        for (let i = 0; i < n; i++) list.push(r.ub4());
        break;
      }
      case FN.SET_SCHEMA: r.u8(); r.ub4(); out.schema = r.str(); break;
      case FN.LOB_OP: {
        r.u8();
        let total = r.ub4();
        r.u8(); r.ub4(); r.ub4(); r.ub4(); r.u8(); r.u8(); r.u8();
        r.ub4();                                    // op: FREE_TEMP | ARRAY
        r.u8(); r.ub4(); r.ub8(); r.ub8(); r.u8();
        for (let i = 0; i < 3; i++) { r.u8(); r.ub4(); }
        for (; total >= 40; total -= 40) out.freeLobs.push(Buffer.from(r.raw(40)));
        r.skip(total);
        break;
      }
      case FN.SET_END_TO_END: {
        r.u8(); r.u8();
        r.ub4();
        const part = (): boolean => { const p = r.u8(); return r.ub4() > 0 && p === 1; };
        const has = { clientId: part(), module: part(), action: part(), ecid: part(), clientInfo: false, dbOp: false };
        r.u8(); r.ub4();
        has.clientInfo = part();
        r.u8(); r.ub4(); r.u8(); r.ub4();
        has.dbOp = part();
        for (const k of ['clientId', 'module', 'action', 'ecid', 'clientInfo', 'dbOp'] as const) if (has[k]) out.endToEnd[k] = r.str();
        break;
      }
      case FN.APP_CONTEXT: {
        if (r.u8() === 1) r.ub4();
        r.u8();
        const n = r.ub4();
        r.ub2(); r.u8();
        const ns = r.str();
        for (let i = 0; i < n; i++) { const kv = r.keyValue(); out.appContext.push([ns, kv.key, kv.value]); }
        break;
      }
      case FN.PIPELINE_BEGIN: r.ub2(); r.u8(); out.pipelineMode = r.u8(); break;
      case FN.SESSION_STATE: r.ub8(); break;
      default: out.unknown = fn; return out;
    }
  }
  return out;
}

// ---------------------------------------------------------------- responses

/** Buffer size reported per type; 0 means "no bytes on the wire" (a bare NULL column). */
export function bufferSize(c: Column): number {
  switch (c.type) {
    case T.VARCHAR: case T.CHAR: case T.RAW: return c.size ?? 4000;
    case T.NUMBER: return 22;
    case T.DATE: return 7;
    case T.TIMESTAMP: case T.TIMESTAMP_LTZ: return 11;
    case T.TIMESTAMP_TZ: return 13;
    case T.BINARY_DOUBLE: return 8;
    case T.BINARY_FLOAT: return 4;
    case T.BOOLEAN: return 4;
    case T.INTERVAL_DS: return 11;
    case T.INTERVAL_YM: return 5;
    case T.ROWID: return 128;
    case T.LONG: case T.LONG_RAW: return 0;
    default: return 4000;
  }
}

export function writeDescribeBody(w: Writer, cols: Column[], fv: number) {
  w.ub4(cols.reduce((a, c) => a + bufferSize(c), 0));
  w.ub4(cols.length);
  if (cols.length) w.u8(0x5c);
  cols.forEach((c) => {
    const char = c.type === T.VARCHAR || c.type === T.CHAR || c.type === T.LONG || c.type === T.CLOB;
    const form = char ? c.csfrm ?? 1 : 0;
    w.u8(c.type).u8(0).u8(c.precision ?? 0).u8(c.scale ?? 0);
    w.ub4(bufferSize(c)).ub4(0).ub8(0);
    w.ub4(0);                                       // oid
    w.ub2(0).ub2(char ? (form === NCHAR_FORM ? UTF16 : UTF8) : 0).u8(form);
    w.ub4(char ? c.size ?? 0 : 0);
    if (fv >= FV.V12_2) w.ub4(0);
    w.u8(c.nullable === false ? 0 : 1).u8(Math.min(c.name.length, 30));
    w.sized(c.name).sized(null).sized(null);
    w.ub2(0);                                       // column position
    w.ub4(c.json ? 0x100 : 0);
    if (fv >= FV.V23_1) w.ub4(0).ub4(0);            // domain schema / name
    if (fv >= FV.V23_1_3) w.ub4(0);                 // annotations
    if (fv >= FV.V23_4) w.ub4(0).u8(0).u8(0);       // vector dimensions / format / flags
  });
  w.sized(now());                                   // current date
  w.ub4(0).ub4(8168).ub4(2).ub4(2);
  w.ub4(0);                                         // query cache key
}
const now = () => { const d = new Date(); return encodeDate({ year: d.getUTCFullYear(), month: d.getUTCMonth() + 1, day: d.getUTCDate(), hour: d.getUTCHours(), minute: d.getUTCMinutes(), second: d.getUTCSeconds(), nanos: 0 }, T.DATE); };
export function writeDescribe(w: Writer, cols: Column[], fv: number, signature: Buffer) {
  w.u8(MSG.DESCRIBE).bytes(Buffer.concat([signature, now()]));
  writeDescribeBody(w, cols, fv);
}

export function writeRowHeader(w: Writer, columns: number, iters: number, first: boolean) {
  w.u8(MSG.ROW_HEADER).u8(first ? 0x22 : 0x02).ub2(columns).ub4(0).ub4(iters).ub2(0).ub4(0).ub4(0);
}
export function writeBitVector(w: Writer, sent: boolean[]) {
  w.u8(MSG.BIT_VECTOR).ub2(sent.filter(Boolean).length);
  const bits = Buffer.alloc(Math.ceil(sent.length / 8));
  sent.forEach((s, i) => { if (s) bits[i >> 3] |= 1 << (i & 7); });
  w.raw(bits);
}
export function writeIoVector(w: Writer, dirs: number[]) {
  w.u8(MSG.IO_VECTOR).u8(0).ub2(dirs.length % 256).ub4(dirs.length >> 8).ub4(0).ub2(0).ub2(0).ub2(0);
  for (const d of dirs) w.u8(d);
}

/** Execute return parameters; carries array-DML row counts when asked for. */
export function writeReturnParams(w: Writer, o: { scn?: number; cursorId?: number; rowCounts?: number[] | null; keywords?: { text: string; num: number }[] }) {
  w.u8(MSG.PARAMETER).ub2(6).ub4(o.scn ?? 0).ub4(0).ub4(o.cursorId ?? 0).ub4(0).ub4(0).ub4(0).ub2(0);
  const kw = o.keywords ?? [];
  w.ub2(kw.length);
  for (const k of kw) { w.ub2(k.text.length).bytes(Buffer.from(k.text)).ub2(0).ub2(k.num); }
  w.ub2(0);
  if (o.rowCounts) { w.ub4(o.rowCounts.length); for (const n of o.rowCounts) w.ub8(n); }
}

export interface CallEnd {
  callStatus: number; seq: number; cursorId?: number; code?: number; message?: string; position?: number;
  rowCount?: number; rowid?: Rowid | null; batchErrors?: BatchError[]; warning?: number; sqlType?: number; call?: number;
}
/** The end-of-call block: status, row count, cursor id and (for code ≠ 0) the error text. */
export function writeCallEnd(w: Writer, e: CallEnd, fv: number) {
  const code = e.code ?? 0;
  w.u8(MSG.ERROR);
  w.ub4(e.callStatus).ub2(e.seq);
  w.ub4(e.rowCount ?? 0);
  w.ub2(code > 65535 ? 65535 : code).ub2(0).ub2(0).ub2(e.cursorId ?? 0);
  const pos = e.position ?? 0;
  if (pos < 0) w.sb4(pos); else w.ub2(Math.min(pos, 32767));
  w.u8(e.sqlType ?? 0).u8(0).u8(0).u8(0).u8(0).u8(e.warning ?? 0);
  const r = e.rowid ?? { object: 0, file: 0, block: 0, slot: 0 };
  w.ub4(r.object).ub2(r.file).u8(0).ub4(r.block).ub2(r.slot);
  w.ub4(0).u8(0).u8(e.call ?? 0).ub2(0).ub4(1);       // OS error, statement, call number, padding, iterations
  w.ub4(0);                                         // logical rowid
  const be = e.batchErrors ?? [];
  w.ub2(be.length);
  if (be.length) { w.u8(1); for (const b of be) w.ub2(Math.min(b.code, 65535)); }
  w.ub4(be.length);
  if (be.length) { w.u8(1); for (const b of be) w.ub4(b.offset); }
  w.ub2(be.length);
  if (be.length) {
    w.u8(1);
    for (const b of be) { const m = Buffer.from(b.message); w.ub2(m.length).bytes(m).u8(0).u8(0); }
  }
  w.ub4(code).ub8(e.rowCount ?? 0);
  if (fv >= FV.V20) w.ub4(e.sqlType ?? 0).ub4(0);
  if (code !== 0) w.bytes(Buffer.from(e.message ?? `ORA-${String(code).padStart(5, '0')}`));
}
export function writeStatus(w: Writer, callStatus: number, seq: number) { w.u8(MSG.STATUS).ub4(callStatus).ub2(seq); }

/** Writes the pairs of an authentication reply. */
export function writeAuthPairs(w: Writer, pairs: [string, string, number][]) {
  w.u8(MSG.PARAMETER).ub2(pairs.length);
  for (const [k, v, f] of pairs) w.keyValue(k, v, f);
}

/** Server capabilities. Clients look at [7] (field version); the rest only says "nothing special". */
export function compileCaps(fieldVersion: number): Buffer {
  const c = Buffer.alloc(45);
  c[0] = 6;                                         // SQL version
  c[7] = fieldVersion;
  return c;
}
export function runtimeCaps(): Buffer {
  const c = Buffer.alloc(7);
  c[0] = 2;                                         // compatible 8.1
  c[1] = 1;                                         // time zone in the data-type exchange
  c[6] = 0x04;                                      // 32K strings
  return c;
}

export function writeProtocolReply(w: Writer, banner: string, fieldVersion: number) {
  w.u8(MSG.PROTOCOL).u8(6).u8(0).raw(Buffer.from(banner + '\0', 'latin1'));
  w.u16le(UTF8).u8(1).u16le(0);
  const fdo = Buffer.alloc(11);
  fdo.writeUInt16BE(UTF16, 9);                      // national character set at 6 + fdo[5] + fdo[6] + 3
  w.u16(fdo.length).raw(fdo);
  w.bytes(compileCaps(fieldVersion)).bytes(runtimeCaps());
}
export function writeDataTypesReply(w: Writer, types: [number, number, number][], withZone: boolean, dbOffsetMin: number) {
  w.u8(MSG.DATA_TYPES);
  if (withZone) {
    const z = Buffer.alloc(11);
    z.writeUInt32BE(0x80000000, 0);
    z[4] = Math.trunc(dbOffsetMin / 60) + 60; z[5] = (dbOffsetMin % 60) + 60; z[6] = 60; z.writeUInt32BE(0x80000000, 7);
    w.raw(z);
  }
  for (const [t, c, rep] of types) { w.u16(t).u16(c); if (c) w.u16(rep).u16(0); }
  w.u16(0);
}
export function readDataTypes(r: Reader): { caps: Buffer; runtime: Buffer; zoneMin: number | null; types: [number, number, number][] } {
  r.u16le(); r.u16le(); r.u8();
  const caps = Buffer.from(r.bytes() ?? []), runtime = Buffer.from(r.bytes() ?? []);
  let zoneMin: number | null = null;
  if (runtime.length > 1 && runtime[1] & 1) {
    const z = r.raw(11);
    zoneMin = (z[4] - 60) * 60 + (z[5] - 60);
  }
  const types: [number, number, number][] = [];
  for (;;) {
    const t = r.u16();
    if (t === 0) break;
    const c = r.u16();
    if (c === 0) { types.push([t, 0, 0]); continue; }
    const rep = r.u16();
    r.u16();
    types.push([t, c, rep]);
  }
  return { caps, runtime, zoneMin, types };
}
export interface AuthRequest { user: string; mode: number; pairs: Map<string, string> }
export function readAuth(r: Reader): AuthRequest {
  const hasUser = r.u8();
  const len = r.ub4(), mode = r.ub4();
  r.u8();
  const n = r.ub4();
  r.u8(); r.u8();
  const user = hasUser && len > 0 ? r.str() : '';
  const pairs = new Map<string, string>();
  for (let i = 0; i < n && r.left > 0; i++) { const kv = r.keyValue(); pairs.set(kv.key, kv.value); }
  return { user, mode, pairs };
}
