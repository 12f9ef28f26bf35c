/**
 * PostgreSQL's columns and values as Oracle's: the row description, with what is known of the table's column, becomes the
 * description that the client gets; texts become values. Invariant: digits are never lost, and an empty text is NULL.
 */
import { OraError, SqlJson } from '../backend.js';
import type { BindSpec, Column, SqlRow, SqlValue } from '../backend.js';
import { dateToIso, isoToDate, rowidToString, T } from '../values.js';
import type { IntervalDS, IntervalYM } from '../values.js';
import { oracleName } from './names.js';
import type { EngineField, TextRow } from './pg-link.js';
import { CLOB_LENGTH, LOCAL_ZONE_PRECISION } from './rewrite-types.js';

/** Of a table's column: its type's name, which a domain has for itself, and whether it may be NULL. */
export interface DeclaredColumn {
  readonly type: string;
  readonly typeMod: number;
  readonly notNull: boolean;
  readonly json: boolean;
  /** NCHAR and NVARCHAR2. */
  readonly national: boolean;
}

/** Object identifiers of PostgreSQL's types. */
const OID = {
  BOOL: 16,
  BYTEA: 17,
  INT8: 20,
  INT2: 21,
  INT4: 23,
  TID: 27,
  JSON: 114,
  FLOAT4: 700,
  FLOAT8: 701,
  UNKNOWN: 705,
  BPCHAR: 1042,
  VARCHAR: 1043,
  DATE: 1082,
  TIMESTAMP: 1114,
  TIMESTAMPTZ: 1184,
  INTERVAL: 1186,
  NUMERIC: 1700,
} as const;

/** The header of a length or precision in a type modifier. */
const HEADER = 4;
/** Oracle's own for an expression of which nothing is known. */
const ANY_NUMBER = { type: T.NUMBER, precision: 0, scale: -127 };
/** The bits of an interval's fields: 2 is YEAR, 4 MONTH. */
const YEAR_TO_MONTH = 0x6;
const DEFAULT_TEXT = 4_000;
const DEFAULT_RAW = 2_000;
/** 10^126 does not fit a NUMBER. */
const NUMBER_DIGITS = 126;

export function columnOf(field: EngineField, declared: DeclaredColumn | undefined): Column {
  const name = oracleName(field.name);
  const nullable = !(declared?.notNull ?? false);
  return {
    name,
    nullable,
    ...(declared?.json && { json: true }),
    ...(declared?.national && { csfrm: 2 }),
    ...typeOf(field, declared),
  };
}

type TypeFacts = Pick<Column, 'type' | 'precision' | 'scale' | 'size'>;

function typeOf({ typeId, typeMod }: EngineField, declared: DeclaredColumn | undefined): TypeFacts {
  switch (typeId) {
    case OID.NUMERIC:
      return typeMod < HEADER
        ? ANY_NUMBER
        : { type: T.NUMBER, precision: ((typeMod - HEADER) >> 16) & 0xffff, scale: scaleOf(typeMod) };
    case OID.INT2:
    case OID.INT4:
    case OID.INT8:
      // A column of integers is an identity.
      return declared === undefined ? ANY_NUMBER : { type: T.NUMBER, precision: 0, scale: 0 };
    case OID.FLOAT4:
      return { type: T.BINARY_FLOAT };
    case OID.FLOAT8:
      return { type: T.BINARY_DOUBLE };
    case OID.BOOL:
      return { type: T.BOOLEAN };
    case OID.DATE:
      return { type: T.DATE };
    case OID.TIMESTAMP:
      return typeMod === 0 || declared?.type === 'odate'
        ? { type: T.DATE }
        : { type: T.TIMESTAMP, scale: typeMod < 0 ? 6 : typeMod };
    case OID.TIMESTAMPTZ: {
      const isLocal = declared === undefined ? typeMod === LOCAL_ZONE_PRECISION : declared.type === 'tsltz';
      return { type: isLocal ? T.TIMESTAMP_LTZ : T.TIMESTAMP_TZ, scale: typeMod < 0 ? 6 : typeMod };
    }
    case OID.INTERVAL: {
      const fields = (typeMod >> 16) & 0x7fff;
      const isMonths = typeMod >= 0 && (fields & ~YEAR_TO_MONTH) === 0;
      return { type: isMonths ? T.INTERVAL_YM : T.INTERVAL_DS, precision: 2, scale: isMonths ? 0 : 6 };
    }
    case OID.BYTEA:
      return declared?.type === 'blob' ? { type: T.BLOB } : { type: T.RAW, size: DEFAULT_RAW };
    case OID.BPCHAR:
      return { type: T.CHAR, size: typeMod > HEADER ? typeMod - HEADER : 1 };
    case OID.VARCHAR:
      if (typeMod === CLOB_LENGTH + HEADER) return { type: T.CLOB };
      return { type: T.VARCHAR, size: typeMod > HEADER ? typeMod - HEADER : DEFAULT_TEXT };
    case OID.JSON:
      return { type: T.JSON };
    case OID.TID:
      return { type: T.ROWID };
    case OID.UNKNOWN:
      return { type: T.VARCHAR, size: 32 };
    default:
      if (declared?.type === 'clob') return { type: T.CLOB };
      return declared?.type === 'olong' ? { type: T.LONG } : { type: T.VARCHAR, size: DEFAULT_TEXT };
  }
}

