import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UtcFields } from '../utc-fields.js';
import { localAsUtc, readUtc, readableDate, sendableDate } from './oracle-dates.js';
import type { OracleClientConnection } from './oracle-module.js';

const LAST = Date.parse('9999-12-31T23:59:59.999Z');
const moments = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date(LAST),
  noInvalidDate: true,
});

describe('a Date to be sent', () => {
  it('answers in UTC what the library asks for in local time', () => {
    fc.assert(
      fc.property(moments, (moment) => {
        const sent = sendableDate(moment);
        const fields = [
          sent.getFullYear(),
          sent.getMonth() + 1,
          sent.getDate(),
          sent.getHours(),
          sent.getMinutes(),
          sent.getSeconds(),
          sent.getMilliseconds(),
        ];
        expect(fields).toEqual(moment.toISOString().match(/\d+/g)?.map(Number));
        expect(sent.getTime()).toBe(moment.getTime());
        expect(sent).toBeInstanceOf(Date);
      }),
    );
  });

  it('is refused where it is none, and where Oracle has no year for it', () => {
    expect(() => sendableDate(new Date(Number.NaN))).toThrow('an invalid Date cannot be a parameter');
    for (const text of ['0000-12-31T23:59:59.999Z', '+010000-01-01T00:00:00.000Z']) {
      expect(() => sendableDate(new Date(text))).toThrow(/year/);
    }
    expect(sendableDate(new Date('9999-12-31T23:59:59.999Z'))).toBeInstanceOf(UtcFields);
  });
});

describe('a date without a zone', () => {
  it('that was read as local time is the same date and time in UTC', () => {
    for (const [year, month, day] of [
      [2024, 1, 29],
      [44, 2, 15],
      [9999, 11, 31],
    ] as const) {
      const local = new Date(0);
      local.setFullYear(year, month, day);
      local.setHours(12, 34, 56, 789);
      const utc = localAsUtc(local);
      expect([utc.getUTCFullYear(), utc.getUTCMonth(), utc.getUTCDate()]).toEqual([year, month, day]);
      expect(utc.toISOString().slice(-13)).toBe('12:34:56.789Z');
    }
  });

  it('before year 1 is refused', () => {
    expect(() => readableDate(new Date('0000-12-31T00:00:00Z'))).toThrow(/to_char/);
  });
});

describe('a connection', () => {
  const makeClient = (thin: boolean, reads: unknown[]) => {
    class Reader {
      readOracleDate(isLocal: boolean, isInDatabaseZone = false): Date {
        reads.push([this instanceof Reader, isLocal, isInDatabaseZone]);
        return new Date(0);
      }
    }
    const readBuf = new Reader();
    return { client: { thin, _impl: { _protocol: { readBuf } } } as never as OracleClientConnection, readBuf, Reader };
  };

  it('is told to read dates as UTC, and nobody else is', () => {
    const reads: unknown[] = [];
    const { client, readBuf, Reader } = makeClient(true, reads);
    expect(readUtc(client)).toBe(true);
    readBuf.readOracleDate(true);
    readBuf.readOracleDate(false, true);
    new Reader().readOracleDate(true);
    expect(reads).toEqual([
      [true, false, false],
      [true, false, true],
      [true, true, false],
    ]);
  });

  it('that cannot be told says so', () => {
    expect(readUtc(makeClient(false, []).client)).toBe(false);
    expect(readUtc({ thin: true } as OracleClientConnection)).toBe(false);
  });
});
