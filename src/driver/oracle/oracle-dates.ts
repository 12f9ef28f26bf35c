/**
 * Dates without a zone (DATE, TIMESTAMP), read and written as UTC whatever zone the process is in.
 *
 * The library takes them for local time. Its local Dates cannot be put right afterwards: an hour that a change of clocks skips
 * (02:30 in New York on 10 March 2024) has become another one by then. So thin connections are told, one by one and for
 * themselves only, to read all of them as UTC (`readUtc`); only where that cannot be done, in thick mode, is a local Date turned
 * into the same date and time in UTC.
 * Oracle's years before 1 have no year 0 among them, and fit no Date: refused both ways.
 */
import { QueryError } from '../../errors/query-error.js';
import { UtcFields } from '../utc-fields.js';
import type { OracleClientConnection } from './oracle-module.js';

/** Midnight of 1 January of year 1. */
const FIRST_MOMENT = -62_135_596_800_000;
/** The end of year 9999, exclusive. */
const END = 253_402_300_800_000;

/** The reader of a thin connection; no documented part of the library. */
interface DateReader {
  readOracleDate(isLocal: boolean, isInDatabaseZone?: boolean): Date | null;
}

interface ThinConnection {
  readonly _impl?: { readonly _protocol?: { readonly readBuf?: Partial<DateReader> } };
}

/**
 * Makes this connection read dates without a zone as UTC, and says whether it does. What it changes belongs to the connection
 * alone: others of the process read as before.
 */
export function readUtc(client: OracleClientConnection): boolean {
  const reader = (client as ThinConnection)._impl?._protocol?.readBuf;
  const read = reader?.readOracleDate;
  if (!client.thin || reader === undefined || typeof read !== 'function') return false;
  reader.readOracleDate = (_isLocal, isInDatabaseZone) => read.call(reader as DateReader, false, isInDatabaseZone);
  return true;
}

/** What was read as local time: the same date and time in UTC. */
export function localAsUtc(local: Date): Date {
  const moment = new Date(0);
  moment.setUTCFullYear(local.getFullYear(), local.getMonth(), local.getDate());
  moment.setUTCHours(local.getHours(), local.getMinutes(), local.getSeconds(), local.getMilliseconds());
  return moment;
}

/** @throws QueryError for a date before year 1. */
export function readableDate(moment: Date): Date {
  if (moment.getTime() >= FIRST_MOMENT) return moment;
  const text = 'a date before year 1 fits no JavaScript Date as Oracle counts years; use to_char() in the statement';
  throw new QueryError('data', text, { outcome: 'applied', breaker: 'success' });
}

/** @throws QueryError for an invalid Date, and for one that Oracle has no year for. */
export function sendableDate(value: Date): UtcFields {
  const time = value.getTime();
  if (time >= FIRST_MOMENT && time < END) return new UtcFields(time);
  const text = Number.isNaN(time)
    ? 'an invalid Date cannot be a parameter'
    : 'a Date before year 1 or after year 9999 cannot be a parameter';
  throw new QueryError('data', text, { outcome: 'not-sent', breaker: 'ignore' });
}
