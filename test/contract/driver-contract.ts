/**
 * What every driver promises (src/driver/driver.ts), checked on a real database. One file for all of them: a driver that
 * needs an exception here needs a capability instead.
 */
import type { SessionState } from 'fluxor-db';
import { SESSION_EFFECTS } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractSessions, failureOf, isRunning, run } from './contract-session.js';
import type { OpenedSession } from './contract-session.js';
import { cleanServerConnections, onEveryServerConnection } from './server-connections.js';
import type { ContractTarget } from './targets.js';

export function driverContract(target: ContractTarget): void {
  describe(`driver contract: ${target.name}`, () => {
    let sessions: ContractSessions;
    let session: OpenedSession;

    beforeAll(async () => {
      sessions = new ContractSessions(target.makeDriver());
      session = await sessions.open();
    });
    afterAll(() => sessions.closeAll());

    const state = (): SessionState => session.connection.state;

    describe('statements', () => {
      it('brings rows back as objects, and as arrays in column order', async () => {
        const query = { text: "select 1 as id, 'x' as name", values: [] };
        const asObjects = await session.connection.execute({ ...query, rowMode: 'object' });
        const asArrays = await session.connection.execute({ ...query, rowMode: 'array' });
        expect(asObjects.rows).toEqual([{ id: 1, name: 'x' }]);
        expect(asArrays.rows).toEqual([[1, 'x']]);
      });

      it('keeps both of two columns with one name in array mode', async () => {
        const result = await run(session.connection, 'select 1 as n, 2 as n');
        expect(result.rows).toEqual([[1, 2]]);
        expect(result.fields.map((field) => field.name)).toEqual(['n', 'n']);
      });

      it('names the columns and their types, also when no row comes', async () => {
        const result = await run(session.connection, "select 1::int8 as a, 'x'::text as b where false");
        expect(result.rows).toEqual([]);
        expect(result.fields.map(({ name, type }) => [name, type])).toEqual([
          ['a', 'int8'],
          ['b', 'text'],
        ]);
      });

      it('counts rows changed and not rows read', async () => {
        await run(session.connection, 'create table counted (id int primary key)');
        const affected = [];
        for (const text of [
          'insert into counted select generate_series(1, 5)',
          'update counted set id = id + 10 where id > 3',
          'select * from counted',
          'delete from counted where id = 1',
          'delete from counted where id = 99',
        ]) {
          affected.push((await run(session.connection, text)).rowsAffected);
        }
        await run(session.connection, 'drop table counted');
        expect(affected).toEqual([5, 2, 0, 1, 0]);
      });

      it('says which command the database ran', async () => {
        expect((await run(session.connection, 'select 1')).command).toBe('SELECT');
        expect((await run(session.connection, 'begin')).command).toBe('BEGIN');
        expect((await run(session.connection, 'rollback')).command).toBe('ROLLBACK');
      });

      it('takes an empty statement', async () => {
        expect((await run(session.connection, '')).rows).toEqual([]);
      });

      it('refuses two statements in one text, with and without parameters', async () => {
        const error = await failureOf(session.connection, 'select 1; select 2');
        expect((error as { code: string }).code).toBe('42601');
      });

      it('carries 50,000 rows and a value of 5 MB', async () => {
        const many = await run(session.connection, 'select generate_series(1, 50000)');
        expect(many.rows).toHaveLength(50_000);
        expect(many.rows[49_999]).toEqual([50_000]);
        const large = 'é'.repeat(2_500_000);
        expect((await run(session.connection, 'select $1::text', [large])).rows).toEqual([[large]]);
      });

      it('moves its byte counter when a statement leaves', async () => {
        const before = session.connection.bytesWritten;
        await run(session.connection, 'select 1');
        expect(session.connection.bytesWritten).toBeGreaterThan(before);
      });
    });

    describe('the state of the session', () => {
      it('is idle, in a transaction, failed, and idle again', async () => {
        const states = [state()];
        await run(session.connection, 'begin');
        states.push(state());
        await failureOf(session.connection, 'select 1/0');
        states.push(state());
        await run(session.connection, 'rollback');
        states.push(state());
        expect(states).toEqual(['idle', 'in-transaction', 'failed-transaction', 'idle']);
      });

      it('is busy while a statement runs', async () => {
        const running = run(session.connection, 'select 1');
        expect(state()).toBe('busy');
        await running;
        expect(state()).toBe('idle');
      });

      it('is ready for the next statement once untilReady has resolved after an error', async () => {
        for (let round = 0; round < 20; round += 1) {
          await failureOf(session.connection, 'select 1/0');
          expect(state()).toBe('idle');
          expect((await run(session.connection, 'select $1::int', [round])).rows).toEqual([[round]]);
        }
      });
    });

    describe('transactions', () => {
      it('speaks every isolation level and access mode', async () => {
        const { transactions } = sessions.driver;
        for (const isolation of ['read committed', 'repeatable read', 'serializable'] as const) {
          await run(session.connection, transactions.begin({ isolation, readOnly: true }));
          const shown = await run(session.connection, 'show transaction_isolation');
          const access = await run(session.connection, 'show transaction_read_only');
          await run(session.connection, transactions.rollback);
          expect([shown.rows, access.rows]).toEqual([[[isolation]], [['on']]]);
        }
      });

      it('goes back to a savepoint and keeps what came before', async () => {
        const { transactions } = sessions.driver;
        await run(session.connection, 'create table kept (id int)');
        await run(session.connection, transactions.begin({}));
        await run(session.connection, 'insert into kept values (1)');
        await run(session.connection, transactions.savepoint('s1'));
        await run(session.connection, 'insert into kept values (2)');
        await failureOf(session.connection, 'select 1/0');
        await run(session.connection, transactions.rollbackTo('s1'));
        await run(session.connection, transactions.commit);
        expect((await run(session.connection, 'select id from kept')).rows).toEqual([[1]]);
        await run(session.connection, 'drop table kept');
      });
    });

    describe('stopping a statement', () => {
      it('stops what runs at the server, and nothing that comes later; or says that it cannot', async () => {
        if (!sessions.driver.capabilities.canCancel) {
          await expect(session.connection.cancel()).rejects.toThrow();
          return;
        }
        // Asked too early, the server would find nothing to stop.
        const observer = await sessions.openOther(target.makeObserver?.());
        const sleeping = failureOf(session.connection, 'select pg_sleep(30) as stopped');
        await expect.poll(() => isRunning(observer, 'select pg_sleep(30) as stopped'), { timeout: 10_000 }).toBe(true);
        await session.connection.cancel();
        expect(((await sleeping) as { code: string }).code).toBe('57014');
        for (let n = 0; n < 50; n += 1) {
          expect((await run(session.connection, 'select $1::int', [n])).rows).toEqual([[n]]);
        }
      });
    });

    describe('the end of a session', () => {
      it('forgets settings and temporary tables on reset, or leaves them where a pooler has put them', async () => {
        await run(session.connection, "set application_name to 'changed'");
        await run(session.connection, 'create temporary table leftover (id int)');
        await session.connection.reset(SESSION_EFFECTS.unknown);
        const { rows } = await run(session.connection, 'show application_name');
        expect(rows).not.toEqual([['changed']]);
        if (target.impossible.has('reset')) {
          // A pooler keeps that setting for its client, and gives the table to whoever has the server connection next.
          const temporary = "select count(*)::int from pg_class where relname = 'leftover'";
          expect((await run(session.connection, temporary)).rows).toEqual([[1]]);
          return cleanServerConnections(target);
        }
        const error = await failureOf(session.connection, 'select * from leftover');
        expect((error as { code: string }).code).toBe('42P01');
      });

      it('answers a ping, also with a statement of the user', async () => {
        await session.connection.ping();
        await session.connection.ping('select 42');
        await expect(session.connection.ping('select * from nowhere')).rejects.toMatchObject({ code: '42P01' });
        await session.connection.untilReady();
        expect(state()).toBe('idle');
      });

      it('is closed after close, without reporting a loss', async () => {
        await sessions.close(session);
        expect(state()).toBe('closed');
        expect(session.losses).toEqual([]);
        session = await sessions.open();
      });

      it('rejects what runs when it is destroyed, without reporting a loss', async () => {
        if (sessions.driver.capabilities.maxSessions === 1) return embeddedSessionSurvives();
        const doomed = await sessions.open();
        const sleeping = run(doomed.connection, 'select pg_sleep(30)');
        doomed.connection.destroy();
        await expect(sleeping).rejects.toThrow();
        expect([doomed.connection.state, doomed.losses]).toEqual(['closed', []]);
      });

      it('reports exactly one loss when the server ends the session in a transaction', async () => {
        if (sessions.driver.capabilities.maxSessions === 1) return embeddedSessionSurvives();
        const victim = await sessions.open();
        await run(victim.connection, 'begin');
        await terminate(await pidOf(victim));
        await expect.poll(() => victim.losses.length, { timeout: 5_000 }).toBe(1);
        expect(victim.connection.state).toBe('closed');
        expect((victim.losses[0] as { code: string }).code).toBe('57P01');
        await expect(run(victim.connection, 'select 1')).rejects.toThrow();
        expect(victim.losses).toHaveLength(1);
      });

      it('reports the loss of an idle session, or has not lost it: a pooler takes another process', async () => {
        if (sessions.driver.capabilities.maxSessions === 1) return embeddedSessionSurvives();
        const victim = await sessions.open();
        await terminate(await pidOf(victim));
        if (target.impossible.has('loss of an idle session')) {
          expect([victim.connection.state, victim.losses]).toEqual(['idle', []]);
          // The pooler may not have seen it yet, and would lend the dead one to the next test.
          const isServed = () => onEveryServerConnection(target, (tx) => tx.query('select 1')).catch(() => []);
          return expect.poll(isServed, { timeout: 10_000 }).not.toEqual([]);
        }
        await expect.poll(() => victim.losses.length, { timeout: 5_000 }).toBe(1);
        expect(victim.connection.state).toBe('closed');
      });

      it('knows whose process it has, and ends it by that number where it is its own', async () => {
        const pid = await pidOf(session);
        const isOwn = !target.impossible.has('process id') && sessions.driver.capabilities.maxSessions > 1;
        expect(session.connection.sessionId === String(pid)).toBe(isOwn);
        expect(session.connection.isPooled ?? false).toBe(target.impossible.has('process id'));
        if (!target.impossible.has('cancel by process id')) return;
        const asked = await run(session.connection, 'select pg_terminate_backend($1)', [
          Number(session.connection.sessionId),
        ]);
        expect(asked.rows).toEqual([[false]]);
      });
    });

    const pidOf = async ({ connection }: OpenedSession): Promise<number> =>
      ((await run(connection, 'select pg_backend_pid()')).rows as [[number]])[0][0];

    /** Resolves when the process is gone. */
    async function terminate(pid: number): Promise<void> {
      const observer = await sessions.openOther(target.makeObserver?.());
      await run(observer.connection, 'select pg_terminate_backend($1, 10000)', [pid]);
      const question = 'select count(*)::int from pg_stat_activity where pid = $1';
      await expect.poll(async () => (await run(observer.connection, question, [pid])).rows).toEqual([[0]]);
      await sessions.close(observer);
    }

    /** An embedded database has one session and no other to end it: destroying leaves it open for the next. */
    async function embeddedSessionSurvives(): Promise<void> {
      await run(session.connection, 'create table survivor (id int)');
      await run(session.connection, 'begin');
      session.connection.destroy();
      session = await sessions.open();
      expect(state()).toBe('idle');
      expect((await run(session.connection, 'select count(*)::int from survivor')).rows).toEqual([[0]]);
      await run(session.connection, 'drop table survivor');
    }
  });
}
