/** The values of MySQL and MariaDB for type-contract.ts. Types of expressions are few in both: columns have them. */
import type { TypeCases } from './type-cases.js';
import type { MysqlServerFacts } from './words-mysql.js';
import { bigintOf } from './words-mysql.js';

export function mysqlTypes({ isMariaDb }: MysqlServerFacts): TypeCases {
  const json = isMariaDb ? 'json_compact(?)' : 'cast(? as json)';
  const as = (type: string, value: string): string => {
    if (type === 'json') return json;
    return type === 'signed' ? bigintOf(value) : `cast(${value} as ${type})`;
  };
  return {
    out: [
      ['signed', '9223372036854775807', 9_223_372_036_854_775_807n],
      ['signed', '1', 1n],
      ['double', '0.1', 0.1],
      ['float', '1.5', 1.5],
      [
        'decimal(50, 30)',
        '12345678901234567890.123456789012345678901234567891',
        '12345678901234567890.123456789012345678901234567891',
      ],
      ['decimal(10, 2)', '1.10', '1.10'],
      ['char', 'Zürich ✓ 🚆', 'Zürich ✓ 🚆'],
      ['binary(3)', 'ab', Buffer.from([97, 98, 0])],
      ['json', '{"a": [1, null, "x"]}', { a: [1, null, 'x'] }],
      ['json', '"text"', 'text'],
      ['json', 'null', null],
      ['date', '2024-02-29', '2024-02-29'],
      ['time(3)', '-12:34:56.780', '-12:34:56.780'],
      ['time', '838:59:59', '838:59:59'],
      ['datetime(3)', '2024-02-29 12:34:56.789', new Date('2024-02-29T12:34:56.789Z')],
      ['datetime', '0044-03-15 00:00:00', new Date('0044-03-15T00:00:00Z')],
      ['datetime(6)', '9999-12-31 23:59:59.999999', new Date('9999-12-31T23:59:59.999Z')],
    ],
    outText: (type) => `select ${as(type, '?')}, ${type === 'json' ? 'null' : as(type, 'null')}`,
    into: [
      [true, 'signed', '1'],
      [42, 'signed', '42'],
      [9_223_372_036_854_775_807n, 'signed', '9223372036854775807'],
      [0.1, 'double', '0.1'],
      ['1.10', 'decimal(10, 2)', '1.10'],
      [new Date('2024-02-29T12:34:56.789Z'), 'datetime(3)', '2024-02-29 12:34:56.789'],
      [Buffer.from([0, 255]), 'binary', '00FF'],
      [new Uint8Array([1, 2]), 'binary', '0102'],
      [{ a: 1 }, 'json', isMariaDb ? '{"a":1}' : '{"a": 1}'],
      [[1, 'x', null], 'json', isMariaDb ? '[1,"x",null]' : '[1, "x", null]'],
      ['2024-02-29', 'date', '2024-02-29'],
    ],
    inText: (type) => (type === 'binary' ? 'select hex(?)' : `select cast(${as(type, '?')} as char)`),
    noDate: {
      before: ["set session sql_mode = ''"],
      text: "select cast('2024-00-10' as datetime)",
      after: ['set session sql_mode = default'],
    },
    // A TIMESTAMP is written in the session's time zone, and the protocol has none: only UTC reads it right.
    zoned: {
      set: "set time_zone = '-05:00'",
      back: "set time_zone = '+00:00'",
      text: 'select cast(? as datetime(3)), cast(? as datetime), cast(? as date)',
    },
    offset: { text: 'select cast(timestampdiff(second, utc_timestamp(), now()) as double)', none: 0 },
    now: 'select now(), localtimestamp, utc_timestamp()',
    chosen: {
      text: "select cast(5 as signed), cast(1.5 as decimal(10, 1)), cast('2024-02-29' as date)",
      row: [5, 1.5, new Date('2024-02-29T00:00:00Z')],
      refused: ['select 9007199254740993', 'select 12345678901234567890.5'],
    },
  };
}
