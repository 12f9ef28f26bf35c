/**
 * The words of MySQL and of MariaDB for the contract. They are one dialect; where the two servers differ, `isMariaDb` tells
 * which. A number that comes back as a `number` is a DOUBLE: what they call an integer in an expression is a BIGINT in the
 * one, and an INT in the other.
 */
import { expect } from 'vitest';
import type { Repeated, Trace, Words } from './words.js';
import { showBy } from './words.js';

const SQL_TYPES = { int: 'double', bigint: 'signed', text: 'char' } as const;

/** MariaDB makes an INT of what is small enough, unless it stands beside what is not. */
export const bigintOf = (expression: string): string => `least(cast(${expression} as signed), 9223372036854775807)`;
const DIGITS = `(select 0 as d union all select 1 union all select 2 union all select 3 union all select 4 union all select 5
  union all select 6 union all select 7 union all select 8 union all select 9)`;

/** A recursive query ends after 1,000 rows in both, in MariaDB without a word: a table has the numbers instead. */
const SETUP = [
  'create table if not exists contract_numbers (i int primary key)',
  `insert into contract_numbers select 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d
     from ${DIGITS} a, ${DIGITS} b, ${DIGITS} c, ${DIGITS} e, ${DIGITS} f
     where not exists (select 1 from contract_numbers n where n.i = 1)`,
];

const traces = ({ isMariaDb }: MysqlServerFacts): readonly Trace[] => [
  {
    leave: 'set session group_concat_max_len = 4321',
    look: 'select cast(@@group_concat_max_len as double)',
    left: 4321,
  },
  { leave: "set session sql_mode = 'ANSI_QUOTES'", look: 'select @@sql_mode', left: 'ANSI_QUOTES' },
  { leave: 'set names latin1', look: 'select @@character_set_results', left: 'latin1' },
  { leave: "set @session_left = 'x'", look: "select coalesce(@session_left, '')", left: 'x' },
  { leave: 'set autocommit = 0', look: 'select cast(@@autocommit as double)', left: 0 },
  {
    leave: 'set session transaction isolation level serializable',
    look: `select @@session.${isMariaDb ? 'tx_isolation' : 'transaction_isolation'}`,
    left: 'SERIALIZABLE',
  },
  { leave: 'use information_schema', look: 'select database()', left: 'information_schema' },
  {
    leave: 'create temporary table session_left (n int)',
    look: 'select cast(count(*) as double) from session_left',
    left: 0,
  },
  {
    leave: "select get_lock('session_left', 0)",
    look: "select cast(coalesce(is_used_lock('session_left') = connection_id(), 0) as double)",
    left: 1,
  },
];

export interface MysqlServerFacts {
  readonly isMariaDb: boolean;
}

