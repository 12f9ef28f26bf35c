/** The tables of docs/reference/types.md list every type the code knows, with what the code really makes of it. */
import { describe, expect, it } from 'vitest';
import oracledb from 'oracledb';
import { ORACLE_TYPES, numberDecoder } from '../../src/driver/oracle/oracle-types.js';
import { DEFAULT_ORACLE_TYPES } from '../../src/driver/oracle/oracle-port.js';
import { decodersFor, typeName } from '../../src/driver/postgres/postgres-types.js';
import { MYSQL_TYPES, typeNameOf } from '../../src/driver/mysql-server/mysql-types.js';
import { codeWords, readDoc, sectionOf, tableRows } from './markdown.js';

const document = readDoc('docs/reference/types.md');
const rows = tableRows(sectionOf(document, 'What comes back')).map(
  ([type = '', sample = '', result = '']) => [codeWords(type)[0] ?? '', codeWords(sample)[0] ?? '', result] as const,
);
const decoders = decodersFor({ bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' });
const oids = new Map([...decoders.keys()].map((oid) => [typeName(oid), oid]));

describe('the table of types', () => {
  it('names every type of the code and no other', () => {
    const types = [...oids.keys()].filter((name) => !name.endsWith('[]'));
    expect(rows.map(([type]) => type).sort()).toEqual(types.sort());
  });

  it.each(rows)('%s: %s comes back as %s', (type, sample, result) => {
    const value = decoders.get(oids.get(type) ?? 0)?.(sample);
    expect(result === 'any JSON value' ? value : `\`${kindOf(value)}\``).toEqual(
      result === 'any JSON value' ? JSON.parse(sample) : result,
    );
  });
});

describe('the table of MySQL and MariaDB', () => {
  it('names every type of the code', () => {
    const named = new Set(
      tableRows(sectionOf(document, 'What comes back from MySQL and MariaDB')).map(([type = '']) => codeWords(type)[0]),
    );
    // 63 is the collation of bytes, 255 one of text.
    const types = Object.values(MYSQL_TYPES).flatMap((type) =>
      [63, 255].map((collation) => typeNameOf({ name: 'v', type, flags: 0, collation, decimals: 0 })),
    );
    expect(types.filter((type) => !named.has(type) && !['geometry', 'null', 'vector'].includes(type))).toEqual([]);
  });
});

describe('the table of Oracle', () => {
  const named = tableRows(sectionOf(document, 'What comes back from Oracle')).map(
    ([type = '', sample = '', result = '']) => ({
      type: codeWords(type)[0] ?? '',
      samples: codeWords(sample),
      result: codeWords(result)[0],
    }),
  );

  it('names every type that a column can have', () => {
    const numbers = new Set<number>(Object.values(ORACLE_TYPES));
    const types = Object.values(oracledb as Record<string, { num?: number; columnTypeName?: string }>)
      .filter((type) => type?.num !== undefined && numbers.has(type.num))
      .map(({ columnTypeName }) => columnTypeName ?? '');
    const known = new Set(named.map(({ type }) => type));
    // Of PL/SQL only, read by objects of their own, or passed through as the library has them.
    const others = ['BINARY_INTEGER', 'CURSOR', 'OBJECT', 'BFILE'];
    expect([...new Set(types)].filter((type) => !known.has(type) && !others.includes(type))).toEqual([]);
  });

  it.each(named.filter(({ type }) => type === 'NUMBER'))('$samples.0 comes back as $result', ({ samples, result }) => {
    const [declared = '', value = ''] = samples.slice(0, 1).concat(samples.slice(-1));
    const [, precision = '0', scale] = /^number(?:\((\d+)(?:, (\d+))?\))?$/.exec(declared) ?? [];
    const metadata = { precision: Number(precision), scale: precision === '0' ? -127 : Number(scale ?? 0) };
    const types = {
      bigint: 'bigint',
      decimal: 'string',
      date: 'string',
      json: 'parsed',
      ...DEFAULT_ORACLE_TYPES,
    } as const;
    expect(kindOf(numberDecoder(metadata, types)(value))).toBe(result);
  });
});

function kindOf(value: unknown): string {
  if (Buffer.isBuffer(value)) return 'Buffer';
  return value instanceof Date ? 'Date' : typeof value;
}
