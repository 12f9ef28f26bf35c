/**
 * Oracle's words for the contract, as Database 23ai reads them (`select 1` without FROM, `if exists`, several rows in VALUES). The
 * runtime of the contract asks for names in lower case and for 64-bit integers as `bigint` (targets.ts); what Oracle's own defaults
 * are is told by test/integration/oracle-values.test.ts.
 */
import { expect } from 'vitest';
import type { Trace, Words } from './words.js';

const SQL_TYPES = { int: 'number(9)', bigint: 'number(19)', text: 'varchar2(4000)' } as const;

/** What a bit of V$TRANSACTION.FLAG says (2 to the 28th): it is serializable. */
const SERIALIZABLE = 268_435_456;

const SETUP = [
  'create table if not exists contract_touched (n number(9))',
  // Sleeps where a query has an expression.
  `create or replace function contract_sleep(seconds number) return number is
     begin dbms_session.sleep(seconds); return 0; end;`,
];

const nls = (name: string): string => `select value from nls_session_parameters where parameter = '${name}'`;
/** By the name that `sessionId` gives: `sid,serial#`. */
const [sidOf, serialOf] = [(id: string) => id.split(',')[0] ?? '', (id: string) => id.split(',')[1] ?? ''];

const TRACES: readonly Trace[] = [
  { leave: "alter session set nls_date_format = 'YYYY'", look: nls('NLS_DATE_FORMAT'), left: 'YYYY' },
  { leave: "alter session set nls_numeric_characters = ',.'", look: nls('NLS_NUMERIC_CHARACTERS'), left: ',.' },
  { leave: "alter session set time_zone = '-03:00'", look: 'select sessiontimezone', left: '-03:00' },
  {
    leave: "begin dbms_application_info.set_module('left', 'behind'); end;",
    look: "select sys_context('userenv', 'module')",
    left: 'left',
  },
  {
    leave: "begin dbms_session.set_identifier('left behind'); end;",
    look: "select coalesce(sys_context('userenv', 'client_identifier'), '-')",
    left: 'left behind',
  },
  {
    leave: 'create private temporary table ora$ptt_session_left (n number(9)) on commit preserve definition',
    look: "select cast(count(*) as number(9)) from user_private_temp_tables where table_name = 'ORA$PTT_SESSION_LEFT'",
    left: 1,
  },
];

/** In which Oracle's targets differ. */
export interface OracleFacts {
  /** SQL knows BOOLEAN, as far as the client library is told: from 23ai on. Before, `true` goes in as the number 1. */
  readonly hasSqlBoolean: boolean;
}

const codeOf: Words['codeOf'] = (native) => {
  const { errorNum, code } = native as { readonly errorNum?: number; readonly code?: string };
  return errorNum === undefined || errorNum === 0 ? code : errorNum;
};

