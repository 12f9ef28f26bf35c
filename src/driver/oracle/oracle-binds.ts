/**
 * JavaScript values and typed parameters → binds of the library, and what of them comes back.
 *
 * Without a type the value says it: string → VARCHAR2 (CLOB above 32,767 bytes), number and bigint → NUMBER, Date → TIMESTAMP in UTC,
 * bytes → RAW (BLOB above 32,767), boolean → BOOLEAN, floating-point arrays → VECTOR, other objects → JSON text. TIMESTAMP, and not
 * TIMESTAMP WITH TIME ZONE: compared with the latter, no column without a zone can use its index.
 * NUMBERs come back as VARCHAR2, because the library makes floating-point numbers of its own NUMBERs; Oracle converts them exactly.
 * Invariant: an error says what kind of value it is, never the value.
 */
import { sendableDate } from './oracle-dates.js';
import { jsonText, jsonToSend } from './oracle-json.js';
import { OracleLob } from './oracle-lobs.js';
import type { OracleBind, OracleModule, OracleTypeName } from './oracle-module.js';
import type { OracleBindType, OracleParameter } from './oracle-parameters.js';
import { isOracleParameter } from './oracle-parameters.js';
import { cannotSend } from './oracle-room-errors.js';

/** What a value is for the wire. */
export interface EncodedValue {
  readonly value: unknown;
  /** `undefined`: null, which has none. */
  readonly type: OracleTypeName | undefined;
  /** Of strings and bytes. */
  readonly bytes: number;
}

/** A bind that comes back. */
export interface OutBind {
  /** What it is called in `outBinds`. */
  readonly name: string;
  readonly type: OracleBindType;
}

export interface BindPlan {
  /** By position. */
  readonly binds: readonly unknown[];
  /** In the order in which the library brings them. */
  readonly outs: readonly OutBind[];
}

/** What depends on the server and on the statement. */
export interface BindFacts {
  readonly module: OracleModule;
  /** A boolean may be sent as one: in PL/SQL always, in SQL from 23 on. */
  readonly hasBoolean: boolean;
  readonly isProgram: boolean;
}

/** Longer ones are LOBs to PL/SQL, and to SQL nothing else than a LONG. */
export const MAX_INLINE_BYTES = 32_767;
/** VARCHAR2 and RAW of a table, as long as nobody has set MAX_STRING_SIZE. */
const MAX_COLUMN_BYTES = 4_000;
/** A NUMBER as text is at most 40 digits, a sign, a point and an exponent; or 130 zeros. */
const NUMBER_TEXT_BYTES = 200;
/** More no NUMBER can hold; the library gives up in the middle of a message. */
const MAX_DIGITS = 40;
/** Between the two, every double is a NUMBER. */
const SMALLEST_NUMBER = 1e-100;
const LARGEST_NUMBER = 1e125;

/** What the library is told of each type. */
const LIBRARY_TYPES: Readonly<Record<OracleBindType, OracleTypeName>> = {
  varchar2: 'DB_TYPE_VARCHAR',
  nvarchar2: 'DB_TYPE_NVARCHAR',
  char: 'DB_TYPE_CHAR',
  nchar: 'DB_TYPE_NCHAR',
  number: 'DB_TYPE_NUMBER',
  integer: 'DB_TYPE_NUMBER',
  binary_integer: 'DB_TYPE_BINARY_INTEGER',
  binary_float: 'DB_TYPE_BINARY_FLOAT',
  binary_double: 'DB_TYPE_BINARY_DOUBLE',
  boolean: 'DB_TYPE_BOOLEAN',
  date: 'DB_TYPE_DATE',
  timestamp: 'DB_TYPE_TIMESTAMP',
  'timestamp with time zone': 'DB_TYPE_TIMESTAMP_TZ',
  'timestamp with local time zone': 'DB_TYPE_TIMESTAMP_LTZ',
  'interval day to second': 'DB_TYPE_INTERVAL_DS',
  'interval year to month': 'DB_TYPE_INTERVAL_YM',
  raw: 'DB_TYPE_RAW',
  // As text: the library refuses to bind a ROWID as one.
  rowid: 'DB_TYPE_VARCHAR',
  clob: 'DB_TYPE_CLOB',
  nclob: 'DB_TYPE_NCLOB',
  blob: 'DB_TYPE_BLOB',
  json: 'DB_TYPE_JSON',
  vector: 'DB_TYPE_VECTOR',
  cursor: 'DB_TYPE_CURSOR',
};

