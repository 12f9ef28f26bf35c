/**
 * DATE (7 bytes), TIMESTAMP (7 or 11) and TIMESTAMP WITH TIME ZONE (13: the fields in UTC, then the zone's own two bytes).
 * Calendar fields, never a JavaScript Date: a zone-less value has no instant.
 */
import { T } from './type-codes.js';

export interface DateParts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  nanos: number;
  /** Minutes east of UTC; absent when the value has no zone. */
  offsetMin?: number;
}

const ZONE_HOUR_BIAS = 20;
const ZONE_MINUTE_BIAS = 60;
const CENTURY_BIAS = 100;

/** The fields as they are: whoever sends a zone moves them to UTC before. */
export function encodeDate(parts: DateParts, type: number): Buffer {
  const bytes = Buffer.alloc(sizeOf(parts, type));
  bytes[0] = Math.trunc(parts.year / 100) + CENTURY_BIAS;
  bytes[1] = (parts.year % 100) + CENTURY_BIAS;
  bytes[2] = parts.month;
  bytes[3] = parts.day;
  bytes[4] = parts.hour + 1;
  bytes[5] = parts.minute + 1;
  bytes[6] = parts.second + 1;
  if (bytes.length >= 11) bytes.writeUInt32BE(parts.nanos, 7);
  if (bytes.length === 13) {
    const offset = parts.offsetMin ?? 0;
    bytes[11] = Math.trunc(offset / 60) + ZONE_HOUR_BIAS;
    bytes[12] = (offset % 60) + ZONE_MINUTE_BIAS;
  }
  return bytes;
}

export function decodeDate(source: Uint8Array): DateParts {
  const bytes = Buffer.from(source);
  const parts: DateParts = {
    year: (bytes.readUInt8(0) - CENTURY_BIAS) * 100 + bytes.readUInt8(1) - CENTURY_BIAS,
    month: bytes.readUInt8(2),
    day: bytes.readUInt8(3),
    hour: bytes.readUInt8(4) - 1,
    minute: bytes.readUInt8(5) - 1,
    second: bytes.readUInt8(6) - 1,
    nanos: bytes.length >= 11 ? bytes.readUInt32BE(7) : 0,
  };
  if (bytes.length >= 13) {
    parts.offsetMin = (bytes.readUInt8(11) - ZONE_HOUR_BIAS) * 60 + bytes.readUInt8(12) - ZONE_MINUTE_BIAS;
  }
  return parts;
}

function sizeOf(parts: DateParts, type: number): number {
  if (type === T.DATE) return 7;
  if (type === T.TIMESTAMP_TZ) return 13;
  return parts.nanos === 0 ? 7 : 11;
}

/** `2024-02-29 13:14:15.678`: no zone, and as many digits of the second as there are. */
export function dateToIso(parts: DateParts): string {
  const fraction = parts.nanos === 0 ? '' : `.${String(parts.nanos).padStart(9, '0').replace(/0+$/, '')}`;
  const day = `${String(parts.year).padStart(4, '0')}-${two(parts.month)}-${two(parts.day)}`;
  return `${day} ${two(parts.hour)}:${two(parts.minute)}:${two(parts.second)}${fraction}`;
}

export function isoToDate(text: string): DateParts {
  const match =
    /^(-?\d{1,6})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?(?::\d\d)?)?/.exec(
      text,
    );
  if (match === null) throw new RangeError(`not a timestamp: ${text}`);
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone] = match;
  const parts: DateParts = {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    nanos: Number(fraction.padEnd(9, '0')),
  };
  if (zone !== undefined) parts.offsetMin = zone === 'Z' ? 0 : zoneMinutes(zone);
  return parts;
}

/** `+05:30` → 330; 0 for what has no such form (a region). */
export function zoneMinutes(zone: string): number {
  const match = /^([+-])(\d\d?):?(\d\d?)?/.exec(zone);
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0);
  return match[1] === '-' ? -minutes : minutes;
}

/** The same fields, so many minutes later. */
export function shiftDate(parts: DateParts, minutes: number): DateParts {
  const moved = new Date(0);
  moved.setUTCFullYear(parts.year, parts.month - 1, parts.day);
  moved.setUTCHours(parts.hour, parts.minute + minutes, parts.second);
  return { ...parts, ...utcFields(moved) };
}

export function partsOf(date: Date): DateParts {
  return { ...utcFields(date), nanos: date.getUTCMilliseconds() * 1_000_000 };
}

function utcFields(date: Date): Omit<DateParts, 'nanos' | 'offsetMin'> {
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
