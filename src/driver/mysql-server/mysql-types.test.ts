import { describe, expect, it } from 'vitest';
import { QueryError } from '../../errors/query-error.js';
import { MysqlRowReader } from './mysql-rows.js';
import { assertSendable, parseDateTime, timeText } from './mysql-time.js';
import type { MysqlColumn, MysqlTypeConfig } from './mysql-types.js';
import { COLUMN_FLAGS, MYSQL_TYPES, decoderOf, typeNameOf } from './mysql-types.js';
import { encodeParameter } from './mysql-values.js';

const LOSSLESS: MysqlTypeConfig = {
  bigint: 'bigint',
  decimal: 'string',
  date: 'string',
  json: 'parsed',
  zeroDates: 'error',
};

const column = (type: number, more: Partial<MysqlColumn> = {}): MysqlColumn => ({
  name: 'c',
  type,
  flags: 0,
  collation: 63,
  decimals: 31,
  ...more,
});

const read = (of: MysqlColumn, raw: unknown, types: Partial<MysqlTypeConfig> = {}) => {
  const decode = decoderOf(of, { ...LOSSLESS, ...types });
  return decode === undefined ? raw : decode(raw);
};

const { unsigned } = COLUMN_FLAGS;

describe('columns', () => {
  it.each([
    ['tinyint', column(MYSQL_TYPES.tiny)],
    ['tinyint unsigned', column(MYSQL_TYPES.tiny, { flags: unsigned })],
    ['bigint unsigned', column(MYSQL_TYPES.longlong, { flags: unsigned })],
    ['decimal unsigned', column(MYSQL_TYPES.newdecimal, { flags: unsigned })],
    // MariaDB sets the flag there as well.
    ['timestamp', column(MYSQL_TYPES.timestamp, { flags: unsigned })],
    ['year', column(MYSQL_TYPES.year, { flags: unsigned })],
    ['bit', column(MYSQL_TYPES.bit, { flags: unsigned })],
    ['varbinary', column(MYSQL_TYPES.varString)],
    ['varchar', column(MYSQL_TYPES.varString, { collation: 45 })],
    ['binary', column(MYSQL_TYPES.string)],
    ['char', column(MYSQL_TYPES.string, { collation: 45 })],
    ['enum', column(MYSQL_TYPES.string, { collation: 45, flags: COLUMN_FLAGS.enum })],
    ['set', column(MYSQL_TYPES.string, { collation: 45, flags: COLUMN_FLAGS.set })],
    ['blob', column(MYSQL_TYPES.blob)],
    ['text', column(MYSQL_TYPES.blob, { collation: 45 })],
    ['json', column(MYSQL_TYPES.json)],
    ['json', column(MYSQL_TYPES.blob, { collation: 45, format: 'json' })],
    ['99', column(99)],
  ])('%s', (name, of) => {
    expect(typeNameOf(of)).toBe(name);
  });

  it('are read by their type, whichever raw form comes', () => {
    const bigint = column(MYSQL_TYPES.longlong);
    for (const raw of ['9007199254740993', 9007199254740993n]) expect(read(bigint, raw)).toBe(9007199254740993n);
    expect(read(bigint, 5)).toBe(5n);
    expect(read(bigint, '9007199254740993', { bigint: 'string' })).toBe('9007199254740993');
    expect(read(bigint, '5', { bigint: 'number' })).toBe(5);
    expect(() => read(bigint, '9007199254740993', { bigint: 'number' })).toThrow(QueryError);
    const decimal = column(MYSQL_TYPES.newdecimal);
    expect(read(decimal, '1.10')).toBe('1.10');
    expect(read(decimal, '1.10', { decimal: 'number' })).toBe(1.1);
    expect(() => read(decimal, '0.12345678901234567890', { decimal: 'number' })).toThrow(QueryError);
    expect(read(column(MYSQL_TYPES.date), '2024-02-29')).toBe('2024-02-29');
    expect(read(column(MYSQL_TYPES.date), '2024-02-29', { date: 'Date' })).toEqual(new Date('2024-02-29'));
    expect(read(column(MYSQL_TYPES.json), Buffer.from('{"é":1}'))).toEqual({ é: 1 });
    expect(read(column(MYSQL_TYPES.bit), Buffer.from([1]))).toEqual(Buffer.from([1]));
  });

  it('FLOAT has the digits that the text protocol shows, through both protocols', () => {
    const float = column(MYSQL_TYPES.float);
    expect([read(float, '3.14'), read(float, Math.fround(3.14))]).toEqual([3.14, 3.14]);
    const declared = column(MYSQL_TYPES.float, { decimals: 3 });
    expect([read(declared, '1234.568'), read(declared, Math.fround(1234.5678))]).toEqual([1234.568, 1234.568]);
  });

  it('TIME has as many digits as its column, through both protocols', () => {
    expect([timeText('-838:59:58.500', 3), timeText('-838:59:58.5', 3)]).toEqual(['-838:59:58.500', '-838:59:58.500']);
    expect([timeText('12:00:00.000000', 6), timeText('12:00:00', 6)]).toEqual(['12:00:00.000000', '12:00:00.000000']);
    expect([timeText('12:00:00', 0), timeText('12:00:00.25', 39)]).toEqual(['12:00:00', '12:00:00.25']);
  });

  it('DATETIME is read as UTC, and cut to milliseconds', () => {
    expect(parseDateTime('2024-02-29 12:30:00.123987', 'error')).toEqual(new Date('2024-02-29T12:30:00.123Z'));
    expect(parseDateTime('0001-01-01 00:00:00', 'error')).toEqual(new Date('0001-01-01T00:00:00Z'));
  });

  it('dates that are none are what was asked for', () => {
    for (const text of ['0000-00-00 00:00:00', '2024-00-10 00:00:00', '2024-10-00 00:00:00']) {
      expect(() => parseDateTime(text, 'error')).toThrow(/zeroDates/);
      expect(parseDateTime(text, 'null')).toBe(null);
      expect(parseDateTime(text, 'string')).toBe(text);
    }
  });
});

