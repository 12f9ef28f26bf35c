/** Changes and definitions: what they do, what they count, and how they fail, with Oracle's numbers and names. */
import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { DriverConnection } from '../driver-bench.js';
import { driver } from '../driver-bench.js';
import { onEveryPostgres, oraOf, rowsOf, runAll } from './wire-database.js';

const ITEMS = `create table items (id number(10) constraint items_pk primary key, name varchar2(20) not null,
  qty number(12, 3) constraint items_qty check (qty >= 0), parent number(10) constraint items_parent references items (id))`;

/** `[statement, the first line of its error]`. The table has the ids 1 and 2; 2 has the parent 1. */
const FAILURES: readonly (readonly [sql: string, error: string])[] = [
  [
    "insert into items (id, name) values (1, 'x')",
    'ORA-00001: unique constraint (SCOTT.ITEMS_PK) violated on table SCOTT.ITEMS columns (ID)',
  ],
  ['insert into items (id, name) values (3, null)', 'ORA-01400: cannot insert NULL into ("SCOTT"."ITEMS"."NAME")'],
  ["insert into items (id, name) values (3, '')", 'ORA-01400: cannot insert NULL into ("SCOTT"."ITEMS"."NAME")'],
  ['update items set name = null', 'ORA-01407: cannot update ("SCOTT"."ITEMS"."NAME") to NULL'],
  ["insert into items (id, name, qty) values (3, 'x', -1)", 'ORA-02290: check constraint (SCOTT.ITEMS_QTY) violated'],
  [
    "insert into items (id, name, parent) values (3, 'x', 99)",
    'ORA-02291: integrity constraint (SCOTT.ITEMS_PARENT) violated - parent key not found',
  ],
  [
    'delete from items where id = 1',
    'ORA-02292: integrity constraint (SCOTT.ITEMS_PARENT) violated - child record found',
  ],
  ['select * from nowhere', 'ORA-00942: table or view "NOWHERE" does not exist'],
  ['insert into nowhere values (1)', 'ORA-00942: table or view "NOWHERE" does not exist'],
  ['drop table nowhere', 'ORA-00942: table or view "NOWHERE" does not exist'],
  ['select nothing from items', 'ORA-00904: "NOTHING": invalid identifier'],
  ['select no_function(1) from dual', 'ORA-00904: "NO_FUNCTION": invalid identifier'],
  ['select no_sequence.nextval from dual', 'ORA-02289: sequence does not exist'],
  ['select 1 / 0 from dual', 'ORA-01476: divisor is equal to zero'],
  ["select to_number('x') from dual", 'ORA-01722: unable to convert string value to a number'],
  ["insert into items (id, name) values ('x', 'x')", 'ORA-01722: unable to convert string value to a number'],
  ['selec 1 from dual', 'ORA-00900: invalid SQL statement'],
  ['select from dual', 'ORA-00936: missing expression'],
  ['create table items (id number)', 'ORA-00955: name is already used by an existing object'],
  [
    "insert into items (id, name) values (3, 'much too long for that column')",
    'ORA-12899: value too large for column (actual: unknown, maximum: 20)',
  ],
  [
    "insert into items (id, name) values (99999999999, 'x')",
    'ORA-01438: value larger than specified precision allowed for this column',
  ],
  ['select exp(1000) from dual', 'ORA-01426: numeric overflow'],
  ["insert into items (id, name) values (3, 'x', 1)", 'ORA-00913: too many values'],
  ["insert into items (id, name, qty) values (3, 'x')", 'ORA-00947: not enough values'],
  [
    'select (select level from dual connect by level <= 2) from dual',
    'ORA-01427: single-row subquery returns more than one row',
  ],
  ['select id, count(*) from items', 'ORA-00979: not a GROUP BY expression'],
  ['rollback to savepoint nowhere', "ORA-01086: savepoint 'NOWHERE' never established in this session or is invalid"],
  ['alter session set no_such_parameter = 1', 'ORA-02248: invalid option for ALTER SESSION'],
  ['alter session set current_schema = nobody', 'ORA-01435: user does not exist'],
];

