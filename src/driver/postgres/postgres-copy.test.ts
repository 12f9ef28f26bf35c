/** COPY's text: what the server would read from a line is what a parameter would have said. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readInsertPlan } from '../../sql/insert-plan.js';
import { copyLine, copyStatement, rowOfCopyError } from './postgres-copy.js';
import { encodeValue } from './postgres-types.js';

/** The server's reading of one line, written from the manual: split at tabs, then undo the backslashes. */
function readLine(line: string): (string | null)[] {
  expect(line.endsWith('\n')).toBe(true);
  const body = line.slice(0, -1);
  expect(body).not.toMatch(/[\n\r]/);
  return body.split('\t').map((field) => {
    if (field === '\\N') return null;
    return field.replace(/\\(.)/g, (_, mark: string) => ({ t: '\t', n: '\n', r: '\r' })[mark] ?? mark);
  });
}

const asParameter = (value: unknown): string | null => {
  const encoded = encodeValue(value);
  return Buffer.isBuffer(encoded) ? `\\x${encoded.toString('hex')}` : encoded;
};

const anyText = fc.oneof(
  fc.string(),
  fc
    .array(fc.constantFrom('\\', '\t', '\n', '\r', 'N', '.', '\\N', '\\.', '"', '{', '🙂'))
    .map((parts) => parts.join('')),
);
const anyValue = fc.oneof(
  anyText,
  fc.constant(null),
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.array(fc.oneof(anyText, fc.integer(), fc.constant(null))),
  fc.dictionary(anyText, anyText),
);

describe('a line of COPY', () => {
  it('says what the parameters would have said, in the order of the columns', () => {
    fc.assert(
      fc.property(fc.array(anyValue, { minLength: 1, maxLength: 8 }), (values) => {
        const order = values.map((_, index) => values.length - 1 - index);
        expect(readLine(copyLine(values, order))).toEqual(order.map((index) => asParameter(values[index])));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([[undefined], [() => 1], [Symbol('x')], [new Date(Number.NaN)], [{ big: 1n }], [new Map()]])(
    'refuses what a parameter may not be (%#)',
    (value) => {
      expect(() => copyLine([1, value], [0, 1])).toThrow(expect.objectContaining({ code: 'QUERY', reason: 'data' }));
    },
  );
});

describe('the statement of COPY', () => {
  it('names table and columns as they were written', () => {
    const plan = readInsertPlan('postgres', 'insert into s."T" ("A", b) values ($2, $1)');
    expect(plan && copyStatement(plan)).toBe('copy s."T" ("A", b) from stdin');
  });
});

describe('the row of an error', () => {
  const plan = { table: 's.t5', name: 't5', columns: ['a'], order: [0] };
  it.each<[where: unknown, row: number | undefined]>([
    ['COPY t5, line 17, column a: "4711"', 16],
    ['COPY t5, line 1', 0],
    ['COPY t5, Zeile 3, Spalte a: »9«', 2],
    ['PL/pgSQL function check_row() line 9 at RAISE\nCOPY t5, line 12: "x\ty"', 11],
    ['COPY t5, line 4, column a: "x\nCOPY t5, line 99"', 3],
    ['SQL statement "SELECT 1 FROM ONLY public.countries x"', undefined],
    ['COPY other, line 3', undefined],
    ['COPY t5', undefined],
    [undefined, undefined],
  ])('of %j is %j', (where, row) => {
    expect(rowOfCopyError({ where }, plan)).toBe(row);
  });

  it('is not known where the name of the table is not', () => {
    expect(rowOfCopyError({ where: 'COPY t5, line 1' }, { ...plan, name: undefined })).toBeUndefined();
    expect(rowOfCopyError(undefined, plan)).toBeUndefined();
  });
});
