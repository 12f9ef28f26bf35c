/**
 * Dates and times between PostgreSQL's ISO text and JavaScript's Date. A timestamp without time zone is read and
 * written as UTC, so that what was written comes back on every machine; PostgreSQL's microseconds are cut to a Date's
 * milliseconds (cast to text to see them). What no Date can hold (infinity, years beyond 275760) is an error, never a
 * silent other value.
 */
import { QueryError } from '../../errors/query-error.js';

const TIMESTAMP =
  /^(\d{4,})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?)?( BC)?$/;

/** `2024-02-29 12:30:00.123456+02`, with or without zone; years BC are astronomical, so 44 BC is −43. */
export function parseTimestamp(text: string): Date {
  const parts = TIMESTAMP.exec(text);
  if (parts === null)
    throw doesNotFit(text.endsWith('infinity') ? 'infinity' : "a timestamp that is not in DateStyle 'ISO'");
  const [, year, month, day, hour, minute, second, fraction, sign, zoneHour, zoneMinute, zoneSecond, era] = parts;
  const date = new Date(0);
  date.setUTCFullYear(era === undefined ? Number(year) : 1 - Number(year), Number(month) - 1, Number(day));
  const millis = Math.trunc(Number((fraction ?? '0').padEnd(6, '0')) / 1_000);
  date.setUTCHours(Number(hour ?? 0), Number(minute ?? 0), Number(second ?? 0), millis);
  const zoneMs = (Number(zoneHour ?? 0) * 3_600 + Number(zoneMinute ?? 0) * 60 + Number(zoneSecond ?? 0)) * 1_000;
  const result = new Date(date.getTime() + (sign === '-' ? zoneMs : -zoneMs));
  if (Number.isNaN(result.getTime())) throw doesNotFit('a timestamp beyond the year 275760');
  return result;
}

/** A DATE as a Date at midnight UTC. */
export function parseDate(text: string): Date {
  return parseTimestamp(text);
}

/** UTC with an explicit zone, which `timestamp` columns ignore and `timestamptz` columns need. */
export function timestampText(date: Date): string {
  const ms = date.getTime();
  if (Number.isNaN(ms)) {
    throw new QueryError('data', 'an invalid Date cannot be a parameter', { outcome: 'not-sent', breaker: 'ignore' });
  }
  const year = date.getUTCFullYear();
  const yearText = String(year > 0 ? year : 1 - year).padStart(4, '0');
  // toISOString writes years outside 0–9999 in a form PostgreSQL does not read; from the month on it is the same.
  const rest = date
    .toISOString()
    .replace(/^[+-]?\d+/, '')
    .replace('Z', '+00:00');
  return `${yearText}${rest}${year > 0 ? '' : ' BC'}`;
}

function doesNotFit(what: string): QueryError {
  return new QueryError('data', `${what} does not fit a JavaScript Date; select the column as text`, {
    outcome: 'applied',
    breaker: 'success',
  });
}
