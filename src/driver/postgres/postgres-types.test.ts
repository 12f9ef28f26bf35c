import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TypeOptions } from '../query.js';
import { decodersFor, encodeValue, hexText, typeName } from './postgres-types.js';

const OID = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int4: 23,
  text: 25,
  json: 114,
  float8: 701,
  date: 1082,
  numeric: 1700,
} as const;
const ARRAY_OID = { int8: 1016, bytea: 1001, jsonb: 3807, timestamptz: 1185, numeric: 1231 } as const;
const LOSSLESS = { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' } as const;

function decode(oid: number, text: string, types: TypeOptions = {}): unknown {
  const decoder = decodersFor({ ...LOSSLESS, ...types }).get(oid);
  if (decoder === undefined) throw new Error(`no decoder for ${oid}`);
  return decoder(text);
}

const DATA_APPLIED = expect.objectContaining({
  code: 'QUERY',
  reason: 'data',
  outcome: 'applied',
  breaker: 'success',
}) as Error;
const DATA_UNSENT = expect.objectContaining({
  code: 'QUERY',
  reason: 'data',
  outcome: 'not-sent',
  breaker: 'ignore',
}) as Error;

describe('decoders', () => {
  it.each<[oid: number, text: string, value: unknown]>([
    [OID.bool, 't', true],
    [OID.bool, 'f', false],
    [OID.int4, '-2147483648', -2_147_483_648],
    [OID.int8, '9223372036854775807', 9_223_372_036_854_775_807n],
    [OID.float8, '-Infinity', -Infinity],
    [OID.float8, 'NaN', Number.NaN],
    [OID.float8, '1e-324', 0],
    [OID.numeric, '1.10', '1.10'],
    [OID.text, '{1,2}', '{1,2}'],
    [OID.json, '{"a":[1,null]}', { a: [1, null] }],
    [OID.json, 'null', null],
    [OID.date, '2024-02-29', '2024-02-29'],
    [OID.date, 'infinity', 'infinity'],
    [OID.bytea, '\\x', Buffer.alloc(0)],
    [OID.bytea, '\\x00ff', Buffer.from([0, 255])],
    [OID.bytea, 'a\\\\b\\000\\377', Buffer.from([97, 92, 98, 0, 255])],
    [ARRAY_OID.int8, '{1,NULL}', [1n, null]],
    [ARRAY_OID.bytea, '{"\\\\x00ff"}', [Buffer.from([0, 255])]],
    [ARRAY_OID.jsonb, '{"{\\"a\\": \\"x\\"}"}', [{ a: 'x' }]],
    [ARRAY_OID.timestamptz, '{"2024-02-29 12:00:00+00"}', [new Date('2024-02-29T12:00:00Z')]],
  ])('of %i read %s', (oid, text, value) => {
    expect(decode(oid, text)).toEqual(value);
  });

  it('give back any bytes, in both formats a server may use', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const buffer = Buffer.from(bytes);
        expect(decode(OID.bytea, hexText(buffer))).toEqual(buffer);
        const escaped = [...bytes].map((byte) => {
          if (byte === 92) return '\\\\';
          return byte < 32 || byte > 126 ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte);
        });
        expect(decode(OID.bytea, escaped.join(''))).toEqual(buffer);
      }),
    );
  });

  it('give 64-bit integers as asked for, and never another value', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger().map(BigInt)),
        (value) => {
          const text = String(value);
          expect(decode(OID.int8, text)).toBe(value);
          expect(decode(OID.int8, text, { bigint: 'string' })).toBe(text);
          const isSafe = value >= -(2n ** 53n) + 1n && value <= 2n ** 53n - 1n;
          if (isSafe) expect(decode(OID.int8, text, { bigint: 'number' })).toBe(Number(value));
          else expect(() => decode(OID.int8, text, { bigint: 'number' })).toThrow(DATA_APPLIED);
        },
      ),
    );
  });

  it('give dates as asked for', () => {
    expect(decode(OID.date, '2024-02-29', { date: 'Date' })).toEqual(new Date('2024-02-29T00:00:00Z'));
    expect(() => decode(OID.date, 'infinity', { date: 'Date' })).toThrow(DATA_APPLIED);
    expect(() => decode(1114, '-infinity')).toThrow(DATA_APPLIED);
  });

  it('reach with their options into arrays', () => {
    expect(decode(ARRAY_OID.numeric, '{1.50,NULL}', { decimal: 'number' })).toEqual([1.5, null]);
    expect(() => decode(ARRAY_OID.int8, '{9007199254740993}', { bigint: 'number' })).toThrow(DATA_APPLIED);
  });
});

