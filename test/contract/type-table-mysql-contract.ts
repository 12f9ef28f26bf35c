/**
 * Every row of the table "What comes back from MySQL and MariaDB" of docs/reference/types.md on a real server, both ways: out of
 * a column that holds the literal, in as a parameter, NULL, as an object and as an array, through the text protocol and the
 * binary one. test/docs/types-reference.test.ts holds the table against the code.
 */
import type { DriverConnection, Row } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeWords, readDoc, sectionOf, tableRows } from '../docs/markdown.js';
import { ContractSessions, run } from './contract-session.js';
import type { ContractTarget } from './targets.js';

const rows = tableRows(sectionOf(readDoc('docs/reference/types.md'), 'What comes back from MySQL and MariaDB')).map(
  ([type = '', sample = '', kind = '']) =>
    [codeWords(type)[0] ?? '', codeWords(sample)[0] ?? '', codeWords(kind)[0] ?? kind] as const,
);

/** How a column of the type is declared, where its name is not enough. */
const DECLARED: Readonly<Record<string, string>> = {
  decimal: 'decimal(10, 2)',
  'decimal unsigned': 'decimal(10, 2) unsigned',
  bit: 'bit(3)',
  datetime: 'datetime(3)',
  timestamp: 'timestamp(3) null',
  time: 'time(3)',
  char: 'char(5)',
  varchar: 'varchar(20)',
  binary: 'binary(3)',
  varbinary: 'varbinary(3)',
  enum: "enum('sad', 'happy')",
  set: "set('a', 'b', 'c')",
};

/** Literals with a letter in front (`x'00ff'`, `b'101'`) are bytes and bits, and stand as they are. */
const literalOf = (sample: string): string => (/^[xb]'/.test(sample) ? sample : `'${sample}'`);

function valueOf(sample: string, kind: string): unknown {
  if (kind === 'bigint') return BigInt(sample);
  if (kind === 'number') return Number(sample);
  if (kind === 'Date') return new Date(`${sample.replace(' ', 'T')}Z`);
  if (kind === 'any JSON value') return JSON.parse(sample) as unknown;
  if (kind !== 'Buffer') return sample;
  const digits = sample.slice(2, -1);
  return sample.startsWith('x') ? Buffer.from(digits, 'hex') : Buffer.from([Number.parseInt(digits, 2)]);
}

export function mysqlTypeTableContract(target: ContractTarget): void {
  describe(`type contract, every type: ${target.name}`, () => {
    let sessions: ContractSessions;
    let connection: DriverConnection;

    beforeAll(async () => {
      sessions = new ContractSessions(target.makeDriver());
      ({ connection } = await sessions.open());
    });
    afterAll(() => sessions.closeAll());

    it('is there', () => expect(rows.length).toBeGreaterThan(20));

    it.each(rows)('%s: %s goes out and in as %s without loss, by both protocols', async (type, sample, kind) => {
      const value = valueOf(sample, kind);
      await run(connection, 'drop temporary table if exists types_row');
      await run(connection, `create temporary table types_row (id int, v ${DECLARED[type] ?? type})`);
      await run(connection, `insert into types_row values (1, ${literalOf(sample)}), (2, null)`);
      await run(connection, 'insert into types_row values (3, ?), (4, ?)', [value, null]);
      const expected = [[value], [null], [value], [null]];
      for (const [where, values] of [
        ['1 = 1', []],
        ['? = 1', [1]],
        ['? = 1', [1]],
      ] as const) {
        const text = `select v from types_row where ${where} order by id`;
        const { rows: found, fields } = await run(connection, text, values);
        expect(found).toEqual(expected);
        expect(fields.map((field) => field.type)).toEqual([type]);
        const asObject = await connection.execute({ text, values, rowMode: 'object' });
        expect(asObject.rows.map((row) => Object.values(row as Row))).toEqual(expected);
      }
      await run(connection, 'drop temporary table types_row');
    });
  });
}
