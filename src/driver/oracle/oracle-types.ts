/**
 * Oracle's types: what the library is told to fetch, and what becomes of it. Lossless by default; what comes back depends on what
 * the server says of the column (type, precision, scale), never on the value. The table for people is docs/reference/types.md.
 *
 * Every column is fetched as a type that is named here: left to itself, the library asks the settings of the whole process.
 * NUMBER is fetched as text, in which form it arrives; the library's own numbers have lost digits.
 */
import { QueryError } from '../../errors/query-error.js';
import { isExactAsNumber } from '../exact-number.js';
import type { Field, TypeConfig } from '../query.js';
import type { Decode } from '../raw-rows.js';
import { localAsUtc, readableDate } from './oracle-dates.js';
import { jsonReceived } from './oracle-json.js';
import type {
  OracleDbType,
  OracleFetchTypeHandler,
  OracleIntervalDS,
  OracleIntervalYM,
  OracleMetadata,
  OracleModule,
} from './oracle-module.js';
import type { OracleTypeConfig } from './oracle-port.js';

/** The library's numbers for its types, the same in every version. */
export const ORACLE_TYPES = {
  varchar: 2001,
  nvarchar: 2002,
  char: 2003,
  nchar: 2004,
  rowid: 2005,
  raw: 2006,
  binaryFloat: 2007,
  binaryDouble: 2008,
  binaryInteger: 2009,
  number: 2010,
  date: 2011,
  timestamp: 2012,
  timestampTz: 2013,
  timestampLtz: 2014,
  intervalDs: 2015,
  intervalYm: 2016,
  clob: 2017,
  nclob: 2018,
  blob: 2019,
  bfile: 2020,
  cursor: 2021,
  boolean: 2022,
  object: 2023,
  long: 2024,
  longRaw: 2025,
  json: 2027,
  urowid: 2030,
  longNvarchar: 2031,
  xml: 2032,
  vector: 2033,
} as const;

/** Every integer of so many digits is exact as a JavaScript number. */
const EXACT_DIGITS = 15;

/** A NUMBER that was declared without precision and scale, and FLOAT, whose precision counts bits. */
const NO_SCALE = -127;

/** What there is to know of how values are read here. */
export interface Reading {
  readonly types: OracleTypeConfig;
  /** Dates without a zone have been read as UTC (oracle-dates.ts). */
  readonly readsUtc: boolean;
  /** Takes apart what Oracle stores in a BLOB for JSON (`is json format oson`). */
  readonly decodeOson?: (bytes: Buffer) => unknown;
}

/** For the library: what each column is fetched as. */
export function fetchTypeHandlerFor(types: OracleTypeConfig, module: OracleModule): OracleFetchTypeHandler {
  return (metadata) => ({ type: fetchTypeOf(metadata, types, module) });
}

function fetchTypeOf(metadata: OracleMetadata, types: OracleTypeConfig, module: OracleModule): OracleDbType {
  const isInline = types.lobLimit === Infinity || metadata.isJson === true || metadata.isOson === true;
  switch (metadata.dbType.num) {
    case ORACLE_TYPES.number:
      return module.DB_TYPE_VARCHAR;
    case ORACLE_TYPES.clob:
    case ORACLE_TYPES.nclob:
      return isInline ? module.DB_TYPE_VARCHAR : metadata.dbType;
    case ORACLE_TYPES.blob:
      return isInline ? module.DB_TYPE_RAW : metadata.dbType;
    case ORACLE_TYPES.json:
      return types.json === 'string' ? module.DB_TYPE_VARCHAR : metadata.dbType;
    case ORACLE_TYPES.timestampLtz:
      // The library's own choice: the moment, whatever the session's time zone is.
      return module.DB_TYPE_TIMESTAMP_TZ;
    default:
      return metadata.dbType;
  }
}

/** `fields` says what the database calls the column, or its name in lower case where that was asked for. */
export function fieldOf(metadata: OracleMetadata, { columnNames }: Pick<OracleTypeConfig, 'columnNames'>): Field {
  // Of two columns with one name the library calls the second one NAME_1.
  const name = metadata.dbColumnName ?? metadata.name;
  const { columnTypeName: type, num: typeId } = metadata.dbType;
  return { name: columnNames === 'lower' && name === name.toUpperCase() ? name.toLowerCase() : name, type, typeId };
}