onEveryPostgres('changes', (database) => {
  let connection: DriverConnection;
  const ids = () => rowsOf(connection, 'select id from items order by id');

  beforeAll(async () => {
    connection = database.connection;
    await runAll(connection, ITEMS);
  });
  beforeEach(async () => {
    await runAll(connection, 'delete from items', "insert into items (id, name) values (1, 'one')");
    await runAll(connection, "insert into items (id, name, parent) values (2, 'two', 1)", 'commit');
  });

  it.each(FAILURES)('%s', async (sql, error) => {
    expect(await oraOf(connection.execute(sql))).toBe(error);
  });

  it('undoes a statement that fails, and nothing in front of it', async () => {
    await runAll(connection, "insert into items (id, name) values (10, 'ten')");
    expect(
      await oraOf(
        connection.execute("insert into items (id, name) select level, 'x' from dual connect by level <= 20"),
      ),
    ).toContain('ORA-00001');
    await runAll(connection, "insert into items (id, name) values (11, 'eleven')", 'commit');
    expect(await ids()).toEqual([[1], [2], [10], [11]]);
  });

  it('begins transactions by itself, and a definition commits them', async () => {
    expect(connection.transactionInProgress).toBe(false);
    await runAll(connection, "insert into items (id, name) values (10, 'ten')");
    expect(connection.transactionInProgress).toBe(true);
    await runAll(connection, 'create table defined (n number)');
    expect(connection.transactionInProgress).toBe(false);
    await connection.rollback();
    expect(await ids()).toEqual([[1], [2], [10]]);
    await runAll(connection, 'drop table defined purge');
  });

  it('goes back to savepoints', async () => {
    await runAll(connection, 'savepoint a', "insert into items (id, name) values (10, 'ten')", 'savepoint b');
    await runAll(connection, "insert into items (id, name) values (11, 'x')", 'rollback to b');
    expect(await ids()).toEqual([[1], [2], [10]]);
    await runAll(connection, 'rollback to savepoint a');
    expect(await ids()).toEqual([[1], [2]]);
  });

  it('answers RETURNING INTO', async () => {
    const out = { dir: driver['BIND_OUT'], type: driver['NUMBER'] };
    const insert = "insert into items (id, name, qty) values (:id, 'new', 1.5) returning id, qty * 2 into :a, :b";
    expect((await connection.execute(insert, { id: 7, a: out, b: out })).outBinds).toEqual({ a: [7], b: [3] });
    const update = await connection.execute('update items set qty = 1 where id < :n returning id into :a', {
      n: 3,
      a: out,
    });
    expect([update.rowsAffected, update.outBinds]).toEqual([2, { a: [1, 2] }]);
  });

  it('merges', async () => {
    const merge = `merge into items t using (select 2 as id, 'second' as name from dual union all select 3, 'third' from dual) s on (t.id = s.id)
      when matched then update set t.name = s.name where s.id > 0
      when not matched then insert (t.id, t.name) values (s.id, s.name)`;
    expect((await connection.execute(merge)).rowsAffected).toBe(2);
    expect(await rowsOf(connection, 'select id, name from items order by id')).toEqual([
      [1, 'one'],
      [2, 'second'],
      [3, 'third'],
    ]);
    const dual =
      'merge into items t using dual on (t.id = :id) when not matched then insert (id, name) values (:id2, :name)';
    expect((await connection.execute(dual, [4, 4, 'four'])).rowsAffected).toBe(1);
  });

  it('limits changes by ROWNUM', async () => {
    expect(
      (await connection.execute("update items set name = 'x' where name <> 'y' and rownum <= 1")).rowsAffected,
    ).toBe(1);
    await runAll(connection, 'update items set parent = null');
    expect((await connection.execute('delete from items i where i.id > 0 and rownum <= :n', [1])).rowsAffected).toBe(1);
    expect(await ids()).toHaveLength(1);
  });

  it('counts with sequences and identities', async () => {
    await runAll(
      connection,
      'create sequence counting start with 5 increment by 2 nocache',
      'create table counted (id number generated always as identity, n number default counting.nextval)',
    );
    expect(await rowsOf(connection, 'select counting.nextval, counting.currval from dual')).toEqual([[5, 5]]);
    await runAll(
      connection,
      'insert into counted (n) values (counting.nextval)',
      'insert into counted (id) values (default)',
    );
    expect(await rowsOf(connection, 'select id, n from counted order by id')).toEqual([
      [1, 7],
      [2, 9],
    ]);
    await runAll(connection, 'drop table counted', 'drop sequence counting');
  });

  it('changes tables', async () => {
    await runAll(
      connection,
      'create table changed (a number)',
      "alter table changed add (b varchar2(5) default 'x', c date)",
      'insert into changed (a) values (1)',
    );
    await runAll(
      connection,
      'alter table changed modify (b varchar2(50) not null)',
      'alter table changed drop (c)',
      'alter table changed rename column a to z',
    );
    expect(await rowsOf(connection, 'select * from changed')).toEqual([[1, 'x']]);
    await runAll(
      connection,
      'truncate table changed',
      'alter table changed add constraint changed_u unique (z)',
      'create index changed_b on changed (b) tablespace users online',
    );
    expect(await rowsOf(connection, 'select count(*) from changed')).toEqual([[0]]);
    await runAll(connection, 'rename changed to renamed', 'drop table renamed cascade constraints purge');
  });

  it('sends 10,000 rows in one call, and tells the few that fail', async () => {
    const row = (index: number): unknown[] => [
      index === 5_000 ? 3 : index + 3,
      index === 7_000 ? null : `row ${index}`,
    ];
    const bindDefs = [{ type: driver['NUMBER'] }, { type: driver['STRING'], maxSize: 20 }];
    const sets = Array.from({ length: 10_000 }, (_, index) => row(index));
    const result = await connection.executeMany('insert into items (id, name) values (:1, :2)', sets, {
      batchErrors: true,
      dmlRowCounts: true,
      bindDefs,
    });
    expect(result.rowsAffected).toBe(9_998);
    expect(result.batchErrors?.map(({ offset, message }) => [offset, message.slice(0, 9)])).toEqual([
      [5_000, 'ORA-00001'],
      [7_000, 'ORA-01400'],
    ]);
    expect(result.dmlRowCounts?.filter((count) => count === 0)).toHaveLength(2);
    expect(await rowsOf(connection, 'select count(*) from items')).toEqual([[10_000]]);
  });

  it('keeps the rows in front of the first that fails, where errors are not collected', async () => {
    const sets = [
      [10, 'a'],
      [11, 'b'],
      [1, 'again'],
      [12, 'c'],
    ];
    expect(await oraOf(connection.executeMany('insert into items (id, name) values (:1, :2)', sets))).toContain(
      'ORA-00001',
    );
    expect(await ids()).toEqual([[1], [2], [10], [11]]);
    await connection.rollback();
    expect(await ids()).toEqual([[1], [2]]);
  });

  it('refuses at COMMIT what a deferred constraint found', async () => {
    await runAll(
      connection,
      'create table late (id number primary key, other number references late (id) deferrable initially deferred)',
    );
    await runAll(connection, 'insert into late values (1, 99)');
    const error: unknown = await connection.commit().catch((raised: unknown) => raised);
    expect((error as Error).message).toMatch(
      /^ORA-02091: transaction rolled back\nORA-02291: integrity constraint \(SCOTT\.\w+\) violated/,
    );
    expect([connection.transactionInProgress, await rowsOf(connection, 'select * from late')]).toEqual([false, []]);
    await runAll(connection, 'insert into late values (1, 99)');
    expect(await oraOf(connection.execute('set constraints all immediate'))).toContain('ORA-02291');
    await runAll(connection, 'rollback', 'set constraints all immediate', 'drop table late');
  });

  it('gives every session its own rows of a temporary table', async () => {
    await runAll(
      connection,
      'create global temporary table mine (n number) on commit preserve rows',
      'insert into mine values (1)',
      'commit',
    );
    const other = await database.connect();
    expect([await rowsOf(connection, 'select n from mine'), await rowsOf(other, 'select n from mine')]).toEqual([
      [[1]],
      [],
    ]);
    await runAll(
      connection,
      'create private temporary table ora$ptt_own (n number) on commit preserve definition',
      'insert into ora$ptt_own values (2)',
    );
    expect(await rowsOf(connection, 'select table_name from user_private_temp_tables')).toEqual([['ORA$PTT_OWN']]);
    await runAll(connection, 'commit', 'drop table ora$ptt_own', 'drop table mine');
  });

  it('lets others see what was granted, and hides the rest', async () => {
    const ops = await database.connect('ops', 'secret');
    expect(await oraOf(ops.execute('select * from scott.items'))).toContain('ORA-00942');
    await runAll(connection, 'grant select on items to ops');
    expect(await rowsOf(ops, 'select count(*) from scott.items')).toEqual([[2]]);
    expect(await oraOf(ops.execute('delete from scott.items'))).toContain('ORA-01031');
    await runAll(ops, 'alter session set current_schema = scott');
    expect(await rowsOf(ops, 'select count(*) from items')).toEqual([[2]]);
    await runAll(connection, 'revoke select on items from ops');
    expect(await oraOf(ops.execute('select * from items'))).toContain('ORA-00942');
  });
});
