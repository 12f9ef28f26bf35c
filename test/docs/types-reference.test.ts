/** The tables of docs/reference/types.md list every type the code knows, with what the code really makes of it. */
import { describe, expect, it } from 'vitest';
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

function kindOf(value: unknown): string {
  if (Buffer.isBuffer(value)) return 'Buffer';
  return value instanceof Date ? 'Date' : typeof value;
}
