/** Several sessions at once: locks, isolation, deadlocks, cancelling, killing, and what a session keeps for itself. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DriverConnection } from '../driver-bench.js';
import { onEveryPostgres, oraOf, rowsOf, runAll } from './wire-database.js';

onEveryPostgres('sessions', (database) => {
  let one: DriverConnection;
  let other: DriverConnection;
  const change = (connection: DriverConnection, id: number, n = 1) =>
    connection.execute('update locked set n = :n where id = :id', { n, id });
  const waiting = () => rowsOf(database.connection, "select count(*) from v$session where event like 'enq: TX%'");
  const untilWaiting = () => expect.poll(waiting).toEqual([[1]]);
  const sleeping = () => rowsOf(database.connection, "select sid from v$session where event = 'PL/SQL lock timer'");
  const untilAsleep = () => expect.poll(sleeping).toHaveLength(1);
  /** ALTER SYSTEM for the one session that sleeps. */
  const endSleeping = (words: string): string => `begin
      for s in (select sid, serial# as serial from v$session where event = 'PL/SQL lock timer') loop
        execute immediate 'alter system ${words} ''' || s.sid || ',' || s.serial || '''';
      end loop;
    end;`;
  const sleep = 'begin dbms_session.sleep(30); end;';

  beforeAll(() => runAll(database.connection, 'create table locked (id number primary key, n number)'));
  beforeEach(async () => {
    await runAll(
      database.connection,
      'delete from locked',
      'insert into locked select level, 0 from dual connect by level <= 5',
      'commit',
    );
    one = await database.connect();
    other = await database.connect();
  });

  it('waits for the row that another has changed, and goes on when that one commits', async () => {
    await change(one, 1);
    const blocked = change(other, 1, 2);
    await untilWaiting();
    await one.commit();
    expect((await blocked).rowsAffected).toBe(1);
    await other.commit();
    expect(await rowsOf(one, 'select n from locked where id = 1')).toEqual([[2]]);
  });

  it('does not see what is not committed, and sees the rest at once', async () => {
    await change(one, 1);
    expect(await rowsOf(other, 'select n from locked where id = 1')).toEqual([[0]]);
    await one.commit();
    expect(await rowsOf(other, 'select n from locked where id = 1')).toEqual([[1]]);
  });

  it('waits not at all, for a while, or goes around, as FOR UPDATE says', async () => {
    await rowsOf(one, 'select id from locked where id = 1 for update of n');
    const query = 'select id from locked where id <= 2 order by id for update';
    expect(await oraOf(other.execute(`${query} nowait`))).toBe(
      'ORA-00054: resource busy and acquire with NOWAIT specified or timeout expired',
    );
    expect(await oraOf(other.execute(`${query} wait 1`))).toBe(
      'ORA-30006: resource busy; acquire with WAIT timeout expired',
    );
    expect(await rowsOf(other, `${query} skip locked`)).toEqual([[2]]);
  });

  it('locks tables', async () => {
    await runAll(one, 'lock table locked in exclusive mode');
    expect(await oraOf(other.execute('lock table locked in share mode nowait'))).toContain('ORA-00054');
    expect(await oraOf(other.execute('lock table locked in row exclusive mode wait 1'))).toContain('ORA-30006');
    expect(await oraOf(other.execute('drop table locked'))).toContain('ORA-00054');
  });

  it('ends a deadlock by undoing one statement', async () => {
    await change(one, 1);
    await change(other, 2);
    const rolledBack = async (connection: DriverConnection, id: number): Promise<string> => {
      const error = await oraOf(change(connection, id));
      if (error !== 'no error') expect(connection.transactionInProgress).toBe(true);
      await connection.rollback();
      return error;
    };
    const ends = await Promise.all([rolledBack(one, 2), rolledBack(other, 1)]);
    expect(ends.sort()).toEqual(['ORA-00060: deadlock detected while waiting for resource', 'no error']);
  });

  it('serializes: the past stays as it was, and cannot be changed', async () => {
    await runAll(one, 'set transaction isolation level serializable');
    await change(other, 1, 7);
    await other.commit();
    expect(await rowsOf(one, 'select n from locked where id = 1')).toEqual([[0]]);
    expect(await oraOf(change(one, 1))).toBe("ORA-08177: can't serialize access for this transaction");
    expect((await change(one, 2)).rowsAffected).toBe(1);
    await one.rollback();
    await runAll(one, 'alter session set isolation_level = serializable');
    await change(one, 2);
    await change(other, 1, 8);
    await other.commit();
    expect(await oraOf(change(one, 1))).toContain('ORA-08177');
  });

  it('refuses changes in a read-only transaction, and a second SET TRANSACTION', async () => {
    await runAll(one, 'set transaction read only');
    expect(await oraOf(change(one, 1))).toBe(
      'ORA-01456: may not perform insert, delete, update operation inside a READ ONLY transaction',
    );
    expect(await oraOf(one.execute('set transaction read write'))).toContain('ORA-01453');
  });

  it('refuses changes where the server has become read-only', async () => {
    const [[sid]] = (await rowsOf(one, "select sys_context('userenv', 'sid') from dual")) as [[string]];
    await database.server.faults.readOnly(Number(sid), true);
    expect(await oraOf(change(one, 1))).toContain('ORA-16000');
    expect(await rowsOf(one, 'select count(*) from locked')).toEqual([[5]]);
  });

  it('cancels a block that sleeps, a statement that waits, and nothing behind them', async () => {
    await change(one, 1);
    for (const start of [() => other.execute(sleep), () => change(other, 1)]) {
      const cancelled = oraOf(start());
      await (start.toString().includes('sleep') ? untilAsleep() : untilWaiting());
      await other.break();
      expect(await cancelled).toContain('ORA-01013');
      expect(await rowsOf(other, 'select 1 from dual')).toEqual([[1]]);
    }
  });

  it('keeps the transaction of a statement that was cancelled', async () => {
    await change(one, 1);
    one.callTimeout = 100;
    expect(await oraOf(one.execute(sleep))).toContain('NJS-123');
    one.callTimeout = 0;
    await one.commit();
    expect(await rowsOf(other, 'select n from locked where id = 1')).toEqual([[1]]);
  });

  it('cancels and kills other sessions by ALTER SYSTEM', async () => {
    await change(one, 1);
    const cancelled = oraOf(one.execute(sleep));
    await untilAsleep();
    await other.execute(endSleeping('cancel sql'));
    expect(await cancelled).toContain('ORA-01013');
    expect(one.transactionInProgress).toBe(true);
    const killed = one.execute(sleep).catch((error: unknown) => error);
    await untilAsleep();
    await other.execute(endSleeping('kill session'));
    expect(await killed).toMatchObject({ errorNum: 28, code: 'NJS-500' });
    // PostgreSQL says that it ends a session before it lets go of its locks.
    const locked = () => rowsOf(other, 'select n from locked where id = 1 for update nowait');
    await expect.poll(locked).toEqual([[0]]);
    expect(await oraOf(other.execute("alter system kill session '9999,1'"))).toContain('ORA-00030');
    const [[sid]] = (await rowsOf(other, "select sys_context('userenv', 'sid') from dual")) as [[string]];
    await database.connection.execute(`alter system disconnect session '${sid},1' immediate`);
    await expect.poll(() => other.isHealthy()).toBe(false);
  });

  it('finds a running statement by what is in its text', async () => {
    const running = oraOf(one.execute('begin dbms_session.sleep(30); /* a_marker */ end;'));
    const find = () =>
      rowsOf(
        other,
        `select s.sid from v$session s join v$sql q on q.sql_id = s.sql_id
        where q.sql_text like '%a_marker%' and s.sid <> sys_context('userenv', 'sid')`,
      );
    await expect.poll(find).toHaveLength(1);
    await one.break();
    expect(await running).toContain('ORA-01013');
  });

  it('keeps settings over a rollback, and from other sessions', async () => {
    await change(one, 1);
    await runAll(one, "alter session set nls_date_format = 'YYYY/MM/DD' time_zone = '+02:00'");
    await runAll(
      one,
      "begin dbms_application_info.set_module('billing', 'close'); dbms_session.set_identifier('u7'); end;",
      'rollback',
    );
    const look = `select to_char(date '2024-02-29'), sessiontimezone, sys_context('userenv', 'module'), sys_context('userenv', 'client_identifier') from dual`;
    expect(await rowsOf(one, look)).toEqual([['2024/02/29', '+02:00', 'billing', 'u7']]);
    expect(await rowsOf(other, look)).toEqual([['29-FEB-24', '+00:00', null, null]]);
    expect(await rowsOf(other, "select module, action from v$session where client_identifier = 'u7'")).toEqual([
      ['billing', 'close'],
    ]);
  });

  it('is told with a call what tracing wants to know', async () => {
    one.module = 'billing';
    one.action = 'close';
    one.clientId = 'user 7';
    const look = "select sys_context('userenv', 'module'), sys_context('userenv', 'action') from dual";
    expect(await rowsOf(one, look)).toEqual([['billing', 'close']]);
    const seen = () => rowsOf(other, "select module, action from v$session where client_identifier = 'user 7'");
    expect(await seen()).toEqual([['billing', 'close']]);
    expect(await rowsOf(other, look)).toEqual([[null, null]]);
  });

  describe('fifty of them', () => {
    it('each keep their own transactions', async () => {
      const sessions = await Promise.all(Array.from({ length: 50 }, () => database.connect()));
      await Promise.all(
        sessions.map(async (session, index) => {
          await session.execute('insert into locked values (:1, :2)', [1_000 + index, index]);
          await (index % 2 === 0 ? session.commit() : session.rollback());
        }),
      );
      expect(await rowsOf(one, 'select count(*) from locked where id >= 1000')).toEqual([[25]]);
    });
  });
});
