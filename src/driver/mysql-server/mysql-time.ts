/**
 * Dates and times between MySQL's text and JavaScript's Date. DATETIME and TIMESTAMP are read and written as UTC (the
 * session's time zone is set to it), so that what was written comes back on every machine; microseconds are cut to a Date's
 * milliseconds (cast to char to see them).
 * Dates that are none (`0000-00-00`, `2024-00-10`) are what the option `zeroDates` says.
 */
import { QueryError } from '../../errors/query-error.js';

/** What becomes of a date that no Date can hold; see `MysqlOptions.zeroDates`. */
export type ZeroDates = 'error' | 'null' | 'string';

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?$/;

/** `2024-02-29 12:30:00.123456` or `2024-02-29`, as UTC. */
export function parseDateTime(text: string, zeroDates: ZeroDates): Date | string | null {
  const parts = DATE_TIME.exec(text);
  if (parts === null) throw doesNotFit('a date in an unknown form');
  const [, year, month, day, hour = 0, minute = 0, second = 0, fraction = ''] = parts;
  if (month === '00' || day === '00') {
    if (zeroDates === 'error') throw doesNotFit("a date with a zero in it ('0000-00-00')");
    return zeroDates === 'null' ? null : text;
  }
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, '0').slice(0, 3)));
  return date;
}

/**
 * A TIME as the text protocol writes it, with as many digits behind the point as the column has: the binary protocol sends
 * numbers, and client libraries cut the zeros.
 */
export function timeText(text: string, decimals: number): string {
  const [whole = '', fraction = ''] = text.split('.');
  // 31 and above stand for "not said": an expression without a fixed number of digits.
  const digits = decimals > 6 ? fraction : fraction.padEnd(decimals, '0').slice(0, decimals);
  return digits === '' ? whole : `${whole}.${digits}`;
}

/** @throws QueryError for an invalid Date and for years that MySQL does not have. */
export function assertSendable(date: Date): Date {
  const year = date.getUTCFullYear();
  if (year >= 0 && year <= 9999) return date;
  const what = Number.isNaN(year) ? 'an invalid Date' : 'a Date outside the years 0 to 9999';
  throw new QueryError('data', `${what} cannot be a parameter`, { outcome: 'not-sent', breaker: 'ignore' });
}

function doesNotFit(what: string): QueryError {
  const text = `${what} does not fit a JavaScript Date; cast the column to char, or set zeroDates`;
  return new QueryError('data', text, { outcome: 'applied', breaker: 'success' });
}