const STRING_TYPES: ReadonlySet<OracleTypeName> = new Set<OracleTypeName>([
  'DB_TYPE_VARCHAR',
  'DB_TYPE_NVARCHAR',
  'DB_TYPE_CHAR',
  'DB_TYPE_NCHAR',
]);

/** @throws QueryError for a value that cannot be sent. */
export function bindsOf(values: readonly unknown[], facts: BindFacts): BindPlan {
  const outs: OutBind[] = [];
  const binds = values.map((value, at) => {
    if (!isOracleParameter(value)) return bare(encodeValue(value, facts), facts);
    if (value.direction !== 'in') outs.push(outBindOf(value, at));
    return typed(value, facts);
  });
  return { binds, outs };
}

export function outBindOf({ type, options }: OracleParameter, at: number): OutBind {
  return { name: options.name ?? String(at + 1), type };
}

/** As the library takes it: without a word about the type where it sees the same by itself. */
function bare({ value, type, bytes }: EncodedValue, { module }: BindFacts): unknown {
  if (type === undefined || type === 'DB_TYPE_NUMBER' || type === 'DB_TYPE_BOOLEAN') return value;
  if (isEmpty(value)) return null;
  if (bytes <= MAX_INLINE_BYTES && (type === 'DB_TYPE_VARCHAR' || type === 'DB_TYPE_RAW')) return value;
  const wide = type === 'DB_TYPE_VARCHAR' ? 'DB_TYPE_CLOB' : type === 'DB_TYPE_RAW' ? 'DB_TYPE_BLOB' : type;
  return { dir: module.BIND_IN, type: module[wide], val: value } satisfies OracleBind;
}

function typed(parameter: OracleParameter, facts: BindFacts): OracleBind {
  const { module } = facts;
  const { direction, type, options } = parameter;
  const dir = { in: module.BIND_IN, out: module.BIND_OUT, 'in-out': module.BIND_INOUT }[direction];
  const maxArraySize = options.maxArraySize === undefined ? undefined : { maxArraySize: options.maxArraySize };
  if (direction === 'in') {
    const { value: val, type: name } = encodeArray(parameter, facts);
    return { dir, type: module[name ?? LIBRARY_TYPES[type]], val: isEmpty(val) ? null : val, ...maxArraySize };
  }
  const name = returnTypeOf(type);
  const maxSize = sizeOf(name, parameter, facts.isProgram);
  const sent = direction === 'in-out' ? { val: asText(type, name, encodeArray(parameter, facts).value) } : undefined;
  return { dir, type: module[name], ...(maxSize === undefined ? undefined : { maxSize }), ...maxArraySize, ...sent };
}

/** NULL to Oracle, and to be sent as such: the library does not read what a program gives back in a bind without a size. */
function isEmpty(value: unknown): boolean {
  return value === '' || (Buffer.isBuffer(value) && value.byteLength === 0);
}

/** What the library calls it. */
export function libraryTypeOf(type: OracleBindType): OracleTypeName {
  return LIBRARY_TYPES[type];
}

/** What a bind that comes back is bound as. */
export function returnTypeOf(type: OracleBindType): OracleTypeName {
  const name = LIBRARY_TYPES[type];
  return name === 'DB_TYPE_NUMBER' ? 'DB_TYPE_VARCHAR' : name;
}