/** `undefined` where the raw value is the value. LOBs and cursors are for whoever has a connection. */
export function decoderOf(metadata: OracleMetadata, reading: Reading): Decode | undefined {
  const { types } = reading;
  if (metadata.isOson === true) return oson(reading);
  if (metadata.isJson === true && metadata.dbType.num !== ORACLE_TYPES.json) return json(types);
  switch (metadata.dbType.num) {
    case ORACLE_TYPES.number:
      return numberDecoder(metadata, types);
    case ORACLE_TYPES.date:
    case ORACLE_TYPES.timestamp:
      return zonelessDate(reading);
    case ORACLE_TYPES.timestampTz:
    case ORACLE_TYPES.timestampLtz:
      return (raw) => readableDate(raw as Date);
    case ORACLE_TYPES.json:
      return types.json === 'string' ? undefined : jsonReceived;
    case ORACLE_TYPES.intervalDs:
      return (raw) => dayIntervalText(raw as OracleIntervalDS);
    case ORACLE_TYPES.intervalYm:
      return (raw) => yearIntervalText(raw as OracleIntervalYM);
    default:
      return undefined;
  }
}

/** Of a NUMBER, by what was declared: NUMBER(15) and NUMBER(13, -2) are numbers, NUMBER, NUMBER(16) and NUMBER(9, 2) are not. */
export function numberDecoder(
  { precision = 0, scale = NO_SCALE }: Pick<OracleMetadata, 'precision' | 'scale'>,
  types: OracleTypeConfig,
): Decode {
  const isInteger = precision > 0 && scale <= 0 && scale !== NO_SCALE;
  if (!isInteger) return decimal(types);
  if (precision - scale <= EXACT_DIGITS) return Number;
  return types.integers === 'bigint' ? bigint(types) : decimal(types);
}

export function bigint(types: TypeConfig): Decode {
  if (types.bigint === 'bigint') return (raw) => BigInt(raw as string);
  if (types.bigint === 'string') return String;
  return (raw) => {
    const result = Number(raw);
    if (Number.isSafeInteger(result)) return result;
    throw doesNotFit("an integer beyond 2^53 does not fit a number; use types.bigint: 'bigint' or 'string'");
  };
}

export function decimal(types: TypeConfig): Decode {
  if (types.decimal === 'string') return (raw) => plainDecimal(String(raw));
  return (raw) => {
    if (isExactAsNumber(String(raw))) return Number(raw);
    throw doesNotFit("a NUMBER would change as a number; use types.decimal: 'string'");
  };
}

/** `.5` → `0.5`: Oracle, and the library with it, leaves out a zero before the point. */
export function plainDecimal(text: string): string {
  if (text.startsWith('.')) return `0${text}`;
  return text.startsWith('-.') ? `-0${text.slice(1)}` : text;
}

/** Of DATE and TIMESTAMP. */
export function zonelessDate({ readsUtc }: Pick<Reading, 'readsUtc'>): Decode {
  if (readsUtc) return (raw) => readableDate(raw as Date);
  return (raw) => readableDate(localAsUtc(raw as Date));
}

function json(types: TypeConfig): Decode {
  return types.json === 'string' ? textOf : (raw) => JSON.parse(textOf(raw)) as unknown;
}

const textOf = (raw: unknown): string => (Buffer.isBuffer(raw) ? raw.toString('utf8') : (raw as string));

function oson({ types, decodeOson }: Reading): Decode {
  return (raw) => {
    const value = jsonReceived(Buffer.isBuffer(raw) && decodeOson !== undefined ? decodeOson(raw) : raw);
    return types.json === 'string' ? JSON.stringify(value) : value;
  };
}

/** `-2-03`: two years and three months, as Oracle reads it back. */
export function yearIntervalText({ years, months }: OracleIntervalYM): string {
  const sign = years < 0 || months < 0 ? '-' : '';
  return `${sign}${Math.abs(years)}-${twoDigits(months)}`;
}

/** `3 04:05:06.789`: as Oracle reads it back. Up to nine digits of a second, without zeros at the end. */
export function dayIntervalText({ days, hours, minutes, seconds, fseconds }: OracleIntervalDS): string {
  const sign = [days, hours, minutes, seconds, fseconds].some((part) => part < 0) ? '-' : '';
  const fraction = String(Math.abs(fseconds)).padStart(9, '0').replace(/0+$/, '');
  const time = [hours, minutes, seconds].map(twoDigits).join(':');
  return `${sign}${Math.abs(days)} ${time}${fraction === '' ? '' : `.${fraction}`}`;
}

const twoDigits = (value: number): string => String(Math.abs(value)).padStart(2, '0');

export function doesNotFit(message: string): QueryError {
  return new QueryError('data', message, { outcome: 'applied', breaker: 'success' });
}