export function mysqlWords({ isMariaDb }: MysqlServerFacts): Words {
  return {
    facts: {
      errorsEndTransaction: false,
      definitionsCommit: true,
      defersConstraints: false,
      hasReturning: isMariaDb,
      hasArrays: false,
      takesEmptyText: false,
      settingsEndWithTransaction: false,
      cursorsHoldTransaction: true,
      saysWhyItEnds: false,
      tellsReferencingTable: true,
      learnsOfDatabases: false,
      undoesEverything: true,
    },
    codes: {
      cancelled: 1317,
      division: 1690,
      limit: isMariaDb ? 1969 : 3024,
      syntax: 1064,
      undefinedTable: 1146,
    },
    codeOf: (native) => (native as { readonly errno?: unknown }).errno,
    sqlStates: { division: '22003', undefinedTable: '42S02', noNumber: isMariaDb ? '22007' : 'HY000' },
    setup: SETUP,

    placeholder: () => '?',
    cast: (expression, type) =>
      isMariaDb && type === 'bigint' ? bigintOf(expression) : `cast(${expression} as ${SQL_TYPES[type]})`,
    types: {
      int: { type: 'double', typeId: 5 },
      bigint: { type: 'bigint', typeId: 8 },
      text: { type: 'varchar', typeId: 253 },
    },
    columns: { int: 'int', text: 'text' },
    count: BigInt,
    decimal: (written) => written,
    kept: (name) => name,
    oddName: 'Mixed "Case"',
    series: (last) => `(select i from contract_numbers where i <= ${last}) as numbers`,
    tenOver: (expression) => `10 * pow(${expression}, -1)`,
    large: (expression) => `cast(${expression} as char)`,
    // MySQL 9.6 has lost its md5().
    hash: (expression) => `sha2(${expression}, 256)`,

    // Interrupted where nothing else is asked for, MySQL's sleep() answers 1, and there is no error.
    sleep: (seconds, marker) => `select sleep(${seconds}) as ${marker} from contract_numbers where i <= 2`,
    running: (marker) =>
      `select cast(id as double) from information_schema.processlist
         where state = 'User sleep' and info like '%${marker}%' and id <> connection_id()`,
    sessionId: 'connection_id()',
    sessionsOf: (id) => `select cast(count(*) as double) from information_schema.processlist where id = ${id}`,
    endSession: (id) => `kill ${id}`,
    cancelSession: (id) => `kill query ${id}`,

    begin: { text: 'begin', command: 'BEGIN', readOnly: 'start transaction read only' },
    temporaryTable: (name, columns) => ({
      name,
      create: `create temporary table if not exists ${name} (${columns})`,
      drop: `drop temporary table ${name}`,
    }),
    // A transaction is in the list once it has read, and the list is up to 100 ms old.
    showTransaction: showBy(
      'select i from contract_numbers where i = 1',
      'do sleep(0.15)',
      `select lower(trx_isolation_level), if(trx_is_read_only, 'on', 'off'), 'off' from information_schema.innodb_trx
         where trx_mysql_thread_id = connection_id()`,
    ),
    defaultIsolation: 'repeatable read',
    deferred: '',
    contention: { text: "signal sqlstate '40001' set mysql_errno = 1205", reason: 'lock-timeout' },

    harmless: { text: 'set @harmless = 1', command: 'SET' },
    changes: [
      ["insert ignore into executor_items (id, name) values (5, 'x')", 0],
      // A row that was there and is changed counts twice.
      ["insert into executor_items (id, name) values (1, 'x'), (2, 'x') on duplicate key update score = 2", 4],
      ["replace into executor_items (id, name) values (1, 'y')", 2],
      ['delete from executor_items where id = 1', 1],
    ],
    refusesNoNumber: 'insert into contract_numbers (i) values (?)',
    jsonValue: isMariaDb ? 'select json_compact(?)' : 'select cast(? as json)',
    values: {
      text: `select cast(? as char) as nothing, cast(? as signed) as big, cast(? as binary) as bytes, cast(? as datetime(3)) as moment,
        ${isMariaDb ? 'json_compact(?)' : 'cast(? as json)'} as json`,
      params: [null, 2n ** 62n, Buffer.from([0, 255]), new Date('2024-02-29T12:34:56.789Z'), { a: [1, 'x'] }],
      row: {
        nothing: null,
        big: 2n ** 62n,
        bytes: Buffer.from([0, 255]),
        moment: new Date('2024-02-29T12:34:56.789Z'),
        json: { a: [1, 'x'] },
      },
    },
    written: [
      [1, '1'],
      ['2', '2'],
      [3n, '3'],
      [true, '1'],
      [null, null],
      ['text', 'text'],
      [1.5, '1.5'],
      [{ a: 1 }, '{"a":1}'],
    ],
    untyped: [
      [
        'select cast(json_array(?) as char)',
        [
          [null, '[null]'],
          [7n, '[7]'],
          [1.5, '[1.5]'],
          ['xy', '["xy"]'],
          [2n ** 60n + 1n, '[1152921504606846977]'],
          [2n ** 64n - 1n, '[18446744073709551615]'],
          [null, '[null]'],
        ],
      ],
      [
        "select concat(?, '')",
        [
          [1.5, '1.5'],
          [2n ** 60n + 1n, '1152921504606846977'],
          ['text', 'text'],
          [new Date('2024-02-29T12:34:56.789Z'), expect.stringContaining('2024-02-29 12:34:56.789')],
          ['a longer text', 'a longer text'],
          [null, null],
          [-7, '-7'],
        ],
      ],
      [
        'select hex(?)',
        [
          [7n, '7'],
          [Buffer.from([0, 255]), '00FF'],
          ['xy', '7879'],
          [null, null],
          [255, 'FF'],
        ],
      ],
      [
        'select ?',
        [
          ['x', 'x'],
          [1.5, 1.5],
          ['y'.repeat(70_000), 'y'.repeat(70_000)],
          [2n ** 60n + 1n, 2n ** 60n + 1n],
          [new Date('2024-02-29T12:34:56.789Z'), new Date('2024-02-29T12:34:56.789Z')],
          ['z', 'z'],
        ],
      ],
    ],
    repeated: [
      ...(isMariaDb ? [RETURNING] : []),
      { text: 'insert into statement_rows (id, name) values (?, ?)', params: [1, 'a'], rows: [], columns: 0 },
      { text: 'update statement_rows set name = ? where id = 99', params: ['x'], rows: [], columns: 0 },
    ],
    changeType: (table) => ({
      toText: [`alter table ${table} modify column v text`],
      toBigint: [`update ${table} set v = '5'`, `alter table ${table} modify column v bigint`],
    }),
    unsettling: ['set names utf8mb4', 'analyze table statement_rows'],

    setting: {
      set: 'set session group_concat_max_len = 4321',
      toDefault: 'set session group_concat_max_len = default',
      byFunction: 'set session group_concat_max_len = 5432',
      look: 'select cast(@@group_concat_max_len as double)',
      value: 4321,
    },
    timeZone: { set: "set time_zone = '+09:00'", look: 'select @@time_zone', utc: '+00:00' },
    startSetting: {
      settings: { sql_mode: 'ANSI_QUOTES' },
      look: 'select @@sql_mode',
      value: 'ANSI_QUOTES',
    },
    limit: isMariaDb
      ? { look: 'select @@max_statement_time', shown: (ms) => ms / 1_000 }
      : { look: 'select cast(@@max_execution_time as double)', shown: (ms) => ms },
    traces: traces({ isMariaDb }),
    // Everybody's table of that name has a row.
    traceSetup: [
      'drop table if exists session_left',
      'create table session_left (n int)',
      'insert into session_left values (1)',
    ],
    traceTeardown: ['drop table session_left'],
  };
}

const RETURNING: Repeated = {
  text: 'insert into statement_rows (id, name) values (?, ?) returning name',
  params: [1, 'a'],
  rows: [{ name: 'a' }],
  columns: 1,
};