/** In bytes; `undefined` where the type has one size. The library's own is 200, and cuts nothing short: it fails. */
function sizeOf(name: OracleTypeName, { type, options }: OracleParameter, isProgram: boolean): number | undefined {
  if (type === 'number' || type === 'integer') return NUMBER_TEXT_BYTES;
  if (!STRING_TYPES.has(name) && name !== 'DB_TYPE_RAW') return undefined;
  if (options.maxArraySize !== undefined) return options.maxSize ?? MAX_COLUMN_BYTES;
  return options.maxSize ?? (isProgram ? MAX_INLINE_BYTES : MAX_COLUMN_BYTES);
}

/** The bind of a column of `executeMany` that comes back. */
export function returnedColumn(
  parameter: OracleParameter,
  { module }: BindFacts,
): OracleBind & { readonly type: OracleModule[OracleTypeName] } {
  const name = returnTypeOf(parameter.type);
  const maxSize = sizeOf(name, parameter, false);
  return { dir: module.BIND_OUT, type: module[name], ...(maxSize === undefined ? undefined : { maxSize }) };
}

/** Numbers that come back as text go as text. */
function asText(type: OracleBindType, name: OracleTypeName, value: unknown): unknown {
  if (name !== 'DB_TYPE_VARCHAR' || (type !== 'number' && type !== 'integer')) return value;
  if (Array.isArray(value)) return value.map((one) => asText(type, name, one));
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
}

function encodeArray(parameter: OracleParameter, facts: BindFacts): EncodedValue {
  const { value, options } = parameter;
  if (options.maxArraySize === undefined || !Array.isArray(value)) return encodeAs(parameter.type, value, facts);
  const encoded = value.map((one) => encodeAs(parameter.type, one, facts));
  const type = encoded.find((one) => one.type !== undefined)?.type;
  return { value: encoded.map((one) => one.value), type, bytes: 0 };
}

/** A value with a type of the user's choice. @throws QueryError for one that the type cannot take. */
export function encodeAs(type: OracleBindType, value: unknown, facts: BindFacts): EncodedValue {
  if (value === null) return { value: null, type: LIBRARY_TYPES[type], bytes: 0 };
  const name = LIBRARY_TYPES[type];
  if (type === 'json') return { value: jsonToSend(value, facts.module), type: name, bytes: 0 };
  if (type === 'vector') return { value: vectorOf(value), type: name, bytes: 0 };
  const plain = encodeValue(value, facts);
  switch (plain.type) {
    case 'DB_TYPE_VARCHAR':
      // Numbers, dates, intervals and the like as text: Oracle converts them, as it would any other string.
      return STRING_TYPES.has(name) || type === 'clob' || type === 'nclob' ? { ...plain, type: name } : plain;
    case 'DB_TYPE_RAW':
      return type === 'blob' || type === 'raw' ? { ...plain, type: name } : plain;
    case 'DB_TYPE_TIMESTAMP':
      if (type.startsWith('timestamp with'))
        return { ...plain, value: new Date((value as Date).getTime()), type: name };
      return type === 'date' || type === 'timestamp' ? { ...plain, type: name } : plain;
    case 'DB_TYPE_NUMBER':
    case 'DB_TYPE_BINARY_DOUBLE':
      if (STRING_TYPES.has(name)) return textValue((value as number | bigint).toString(), name);
      return { ...plain, ...binaryNumber(type, value as number | bigint) };
    case 'DB_TYPE_BOOLEAN':
      return { ...plain, type: type === 'boolean' ? name : plain.type };
    default:
      return plain;
  }
}

/** The library writes anything for them, or fails halfway, where the value is not of the type. */
function binaryNumber(type: OracleBindType, value: number | bigint): Partial<EncodedValue> | undefined {
  if (type !== 'binary_float' && type !== 'binary_double' && type !== 'binary_integer') return undefined;
  const number = Number(value);
  if (typeof value === 'bigint' && BigInt(number) !== value) throw cannotSend(`a bigint that changes as a ${type}`);
  if (type === 'binary_integer' && (number | 0) !== number)
    throw cannotSend('a number that is no integer of 32 bits cannot be a binary_integer');
  return { value: number, type: LIBRARY_TYPES[type] };
}

