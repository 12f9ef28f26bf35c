import { describe, expect, it } from 'vitest';
import { BINARY_COLLATION, MYSQL_TYPES } from '../mysql-server/mysql-types.js';
import type { Mysql2Field } from './mysql-module.js';
import type { Protocol } from './mysql-readers.js';
import { ReaderMemory } from './mysql-readers.js';

const types = { bigint: 'number', decimal: 'string', date: 'string', json: 'parsed', zeroDates: 'null' } as const;
const UTF8MB4 = 45;

/** A copy each time, as mysql2 makes them. */
const field = (more: Partial<Mysql2Field> = {}): Mysql2Field => ({
  name: 'n',
  columnType: MYSQL_TYPES.longlong,
  characterSet: BINARY_COLLATION,
  encoding: 'binary',
  flags: 0,
  decimals: 0,
  extendedFormat: undefined,
  ...more,
});

function makeMemory(protocol: Protocol = 'binary') {
  const memory = new ReaderMemory();
  return (...fields: readonly Mysql2Field[]) => memory.readerOf(fields, protocol, types);
}

describe('the reader of a statement that has run before', () => {
  it('is used again for the same columns', () => {
    const readerOf = makeMemory();
    expect(readerOf(field())).toBe(readerOf(field()));
  });

  it.each<[string, Partial<Mysql2Field>]>([
    ['name', { name: 'm' }],
    ['type', { columnType: MYSQL_TYPES.newdecimal }],
    ['flag', { flags: 32 }],
    ['collation', { characterSet: UTF8MB4 }],
    ['number of decimals', { decimals: 2 }],
    ['format', { extendedFormat: 'json' }],
  ])('is not used for a column with another %s', (_what, change) => {
    const readerOf = makeMemory();
    expect(readerOf(field(change))).not.toBe(readerOf(field()));
  });

  it('is not used where there are more columns, or fewer', () => {
    const readerOf = makeMemory();
    expect(readerOf(field(), field({ name: 'm' })).fields).toHaveLength(2);
    expect(readerOf(field()).fields).toHaveLength(1);
    expect(readerOf(field(), field({ name: 'm' })).fields.map(({ name }) => name)).toEqual(['n', 'm']);
  });

  it('reads a column by what it is now, after `alter table`', () => {
    const readerOf = makeMemory();
    expect(readerOf(field()).toObject(['7'])).toEqual({ n: 7 });
    expect(readerOf(field({ columnType: MYSQL_TYPES.newdecimal })).toObject(['7.50'])).toEqual({ n: '7.50' });
    expect(readerOf(field()).toObject(['7'])).toEqual({ n: 7 });
  });

  it('is known by what the server says of a column, and mysql2 is told each time how to parse it', () => {
    const readerOf = makeMemory('text');
    const double = () => field({ columnType: MYSQL_TYPES.double });
    const point = () => field({ columnType: MYSQL_TYPES.geometry, characterSet: UTF8MB4 });
    const [first, second] = [
      [double(), point()],
      [double(), point()],
    ] as const;
    expect(readerOf(...first)).toBe(readerOf(...second));
    for (const fields of [first, second]) {
      expect(fields).toMatchObject([
        { columnType: MYSQL_TYPES.varString, encoding: 'latin1', name: '' },
        { columnType: MYSQL_TYPES.blob, characterSet: BINARY_COLLATION, name: '' },
      ]);
    }
  });
});