describe("numeric with types.decimal: 'number'", () => {
  const read = (text: string) => decode(OID.numeric, text, { decimal: 'number' });

  it('gives every number that PostgreSQL prints in full and a double prints back', () => {
    const ordinary = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
    fc.assert(fc.property(ordinary, (value) => void expect(read(plain(value))).toBe(value)));
  });

  it('throws exactly when the value would change', () => {
    const digits = fc.stringMatching(/^-?[0-9]{1,25}(\.[0-9]{1,25})?$/);
    fc.assert(
      fc.property(digits, (text) => {
        const number = Number(text);
        if (sameValue(plain(number), text)) expect(read(text)).toBe(number);
        else expect(() => read(text)).toThrow(DATA_APPLIED);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['0', 0],
    ['0.00', 0],
    ['1.10', 1.1],
    ['-0012.500', -12.5],
    ['123456789012345', 123_456_789_012_345],
    ['9007199254740991', 9_007_199_254_740_991],
    ['0.1234567890123456', 0.1234567890123456],
    [`1${'0'.repeat(300)}`, 1e300],
    ['NaN', Number.NaN],
    ['Infinity', Infinity],
    ['-Infinity', -Infinity],
  ])('gives %s', (text, value) => {
    expect(read(text)).toBe(value);
  });

  it.each([
    '9007199254740993',
    '0.12345678901234567890',
    `1${'0'.repeat(400)}`,
    `0.${'0'.repeat(400)}1`,
    '1234567890123456.7',
  ])('refuses %s, and does not show it', (text) => {
    expect(() => read(text)).toThrow(DATA_APPLIED);
    expect(() => read(text)).not.toThrow(text);
  });
});

describe('typeName', () => {
  it.each([
    [20, 'int8'],
    [1016, 'int8[]'],
    [3802, 'jsonb'],
    [99_999, '99999'],
  ])('calls %i %s', (oid, name) => {
    expect(typeName(oid)).toBe(name);
  });

  it('has a decoder for every name, and none for the rest', () => {
    const decoders = decodersFor(LOSSLESS);
    for (let oid = 1; oid < 6_000; oid += 1) expect(decoders.has(oid)).toBe(typeName(oid) !== String(oid));
  });
});

describe('encodeValue', () => {
  it.each<[value: unknown, text: unknown]>([
    [null, null],
    ['text', 'text'],
    ['', ''],
    [0.1, '0.1'],
    [Number.NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    [2n ** 63n, '9223372036854775808'],
    [true, 'true'],
    [new Date('2024-02-29T12:00:00Z'), '2024-02-29T12:00:00.000+00:00'],
    [{ a: [1, null] }, '{"a":[1,null]}'],
    [{ toJSON: () => 'x' }, '"x"'],
  ])('writes a parameter (%#)', (value, text) => {
    expect(encodeValue(value)).toBe(text);
  });

  it('hands on bytes as bytes, of a view no more than the view', () => {
    const bytes = Buffer.from([1, 2, 3, 4]);
    expect(encodeValue(bytes)).toBe(bytes);
    expect(encodeValue(new Uint8Array(bytes.buffer, bytes.byteOffset + 1, 2))).toEqual(Buffer.from([2, 3]));
    expect(encodeValue(new Uint16Array([0x0201]))).toEqual(Buffer.from([1, 2]));
    expect(encodeValue(new Uint8Array([7]).buffer)).toEqual(Buffer.from([7]));
  });

  it('writes any JSON value of an object so that reading gives it back', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = encodeValue(value) as string;
        expect(JSON.stringify(decode(OID.json, text))).toBe(JSON.stringify(value));
      }),
    );
  });

  const cycle: { self?: unknown; secretName?: string } = { secretName: 'secret-marker' };
  cycle.self = cycle;
  it.each<[name: string, value: unknown]>([
    ['undefined', undefined],
    ['a function', () => 'secret-marker'],
    ['a symbol', Symbol('secret-marker')],
    ['a function in an array', [() => 'secret-marker']],
    ['an invalid Date', new Date(Number.NaN)],
    ['an invalid Date in an array', [new Date(Number.NaN)]],
    ['a bigint in JSON', { secretName: 1n }],
    ['a cycle in JSON', cycle],
    ['a JSON value that is nothing', { toJSON: () => undefined }],
  ])('refuses %s before anything is sent, and does not show it', (_, value) => {
    expect(() => encodeValue(value)).toThrow(DATA_UNSENT);
    expect(() => encodeValue(value)).toThrow(/^(?!.*secret)/);
  });
});

/** A double in full, without an exponent, as numeric prints it. */
function plain(value: number): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(value.toExponential()) ?? [];
  const digits = `${whole}${fraction}`;
  const point = Number(exponent) + 1;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return digits.length <= point
    ? `${sign}${digits.padEnd(point, '0')}`
    : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Compares as integers of the same scale: exact, unlike anything with numbers. */
function sameValue(left: string, right: string): boolean {
  const scaled = (text: string): bigint => {
    const [whole = '', fraction = ''] = text.split('.');
    return BigInt(`${whole}${fraction.padEnd(400, '0')}`);
  };
  return scaled(left) === scaled(right);
}
