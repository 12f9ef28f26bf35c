import { describe, expect, it } from 'vitest';
import type { OracleMetadata } from './oracle-module.js';
import { DEFAULT_ORACLE_TYPES } from './oracle-port.js';
import { OracleReaders } from './oracle-readers.js';
import { ORACLE_TYPES } from './oracle-types.js';

const types = { ...DEFAULT_ORACLE_TYPES, bigint: 'bigint', decimal: 'string', date: 'Date', json: 'parsed' } as const;
const NUMBER = { num: ORACLE_TYPES.number, columnTypeName: 'NUMBER' } as OracleMetadata['dbType'];
const TEXT = { num: ORACLE_TYPES.varchar, columnTypeName: 'VARCHAR2' } as OracleMetadata['dbType'];

/** A copy each time, as the library makes them. */
const column = (more: Partial<OracleMetadata> = {}): OracleMetadata => {
  return { name: 'N', dbColumnName: 'N', dbType: NUMBER, dbTypeName: 'NUMBER', precision: 9, scale: 0, ...more };
};

function makeReaders(): OracleReaders {
  return new OracleReaders({ types, readsUtc: true });
}

describe('the readers of statements that have run before', () => {
  it('are used again for the same text and the same columns', () => {
    const readers = makeReaders();
    const first = readers.readerOf('select n from t', [column()]);
    expect(readers.readerOf('select n from t', [column()])).toBe(first);
  });

  it.each<[string, Partial<OracleMetadata>]>([
    ['name', { name: 'N_1' }],
    ['name in the database', { dbColumnName: 'M' }],
    ['type', { dbType: TEXT }],
    ['precision', { precision: 19 }],
    ['scale', { scale: 2 }],
    ['being JSON', { isJson: true }],
    ['being stored as OSON', { isOson: true }],
  ])('are not used for a column with another %s', (_what, change) => {
    const readers = makeReaders();
    const first = readers.readerOf('select n from t', [column()]);
    expect(readers.readerOf('select n from t', [column(change)])).not.toBe(first);
  });

  it('are not used where there are more columns, or fewer', () => {
    const readers = makeReaders();
    const one = readers.readerOf('select * from t', [column()]);
    const two = readers.readerOf('select * from t', [column(), column({ name: 'M', dbColumnName: 'M' })]);
    expect(two).not.toBe(one);
    expect(two.fields).toHaveLength(2);
    expect(readers.readerOf('select * from t', [column()]).fields).toHaveLength(1);
  });

  it('read a column by what it is now', () => {
    const readers = makeReaders();
    expect(readers.readerOf('select n from t', [column()]).read(['7'], 'array')).toEqual([7]);
    expect(readers.readerOf('select n from t', [column({ scale: 2 })]).read(['7'], 'array')).toEqual(['7']);
  });

  it('are not kept for ever', () => {
    const readers = makeReaders();
    const first = readers.readerOf('select 0 from t', [column()]);
    for (let n = 1; n <= 200; n += 1) readers.readerOf(`select ${n} from t`, [column()]);
    expect(readers.readerOf('select 0 from t', [column()])).not.toBe(first);
  });
});

describe('whether a statement has small results', () => {
  it('is what its last result was', () => {
    const readers = makeReaders();
    expect(readers.isSmall('select n from t')).toBe(false);
    readers.note('select n from t', 200);
    expect(readers.isSmall('select n from t')).toBe(true);
    readers.note('select n from t', 201);
    expect(readers.isSmall('select n from t')).toBe(false);
  });
});
