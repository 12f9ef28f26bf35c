import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMs, parseDuration } from './duration.js';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

describe('parseDuration', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1.5s', 1_500],
    ['0s', 0],
    [' 2 s ', 2_000],
    [0, 0],
    [1_500.25, 1_500.25],
  ])('reads %j as %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it('reads any whole number with any unit', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom('ms', 's', 'm', 'h'), (count, unit) => {
        expect(parseDuration(`${count}${unit}`)).toBe(count * UNITS[unit]);
      }),
    );
  });

  it.each([
    -1,
    Number.NaN,
    Infinity,
    '-5s',
    '5',
    's',
    '5d',
    '5S',
    '1e3ms',
    '5s5s',
    '.5s',
    '',
    true,
    null,
    undefined,
    5n,
    {},
    ['5s'],
  ])('refuses %s', (value) => {
    expect(parseDuration(value)).toBeUndefined();
  });

  it('refuses so many digits that they make Infinity, which would mean "never"', () => {
    expect(parseDuration(`${'9'.repeat(400)}s`)).toBeUndefined();
  });

  it('answers a finite number that is not negative, or undefined, whatever the text', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const ms = parseDuration(value);
        expect(ms === undefined || (Number.isFinite(ms) && ms >= 0)).toBe(true);
      }),
    );
  });
});

describe('formatMs', () => {
  it.each([
    [0, '0 ms'],
    [999.6, '1,000 ms'],
    [1_500, '1,500 ms'],
    [3_600_000, '3,600,000 ms'],
  ])('prints %d as %s', (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });
});
