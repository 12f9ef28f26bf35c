import fc from 'fast-check';
import oracledb from 'oracledb';
import { describe, expect, it } from 'vitest';
import { QueryError } from '../../errors/query-error.js';
import type { OracleMetadata, OracleModule, OracleTypeName } from './oracle-module.js';
import { numberText, outDecoderOf } from './oracle-out-values.js';
import type { OracleTypeConfig } from './oracle-port.js';
import { DEFAULT_ORACLE_TYPES } from './oracle-port.js';
import { OracleRowReader } from './oracle-rows.js';
import { ORACLE_TYPES, decoderOf, fetchTypeHandlerFor, fieldOf, plainDecimal } from './oracle-types.js';

const module: OracleModule = oracledb as never;

const LOSSLESS: OracleTypeConfig = {
  bigint: 'bigint',
  decimal: 'string',
  date: 'string',
  json: 'parsed',
  ...DEFAULT_ORACLE_TYPES,
};

const column = (type: OracleTypeName, more: Partial<OracleMetadata> = {}): OracleMetadata => ({
  name: 'C',
  dbType: module[type],
  dbTypeName: module[type].columnTypeName,
  ...more,
});

const number = (precision: number, scale: number): OracleMetadata => column('DB_TYPE_NUMBER', { precision, scale });

const read = (of: OracleMetadata, raw: unknown, types: Partial<OracleTypeConfig> = {}): unknown => {
  const decode = decoderOf(of, { types: { ...LOSSLESS, ...types }, readsUtc: true });
  return decode === undefined ? raw : decode(raw);
};

const fetched = (of: OracleMetadata, types: Partial<OracleTypeConfig> = {}): string | undefined =>
  fetchTypeHandlerFor({ ...LOSSLESS, ...types }, module)(of)?.type?.name;

describe('the numbers of the types', () => {
  it('are those of the library', () => {
    const names: Record<string, OracleTypeName> = {
      varchar: 'DB_TYPE_VARCHAR',
      number: 'DB_TYPE_NUMBER',
      date: 'DB_TYPE_DATE',
      timestampLtz: 'DB_TYPE_TIMESTAMP_LTZ',
      clob: 'DB_TYPE_CLOB',
      blob: 'DB_TYPE_BLOB',
      cursor: 'DB_TYPE_CURSOR',
      json: 'DB_TYPE_JSON',
      xml: 'DB_TYPE_XMLTYPE',
      vector: 'DB_TYPE_VECTOR',
    };
    for (const [name, type] of Object.entries(names)) {
      expect([name, ORACLE_TYPES[name as keyof typeof ORACLE_TYPES]]).toEqual([name, module[type].num]);
    }
  });
});

describe('a NUMBER', () => {
  it.each([
    ['number(1)', number(1, 0), '7', 7],
    ['number(15)', number(15, 0), '999999999999999', 999_999_999_999_999],
    ['number(13, -2)', number(13, -2), '100', 100],
    ['number(14, -2)', number(14, -2), '100', '100'],
    ['number(16)', number(16, 0), '1', '1'],
    ['number(38)', number(38, 0), '99999999999999999999999999999999999999', '99999999999999999999999999999999999999'],
    ['number(9, 2)', number(9, 2), '1.1', '1.1'],
    ['number(2, 5), all behind the point', number(2, 5), '.00012', '0.00012'],
    ['number', number(0, -127), '-.5', '-0.5'],
    ['float, whose precision counts bits', number(126, -127), '0.5', '0.5'],
    ['an expression such as count(*)', number(0, 0), '5', '5'],
  ])('of %s comes back by what was declared', (_, of, raw, value) => {
    expect(read(of, raw)).toBe(value);
  });

  it('is a number where asked, and an error where it would change', () => {
    expect(read(number(9, 2), '1.1', { decimal: 'number' })).toBe(1.1);
    const refused = () => read(number(0, -127), '12345678901234567890.5', { decimal: 'number' });
    expect(refused).toThrow(QueryError);
    expect(refused).toThrow(/types.decimal/);
  });

  it('of 16 digits and more without a scale is an integer where asked', () => {
    const integers = { integers: 'bigint' } as const;
    expect(read(number(19, 0), '9223372036854775807', integers)).toBe(9_223_372_036_854_775_807n);
    expect(read(number(19, 0), '5', { ...integers, bigint: 'string' })).toBe('5');
    expect(read(number(19, 0), '5', { ...integers, bigint: 'number' })).toBe(5);
    expect(() => read(number(19, 0), '9007199254740993', { ...integers, bigint: 'number' })).toThrow(/2\^53/);
    expect(read(number(9, 0), '5', integers)).toBe(5);
    expect(read(number(0, -127), '5', integers)).toBe('5');
  });

  it('is fetched as text: the library would make a floating-point number of it', () => {
    expect(fetched(number(9, 0))).toBe('DB_TYPE_VARCHAR');
  });
});

