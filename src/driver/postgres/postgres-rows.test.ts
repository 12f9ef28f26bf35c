import { describe, expect, it } from 'vitest';
import { RowReader } from './postgres-rows.js';
import { decodersFor } from './postgres-types.js';

const decoders = decodersFor({ bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' });
const column = (name: string, dataTypeID = 25) => ({ name, dataTypeID });

describe('rows off the wire', () => {
  it('are plain objects with the columns in their order, and arrays', () => {
    const reader = new RowReader([column('b', 23), column('a', 20), column('n')], decoders);
    const row = reader.toObject(['1', '2', null]);
    expect(row).toEqual({ b: 1, a: 2n, n: null });
    expect(Object.keys(row)).toEqual(['b', 'a', 'n']);
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    expect(reader.toArray(['1', '2', null])).toEqual([1, 2n, null]);
  });

  it('are objects of their own', () => {
    const reader = new RowReader([column('a')], decoders);
    const [one, other] = [reader.toObject(['x']), reader.toObject(['y'])];
    expect([one, other]).toEqual([{ a: 'x' }, { a: 'y' }]);
  });

  it('keep the later of two columns with one name, and both in an array', () => {
    const reader = new RowReader([column('n', 23), column('n', 23)], decoders);
    expect(reader.toObject(['1', '2'])).toEqual({ n: 2 });
    expect(reader.toArray(['1', '2'])).toEqual([1, 2]);
  });

  it('hold a column called __proto__ as a property, and leave the prototype alone', () => {
    const reader = new RowReader([column('__proto__', 3802), column('a')], decoders);
    const row = reader.toObject(['{"isAdmin": true}', 'x']);
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    expect((row as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect(Object.entries(row)).toEqual([
      ['__proto__', { isAdmin: true }],
      ['a', 'x'],
    ]);
  });

  it('hold what has no entry in the table of types as the text the server wrote', () => {
    expect(new RowReader([column('mood', 99_999)], decoders).toObject(['happy'])).toEqual({ mood: 'happy' });
  });
});
