import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseArrayText } from './postgres-arrays.js';
import { encodeValue } from './postgres-types.js';

const asText = (text: string): string => text;
const parse = (text: string) => parseArrayText(text, asText);

type Nested = string | null | readonly Nested[];

/** As PostgreSQL prints an array (array_out): quotes only where something would be misread otherwise. */
function print(array: readonly Nested[]): string {
  const parts = array.map((element) => {
    if (element === null) return 'NULL';
    if (typeof element !== 'string') return print(element);
    const isBare = element !== '' && !/["\\{},\s]/.test(element) && !/^null$/i.test(element);
    return isBare ? element : `"${element.replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${parts.join(',')}}`;
}

const trickyText = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'"\\{},NULnul \n[]=:;a') }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('NULL', 'null', '', '"', '\\', '{}', ',', ' ', '[0:1]={1}'),
);
const element = fc.option(trickyText, { nil: null });
const nested: fc.Arbitrary<Nested[]> = fc.oneof(
  fc.array(element),
  fc.array(fc.array(element, { minLength: 1 }), { minLength: 1 }),
  fc.array(fc.array(fc.array(element, { minLength: 1 }), { minLength: 1 }), { minLength: 1 }),
);

describe('parseArrayText', () => {
  it('reads whatever PostgreSQL prints, nested as deeply as it is', () => {
    fc.assert(fc.property(nested, (array) => void expect(parse(print(array))).toEqual(array)));
  });

  it('reads what encodeValue writes', () => {
    fc.assert(fc.property(nested, (array) => void expect(parse(encodeValue(array) as string)).toEqual(array)));
  });

  it.each([
    ['{}', []],
    ['{1,2}', ['1', '2']],
    ['{NULL,"NULL","null",null}', [null, 'NULL', 'null', 'null']],
    ['{""}', ['']],
    ['{"a \\"b\\"","\\\\"}', ['a "b"', '\\']],
    [
      '{{1,2},{3,NULL}}',
      [
        ['1', '2'],
        ['3', null],
      ],
    ],
    ['[0:1]={1,2}', ['1', '2']],
    ['[-2:-1][5:5]={{1},{2}}', [['1'], ['2']]],
    ['{"=",[}', ['=', '[']],
  ])('reads %s', (text, array) => {
    expect(parse(text)).toEqual(array);
  });

  it('decodes each element by itself, and no NULL', () => {
    expect(parseArrayText('{1,NULL,{2}}', Number)).toEqual([1, null, [2]]);
  });

  it('passes on what the decoder throws', () => {
    const decode = (): never => {
      throw new RangeError('does not fit');
    };
    expect(() => parseArrayText('{1}', decode)).toThrow('does not fit');
  });
});

describe('encodeValue of arrays', () => {
  it.each([
    [[], '{}'],
    [[1, 2n, true], '{"1","2","true"}'],
    [['a"b', 'c\\d'], '{"a\\"b","c\\\\d"}'],
    [['NULL', null, undefined], '{"NULL",NULL,NULL}'],
    [[[1], [null]], '{{"1"},{NULL}}'],
    [[Buffer.from([0, 255])], '{"\\\\x00ff"}'],
    [[new Date(0)], '{"1970-01-01T00:00:00.000+00:00"}'],
    [[{ a: '"' }], '{"{\\"a\\":\\"\\\\\\"\\"}"}'],
    [[1, , 3], '{"1",NULL,"3"}'],
  ])('writes an array of its own kind (%#)', (array, text) => {
    expect(encodeValue(array)).toBe(text);
  });
});