/** The lower eleven bits, with their sign. */
const scaleOf = (typeMod: number): number => (((typeMod - HEADER) & 0x7ff) << 21) >> 21;

type Converter = (text: string) => SqlValue;

/** The rows as the client will get them, one after the other: what nobody fetches is not converted. */
export function* valuesOf(
  rows: Iterable<TextRow>,
  fields: readonly EngineField[],
  columns: readonly Column[],
): Generator<SqlRow> {
  const converters = columns.map((column, index) => converterOf(column, fields[index]));
  for (const row of rows)
    yield row.map((text, index) => (text === null || text === '' ? null : (converters[index]?.(text) ?? null)));
}

function converterOf({ type }: Column, field: EngineField | undefined): Converter {
  switch (type) {
    case T.NUMBER:
      return number;
    case T.BOOLEAN:
      return (text) => text === 't' || text === 'true';
    case T.RAW:
    case T.BLOB:
      // The text begins with \x. Nothing in a RAW is NULL; an empty LOB is one.
      return (text) => (text === '\\x' && type === T.RAW ? null : Buffer.from(text.slice(2), 'hex'));
    case T.BINARY_DOUBLE:
    case T.BINARY_FLOAT:
      return Number;
    case T.DATE:
    case T.TIMESTAMP:
    case T.TIMESTAMP_TZ:
    case T.TIMESTAMP_LTZ:
      return dateOf;
    case T.INTERVAL_DS:
      return daysToSeconds;
    case T.INTERVAL_YM:
      return yearsToMonths;
    case T.JSON:
      return (text) => new SqlJson(JSON.parse(text), compactJson(text));
    case T.ROWID:
      return (text) => rowidOf(text, field?.tableId ?? 1);
    default:
      return (text) => text;
  }
}

/** Oracle keeps no spaces between the parts. */
const compactJson = (text: string): string => text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, '$1');

/** Years before Christ are negative for Oracle; there is no year 0. */
const dateOf = (text: string): SqlValue =>
  text.endsWith(' BC') ? { ...isoToDate(text.slice(0, -3)), year: -Number(/^\d+/.exec(text)?.[0]) } : isoToDate(text);

function number(text: string): SqlValue {
  const digits = /^-?(\d+)/.exec(text)?.[1] ?? '';
  if (digits.length > NUMBER_DIGITS || !/^[-\d]/.test(text) || /[a-z]/i.test(text.replace(/e[-+]?\d/i, ''))) {
    throw new OraError(1426, 'numeric overflow');
  }
  return text;
}

/** `(block,slot)` of a table. */
export function rowidOf(tid: string, tableId: number): string {
  const [block, slot] = tid.slice(1, -1).split(',').map(Number);
  return rowidToString({ object: tableId || 1, file: 1, block: block ?? 0, slot: slot ?? 0 });
}

const ISO_INTERVAL = /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?[\d.]+)S)?)?$/;

function daysToSeconds(text: string): IntervalDS {
  const found = ISO_INTERVAL.exec(text) ?? [];
  const part = (index: number): number => Number(found[index] ?? 0);
  const seconds = Math.trunc(part(6));
  const hours = part(4);
  return {
    days: part(3) + Math.trunc(hours / 24),
    hours: hours % 24,
    minutes: part(5),
    seconds,
    nanos: Math.round((part(6) - seconds) * 1e9),
  };
}

function yearsToMonths(text: string): IntervalYM {
  const found = ISO_INTERVAL.exec(text) ?? [];
  return { years: Number(found[1] ?? 0), months: Number(found[2] ?? 0) };
}

/** A bind's value as a text that PostgreSQL reads; moments with a zone travel in UTC. */
export function paramOf(value: SqlValue | undefined, spec: BindSpec | undefined): string | null {
  if (value === null || value === undefined || value === '') return null;
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`;
  if (typeof value === 'number' && !Number.isFinite(value))
    return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  if (typeof value !== 'object') return String(value);
  if (value instanceof SqlJson) return JSON.stringify(value.value);
  if ('year' in value) {
    const isZoned = spec?.type === T.TIMESTAMP_TZ || spec?.type === T.TIMESTAMP_LTZ;
    return `${dateToIso(value)}${isZoned ? '+00' : ''}`;
  }
  if ('days' in value) {
    const sign = value.nanos < 0 ? '-' : '';
    const seconds = `${value.seconds === 0 ? sign : ''}${value.seconds}.${String(Math.abs(value.nanos)).padStart(9, '0')}`;
    return `P${value.days}DT${value.hours}H${value.minutes}M${seconds}S`;
  }
  if ('years' in value) return `P${value.years}Y${value.months}M`;
  throw new OraError(932, 'inconsistent datatypes: expected NUMBER got CURSOR');
}
