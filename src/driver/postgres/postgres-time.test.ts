import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDate, parseTimestamp, timestampText } from './postgres-time.js';

const MAX_MS = 8.64e15;

/** As PostgreSQL prints a timestamp in DateStyle ISO: years BC with a suffix, no more digits of a second than needed. */
function print(ms: number, micros: number, zone: { readonly text: string; readonly ms: number }): string {
  const local = new Date(ms + zone.ms);
  const year = local.getUTCFullYear();
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${String(year > 0 ? year : 1 - year).padStart(4, '0')}-${two(local.getUTCMonth() + 1)}-${two(local.getUTCDate())}`;
  const time = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
  const fraction = String(local.getUTCMilliseconds() * 1_000 + micros)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${day} ${time}${fraction === '' ? '' : `.${fraction}`}${zone.text}${year > 0 ? '' : ' BC'}`;
}

const zone = fc
  .record({
    sign: fc.constantFrom(1, -1),
    hours: fc.nat(14),
    minutes: fc.constantFrom(0, 30, 45),
    seconds: fc.constantFrom(0, 32),
  })
  .map(({ sign, hours, minutes, seconds }) => {
    const two = (value: number): string => String(value).padStart(2, '0');
    const rest = seconds > 0 ? `:${two(minutes)}:${two(seconds)}` : minutes > 0 ? `:${two(minutes)}` : '';
    const ms = sign * (hours * 3_600 + minutes * 60 + seconds) * 1_000;
    return { text: `${sign > 0 ? '+' : '-'}${two(hours)}${rest}`, ms };
  });
const none = { text: '', ms: 0 };
const moment = fc.oneof(
  fc.integer({ min: -MAX_MS, max: MAX_MS }),
  fc.integer({ min: -4e12, max: 4e12 }),
  fc.constantFrom(0, -1, MAX_MS, -62_135_596_800_000, -62_135_596_800_001, -62_167_219_200_000, 253_402_300_800_000),
);

describe('parseTimestamp', () => {
  it('reads any moment that a Date can hold, as UTC, and cuts microseconds', () => {
    fc.assert(
      fc.property(moment, fc.nat(999), (ms, micros) => {
        expect(parseTimestamp(print(ms, micros, none)).getTime()).toBe(ms);
      }),
    );
  });

  it('reads it with any zone', () => {
    const DAY = 86_400_000;
    const inner = fc.integer({ min: -MAX_MS + DAY, max: MAX_MS - DAY });
    fc.assert(
      fc.property(fc.oneof(inner, fc.integer({ min: -4e12, max: 4e12 })), fc.nat(999), zone, (ms, micros, offset) => {
        expect(parseTimestamp(print(ms, micros, offset)).getTime()).toBe(ms);
      }),
    );
  });

  it.each([
    ['2024-02-29 12:30:00.123456+02', '2024-02-29T10:30:00.123Z'],
    ['2024-02-29 12:30:00', '2024-02-29T12:30:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['1969-12-31 23:59:59.9999', '1969-12-31T23:59:59.999Z'],
    ['1883-11-18 12:03:58+00:19:32', '1883-11-18T11:44:26.000Z'],
    ['0001-01-01 00:00:00', '0001-01-01T00:00:00.000Z'],
    ['0001-12-31 00:00:00 BC', '0000-12-31T00:00:00.000Z'],
    ['0044-03-15 00:00:00 BC', '-000043-03-15T00:00:00.000Z'],
    ['4713-11-24 00:00:00+00 BC', '-004712-11-24T00:00:00.000Z'],
    ['0099-01-01 00:00:00', '0099-01-01T00:00:00.000Z'],
    ['12024-01-01 00:00:00', '+012024-01-01T00:00:00.000Z'],
    ['275760-09-13 00:00:00', '+275760-09-13T00:00:00.000Z'],
  ])('reads %s', (text, iso) => {
    expect(parseTimestamp(text).toISOString()).toBe(iso);
  });

  it.each([
    'infinity',
    '-infinity',
    '275760-09-13 00:00:00.001',
    '294276-12-31 23:59:59.999999',
    '29.02.2024 12:30:00',
    '',
    'now',
  ])('refuses %j, which no Date can hold: the statement ran, the value does not fit', (text) => {
    for (const read of [parseTimestamp, parseDate]) {
      expect(() => read(text)).toThrow(
        expect.objectContaining({
          code: 'QUERY',
          reason: 'data',
          outcome: 'applied',
          breaker: 'success',
          retryable: false,
        }),
      );
    }
  });

  it('does not show what it could not read', () => {
    expect(() => parseTimestamp('29.02.2024 12:30:00')).toThrow(/^(?!.*2024)/);
  });
});

describe('parseDate', () => {
  it('reads a day as midnight UTC', () => {
    expect(parseDate('2024-02-29').toISOString()).toBe('2024-02-29T00:00:00.000Z');
    expect(parseDate('0044-03-15 BC').toISOString()).toBe('-000043-03-15T00:00:00.000Z');
  });
});

describe('timestampText', () => {
  it('writes any moment so that reading gives it back', () => {
    fc.assert(
      fc.property(moment, (ms) => {
        const text = timestampText(new Date(ms));
        expect(text).toMatch(/^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00( BC)?$/);
        expect(parseTimestamp(text.replace('T', ' ')).getTime()).toBe(ms);
      }),
    );
  });

  it.each([
    ['2024-02-29T10:30:00.123Z', '2024-02-29T10:30:00.123+00:00'],
    ['0000-12-31T00:00:00.000Z', '0001-12-31T00:00:00.000+00:00 BC'],
    ['-000043-03-15T00:00:00.000Z', '0044-03-15T00:00:00.000+00:00 BC'],
    ['+012024-01-01T00:00:00.000Z', '12024-01-01T00:00:00.000+00:00'],
  ])('writes %s as PostgreSQL reads it', (iso, text) => {
    expect(timestampText(new Date(iso))).toBe(text);
  });

  it('refuses an invalid Date before anything is sent', () => {
    expect(() => timestampText(new Date(Number.NaN))).toThrow(
      expect.objectContaining({ code: 'QUERY', reason: 'data', outcome: 'not-sent', breaker: 'ignore' }),
    );
  });
});