/** The library takes any array for one of numbers. */
function vectorOf(value: unknown): unknown {
  if (Array.isArray(value) && !value.every((one) => typeof one === 'number'))
    throw cannotSend('an array with anything but numbers cannot be a vector');
  return Buffer.isBuffer(value) ? new Uint8Array(value) : value;
}

/** @throws QueryError for what cannot be sent. */
export function encodeValue(value: unknown, facts: BindFacts): EncodedValue {
  if (value === null) return { value: null, type: undefined, bytes: 0 };
  switch (typeof value) {
    case 'string':
      return textValue(value);
    case 'number':
      return encodeNumber(value);
    case 'bigint':
      return encodeBigint(value);
    case 'boolean':
      if (facts.hasBoolean) return { value, type: 'DB_TYPE_BOOLEAN', bytes: 0 };
      return { value: value ? 1 : 0, type: 'DB_TYPE_NUMBER', bytes: 0 };
    case 'object':
      return encodeObject(value, facts.module);
    case 'undefined':
      throw cannotSend('undefined cannot be a parameter; say null for NULL');
    default:
      throw cannotSend(`a ${typeof value} cannot be a parameter`);
  }
}

function textValue(value: string, type: OracleTypeName = 'DB_TYPE_VARCHAR'): EncodedValue {
  return { value, type, bytes: Buffer.byteLength(value) };
}

function encodeNumber(value: number): EncodedValue {
  const size = Math.abs(value);
  const isNumber = size === 0 || (size >= SMALLEST_NUMBER && size < LARGEST_NUMBER);
  // NaN, the infinities and what no NUMBER can hold have a type of their own in Oracle.
  return { value, type: isNumber ? 'DB_TYPE_NUMBER' : 'DB_TYPE_BINARY_DOUBLE', bytes: 0 };
}

function encodeBigint(value: bigint): EncodedValue {
  const digits = value.toString().replace('-', '');
  if (digits.replace(/0+$/, '').length > MAX_DIGITS || digits.length > 125) {
    throw cannotSend('a bigint of more than 40 digits cannot be a parameter: no NUMBER holds it');
  }
  return { value, type: 'DB_TYPE_NUMBER', bytes: 0 };
}

function encodeObject(value: object, module: OracleModule): EncodedValue {
  if (value instanceof Date) return { value: sendableDate(value), type: 'DB_TYPE_TIMESTAMP', bytes: 0 };
  if (Buffer.isBuffer(value)) return encodeBytes(value);
  if (value instanceof Float32Array || value instanceof Float64Array || value instanceof Int8Array) {
    return { value, type: 'DB_TYPE_VECTOR', bytes: 0 };
  }
  if (ArrayBuffer.isView(value)) return encodeBytes(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return encodeBytes(Buffer.from(value));
  const own = encodeOwn(value, module);
  if (own !== undefined) return own;
  // As JSON they would all be `{}`.
  if (value instanceof Map || value instanceof Set || value instanceof RegExp) {
    throw cannotSend(`a ${value.constructor.name} cannot be a parameter`);
  }
  return textValue(jsonText(value));
}

/** LOBs that came out of the database, and the library's own classes. */
function encodeOwn(value: object, module: OracleModule): EncodedValue | undefined {
  if (value instanceof OracleLob) return { value: value.native, type: `DB_TYPE_${value.type}`, bytes: 0 };
  if (value instanceof module.IntervalDS) return { value, type: 'DB_TYPE_INTERVAL_DS', bytes: 0 };
  if (value instanceof module.IntervalYM) return { value, type: 'DB_TYPE_INTERVAL_YM', bytes: 0 };
  if (value instanceof module.SparseVector) return { value, type: 'DB_TYPE_VECTOR', bytes: 0 };
  if (value instanceof module.BaseDbObject) return { value, type: 'DB_TYPE_OBJECT', bytes: 0 };
  return undefined;
}

function encodeBytes(value: Buffer): EncodedValue {
  return { value, type: 'DB_TYPE_RAW', bytes: value.byteLength };
}
