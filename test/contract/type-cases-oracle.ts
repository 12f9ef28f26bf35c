/** Oracle's values for type-contract.ts. Texts become values by functions that name their format: casts go by the session's. */
import type { TypeCases } from './type-cases.js';
import type { OracleFacts } from './words-oracle.js';

const MOMENT = 'YYYY-MM-DD HH24:MI:SS';

/** How the first parameter, a text, becomes a value; a cast where nothing is said. */
const FROM_TEXT: Readonly<Record<string, string>> = {
  date: `to_date(:1, '${MOMENT}')`,
  'timestamp(3)': `to_timestamp(:1, '${MOMENT}.FF3')`,
  'timestamp with time zone': `to_timestamp_tz(:1, '${MOMENT}.FF3 TZH:TZM')`,
  'raw(10)': 'hextoraw(:1)',
  clob: 'to_clob(:1)',
  blob: 'to_blob(hextoraw(:1))',
  json: 'json(:1)',
  'interval day to second': 'to_dsinterval(:1)',
  'interval year to month': 'to_yminterval(:1)',
};

/** How a value is written. */
const TO_TEXT: Readonly<Record<string, string>> = {
  number: 'to_char(:1)',
  'timestamp(3)': `to_char(cast(:1 as timestamp(3)), '${MOMENT}.FF3')`,
  date: `to_char(cast(:1 as date), '${MOMENT}')`,
  raw: 'rawtohex(:1)',
  json: 'json_serialize(json(:1))',
  text: 'cast(:1 as varchar2(4000))',
};

export const oracleTypes = ({ hasSqlBoolean }: OracleFacts): TypeCases => ({
  out: [
    ['number(9)', '123456789', 123_456_789],
    ['number(15)', '-999999999999999', -999_999_999_999_999],
    ['number(19)', '9223372036854775807', 9_223_372_036_854_775_807n],
    ['number(19)', '1', 1n],
    ['number(38, 18)', '12345678901234567890.123456789012345678', '12345678901234567890.123456789012345678'],
    // Oracle keeps no zeros at the end.
    ['number(10, 2)', '1.10', '1.1'],
    ['number', '.5', '0.5'],
    ['binary_double', '0.1', 0.1],
    ['binary_float', '1.5', 1.5],
    ['varchar2(100)', 'Zürich ✓ 🚆', 'Zürich ✓ 🚆'],
    ['nvarchar2(100)', 'Zürich ✓ 🚆', 'Zürich ✓ 🚆'],
    ['char(5)', 'ab', 'ab   '],
    ['clob', 'Zürich ✓ 🚆', 'Zürich ✓ 🚆'],
    ['raw(10)', '00FF10', Buffer.from([0, 255, 16])],
    ['blob', '00FF10', Buffer.from([0, 255, 16])],
    ['json', '{"a": [1, null, "x"]}', { a: [1, null, 'x'] }],
    ['json', '"text"', 'text'],
    ['json', 'null', null],
    ['date', '2024-02-29 12:34:56', new Date('2024-02-29T12:34:56Z')],
    ['timestamp(3)', '2024-02-29 12:34:56.789', new Date('2024-02-29T12:34:56.789Z')],
    ['timestamp with time zone', '2024-02-29 12:34:56.789 +02:00', new Date('2024-02-29T10:34:56.789Z')],
    ['interval day to second', '3 04:05:06.789', '3 04:05:06.789'],
    ['interval year to month', '-2-03', '-2-03'],
    ['boolean', 'true', true],
  ],
  outText: (type) =>
    `select ${FROM_TEXT[type] ?? `cast(:1 as ${type})`}, ${type === 'json' ? 'null' : `cast(null as ${type})`}`,
  into: [
    [true, 'text', hasSqlBoolean ? 'TRUE' : '1'],
    [42, 'number', '42'],
    [9_223_372_036_854_775_807n, 'number', '9223372036854775807'],
    [0.1, 'number', '.1'],
    ['1.10', 'number', '1.10'],
    [new Date('2024-02-29T12:34:56.789Z'), 'timestamp(3)', '2024-02-29 12:34:56.789'],
    [new Date('2024-02-29T12:34:56Z'), 'date', '2024-02-29 12:34:56'],
    [Buffer.from([0, 255]), 'raw', '00FF'],
    [{ a: 1 }, 'json', '{"a":1}'],
    [[1, 'x', null], 'json', '[1,"x",null]'],
  ],
  inText: (type) => `select ${TO_TEXT[type] ?? ''}`,
  noDate: { before: [], text: "select date '-4712-01-01'", after: [] },
  zoned: {
    set: "alter session set time_zone = '-05:00'",
    back: "alter session set time_zone = '+00:00'",
    text: 'select cast(:1 as timestamp(3)), cast(:2 as date), cast(:3 as varchar2(10))',
  },
  offset: { text: 'select cast(extract(timezone_hour from current_timestamp) as number(9))', none: 0 },
  now: 'select current_timestamp, localtimestamp, cast(current_timestamp as timestamp)',
  chosen: {
    text: "select cast(5 as number(19)), cast(1.5 as number(5, 1)), date '2024-02-29'",
    row: [5, 1.5, new Date('2024-02-29T00:00:00Z')],
    refused: ['select cast(9007199254740993 as number(19))', 'select 12345678901234567890.5'],
  },
});
