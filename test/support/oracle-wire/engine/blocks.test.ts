/** Small PL/SQL: OUT and IN OUT binds, cursors, control flow, handlers, stored procedures and functions. */
import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { DriverConnection, DriverResultSet } from '../driver-bench.js';
import { driver } from '../driver-bench.js';
import { onEveryPostgres, oraOf, rowsOf, runAll } from './wire-database.js';

const number = { dir: driver['BIND_OUT'], type: driver['NUMBER'] };
const text = { dir: driver['BIND_OUT'], type: driver['STRING'], maxSize: 100 };
const cursor = { dir: driver['BIND_OUT'], type: driver['CURSOR'] };

/** `[block, binds, out binds]`; the table `steps` has the numbers 1 to 3. */
const BLOCKS: readonly (readonly [sql: string, binds: object, out: object])[] = [
  ['begin :x := :y + 5; end;', { x: number, y: 2 }, { x: 7 }],
  ['begin :x := :x * 2; end;', { x: { dir: driver['BIND_INOUT'], type: driver['NUMBER'], val: 21 } }, { x: 42 }],
  ["begin :t := 'a' || :n; end;", { t: text, n: 1 }, { t: 'a1' }],
  ['begin select count(*), max(n) into :c, :m from steps; end;', { c: number, m: number }, { c: 3, m: 3 }],
  ['begin update steps set n = n + 10 where n = 3 returning n into :m; end;', { m: number }, { m: 13 }],
  ['begin update steps set n = n + 10 where n > 1; :c := sql%rowcount; end;', { c: number }, { c: 2 }],
  ['declare a number := 1; b number; begin b := a + 1; :x := b * 10; end;', { x: number }, { x: 20 }],
  [
    "begin if :n > 5 then :t := 'large'; elsif :n > 1 then :t := 'middle'; else :t := 'small'; end if; end;",
    { n: 3, t: text },
    { t: 'middle' },
  ],
  [
    'declare s number := 0; begin for i in 1..5 loop continue when i = 2; s := s + i; end loop; :x := s; end;',
    { x: number },
    { x: 13 },
  ],
  [
    'declare s number := 0; begin for r in (select n from steps order by n) loop s := s * 10 + r.n; end loop; :x := s; end;',
    { x: number },
    { x: 123 },
  ],
  [
    'declare i number := 0; begin loop i := i + 1; exit when i >= 4; end loop; while i < 9 loop i := i + 2; end loop; :x := i; end;',
    { x: number },
    { x: 10 },
  ],
  [
    "declare v number; begin select n into v from steps where n = 99; exception when no_data_found then :t := 'none'; end;",
    { t: text },
    { t: 'none' },
  ],
  [
    "begin :x := 1 / 0; exception when zero_divide then :t := 'zero'; when others then :t := 'other'; end;",
    { x: number, t: text },
    { t: 'zero', x: null },
  ],
  [
    "begin raise_application_error(-20001, 'mine'); exception when others then :t := sqlerrm; :c := sqlcode; end;",
    { t: text, c: number },
    { t: 'ORA-20001: mine\nORA-06512: at line 1', c: -20_001 },
  ],
  [
    "declare mine exception; pragma exception_init(mine, -54); begin raise mine; exception when mine then :t := 'busy'; end;",
    { t: text },
    { t: 'busy' },
  ],
  ["begin execute immediate 'select max(n) from steps where n < :1' into :m using 3; end;", { m: number }, { m: 2 }],
  [
    "begin execute immediate 'create table by_block (n number)'; execute immediate 'drop table by_block'; :x := 1; end;",
    { x: number },
    { x: 1 },
  ],
];

