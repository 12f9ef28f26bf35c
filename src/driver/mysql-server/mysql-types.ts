/**
 * MySQL's and MariaDB's types: what a client library brings → JavaScript values. Lossless by default, the same through the
 * text and the binary protocol, and what comes back depends on the column's type only, never on the value.
 * The table for people is docs/guide/mysql.md. Numbers of types and flags: MySQL manual, "Column Definition Packet".
 *
 * Client libraries are told to bring raw values (numbers beyond 2^53, decimals, dates and JSON as strings, bytes as Buffers);
 * a decoder takes whichever of the raw forms of its type comes.
 */
import { QueryError } from '../../errors/query-error.js';
import { isExactAsNumber } from '../exact-number.js';
import type { TypeConfig } from '../query.js';
import type { Decode } from '../raw-rows.js';
import type { ZeroDates } from './mysql-time.js';
import { parseDateTime, timeText } from './mysql-time.js';

/** A column as the protocol describes it. */
export interface MysqlColumn {
  readonly name: string;
  /** The protocol's number of the type: MYSQL_TYPES. */
  readonly type: number;
  /** COLUMN_FLAGS. */
  readonly flags: number;
  /** The protocol's number of the collation; 63 means bytes. */
  readonly collation: number;
  /** Digits behind the point; 31 and more where there is no fixed number. */
  readonly decimals: number;
  /** MariaDB's extended metadata: `json` for what is JSON, although its type says text. */
  readonly format?: string | undefined;
}

export interface MysqlTypeConfig extends TypeConfig {
  readonly zeroDates: ZeroDates;
}

export const MYSQL_TYPES = {
  decimal: 0,
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  newdate: 14,
  varchar: 15,
  bit: 16,
  vector: 242,
  json: 245,
  newdecimal: 246,
  enum: 247,
  set: 248,
  tinyBlob: 249,
  mediumBlob: 250,
  longBlob: 251,
  blob: 252,
  varString: 253,
  string: 254,
  geometry: 255,
} as const;

export const COLUMN_FLAGS = { unsigned: 32, enum: 256, set: 2048 } as const;

/** The collation `binary`: bytes, and no text. */
export const BINARY_COLLATION = 63;

const INTEGERS: ReadonlyMap<number, string> = new Map([
  [MYSQL_TYPES.tiny, 'tinyint'],
  [MYSQL_TYPES.short, 'smallint'],
  [MYSQL_TYPES.int24, 'mediumint'],
  [MYSQL_TYPES.long, 'int'],
  [MYSQL_TYPES.longlong, 'bigint'],
]);

/** Names of the types that one number says all about. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [MYSQL_TYPES.decimal, 'decimal'],
  [MYSQL_TYPES.newdecimal, 'decimal'],
  [MYSQL_TYPES.float, 'float'],
  [MYSQL_TYPES.double, 'double'],
  [MYSQL_TYPES.null, 'null'],
  [MYSQL_TYPES.timestamp, 'timestamp'],
  [MYSQL_TYPES.date, 'date'],
  [MYSQL_TYPES.newdate, 'date'],
  [MYSQL_TYPES.time, 'time'],
  [MYSQL_TYPES.datetime, 'datetime'],
  [MYSQL_TYPES.year, 'year'],
  [MYSQL_TYPES.bit, 'bit'],
  [MYSQL_TYPES.vector, 'vector'],
  [MYSQL_TYPES.json, 'json'],
  [MYSQL_TYPES.enum, 'enum'],
  [MYSQL_TYPES.set, 'set'],
  [MYSQL_TYPES.geometry, 'geometry'],
]);

const UNSIGNED_TYPES: ReadonlySet<number> = new Set<number>([
  ...INTEGERS.keys(),
  MYSQL_TYPES.decimal,
  MYSQL_TYPES.newdecimal,
  MYSQL_TYPES.float,
  MYSQL_TYPES.double,
]);

/** `bigint unsigned`, `varchar`, `enum`; the number as text for what this table does not know. */
export function typeNameOf(column: MysqlColumn): string {
  const { type, flags } = column;
  const name = INTEGERS.get(type) ?? NAMES.get(type) ?? textTypeName(column);
  // A flag of its own for numbers only: MariaDB sets it on TIMESTAMP, and both on YEAR and BIT.
  return UNSIGNED_TYPES.has(type) && (flags & COLUMN_FLAGS.unsigned) !== 0 ? `${name} unsigned` : name;
}