export const oracleWords = ({ hasSqlBoolean }: OracleFacts): Words => ({
  facts: {
    errorsEndTransaction: false,
    definitionsCommit: true,
    defersConstraints: true,
    hasReturning: false,
    hasArrays: false,
    takesEmptyText: false,
    settingsEndWithTransaction: false,
    cursorsHoldTransaction: false,
    saysWhyItEnds: false,
    tellsReferencingTable: false,
    learnsOfDatabases: true,
    undoesEverything: false,
  },
  codes: {
    cancelled: 1013,
    division: 1476,
    limit: 'NJS-123',
    // The parser of 23ai has other numbers for some of what was 00911 or 00933 before.
    syntax: expect.toBeOneOf([911, 933, 3048, 3049, 3405]),
    undefinedTable: 942,
  },
  codeOf,
  sqlStates: { division: undefined, undefinedTable: undefined, noNumber: undefined },
  setup: SETUP,

  placeholder: (position) => `:${position}`,
  cast: (expression, type) => `cast(${expression} as ${SQL_TYPES[type]})`,
  types: {
    int: { type: 'NUMBER', typeId: 2010 },
    bigint: { type: 'NUMBER', typeId: 2010 },
    text: { type: 'VARCHAR2', typeId: 2001 },
  },
  columns: { int: 'number(9)', text: 'varchar2(4000)' },
  // A number without a declared precision.
  count: String,
  // Zeros at the end are not kept.
  decimal: (written) => written.replace(/\.?0+$/, ''),
  kept: (name) => name.toUpperCase(),
  // No name of Oracle's has a quote in it.
  oddName: 'Mixed Case',
  series: (last) => `(select cast(level as number(9)) as i from dual connect by level <= ${last}) numbers`,
  tenOver: (expression) => `cast(10 / (${expression}) as number(9))`,
  large: (expression) => `to_clob(${expression})`,
  hash: (expression) => `rpad(to_char(${expression}), 32, '#')`,

  sleep: (seconds, marker) => `select contract_sleep(${seconds}) as ${marker} from dual`,
  running: (marker) =>
    `select distinct s.sid || ',' || s.serial# from v$session s join v$sql q on q.sql_id = s.sql_id
       where s.event = 'PL/SQL lock timer' and q.sql_text like '%${marker}%' and s.sid <> sys_context('userenv', 'sid')`,
  sessionId: `(select sid || ',' || serial# from v$session where sid = sys_context('userenv', 'sid'))`,
  sessionsOf: (id) =>
    `select cast(count(*) as number(9)) from v$session where sid = ${sidOf(id)} and serial# = ${serialOf(id)}`,
  endSession: (id) => `alter system disconnect session '${id}' immediate`,
  cancelSession: (id) => `alter system cancel sql '${id}'`,

  begin: { text: 'set transaction read write', command: 'SET', readOnly: 'set transaction read only' },
  temporaryTable: (name, columns) => ({
    name: `ora$ptt_${name}`,
    create: `create private temporary table ora$ptt_${name} (${columns}) on commit preserve definition`,
    drop: `drop table ora$ptt_${name}`,
  }),
  // The list has a transaction once it has changed something.
  showTransaction: async (ask) => {
    const isReadOnly = await ask('insert into contract_touched values (1)').then(() => false, isReadOnlyError);
    if (isReadOnly) return ['serializable', 'on', 'off'];
    const rows = await ask(
      `select case bitand(t.flag, ${SERIALIZABLE}) when 0 then 'read committed' else 'serializable' end, 'off', 'off'
         from v$transaction t join v$session s on s.taddr = t.addr where s.sid = sys_context('userenv', 'sid')`,
    );
    return rows[0];
  },
  levels: { 'repeatable read': 'serializable' },
  readsAtOneMoment: true,
  defaultIsolation: 'read committed',
  deferred: 'deferrable initially deferred',
  contention: {
    text: 'declare late exception; pragma exception_init(late, -8177); begin raise late; end;',
    reason: 'serialization',
  },

  harmless: { text: 'set constraints all immediate', command: 'SET' },
  changes: [
    [
      `insert into executor_items (id, name) select 5, 'x' from dual
         where not exists (select 1 from executor_items where id = 5)`,
      0,
    ],
    [
      `merge into executor_items t using (select 1 as id from dual union all select 2 from dual) s on (t.id = s.id)
         when matched then update set score = 2`,
      2,
    ],
    ['delete from executor_items where id = 1', 1],
  ],
  refusesNoNumber: 'select cast(:1 as number(9)) from dual',
  values: {
    text: `select cast(:1 as varchar2(10)) as nothing, cast(:2 as number(19)) as big, cast(:3 as raw(10)) as bytes,
      cast(:4 as timestamp(3)) as moment, json(:5) as document`,
    params: [null, 2n ** 62n, Buffer.from([0, 255]), new Date('2024-02-29T12:34:56.789Z'), { a: [1, 'x'] }],
    row: {
      nothing: null,
      big: 2n ** 62n,
      bytes: Buffer.from([0, 255]),
      moment: new Date('2024-02-29T12:34:56.789Z'),
      document: { a: [1, 'x'] },
    },
  },
  jsonValue: 'select json(:1)',
  written: [
    [1, '1'],
    ['2', '2'],
    [3n, '3'],
    [true, hasSqlBoolean ? 'TRUE' : '1'],
    [null, null],
    // Oracle does not tell it apart from null.
    ['', null],
    ['text', 'text'],
    [1.5, '1.5'],
    [{ a: 1 }, '{"a":1}'],
  ],
  untyped: [
    [
      "select :1 || ''",
      [
        ['text', 'text'],
        [7, '7'],
        [2n ** 60n + 1n, '1152921504606846977'],
        [null, null],
        ['a longer text', 'a longer text'],
      ],
    ],
  ],
  repeated: [
    { text: 'insert into statement_rows (id, name) values (:1, :2)', params: [1, 'a'], rows: [], columns: 0 },
    { text: 'update statement_rows set name = :1 where id = 99', params: ['x'], rows: [], columns: 0 },
  ],
  // A column that has values keeps its type.
  changeType: (table) => ({
    toText: [`alter table ${table} drop column v`, `alter table ${table} add v varchar2(100)`],
    toBigint: [
      `alter table ${table} drop column v`,
      `alter table ${table} add v number(19)`,
      `update ${table} set v = 5`,
    ],
  }),
  unsettling: [
    'begin dbms_session.modify_package_state(dbms_session.reinitialize); end;',
    "alter session set nls_numeric_characters = '.,'",
  ],

  setting: {
    set: "alter session set nls_numeric_characters = ',.'",
    toDefault: "alter session set nls_numeric_characters = '.,'",
    byFunction: "begin execute immediate 'alter session set nls_numeric_characters = '',.'''; end;",
    look: nls('NLS_NUMERIC_CHARACTERS'),
    value: ',.',
  },
  timeZone: { set: "alter session set time_zone = '+09:00'", look: 'select sessiontimezone', utc: '+00:00' },
  startSetting: { settings: { nls_date_format: 'YYYY' }, look: nls('NLS_DATE_FORMAT'), value: 'YYYY' },
  traces: TRACES,
  traceSetup: [],
  traceTeardown: [],
});

/** ORA-01456: the transaction was begun to read. Told by the client library's error, or by the runtime's around it. */
function isReadOnlyError(error: unknown): true {
  const { cause } = error as { readonly cause?: unknown };
  if (codeOf(cause ?? error) === 1456) return true;
  throw error;
}
