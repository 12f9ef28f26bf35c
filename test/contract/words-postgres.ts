/** PostgreSQL's words for the contract, on a server, behind a pooler and embedded. */
import type { Trace, Words } from './words.js';
import { showBy } from './words.js';

const SQL_TYPES = { int: 'int', bigint: 'int8', text: 'text' } as const;

const TRACES: readonly Trace[] = [
  { limit: 'settings', leave: "set statement_timeout to '54321ms'", look: 'show statement_timeout', left: '54321ms' },
  { limit: 'settings', leave: 'set search_path to session_left', look: 'show search_path', left: 'session_left' },
  {
    limit: 'settings',
    leave: "select set_config('fluxor.left', 'x', false)",
    look: "select coalesce(current_setting('fluxor.left', true), '')",
    left: 'x',
  },
  { limit: 'role', leave: 'set role session_role', look: 'select current_user::text', left: 'session_role' },
  {
    limit: 'temporary tables',
    leave: 'create temporary table session_left (n int)',
    look: "select to_regclass('pg_temp.session_left') is not null",
    left: true,
  },
  {
    limit: 'advisory locks',
    leave: 'select pg_advisory_lock(71134)',
    look: "select exists (select from pg_locks where locktype = 'advisory' and objid = 71134 and pid = pg_backend_pid())",
    left: true,
  },
  {
    limit: 'notifications',
    leave: 'listen session_left',
    look: "select exists (select from pg_listening_channels() c where c = 'session_left')",
    left: true,
  },
  {
    limit: 'sql prepare',
    leave: 'prepare session_left as select 1',
    look: "select exists (select from pg_prepared_statements where name = 'session_left')",
    left: true,
  },
  {
    limit: 'cursors with hold',
    leave: 'declare session_left cursor with hold for select 1',
    look: "select exists (select from pg_cursors where name = 'session_left')",
    left: true,
  },
];

export const POSTGRES_WORDS: Words = {
  facts: {
    errorsEndTransaction: true,
    definitionsCommit: false,
    defersConstraints: true,
    hasReturning: true,
    hasArrays: true,
    takesEmptyText: true,
    settingsEndWithTransaction: true,
    cursorsHoldTransaction: false,
    saysWhyItEnds: true,
    tellsReferencingTable: true,
    learnsOfDatabases: false,
    undoesEverything: true,
  },
  codes: { cancelled: '57014', division: '22012', limit: '57014', syntax: '42601', undefinedTable: '42P01' },
  codeOf: (native) => (native as { readonly code?: unknown }).code,
  sqlStates: { division: '22012', undefinedTable: '42P01', noNumber: '22P02' },
  setup: [],

  placeholder: (position) => `$${position}`,
  cast: (expression, type) => `(${expression})::${SQL_TYPES[type]}`,
  types: {
    int: { type: 'int4', typeId: 23 },
    bigint: { type: 'int8', typeId: 20 },
    text: { type: 'text', typeId: 25 },
  },
  columns: { int: 'int', text: 'text' },
  count: BigInt,
  decimal: (written) => written,
  kept: (name) => name,
  oddName: 'Mixed "Case"',
  series: (last) => `generate_series(1, (${last})::int) i`,
  tenOver: (expression) => `10 / (${expression})::int`,
  large: (expression) => `(${expression})::text`,
  hash: (expression) => `md5(${expression}::text)`,

  sleep: (seconds, marker) => `select pg_sleep(${seconds}) as ${marker}`,
  running: (marker) =>
    `select pid from pg_stat_activity where wait_event = 'PgSleep' and query like '%${marker}%' and pid <> pg_backend_pid()`,
  sessionId: 'pg_backend_pid()',
  sessionsOf: (id) => `select count(*)::int from pg_stat_activity where pid = ${id}`,
  endSession: (id) => `select pg_terminate_backend(${id}, 10000)`,
  cancelSession: (id) => `select pg_cancel_backend(${id})`,

  begin: { text: 'begin', command: 'BEGIN', readOnly: 'start transaction read only' },
  temporaryTable: (name, columns) => ({
    name,
    create: `create temporary table if not exists ${name} (${columns})`,
    drop: `drop table ${name}`,
  }),
  showTransaction: showBy(
    `select current_setting('transaction_isolation'), current_setting('transaction_read_only'),
       current_setting('transaction_deferrable')`,
  ),
  defaultIsolation: 'read committed',
  deferred: 'deferrable initially deferred',
  contention: { text: "do $$ begin raise exception using errcode = '40001'; end $$", reason: 'serialization' },

  harmless: { text: 'comment on table executor_items is null', command: 'COMMENT' },
  changes: [
    ["insert into executor_items (id, name) values (5, 'x') on conflict (id) do nothing", 0],
    [
      'merge into executor_items t using (values (1), (2)) s (id) on t.id = s.id when matched then update set score = 2',
      2,
    ],
    ['delete from executor_items where id = 1 returning id', 1],
  ],
  refusesNoNumber: 'select $1::int',
  values: {
    text: 'select $1::text as nothing, $2::int[] as list, $3::jsonb as json, $4::int8 as big, $5::text[] as words',
    params: [null, [1, null, 3], { a: [1, 'x'] }, 2n ** 62n, ['a,b', '"', '']],
    row: { nothing: null, list: [1, null, 3], json: { a: [1, 'x'] }, big: 2n ** 62n, words: ['a,b', '"', ''] },
  },
  jsonValue: 'select $1::jsonb',
  written: [
    [1, '1'],
    ['2', '2'],
    [3n, '3'],
    [true, 'true'],
    [null, null],
    ['text', 'text'],
    [1.5, '1.5'],
    [new Date(0), '1970-01-01T00:00:00.000+00:00'],
    [{ a: 1 }, '{"a":1}'],
  ],
  // PostgreSQL takes all of them for text, or refuses them.
  untyped: [],
  repeated: [
    {
      text: 'select n from unnest($1::int[]) n',
      params: [[1, 2, 3]],
      rows: [{ n: 1 }, { n: 2 }, { n: 3 }],
      columns: 1,
    },
    { text: 'values ($1::jsonb)', params: [{ a: [1] }], rows: [{ column1: { a: [1] } }], columns: 1 },
    {
      text: 'insert into statement_rows (id, name) values ($1, $2) returning name',
      params: [1, 'a'],
      rows: [{ name: 'a' }],
      columns: 1,
    },
    { text: 'update statement_rows set name = $1 where id = 99 returning id', params: ['x'], rows: [], columns: 1 },
  ],
  changeType: (table) => ({
    toText: [`alter table ${table} alter column v type text`],
    toBigint: [`alter table ${table} alter column v type int8 using 5`],
  }),
  namedStatements: "select count(*)::int from pg_prepared_statements where name like 'fluxor%'",
  unsettling: ['deallocate all', 'discard all'],

  setting: {
    set: "set application_name to 'changed'",
    toDefault: 'set application_name to default',
    byFunction: "select set_config('application_name', 'by a function', false)",
    look: 'show application_name',
    value: 'changed',
  },
  timeZone: { set: "set timezone to 'Asia/Tokyo'", look: 'show timezone', utc: 'UTC' },
  startSetting: { settings: { search_path: 'session_start' }, look: 'show search_path', value: 'session_start' },
  limit: {
    look: 'show statement_timeout',
    shown: (ms) => (ms === 0 ? '0' : ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`),
  },
  traces: TRACES,
  traceSetup: ['drop role if exists session_role', 'create role session_role'],
  traceTeardown: ['drop role session_role'],
};
