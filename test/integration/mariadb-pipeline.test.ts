/** Statements in flight together on one session of the mariadb connector: what the contract suite cannot ask of every driver. */
import type { DriverConnection, DriverResult } from 'fluxor-db';
import { SESSION_EFFECTS } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SENT } from '../fakes/situations.js';
import { MysqlRoad } from './mysql-road.js';
import type { RoomSession } from './mariadb-sessions.js';
import { RoomSessions } from './mariadb-sessions.js';

/** The number of each, or that of its error. */
async function fates(running: readonly Promise<DriverResult>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(running);
  return settled.map((one) => {
    if (one.status === 'fulfilled') return Number((one.value.rows as unknown[][])[0]?.[0]);
    const { errno, code } = one.reason as { readonly errno?: number; readonly code?: string };
    return errno ?? code;
  });
}

for (const target of inject('mysqlServers')) {
  describe(`statements in flight together by the mariadb connector on ${target.name}`, () => {
    let sessions: RoomSessions;
    let session: RoomSession;
    let connection: DriverConnection;

    beforeAll(async () => {
      sessions = new RoomSessions(target);
      session = await sessions.open();
      connection = session.connection;
      await session.run('drop table if exists together');
      await session.run('create table together (id int primary key, n int) engine = innodb');
      await session.run('drop procedure if exists together_out');
      await session.run('create procedure together_out(in a int, out b int) begin select a; set b = a + 1; end');
    });
    afterAll(async () => {
      await session.run('drop table together');
      await session.run('drop procedure together_out');
      await sessions[Symbol.asyncDispose]();
    });

    const numbers = (...all: readonly number[]): Promise<DriverResult>[] =>
      all.map((n) => session.run('select ? + 0', [n]));

    it('refuses whatever needs the session alone while others are in flight, and the others are answered', async () => {
      const cursor = connection.openCursor?.({ text: 'select 1', values: [], rowMode: 'array' });
      const batch = { text: 'insert into together values (?, 0)', sets: [[1]] };
      const running = numbers(1, 2);
      const refused: Promise<unknown>[] = [
        connection.ping(),
        connection.ping('select 1'),
        connection.reset(SESSION_EFFECTS.settings),
        Promise.resolve(connection.runBatch?.(batch as never)),
        Promise.resolve(cursor?.read(1)),
        session.run('call together_out(?, ?)', [1, null]),
      ];
      const refusals = (await Promise.allSettled(refused)).map((one) =>
        one.status === 'rejected' ? (one.reason as Error).message : 'not refused',
      );
      for (const refusal of refusals) expect(refusal).toContain('bug: others are in flight');
      expect(await fates([...running, ...numbers(3)])).toEqual([1, 2, 3]);
      expect(connection.state).toBe('idle');
    });

    it('refuses a statement while a cursor or a CALL has the session alone', async () => {
      const cursor = connection.openCursor?.({ text: 'select 1 union select 2', values: [], rowMode: 'array' });
      await cursor?.read(1);
      expect((await session.failure('select 1')).message).toContain('bug: a statement while');
      await cursor?.close();
      const calling = session.run('call together_out(?, ?)', [4, null], 'object');
      expect((await session.failure('select 1')).message).toContain('bug: a statement while');
      expect(await calling).toMatchObject({ rows: [{ a: 4 }], outBinds: { b: 5 } });
      expect(connection.state).toBe('idle');
    });

    it('overtakes nobody: a text that has to be prepared first is carried out before those behind it', async () => {
      for (let round = 0; round < 20; round += 1) {
        await session.run('delete from together');
        // New to the server in each round; the counts go by the text protocol, which prepares nothing.
        const insert = (id: number) => session.run(`insert into together values (?, ?) /* ${round} */`, [id, round]);
        const count = () => session.run('select count(*) from together');
        const running = [insert(1), count(), insert(2), count(), count()];
        const answers = await fates(running);
        expect([answers[1], answers[3], answers[4]]).toEqual([1, 2, 2]);
      }
    });

    it('refuses a wrong number of values, and a value that cannot be sent, to their statements alone', async () => {
      const running = [
        ...numbers(1),
        session.run('select ? + 0', [1, 2]),
        ...numbers(2),
        session.run('select ? /* never prepared */', [1, 2]),
        session.run('select ? + 0', [Symbol('no value')]),
        ...numbers(3),
      ];
      expect(await fates(running)).toEqual([1, 'QUERY', 2, 'QUERY', 'QUERY', 3]);
      const wrong = await Promise.allSettled([running[1], running[4]]);
      const outcomes = wrong.map(
        (one) => one.status === 'rejected' && sessions.driver.classify(one.reason, SENT).outcome,
      );
      expect([outcomes, connection.state]).toEqual([['not-applied', 'not-sent'], 'idle']);
    });

    it('prepares anew, behind the others, what the server has lost, and once for all runs of it', async () => {
      await using road = await MysqlRoad.start(target.url);
      const lost = await sessions.openWith({ host: road.host, port: road.port });
      const prepared = async () =>
        Number((await lost.run("show session status like 'Com_stmt_prepare'")).rows.flat()[1]);
      const ten = () => lost.run('select ? + 10', [1]);
      const twenty = () => lost.run('select ? + 20', [1]);
      expect([await fates([ten()]), await fates([twenty()])]).toEqual([[11], [21]]);
      const before = await prepared();
      road.forgetStatements();
      expect(await fates([ten(), twenty(), ten(), ten(), lost.run('select 5')])).toEqual([11, 21, 11, 11, 5]);
      expect([(await prepared()) - before, lost.connection.state]).toEqual([2, 'idle']);
    });

    it('closes statements that are too many while they are in flight', async () => {
      const few = await sessions.open({ preparedStatements: 2 });
      const texts = Array.from({ length: 50 }, (_, at) => `select ? + ${at}`);
      for (let round = 0; round < 3; round += 1) {
        const running = texts.flatMap((text) => [few.run(text, [1]), few.run('select ? + 0', [7])]);
        const wanted = texts.flatMap((_, at) => [at + 1, 7]);
        expect(await fates(running)).toEqual(wanted);
      }
      const none = await sessions.open({ preparedStatements: 0 });
      expect(await fates([1, 2, 3].map((n) => none.run('select ? + 0', [n])))).toEqual([1, 2, 3]);
      const open = "show global status like 'Prepared_stmt_count'";
      await Promise.all([few.connection.close(), none.connection.close()]);
      await expect.poll(async () => Number((await session.run(open)).rows.flat()[1])).toBeLessThan(40);
    });

    it('knows where it is when an error that could have ended a transaction was among the others', async () => {
      const running = [...numbers(1), session.run('create table together (id int)'), ...numbers(2)];
      expect(await fates(running)).toEqual([1, 1050, 2]);
      expect(connection.state).toBe('idle');
      expect(await fates([...numbers(1), session.run('create table together (id int)')])).toEqual([1, 1050]);
      expect(connection.state).toBe('idle');
      // A transaction that somebody begins among others is seen as well.
      expect(await fates([...numbers(1), session.run('begin'), session.run('selekt')])).toEqual([1, NaN, 1064]);
      expect(connection.state).toBe('in-transaction');
      await session.run('rollback');
      expect(connection.state).toBe('idle');
    });

    it('brings what was generated and changed to whoever did it', async () => {
      await session.run('drop table if exists together_ids');
      await session.run('create table together_ids (id int primary key auto_increment, n int)');
      const running = Array.from({ length: 20 }, (_, n) =>
        n % 2 === 0
          ? session.run('insert into together_ids (n) values (?)', [n])
          : session.run('update together_ids set n = n + 1 where id <= ?', [(n + 1) / 2]),
      );
      const results = await Promise.all(running);
      const seen = results.map(({ rowsAffected, lastInsertId }) => lastInsertId ?? -rowsAffected);
      expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? n / 2 + 1 : -(n + 1) / 2)));
      await session.run('drop table together_ids');
    });

    // Its ping is COM_PING alone: with "do 0" before it, a cancel would cost one more round trip.
    it('keeps no KILL that finds it at rest, nor one that its ping may meet', async () => {
      await using others = new RoomSessions(target);
      const other = await others.open();
      const kill = `kill query ${connection.sessionId}`;
      for (let round = 0; round < 50; round += 1) {
        await other.run(kill);
        if (round % 2 === 0) await connection.ping();
        // Long enough for the server to look for a KILL.
        expect(await session.value('select sleep(0.001) + ?', [round])).toEqual(expect.anything());
        expect(Number(await session.value('select count(*) from information_schema.collations'))).toBeGreaterThan(1);
        const killing = other.run(kill);
        await connection.ping();
        await killing;
        expect(await fates(numbers(round))).toEqual([round]);
      }
    });

    it(
      'never keeps a late KILL for the next, whatever it hits of those that were in flight',
      { timeout: 60_000 },
      async () => {
        for (let round = 0; round < 300; round += 1) {
          const killing = connection.cancel();
          const all = Array.from({ length: 1 + (round % 12) }, (_, at) => round * 100 + at);
          const fate = await fates(numbers(...all));
          await killing;
          const wrong = fate.filter((one, at) => one !== all[at] && one !== 1317);
          expect(wrong).toEqual([]);
          await connection.untilReady();
          await connection.ping();
          expect(await fates(numbers(1, 2))).toEqual([1, 2]);
        }
        const error = Object.assign(new Error('interrupted'), { errno: 1317, sqlState: '70100' });
        expect(sessions.driver.classify(error, SENT)).toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
      },
    );
  });
}