function textTypeName({ type, flags, collation, format }: MysqlColumn): string {
  const isBytes = collation === BINARY_COLLATION;
  if (format === 'json') return 'json';
  if ((flags & COLUMN_FLAGS.enum) !== 0) return 'enum';
  if ((flags & COLUMN_FLAGS.set) !== 0) return 'set';
  if (type === MYSQL_TYPES.string) return isBytes ? 'binary' : 'char';
  if (type === MYSQL_TYPES.varString || type === MYSQL_TYPES.varchar) return isBytes ? 'varbinary' : 'varchar';
  if (type >= MYSQL_TYPES.tinyBlob && type <= MYSQL_TYPES.blob) return isBytes ? 'blob' : 'text';
  return String(type);
}

const asItComes: Decode = (raw) => raw;

/** `undefined` where the raw value is the value. */
export function decoderOf(column: MysqlColumn, types: MysqlTypeConfig): Decode | undefined {
  const decode = findDecoder(column, types);
  return decode === asItComes ? undefined : decode;
}

function findDecoder({ type, decimals, format }: MysqlColumn, types: MysqlTypeConfig): Decode {
  if (format === 'json') return json(types);
  switch (type) {
    case MYSQL_TYPES.longlong:
      return bigint(types);
    case MYSQL_TYPES.tiny:
    case MYSQL_TYPES.short:
    case MYSQL_TYPES.int24:
    case MYSQL_TYPES.long:
    case MYSQL_TYPES.year:
    case MYSQL_TYPES.double:
      return decodeNumber;
    case MYSQL_TYPES.float:
      return (raw) => floatNumber(raw, decimals);
    case MYSQL_TYPES.decimal:
    case MYSQL_TYPES.newdecimal:
      return decimal(types);
    case MYSQL_TYPES.date:
    case MYSQL_TYPES.newdate:
      return types.date === 'Date' ? dateTime(types) : asItComes;
    case MYSQL_TYPES.datetime:
    case MYSQL_TYPES.timestamp:
      return dateTime(types);
    case MYSQL_TYPES.time:
      return (raw) => timeText(raw as string, decimals);
    case MYSQL_TYPES.json:
      return json(types);
    default:
      return asItComes;
  }
}

const decodeNumber: Decode = (raw) => (typeof raw === 'number' ? raw : Number(raw));

function dateTime({ zeroDates }: MysqlTypeConfig): Decode {
  return (raw) => parseDateTime(raw as string, zeroDates);
}

function json(types: TypeConfig): Decode {
  return types.json === 'string' ? jsonText : (raw) => JSON.parse(jsonText(raw)) as unknown;
}

const jsonText = (raw: unknown): string => (Buffer.isBuffer(raw) ? raw.toString('utf8') : (raw as string));

/**
 * The text protocol writes a FLOAT with 6 digits (FLT_DIG), or with as many behind the point as the column was declared with;
 * the binary one sends all 24 bits. Both come out as the text does, so that one column has one value.
 */
function floatNumber(raw: unknown, decimals: number): number {
  if (typeof raw !== 'number') return Number(raw);
  return decimals > 30 ? Number(raw.toPrecision(6)) : Number(raw.toFixed(decimals));
}

function bigint(types: TypeConfig): Decode {
  if (types.bigint === 'string') return (raw) => (typeof raw === 'string' ? raw : String(raw));
  if (types.bigint === 'bigint') return (raw) => BigInt(raw as string | number | bigint);
  return (raw) => {
    const result = Number(raw);
    if (Number.isSafeInteger(result)) return result;
    throw doesNotFit("a 64-bit integer beyond 2^53 does not fit a number; use types.bigint: 'bigint' or 'string'");
  };
}

function decimal(types: TypeConfig): Decode {
  if (types.decimal === 'string') return (raw) => (typeof raw === 'string' ? raw : String(raw));
  return (raw) => {
    if (isExactAsNumber(raw as string)) return Number(raw);
    throw doesNotFit("a decimal value would change as a number; use types.decimal: 'string'");
  };
}

function doesNotFit(message: string): QueryError {
  return new QueryError('data', message, { outcome: 'applied', breaker: 'success' });
}
