/** Oracle's queries, answered by PostgreSQL: what is written, and what comes back through the real driver. */
import { describe, expect, it } from 'vitest';
import { driver } from '../driver-bench.js';
import { onEveryPostgres, oraOf, rowsOf, runAll } from './wire-database.js';

const moment = (text: string): Date => new Date(text);

/** `[query, rows]`. */
const QUERIES: readonly (readonly [sql: string, rows: unknown])[] = [
  ['select 1 from dual', [[1]]],
  ['select 5 / 2 from dual', [[2.5]]],
  ["select 'a' || null || 'b', 'n' || 5, 5 || 'n' from dual", [['ab', 'n5', '5n']]],
  ["select '' from dual", [[null]]],
  ["select replace('a', 'a', ''), substr('abcdef', -3, 2), instr('hello', 'l') from dual", [[null, 'de', 3]]],
  ["select nvl(null, 'z'), nvl2(null, 'a', 'b'), coalesce(null, 2) from dual", [['z', 'b', 2]]],
  ["select decode(3, 1, 'one', 2, 'two', 'many'), decode(null, null, 'same') from dual", [['many', 'same']]],
  ['select level from dual connect by level <= 3', [[1], [2], [3]]],
  ['select count(*) from (select level as n from dual connect by level <= 1000)', [[1000]]],
  ['select n from (select level n from dual connect by level <= 9) where rownum <= 2', [[1], [2]]],
  [
    'select n from (select level n from dual connect by level <= 9) order by n offset 2 rows fetch next 2 rows only',
    [[3], [4]],
  ],
  ['select level from dual connect by level <= 3 minus select 2 from dual order by 1', [[1], [3]]],
  ["select listagg(level, ',') within group (order by level desc) from dual connect by level <= 3", [['3,2,1']]],
  ["select date '2024-02-29' + 1 from dual", [[moment('2024-03-01T00:00:00Z')]]],
  ["select date '2024-03-01' - date '2024-02-28' from dual", [[2]]],
  [
    "select add_months(date '2024-01-31', 1), last_day(date '2024-02-01') from dual",
    [[moment('2024-02-29T00:00:00Z'), moment('2024-02-29T00:00:00Z')]],
  ],
  [
    "select trunc(to_date('2024-02-29 13:14:15', 'YYYY-MM-DD HH24:MI:SS')) from dual",
    [[moment('2024-02-29T00:00:00Z')]],
  ],
  [
    "select to_char(timestamp '2024-02-29 13:14:15.678', 'YYYY-MM-DD HH24:MI:SS.FF3') from dual",
    [['2024-02-29 13:14:15.678']],
  ],
  ["select to_char(1.50), to_char(0.5), to_number('12.5') from dual", [['1.5', '.5', 12.5]]],
  ["select q'[it's]', N'é' from dual", [["it's", 'é']]],
  ['select mod(7, 3), power(2, 10), bitand(6, 3), round(2.567, 1), trunc(2.9) from dual', [[1, 1024, 2, 2.6, 2]]],
  ["select rawtohex(hextoraw('00ff')), length('abc'), lengthb('é') from dual", [['00FF', 3, 2]]],
  [
    "select user, sys_context('userenv', 'current_schema'), sys_context('userenv', 'session_user') from dual",
    [['SCOTT', 'SCOTT', 'SCOTT']],
  ],
  ["select cast('7' as number), cast(7 as varchar2(5)), cast(1.005 as number(5, 2)) from dual", [[7, '7', 1.01]]],
  ['select /*+ FIRST_ROWS(10) */ 1 /* a comment */ from dual -- the end', [[1]]],
  ['select * from (select 1 as a from dual) x, (select 2 as b from dual)', [[1, 2]]],
  ['select case when 1 = 1 then 2 end from dual where 1 in (1, 2) and 2 between 1 and 3', [[2]]],
];