describe('other types', () => {
  it('are fetched as what they are, whatever the settings of the process say', () => {
    for (const type of [
      'DB_TYPE_DATE',
      'DB_TYPE_RAW',
      'DB_TYPE_BINARY_DOUBLE',
      'DB_TYPE_CLOB',
      'DB_TYPE_XMLTYPE',
    ] as const) {
      expect(fetched(column(type))).toBe(type);
    }
    expect(fetched(column('DB_TYPE_TIMESTAMP_LTZ'))).toBe('DB_TYPE_TIMESTAMP_TZ');
  });

  it('of LOBs come with their rows where there is no limit, and where they hold JSON', () => {
    expect(fetched(column('DB_TYPE_CLOB'), { lobLimit: Infinity })).toBe('DB_TYPE_VARCHAR');
    expect(fetched(column('DB_TYPE_BLOB'), { lobLimit: Infinity })).toBe('DB_TYPE_RAW');
    expect(fetched(column('DB_TYPE_CLOB', { isJson: true }))).toBe('DB_TYPE_VARCHAR');
    expect(fetched(column('DB_TYPE_BLOB', { isOson: true }))).toBe('DB_TYPE_RAW');
  });

  it('of JSON come parsed, or as text', () => {
    expect(fetched(column('DB_TYPE_JSON'))).toBe('DB_TYPE_JSON');
    expect(fetched(column('DB_TYPE_JSON'), { json: 'string' })).toBe('DB_TYPE_VARCHAR');
    const text = '{"a": [1]}';
    expect(read(column('DB_TYPE_VARCHAR', { isJson: true }), text)).toEqual({ a: [1] });
    expect(read(column('DB_TYPE_BLOB', { isJson: true }), Buffer.from(text))).toEqual({ a: [1] });
    expect(read(column('DB_TYPE_BLOB', { isJson: true }), Buffer.from(text), { json: 'string' })).toBe(text);
    const types = { ...LOSSLESS, json: 'string' } as const;
    const decodeOson = () => ({ a: 1 });
    const oson = column('DB_TYPE_BLOB', { isOson: true });
    expect(decoderOf(oson, { types, readsUtc: true, decodeOson })?.(Buffer.from('x'))).toBe('{"a":1}');
  });

  it('of intervals come as text that Oracle reads back', () => {
    const days = { days: 3, hours: 4, minutes: 5, seconds: 6, fseconds: 789_000_000 };
    const day = column('DB_TYPE_INTERVAL_DS');
    expect(read(day, days)).toBe('3 04:05:06.789');
    expect(read(day, { ...days, fseconds: 0 })).toBe('3 04:05:06');
    expect(read(day, { days: 0, hours: 0, minutes: 0, seconds: -1, fseconds: -5 })).toBe('-0 00:00:01.000000005');
    const year = column('DB_TYPE_INTERVAL_YM');
    expect(read(year, { years: 2, months: 3 })).toBe('2-03');
    expect(read(year, { years: 0, months: -3 })).toBe('-0-03');
  });

  it('of dates before year 1 are refused', () => {
    const early = new Date('0000-12-31T23:59:59Z');
    for (const type of ['DB_TYPE_DATE', 'DB_TYPE_TIMESTAMP_TZ'] as const) {
      expect(() => read(column(type), early)).toThrow(/before year 1/);
    }
    expect(read(column('DB_TYPE_DATE'), new Date('0001-01-01T00:00:00Z'))).toEqual(new Date('0001-01-01T00:00:00Z'));
  });
});

