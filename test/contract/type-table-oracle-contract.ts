/**
 * The rows of the table "What comes back from Oracle" of docs/reference/types.md whose types a column of a table can have here, both ways:
 * out of a column that holds the literal, in as a parameter, NULL, as an object and as an array. What the wire server does not have
 * is named below.
 */
import type { DriverConnection, Row } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeWords, readDoc, sectionOf, tableRows } from '../docs/markdown.js';
import { ContractSessions, run } from './contract-session.js';
import type { ContractTarget } from './targets.js';
import type { OracleFacts } from './words-oracle.js';

// A second table says what goes in.
const [SECTION = ''] = sectionOf(readDoc('docs/reference/types.md'), 'What comes back from Oracle').split(
  '\nWhat goes in',
);
const TABLE = tableRows(SECTION);
const rows = TABLE.map(([type = '']) => codeWords(type)[0] ?? '');

/** How a column of the type is declared, a literal for it, what comes back, and how it is bound where that is not the same. */
interface TypeRow {
  readonly declared: string;
  readonly literal: string;
  readonly value: unknown;
}

const moment = new Date('2024-02-29T12:34:56.789Z');

const SAMPLES: Readonly<Record<string, readonly TypeRow[]>> = {
  NUMBER: [
    { declared: 'number(9)', literal: '123456789', value: 123_456_789 },
    { declared: 'number(18)', literal: '123456789012345678', value: 123_456_789_012_345_678n },
    { declared: 'number(9, 2)', literal: '1.10', value: '1.1' },
    { declared: 'number', literal: '.5', value: '0.5' },
  ],
  BINARY_FLOAT: [{ declared: 'binary_float', literal: '0.5', value: 0.5 }],
  BINARY_DOUBLE: [{ declared: 'binary_double', literal: '0.1', value: 0.1 }],
  VARCHAR2: [{ declared: 'varchar2(20)', literal: "'any text'", value: 'any text' }],
  NVARCHAR2: [{ declared: 'nvarchar2(20)', literal: "'any text'", value: 'any text' }],
  CHAR: [{ declared: 'char(5)', literal: "'ab'", value: 'ab   ' }],
  NCHAR: [{ declared: 'nchar(5)', literal: "'ab'", value: 'ab   ' }],
  CLOB: [{ declared: 'clob', literal: "'any text'", value: 'any text' }],
  RAW: [{ declared: 'raw(20)', literal: "hextoraw('00FF')", value: Buffer.from([0, 255]) }],
  BLOB: [{ declared: 'blob', literal: "hextoraw('00FF')", value: Buffer.from([0, 255]) }],
  DATE: [
    {
      declared: 'date',
      literal: "to_date('2024-02-29 12:34:56', 'YYYY-MM-DD HH24:MI:SS')",
      value: new Date('2024-02-29T12:34:56Z'),
    },
  ],
  TIMESTAMP: [{ declared: 'timestamp(3)', literal: "timestamp '2024-02-29 12:34:56.789'", value: moment }],
  'TIMESTAMP WITH TIME ZONE': [
    {
      declared: 'timestamp(3) with time zone',
      literal: "timestamp '2024-02-29 14:34:56.789 +02:00'",
      value: moment,
    },
  ],
  'TIMESTAMP WITH LOCAL TIME ZONE': [
    {
      declared: 'timestamp(3) with local time zone',
      literal: "timestamp '2024-02-29 12:34:56.789'",
      value: moment,
    },
  ],
  'INTERVAL DAY TO SECOND': [
    {
      declared: 'interval day to second(3)',
      literal: "interval '3 04:05:06.789' day to second(3)",
      value: '3 04:05:06.789',
    },
  ],
  'INTERVAL YEAR TO MONTH': [
    { declared: 'interval year to month', literal: "interval '-2-3' year to month", value: '-2-03' },
  ],
  BOOLEAN: [{ declared: 'boolean', literal: 'true', value: true }],
  JSON: [{ declared: 'json', literal: `json('{"a":[1]}')`, value: { a: [1] } }],
};

/** Checked by test/integration/oracle-values.test.ts on scripted answers: the wire server has no column of these. */
const SCRIPTED = new Set(['LONG', 'LONG RAW', 'NCLOB', 'VECTOR', 'ROWID', 'UROWID', 'XMLTYPE']);

/** Where SQL has no BOOLEAN, no column has. */
export function oracleTypeTableContract(target: ContractTarget, { hasSqlBoolean }: OracleFacts): void {
  const samples = Object.entries(SAMPLES).filter(([type]) => hasSqlBoolean || type !== 'BOOLEAN');
  describe(`type contract, every type: ${target.name}`, () => {
    let sessions: ContractSessions;
    let connection: DriverConnection;

    beforeAll(async () => {
      sessions = new ContractSessions(target.makeDriver());
      ({ connection } = await sessions.open());
    });
    afterAll(() => sessions.closeAll());

    it('is there, with a sample for every type that a column has here', () => {
      expect([...new Set(rows)].filter((type) => SAMPLES[type] === undefined && !SCRIPTED.has(type))).toEqual([]);
      expect(Object.keys(SAMPLES).filter((type) => !rows.includes(type))).toEqual([]);
    });

    it.each(samples.flatMap(([type, ofType]) => ofType.map((sample) => [type, sample.declared, sample] as const)))(
      '%s: %s goes out and in without loss',
      async (type, _declared, { declared, literal, value }) => {
        await run(connection, 'drop table if exists types_row');
        await run(connection, `create table types_row (id number(9), v ${declared})`);
        await run(connection, `insert into types_row values (1, ${literal}), (2, null)`);
        await run(connection, 'insert into types_row values (3, :1)', [value]);
        await run(connection, 'insert into types_row values (4, :1)', [null]);
        const expected = [[value], [null], [value], [null]];
        for (const [where, values] of [
          ['1 = 1', []],
          [':1 = 1', [1]],
          [':1 = 1', [1]],
        ] as const) {
          const text = `select v from types_row where ${where} order by id`;
          const { rows: found, fields } = await run(connection, text, values);
          expect(found).toEqual(expected);
          expect(fields.map((field) => field.type)).toEqual([type]);
          const asObject = await connection.execute({ text, values, rowMode: 'object' });
          expect(asObject.rows.map((row) => Object.values(row as Row))).toEqual(expected);
        }
        await run(connection, 'drop table types_row');
      },
    );
  });
}