describe('rows', () => {
  const two = [column(MYSQL_TYPES.longlong, { name: 'a' }), column(MYSQL_TYPES.tiny, { name: 'a' })];

  it('come as arrays in column order, and as objects in which the later of two columns wins', () => {
    expect(new MysqlRowReader(two, LOSSLESS).toArray(['1', 2])).toEqual([1n, 2]);
    expect(new MysqlRowReader(two, LOSSLESS).toObject(['1', 2])).toEqual({ a: 2 });
  });

  it('keep null in every type, and a column called __proto__', () => {
    expect(new MysqlRowReader(two, LOSSLESS).toArray([null, null])).toEqual([null, null]);
    const odd = new MysqlRowReader([column(MYSQL_TYPES.tiny, { name: '__proto__' })], LOSSLESS).toObject([1]);
    expect(Object.entries(odd)).toEqual([['__proto__', 1]]);
    expect(Object.getPrototypeOf(odd)).toBe(Object.prototype);
  });
});

describe('parameters', () => {
  it.each([
    [null, null],
    ['x', 'x'],
    [5, 5n],
    [1.5, 1.5],
    [1e300, 1e300],
    [true, 1n],
    [2n ** 64n - 1n, 2n ** 64n - 1n],
    [2n ** 64n, '18446744073709551616'],
    [-(2n ** 63n) - 1n, '-9223372036854775809'],
    [{ a: [1] }, '{"a":[1]}'],
    [[1, 2], '[1,2]'],
    [new Uint8Array([1, 2]).subarray(1), Buffer.from([2])],
  ])('%o goes as %o', (value, sent) => {
    expect(encodeParameter(value)).toEqual(sent);
  });

  it('-0 stays a floating-point number', () => {
    expect(Object.is(encodeParameter(-0), -0)).toBe(true);
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;

  it.each([
    [undefined, 'null for NULL'],
    [Symbol('s'), 'symbol'],
    [() => 1, 'function'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [new Map(), 'Map'],
    [new Date(NaN), 'invalid Date'],
    [new Date(Date.UTC(10_000, 0, 1)), 'years 0 to 9999'],
    [cycle, 'cycle'],
    [{ toJSON: () => undefined }, 'toJSON'],
  ])('%o cannot be sent', (value, word) => {
    expect(() => encodeParameter(value)).toThrow(word);
  });

  it('a Date passes as it is', () => {
    const date = new Date(0);
    expect(assertSendable(date)).toBe(date);
  });
});