describe('columns', () => {
  it('are called as the database calls them, two of one name too', () => {
    const second = column('DB_TYPE_NUMBER', { name: 'N_1', dbColumnName: 'N' });
    expect(fieldOf(second, LOSSLESS)).toEqual({ name: 'N', type: 'NUMBER', typeId: 2010 });
  });

  it('are called in lower case where asked, but for those with letters of both', () => {
    const names = ['ID', 'COUNT(*)', 'Mixed', 'lower'].map(
      (name) => fieldOf(column('DB_TYPE_RAW', { name }), { columnNames: 'lower' }).name,
    );
    expect(names).toEqual(['id', 'count(*)', 'Mixed', 'lower']);
  });

  it('make rows of one shape; of two with one name the later one wins, and __proto__ is a name like any other', () => {
    const columns = ['A', 'A', '__proto__'].map((name) => column('DB_TYPE_VARCHAR', { name }));
    const reader = new OracleRowReader(columns, { types: LOSSLESS, readsUtc: true });
    const row = reader.toObject(['1', '2', undefined]);
    expect(Object.entries(row)).toEqual([
      ['A', '2'],
      ['__proto__', null],
    ]);
    expect(reader.toArray(['1', null, '3'])).toEqual(['1', null, '3']);
  });
});

describe('a number as text', () => {
  it('keeps its value and every digit, however Oracle writes it', () => {
    const digits = fc.stringMatching(/^(?:0|[1-9]\d{0,19})$/);
    const fraction = fc.stringMatching(/^\d{0,18}[1-9]$/);
    fc.assert(
      fc.property(fc.boolean(), digits, fc.option(fraction), (isNegative, whole, behind) => {
        const sign = isNegative ? '-' : '';
        const plain = `${sign}${whole}${behind === null ? '' : `.${behind}`}`;
        const written = plain.replace(/^(-?)0\./, '$1.');
        expect(plainDecimal(written)).toBe(plain);
        for (const point of ['.', ',']) expect(numberText(written.replace('.', point))).toBe(plain);
      }),
    );
  });

  it('has its exponent written out', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 18n }), fc.integer({ min: 0, max: 125 }), (value, exponent) => {
        const [first = '', ...rest] = String(value).replace(/0+$/, '');
        const written = `${first}.${rest.join('') || '0'}E+${rest.length + exponent}`;
        const mantissa = BigInt(first + rest.join(''));
        expect(BigInt(numberText(written))).toBe(mantissa * 10n ** BigInt(exponent));
      }),
    );
    expect(numberText('-1.5E-03')).toBe('-0.0015');
    expect(numberText('0')).toBe('0');
    expect(numberText('-~')).toBe('-~');
  });
});

describe('a bind that comes back', () => {
  const port = { types: LOSSLESS, readsUtc: false };

  it('of a number keeps its digits, as a decimal or an integer', () => {
    expect(outDecoderOf('number', port)('12345678901234567890,5')).toBe('12345678901234567890.5');
    expect(outDecoderOf('number', { ...port, types: { ...LOSSLESS, decimal: 'number' } })('.5')).toBe(0.5);
    expect(outDecoderOf('integer', port)('1.0E+40')).toBe(10n ** 40n);
    expect(outDecoderOf('binary_integer', port)(7)).toBe(7);
  });

  it('of a date is in UTC, of JSON parsed or text', () => {
    expect(outDecoderOf('date', port)(new Date(2024, 1, 29, 12, 34))).toEqual(new Date('2024-02-29T12:34:00Z'));
    expect(outDecoderOf('json', port)({ a: 1 })).toEqual({ a: 1 });
    expect(outDecoderOf('json', { ...port, types: { ...LOSSLESS, json: 'string' } })({ a: 1 })).toBe('{"a":1}');
    expect(outDecoderOf('interval year to month', port)('+02-03')).toBe('+02-03');
  });
});
