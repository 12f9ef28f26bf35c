import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dateToIso,
  decodeDate,
  decodeDouble,
  decodeFloat,
  decodeIntervalDS,
  decodeIntervalYM,
  decodeNumber,
  encodeDate,
  encodeDouble,
  encodeFloat,
  encodeIntervalDS,
  encodeIntervalYM,
  encodeNumber,
  isoToDate,
  rowidToString,
  shiftDate,
  stringToRowid,
  T,
  zoneMinutes,
} from '../values.js';

function always<Value>(values: fc.Arbitrary<Value>, check: (value: Value) => void): void {
  fc.assert(fc.property(values, (value) => void check(value)));
}

/** Up to 38 digits with a point somewhere, as Oracle would print them. */
const decimals = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 1n, max: 10n ** 38n - 1n }), fc.integer({ min: 0, max: 60 }))
  .map(([negative, digits, scale]) => {
    const padded = String(digits).padStart(scale + 1, '0');
    const whole = padded.slice(0, padded.length - scale);
    const fraction = padded.slice(padded.length - scale).replace(/0+$/, '');
    return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
  });

const parts = fc.record({
  year: fc.integer({ min: 1, max: 9999 }),
  month: fc.integer({ min: 1, max: 12 }),
  day: fc.integer({ min: 1, max: 28 }),
  hour: fc.integer({ min: 0, max: 23 }),
  minute: fc.integer({ min: 0, max: 59 }),
  second: fc.integer({ min: 0, max: 59 }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
});

describe('NUMBER', () => {
  it('keeps 38 digits, wherever the point is', () => {
    always(decimals, (text) => {
      expect(decodeNumber(encodeNumber(text))).toBe(text);
    });
  });

  it('sorts by its bytes', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (one, other) => {
        expect(Math.sign(Buffer.compare(encodeNumber(one), encodeNumber(other)))).toBe(Math.sign(one - other));
      }),
    );
  });

  it.each([
    ['0', [0x80]],
    ['1', [0xc1, 2]],
    ['100', [0xc2, 2]],
    ['-1', [0x3e, 100, 102]],
    ['0.01', [0xc0, 2]],
    ['12.3', [0xc1, 13, 31]],
  ])('writes %s as Oracle does', (text, expected) => {
    expect([...encodeNumber(text)]).toEqual(expected);
  });

  it.each(['1e125', '1e-130', '-1e-130', '9.9e125'])('reaches %s', (text) => {
    expect(encodeNumber(decodeNumber(encodeNumber(text)))).toEqual(encodeNumber(text));
    expect(Number(decodeNumber(encodeNumber(text)))).toBe(Number(text));
  });

  it('refuses what is no number, or too large', () => {
    for (const text of ['', 'x', '1e127', '--1', '.']) expect(() => encodeNumber(text)).toThrow(RangeError);
  });
});

describe('dates', () => {
  it('keep their fields: with nanoseconds in a TIMESTAMP, without in a DATE', () => {
    fc.assert(
      fc.property(parts, (value) => {
        expect(decodeDate(encodeDate(value, T.TIMESTAMP))).toEqual(value);
        expect(decodeDate(encodeDate(value, T.DATE))).toEqual({ ...value, nanos: 0 });
      }),
    );
  });

  it('keep their zone, to the minute and west of Greenwich', () => {
    fc.assert(
      fc.property(parts, fc.integer({ min: -14 * 60, max: 14 * 60 }), (value, offsetMin) => {
        expect(decodeDate(encodeDate({ ...value, offsetMin }, T.TIMESTAMP_TZ))).toEqual({ ...value, offsetMin });
      }),
    );
  });

  it('have a text, and come from it', () => {
    always(parts, (value) => {
      expect(isoToDate(dateToIso(value))).toEqual(value);
    });
    expect(isoToDate('2024-02-29T13:14:15.5-03:30')).toMatchObject({ nanos: 500_000_000, offsetMin: -210 });
    expect(zoneMinutes('Europe/Prague')).toBe(0);
  });

  it('move over the ends of days and years', () => {
    const eve = { year: 1999, month: 12, day: 31, hour: 23, minute: 30, second: 0, nanos: 1 };
    expect(dateToIso(shiftDate(eve, 45))).toBe('2000-01-01 00:15:00.000000001');
    expect(shiftDate(shiftDate(eve, 45), -45)).toEqual(eve);
  });
});

describe('intervals', () => {
  it('keep every part, negative ones too', () => {
    const signed = fc.integer({ min: -59, max: 59 });
    const spans = fc.record({
      days: fc.integer({ min: -999_999_999, max: 999_999_999 }),
      hours: fc.integer({ min: -23, max: 23 }),
      minutes: signed,
      seconds: signed,
      nanos: fc.integer({ min: -999_999_999, max: 999_999_999 }),
    });
    always(spans, (value) => {
      expect(decodeIntervalDS(encodeIntervalDS(value))).toEqual(value);
    });
    const years = fc.record({
      years: fc.integer({ min: -9999, max: 9999 }),
      months: fc.integer({ min: -11, max: 11 }),
    });
    always(years, (value) => {
      expect(decodeIntervalYM(encodeIntervalYM(value))).toEqual(value);
    });
  });
});

describe('binary floats', () => {
  it('keep every bit of a double and of a float', () => {
    always(fc.double(), (value) => {
      expect(decodeDouble(encodeDouble(value))).toBe(value);
    });
    always(fc.float(), (value) => {
      expect(decodeFloat(encodeFloat(value))).toBe(value);
    });
  });

  it('sort by their bytes', () => {
    const finite = fc.double({ noNaN: true });
    fc.assert(
      fc.property(finite, finite, (one, other) => {
        fc.pre(one !== other);
        expect(Buffer.compare(encodeDouble(one), encodeDouble(other))).toBe(one < other ? -1 : 1);
      }),
    );
  });
});

it('row ids keep their four parts', () => {
  const rowids = fc.record({
    object: fc.nat(2 ** 32 - 1),
    file: fc.nat(2 ** 16 - 1),
    block: fc.nat(2 ** 32 - 1),
    slot: fc.nat(2 ** 16 - 1),
  });
  always(rowids, (value) => {
    expect(stringToRowid(rowidToString(value))).toEqual(value);
  });
  expect(stringToRowid('no row id')).toBeNull();
});
