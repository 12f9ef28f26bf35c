/**
 * The room of the mariadb connector against real servers of both kinds: what is its own (the contract suite has the rest), and
 * the habits of the connector that it has to work around, each by name.
 */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { RoomSession } from './mariadb-sessions.js';
import { RoomSessions } from './mariadb-sessions.js';

for (const target of inject('mysqlServers')) {
  const isMariaDb = target.product === 'mariadb';
  /** MySQL has no such error. */
  const ifMariaDb: typeof it | (() => void) = isMariaDb ? it : () => undefined;

  describe(`the mariadb room on ${target.name}`, () => {
    let sessions: RoomSessions;
    let session: RoomSession;

    beforeAll(async () => {
      sessions = new RoomSessions(target);
      session = await sessions.open();
      await session.run('drop table if exists room_rows, room_types');
      await session.run('create table room_rows (id int primary key, n int, t varchar(40)) engine = innodb');
      await session.run("insert into room_rows values (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three')");
    });
    afterAll(() => sessions[Symbol.asyncDispose]());

    describe('the state after an error, which carries none', () => {
      it('is not the "in a transaction" that the connector invents for every error', async () => {
        await session.failure('select from');
        expect(session.connection.state).toBe('idle');
        await session.failure('call nowhere()');
        expect(session.connection.state).toBe('idle');
      });

      it('is still inside after an error that undoes its statement only, a lock timeout among them', async () => {
        const other = await sessions.open();
        await other.run('begin');
        await other.run('update room_rows set n = 5 where id = 1');
        await session.run('set innodb_lock_wait_timeout = 1');
        await session.run('begin');
        expect(await session.failure('update room_rows set n = 6 where id = 1')).toMatchObject({ errno: 1205 });
        expect(session.connection.state).toBe('in-transaction');
        await other.run('rollback');
        await session.run('rollback');
        // What comes next waits for a deadlock to be found, and not for this.
        await session.run('set innodb_lock_wait_timeout = default');
      });

      it('is idle after a deadlock, which has ended the transaction: what came next would commit by itself', async () => {
        const other = await sessions.open();
        for (const one of [session, other]) await one.run('begin');
        await session.run('update room_rows set n = n + 1 where id = 1');
        await other.run('update room_rows set n = n + 1 where id >= 2');
        const crossed = await Promise.allSettled([
          session.run('update room_rows set n = n + 1 where id = 2'),
          other.run('update room_rows set n = n + 1 where id = 1'),
        ]);
        const victim = crossed[0].status === 'rejected' ? session : other;
        expect(crossed.filter(({ status }) => status === 'rejected')).toMatchObject([{ reason: { errno: 1213 } }]);
        expect(victim.connection.state).toBe('idle');
        for (const one of [session, other]) await one.run('rollback');
      });

      it('is idle after DDL inside a transaction has failed: it had committed before it did', async () => {
        await session.run('begin');
        await session.run("insert into room_rows values (9, 9, 'kept')");
        expect(await session.failure('create table room_rows (id int)')).toMatchObject({ errno: 1050 });
        expect(session.connection.state).toBe('idle');
        expect(await session.run('delete from room_rows where id = 9')).toMatchObject({ rowsAffected: 1 });
      });

      it('is inside after a procedure has begun a transaction and failed', async () => {
        await session.run('drop procedure if exists room_begins');
        await session.run(
          "create procedure room_begins() begin start transaction; signal sqlstate '45000' set message_text = 'no'; end",
        );
        expect(await session.failure('call room_begins()')).toMatchObject({ errno: 1644 });
        expect(session.connection.state).toBe('in-transaction');
        await session.run('rollback');
      });

      ifMariaDb('is idle after MariaDB has refused a stale snapshot (1020)', async () => {
        const other = await sessions.open();
        await session.run('set innodb_snapshot_isolation = on');
        await session.run('begin');
        await session.run('select * from room_rows');
        await other.run('update room_rows set n = n + 10 where id = 3');
        expect(await session.failure('update room_rows set n = 0 where id = 3')).toMatchObject({ errno: 1020 });
        expect(session.connection.state).toBe('idle');
      });
    });

    describe('what the connector says of errors', () => {
      const classify = (error: unknown) =>
        sessions.driver.classify(error, {
          phase: 'statement',
          wasSent: true,
          isReadOnly: false,
          isSafeToRepeat: false,
          inTransaction: false,
          askedReadOnly: false,
          context: {},
        });

      it('a violated CHECK is one, although its name is of the other server and its state says nothing', async () => {
        await session.run('drop table if exists room_checked');
        await session.run('create table room_checked (id int, constraint room_positive check (id > 0))');
        const native = await session.failure('insert into room_checked values (0)');
        expect(native.errno).toBe(isMariaDb ? 4025 : 3819);
        if (!isMariaDb) expect([native.code, native.sqlState]).toEqual(['UNKNOWN', 'HY000']);
        expect(classify(native)).toMatchObject({ code: 'CONSTRAINT', reason: 'check', isConnectionFatal: false });
      });

      it('NOWAIT is a lock timeout, whichever number the server has for it', async () => {
        const other = await sessions.open();
        await other.run('begin');
        await other.run('select * from room_rows where id = 1 for update');
        const native = await session.failure('select * from room_rows where id = 1 for update nowait');
        expect(native.errno).toBe(isMariaDb ? 1205 : 3572);
        expect(classify(native)).toMatchObject({ code: 'TRANSACTION', reason: 'lock-timeout' });
        await other.run('rollback');
      });

      it('a limit of the server is a timeout, and "fatal" is no word to go by: the connection is as good as before', async () => {
        const limited = await sessions.open({ statementLimitMs: 100 });
        expect(limited.connection.statementLimitMs).toBe(100);
        const slow = 'select count(*) from room_rows a, room_rows b where sleep(1) = 0';
        const native = await limited.failure(slow);
        expect([native.errno, native.fatal]).toEqual(isMariaDb ? [1969, true] : [3024, false]);
        expect(classify(native)).toMatchObject({ code: 'TIMEOUT', isConnectionFatal: false });
        expect([limited.connection.state, await limited.value("select 'x'")]).toEqual(['idle', 'x']);
      });

      it('a cancel is called fatal too, and is not', async () => {
        const stopped = session.failure('select sleep(30) as stopped from room_rows');
        await expect.poll(async () => (await running('stopped')).length, { timeout: 10_000 }).toBe(1);
        await session.connection.cancel();
        expect(await stopped).toMatchObject({ errno: 1317, fatal: true });
        expect([session.connection.state, await session.value("select 'x'")]).toEqual(['idle', 'x']);
      });

      it('none carries the text of its statement, which may hold values', async () => {
        const native = await session.failure("selec 'a-secret-value-of-forty-two-characters-in-here'");
        expect(native).not.toHaveProperty('sql');
        const prepared = await session.failure('select * from nowhere where a = ? and b = ?', ['another-secret', 1]);
        expect(`${prepared.message} ${prepared.stack}`).not.toMatch(/another-secret|select \*/);
        expect(native.message).not.toContain('\nsql: ');
      });
    });

    describe('losses', () => {
      it('an idle session that the server kicks out is one loss, and no failure of the server', async () => {
        const idle = await sessions.open();
        await idle.run('set wait_timeout = 1');
        await expect.poll(() => idle.losses, { timeout: 15_000 }).toHaveLength(1);
        const context = { connectionId: 1 };
        const situation = { isReadOnly: false, isSafeToRepeat: false, inTransaction: false, askedReadOnly: false };
        const known = sessions.driver.classify(idle.losses[0], {
          ...situation,
          phase: 'idle',
          wasSent: false,
          context,
        });
        expect(known).toMatchObject({ code: 'CONNECTION', breaker: 'ignore', outcome: 'not-sent' });
      });

      it('a session that is ended in the middle of a statement rejects it, and is one loss', async () => {
        const victim = await sessions.open();
        const sleeping = victim.failure('select sleep(30) as ended from room_rows');
        await expect.poll(async () => (await running('ended')).length, { timeout: 10_000 }).toBe(1);
        await session.run(`kill ${victim.connection.sessionId}`);
        await sleeping;
        await expect.poll(() => victim.losses).toHaveLength(1);
        expect(victim.connection.state).toBe('closed');
        await expect(victim.connection.untilReady()).rejects.toBe(victim.losses[0]);
        await victim.failure('select 1');
        expect(victim.losses).toHaveLength(1);
      });

      it('destroy() rejects what runs, and opens no connection to do so, as the connector would', async () => {
        const admin = await sessions.openAdmin();
        const doomed = await sessions.open();
        const running = doomed.failure('select sleep(30) from room_rows');
        const before = await connectionsSoFar(admin);
        doomed.connection.destroy();
        await running;
        expect([doomed.connection.state, doomed.losses]).toEqual(['closed', []]);
        await admin.run('do sleep(0.2)');
        expect(await connectionsSoFar(admin)).toBe(before);
      });

      it('a connect that nobody waits for any more is given up', async () => {
        const controller = new AbortController();
        const opening = sessions.open({ signal: controller.signal });
        controller.abort();
        await expect(opening).rejects.toThrow();
      });
    });

    async function running(marker: string): Promise<readonly unknown[]> {
      const observer = await sessions.open();
      const text =
        "select id from information_schema.processlist where info like concat('%as ', ?, ' from%') and id <> connection_id()";
      const { rows } = await observer.run(text, [marker]);
      await observer.connection.close();
      return rows;
    }

    async function connectionsSoFar(admin: RoomSession): Promise<unknown> {
      const { rows } = await admin.run("show global status like 'Connections'");
      return (rows[0] as unknown[])[1];
    }
  });
}