onEveryPostgres('blocks', (database) => {
  let connection: DriverConnection;
  const steps = () => rowsOf(connection, 'select n from steps order by n');
  const allOf = async (set: DriverResultSet): Promise<unknown> => {
    const rows = await set.getRows(100);
    await set.close();
    return rows;
  };

  beforeAll(async () => {
    connection = database.connection;
    await runAll(connection, 'create table steps (n number)');
  });
  beforeEach(() =>
    runAll(connection, 'delete from steps', 'insert into steps select level from dual connect by level <= 3', 'commit'),
  );

  it.each(BLOCKS)('%s', async (sql, binds, out) => {
    expect((await connection.execute(sql, binds)).outBinds).toEqual(out);
  });

  it('undoes all of a block that ends with an error, but for what it committed', async () => {
    await runAll(connection, 'insert into steps values (50)');
    expect(
      await oraOf(
        connection.execute("begin insert into steps values (51); raise_application_error(-20002, 'no'); end;"),
      ),
    ).toBe('ORA-20002: no');
    expect(await steps()).toEqual([[1], [2], [3], [50]]);
    const half =
      'begin insert into steps values (52); commit; insert into steps values (53); insert into steps values (1 / 0); end;';
    expect(await oraOf(connection.execute(half))).toContain('ORA-01476');
    await connection.rollback();
    expect(await steps()).toEqual([[1], [2], [3], [50], [52]]);
  });

  it('tells where it failed, and what it does not know', async () => {
    const error: unknown = await connection
      .execute("begin\n  null;\n  raise_application_error(-20001, 'boom');\nend;")
      .catch((raised: unknown) => raised);
    expect((error as Error).message).toMatch(/^ORA-20001: boom\nORA-06512: at line 3/);
    expect(await oraOf(connection.execute('begin nobody.knows(1); end;'))).toContain('ORA-06550');
    expect(await oraOf(connection.execute('begin select n from steps; end;'))).toContain('ORA-06550');
    expect(await oraOf(connection.execute("begin :t := 'too long'; end;", { t: { ...text, maxSize: 3 } }))).toContain(
      'ORA-06502',
    );
    expect(await oraOf(connection.execute('declare v number; begin select n into v from steps; end;'))).toContain(
      'ORA-01422',
    );
  });

  it('opens REF CURSORs, and returns implicit results', async () => {
    const { outBinds } = await connection.execute(
      'begin open :c for select n from steps where n > :n order by n; end;',
      { c: cursor, n: 1 },
    );
    expect(await allOf((outBinds as { c: DriverResultSet }).c)).toEqual([[2], [3]]);
    const block = `declare c sys_refcursor; begin
      open c for select n from steps order by n; dbms_sql.return_result(c);
      open c for select count(*) from steps; dbms_sql.return_result(c); end;`;
    expect((await connection.execute(block)).implicitResults).toEqual([[[1], [2], [3]], [[3]]]);
  });

  it('calls stored procedures', async () => {
    await runAll(
      connection,
      `create or replace procedure add_step (amount in number, total out number, note in out varchar2) is
      begin insert into steps values (amount); select sum(n) into total from steps; note := note || '!'; end;`,
    );
    const binds = {
      total: number,
      note: { dir: driver['BIND_INOUT'], type: driver['STRING'], val: 'hey', maxSize: 20 },
    };
    const { outBinds } = await connection.execute('begin add_step(4, :total, note => :note); end;', binds);
    expect(outBinds).toEqual({ total: 10, note: 'hey!' });
    await runAll(connection, 'drop procedure add_step');
    expect(await oraOf(connection.execute('begin add_step(1, 2, 3); end;'))).toContain('ORA-06550');
  });

  it('calls stored functions from blocks and from queries', async () => {
    await runAll(
      connection,
      `create or replace function doubled (x number) return number is y number := 0;
      begin if x < 0 then raise_application_error(-20003, 'negative'); end if; y := x * 2; return y; end;`,
    );
    expect(await rowsOf(connection, 'select doubled(4), doubled(0.5) from dual')).toEqual([[8, 1]]);
    expect((await connection.execute('begin :x := doubled(21); end;', { x: number })).outBinds).toEqual({ x: 42 });
    expect(await oraOf(connection.execute('select doubled(-1) from dual'))).toBe('ORA-20003: negative');
    await runAll(
      connection,
      'create or replace function sleeping (s number) return number is begin dbms_session.sleep(s); return s; end;',
    );
    expect(await rowsOf(connection, 'select sleeping((select 0 from dual)) as marker from dual')).toEqual([[0]]);
    await runAll(connection, 'drop function doubled', 'drop function sleeping');
    expect(await oraOf(connection.execute('drop function doubled'))).toContain('ORA-04043');
  });

  it('runs once per row of many', async () => {
    const rows = [[1], [2], [3]];
    const bindDefs = [{ type: driver['NUMBER'] }];
    await connection.executeMany('begin insert into steps values (:1 * 100); end;', rows, { bindDefs });
    expect(await steps()).toEqual([[1], [2], [3], [100], [200], [300]]);
  });
});