onEveryPostgres('queries', (database) => {
  it.each(QUERIES)('%s', async (sql, rows) => {
    expect(await rowsOf(database.connection, sql)).toEqual(rows);
  });

  it('finds a row by its ROWID', async () => {
    const { connection } = database;
    await runAll(
      connection,
      'create table placed (n number)',
      'insert into placed select level from dual connect by level <= 500',
    );
    const [[rowid]] = (await rowsOf(connection, 'select rowid from placed where n = 499')) as [[string]];
    expect(rowid).toMatch(/^[A-Za-z0-9+/]{18}$/);
    expect(await rowsOf(connection, 'select n from placed where rowid = :1', [rowid])).toEqual([[499]]);
    expect((await connection.execute('delete from placed p where p.rowid = :1', [rowid])).rowsAffected).toBe(1);
  });

  it('names columns as Oracle does', async () => {
    const sql = `select 1, count(*), sysdate, 'x' || 'y', dummy, dummy as "Mixed Case", dummy d, max(dummy) over () from dual group by dummy`;
    const { metaData = [] } = await database.connection.execute(sql);
    const names = ['1', 'COUNT(*)', 'SYSDATE', "'X'||'Y'", 'DUMMY', 'Mixed Case', 'D', 'MAX(DUMMY)OVER()'];
    expect(metaData.map(({ name }) => name)).toEqual(names);
  });

  it('tells what the columns of a table are', async () => {
    await runAll(
      database.connection,
      'create table described (a number(10, 2) not null, b number, c varchar2(20), d date, e timestamp(3), f clob, g char(3), h raw(5), i binary_double)',
    );
    const { metaData = [] } = await database.connection.execute('select * from described');
    expect(metaData.map(({ dbTypeName, nullable }) => [dbTypeName, nullable])).toEqual([
      ['NUMBER', false],
      ['NUMBER', true],
      ['VARCHAR2', true],
      ['DATE', true],
      ['TIMESTAMP', true],
      ['CLOB', true],
      ['CHAR', true],
      ['RAW', true],
      ['BINARY_DOUBLE', true],
    ]);
    expect(metaData[0]).toMatchObject({ precision: 10, scale: 2 });
  });

  it('binds by position and by name, several times, and as rows to fetch', async () => {
    const { connection } = database;
    expect(await rowsOf(connection, 'select :a, :b, :a from dual', { a: 1, b: 'x' })).toEqual([[1, 'x', 1]]);
    const numbers = 'select level from dual connect by level <= :1 order by 1 fetch first :2 rows only';
    expect(await rowsOf(connection, numbers, [10, 2])).toEqual([[1], [2]]);
    expect(await rowsOf(connection, "select 'v' || :1 from dual", ['x'])).toEqual([['vx']]);
    expect(await rowsOf(connection, "select nvl(:1, 'none') from dual", [null])).toEqual([['none']]);
  });

  it('delivers the rows in front of the one that fails', async () => {
    const sql = 'select level, 10 / (5 - level) from dual connect by level <= 9';
    const { resultSet } = await database.connection.execute(sql, [], {
      resultSet: true,
      prefetchRows: 2,
      fetchArraySize: 2,
    });
    expect(await resultSet?.getRows(2)).toEqual([
      [1, 2.5],
      [2, 10 / 3],
    ]);
    expect(await resultSet?.getRows(2)).toHaveLength(2);
    expect(await oraOf(resultSet?.getRows(2) ?? Promise.resolve())).toBe('ORA-01476: divisor is equal to zero');
  });

  it('fetches 100,000 rows, and reads no more of them than is asked for', async () => {
    const sql = "select level as id, 'row ' || level as name from dual connect by level <= 100000";
    const rows = (await rowsOf(database.connection, sql, [], { fetchArraySize: 1_000 })) as unknown[][];
    expect([rows.length, rows[0], rows.at(-1)]).toEqual([100_000, [1, 'row 1'], [100_000, 'row 100000']]);
    const { resultSet } = await database.connection.execute(sql, [], { resultSet: true });
    expect(await resultSet?.getRows(3)).toHaveLength(3);
    await resultSet?.close();
    expect(await rowsOf(database.connection, 'select 1 from dual')).toEqual([[1]]);
  });

  it('finds tables, columns and constraints in the dictionary', async () => {
    const { connection } = database;
    await runAll(
      connection,
      'create table listed (id number constraint listed_pk primary key, "Name" varchar2(5) not null)',
    );
    expect(await rowsOf(connection, "select table_name from user_tables where table_name = 'LISTED'")).toEqual([
      ['LISTED'],
    ]);
    const columns =
      "select column_name, data_type, nullable from user_tab_columns where table_name = 'LISTED' order by column_id";
    expect(await rowsOf(connection, columns)).toEqual([
      ['ID', 'NUMBER', 'N'],
      ['Name', 'VARCHAR2', 'N'],
    ]);
    const keys =
      "select constraint_name, constraint_type from user_constraints where table_name = 'LISTED' and constraint_type = 'P'";
    expect(await rowsOf(connection, keys)).toEqual([['LISTED_PK', 'P']]);
  });

  describe('what PostgreSQL would take and Oracle would not', () => {
    it.each([
      ['select 1 from dual limit 1', 'ORA-00933'],
      ['select 1 from dual as d', 'ORA-00933'],
      ["select 1 from dual where 'A' ilike 'a'", 'ORA-00933'],
      ['select $1 from dual', 'ORA-00911'],
      ['create table pg_only (t text)', 'ORA-00902'],
      ['insert into dual values (1) returning dummy', 'ORA-00925'],
    ])('%s', async (sql, code) => {
      expect(await oraOf(database.connection.execute(sql))).toContain(code);
    });
  });
});

onEveryPostgres(
  'what 23ai has brought, refused by 19c',
  (database) => {
    it.each([
      ['select 1', 'ORA-00923'],
      ['create table if not exists older (n number)', 'ORA-00933'],
      ["insert into dual values ('a'), ('b')", 'ORA-00933'],
      ['create table older (b boolean)', 'ORA-00902'],
    ])('%s', async (sql, code) => {
      expect(await oraOf(database.connection.execute(sql))).toContain(code);
    });

    it('words a violated constraint in one line', async () => {
      await runAll(
        database.connection,
        'create table older (n number constraint older_pk primary key)',
        'insert into older values (1)',
      );
      const error: unknown = await database.connection
        .execute('insert into older values (1)')
        .catch((raised: unknown) => raised);
      expect((error as Error).message).toContain('ORA-00001: unique constraint (SCOTT.OLDER_PK) violated\n');
      expect(driver['NUMBER']).toBeDefined();
    });
  },
  19,
);
