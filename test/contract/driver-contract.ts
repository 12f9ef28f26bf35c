/**
 * What every driver promises (src/driver/driver.ts), checked on a real database. One file for all of them: a driver that
 * needs an exception here needs a capability instead.
 * Over 300 lines, because one session goes through all of it, from its first statement to its end.
 */
import type { SessionState } from 'fluxor-db';
import { SESSION_EFFECTS } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IDLE, SENT } from '../fakes/situations.js';
import { ContractSessions, failureOf, isRunning, nameOf, run } from './contract-session.js';
import type { OpenedSession } from './contract-session.js';
import { cleanServerConnections, onEveryServerConnection } from './server-connections.js';
import type { ContractTarget } from './targets.js';
import { countOf, int, NO_ROW, param, shownOf } from './words.js';

export function driverContract(target: ContractTarget): void {
  const { words } = target;
  const { facts, codes, columns, begin } = words;
  const one = `select ${int(words, 1)}`;
  const division = `select ${words.tenOver('0')}`;
  describe(`driver contract: ${target.name}`, () => {
    let sessions: ContractSessions;
    let session: OpenedSession;

    beforeAll(async () => {
      await target.prepare();
      sessions = new ContractSessions(target.makeDriver());
      session = await sessions.open();
    });
    afterAll(() => sessions.closeAll());

    const state = (): SessionState => session.connection.state;

    describe('statements', () => {
      it('brings rows back as objects, and as arrays in column order', async () => {
        const query = { text: `${one} as id, 'x' as name`, values: [] };
        const asObjects = await session.connection.execute({ ...query, rowMode: 'object' });
        const asArrays = await session.connection.execute({ ...query, rowMode: 'array' });
        expect(asObjects.rows).toEqual([{ id: 1, name: 'x' }]);
        expect(asArrays.rows).toEqual([[1, 'x']]);
      });

      it('keeps both of two columns with one name in array mode', async () => {
        const result = await run(session.connection, `${one} as n, ${int(words, 2)} as n`);
        expect(result.rows).toEqual([[1, 2]]);
        expect(result.fields.map((field) => field.name)).toEqual(['n', 'n']);
      });

      it('names the columns and their types, also when no row comes', async () => {
        const columns = `${words.cast('1', 'bigint')} as a, ${words.cast("'x'", 'text')} as b`;
        const result = await run(session.connection, `select ${columns} ${NO_ROW}`);
        expect(result.rows).toEqual([]);
        expect(result.fields.map(({ name, type }) => [name, type])).toEqual([
          ['a', words.types.bigint.type],
          ['b', words.types.text.type],
        ]);
      });

      it('counts rows changed and not rows read', async () => {
        await run(session.connection, `create table counted (id ${columns.int} primary key)`);
        const affected = [];
        for (const text of [
          `insert into counted select i from ${words.series('5')}`,
          'update counted set id = id + 10 where id > 3',
          // Found, and left as they are.
          'update counted set id = id where id > 3',
          'select * from counted',
          'delete from counted where id = 1',
          'delete from counted where id = 99',
        ]) {
          affected.push((await run(session.connection, text)).rowsAffected);
        }
        await run(session.connection, 'drop table counted');
        expect(affected).toEqual([5, 2, 2, 0, 1, 0]);
      });

      it('says which command the database ran', async () => {
        expect((await run(session.connection, one)).command).toBe('SELECT');
        expect((await run(session.connection, begin.text)).command).toBe(begin.command);
        expect((await run(session.connection, 'rollback')).command).toBe('ROLLBACK');
      });

      it('takes an empty statement, or refuses it as no statement at all', async () => {
        if (facts.takesEmptyText) return expect((await run(session.connection, '')).rows).toEqual([]);
        const error = sessions.driver.classify(await failureOf(session.connection, ''), SENT);
        expect(error).toMatchObject({ code: 'QUERY', reason: 'syntax', isConnectionFatal: false });
      });

      it('refuses two statements in one text, with and without parameters', async () => {
        for (const values of [[], [1]]) {
          const first = values.length === 0 ? one : `select ${param(words, 1, 'int')}`;
          const error = await failureOf(session.connection, `${first}; ${one}`, values);
          expect(words.codeOf(error)).toEqual(codes.syntax);
        }
      });

      it('carries 50,000 rows and a value of 5 MB', async () => {
        const many = await run(session.connection, `select i from ${words.series('50000')}`);
        expect(many.rows).toHaveLength(50_000);
        expect(many.rows[49_999]).toEqual([50_000]);
        const large = 'é'.repeat(2_500_000);
        expect((await run(session.connection, `select ${words.large(words.placeholder(1))}`, [large])).rows).toEqual([
          [large],
        ]);
      });

      it('moves its byte counter when a statement leaves', async () => {
        const before = session.connection.bytesWritten;
        await run(session.connection, 'select 1');
        expect(session.connection.bytesWritten).toBeGreaterThan(before);
      });
    });

    describe('the state of the session', () => {
      it('is idle, in a transaction, failed where an error ends it, and idle again', async () => {
        const states = [state()];
        await run(session.connection, begin.text);
        states.push(state());
        await failureOf(session.connection, division);
        states.push(state());
        if (!facts.errorsEndTransaction) expect((await run(session.connection, one)).rows).toEqual([[1]]);
        await run(session.connection, 'rollback');
        states.push(state());
        const failed = facts.errorsEndTransaction ? 'failed-transaction' : 'in-transaction';
        expect(states).toEqual(['idle', 'in-transaction', failed, 'idle']);
      });

      it('tells after rows, too, that a transaction is open', async () => {
        await run(session.connection, begin.text);
        const states = [];
        for (const [text, values] of [
          [one, []],
          [`select ${param(words, 1, 'int')}`, [1]],
          [`select i from ${words.series('3')}`, []],
          [`${one} ${NO_ROW}`, []],
        ] as const) {
          await run(session.connection, text, values);
          states.push(state());
        }
        await run(session.connection, 'commit');
        expect([...states, state()]).toEqual([...states.map(() => 'in-transaction'), 'idle']);
      });

      it('is idle when a statement that defines something has committed, and in the transaction where it has not', async () => {
        await run(session.connection, begin.text);
        await run(session.connection, `create table defined (id ${columns.int})`);
        const after = state();
        await run(session.connection, 'rollback');
        expect(after).toBe(facts.definitionsCommit ? 'idle' : 'in-transaction');
        if (facts.definitionsCommit) await run(session.connection, 'drop table defined');
        expect(words.codeOf(await failureOf(session.connection, 'select * from defined'))).toBe(codes.undefinedTable);
      });

      it('is busy while a statement runs', async () => {
        const running = run(session.connection, one);
        expect(state()).toBe('busy');
        await running;
        expect(state()).toBe('idle');
      });

      it('is ready for the next statement once untilReady has resolved after an error', async () => {
        for (let round = 0; round < 20; round += 1) {
          await failureOf(session.connection, division);
          expect(state()).toBe('idle');
          const text = `select ${param(words, 1, 'int')}`;
          expect((await run(session.connection, text, [round])).rows).toEqual([[round]]);
        }
      });
    });

    describe('transactions', () => {
      it('speaks every isolation level and access mode', async () => {
        const { transactions } = sessions.driver;
        const ask = async (text: string) => (await run(session.connection, text)).rows;
        for (const isolation of ['read committed', 'repeatable read', 'serializable'] as const) {
          for (const readOnly of [true, false]) {
            await run(session.connection, transactions.begin({ isolation, readOnly }));
            const shown = await words.showTransaction(ask);
            await run(session.connection, transactions.rollback);
            expect(shown).toEqual(shownOf(words, isolation, readOnly));
          }
        }
      });

      it('goes back to a savepoint and keeps what came before', async () => {
        const { transactions } = sessions.driver;
        await run(session.connection, `create table kept (id ${columns.int})`);
        await run(session.connection, transactions.begin({}));
        await run(session.connection, 'insert into kept values (1)');
        await run(session.connection, transactions.savepoint('s1'));
        await run(session.connection, 'insert into kept values (2)');
        await failureOf(session.connection, division);
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
        const sleeping = failureOf(session.connection, words.sleep('30', 'stopped'));
        await expect.poll(() => isRunning(observer, words, 'stopped'), { timeout: 10_000 }).toBe(true);
        await session.connection.cancel();
        expect(words.codeOf(await sleeping)).toBe(codes.cancelled);
        for (let n = 0; n < 50; n += 1) {
          expect((await run(session.connection, `select ${param(words, 1, 'int')}`, [n])).rows).toEqual([[n]]);
        }
      });
    });

    describe('the end of a session', () => {
      it('forgets settings and temporary tables on reset, or leaves them where a pooler has put them', async () => {
        const { setting } = words;
        await run(session.connection, setting.set);
        expect((await run(session.connection, setting.look)).rows).toEqual([[setting.value]]);
        const leftover = words.temporaryTable('leftover', `id ${columns.int}`);
        await run(session.connection, leftover.create);
        if (facts.undoesEverything) await session.connection.reset(SESSION_EFFECTS.unknown);
        else {
          await expect(session.connection.reset(SESSION_EFFECTS.unknown)).rejects.toThrow();
          session.connection.destroy();
          session = await sessions.open();
        }
        const { rows } = await run(session.connection, setting.look);
        expect(rows).not.toEqual([[setting.value]]);
        if (target.impossible.has('reset')) {
          // A pooler keeps that setting for its client, and gives the table to whoever has the server connection next.
          const temporary = "select count(*)::int from pg_class where relname = 'leftover'";
          expect((await run(session.connection, temporary)).rows).toEqual([[1]]);
          return cleanServerConnections(target);
        }
        expect(words.codeOf(await failureOf(session.connection, `select * from ${leftover.name}`))).toBe(
          codes.undefinedTable,
        );
      });

      it('answers a ping, also with a statement of the user', async () => {
        await session.connection.ping();
        await session.connection.ping('select 42');
        const refused = await session.connection.ping('select * from nowhere').then(() => undefined, words.codeOf);
        expect(refused).toBe(codes.undefinedTable);
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
        const sleeping = run(doomed.connection, words.sleep('30', 'doomed'));
        doomed.connection.destroy();
        await expect(sleeping).rejects.toThrow();
        // Also whoever asks after that: nothing will make it ready any more.
        await expect(doomed.connection.untilReady()).rejects.toThrow();
        expect([doomed.connection.state, doomed.losses]).toEqual(['closed', []]);
      });

      it('reports exactly one loss when the server ends the session in a transaction', async () => {
        if (sessions.driver.capabilities.maxSessions === 1) return embeddedSessionSurvives();
        const victim = await sessions.open();
        await run(victim.connection, begin.text);
        await terminate(await nameOf(victim, words));
        await expect.poll(() => victim.losses.length, { timeout: 5_000 }).toBe(1);
        expect(victim.connection.state).toBe('closed');
        expect(sessions.driver.classify(victim.losses[0], IDLE)).toMatchObject({
          code: 'CONNECTION',
          reason: facts.saysWhyItEnds ? 'shutting-down' : 'lost',
        });
        await expect(run(victim.connection, one)).rejects.toThrow();
        expect(victim.losses).toHaveLength(1);
      });

      it('reports the loss of an idle session, or has not lost it: a pooler takes another process', async () => {
        if (sessions.driver.capabilities.maxSessions === 1) return embeddedSessionSurvives();
        const victim = await sessions.open();
        await terminate(await nameOf(victim, words));
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
        const pid = await nameOf(session, words);
        const isOwn = !target.impossible.has('process id') && sessions.driver.capabilities.maxSessions > 1;
        expect(session.connection.sessionId === pid).toBe(isOwn);
        expect(session.connection.isPooled ?? false).toBe(target.impossible.has('process id'));
        if (!target.impossible.has('cancel by process id')) return;
        const asked = await run(session.connection, 'select pg_terminate_backend($1)', [
          Number(session.connection.sessionId),
        ]);
        expect(asked.rows).toEqual([[false]]);
      });
    });

    /** Resolves when the process is gone. */
    async function terminate(pid: string): Promise<void> {
      const observer = await sessions.openOther(target.makeObserver?.());
      await run(observer.connection, words.endSession(pid));
      await expect.poll(async () => (await run(observer.connection, words.sessionsOf(pid))).rows).toEqual([[0]]);
      await sessions.close(observer);
    }

    /** An embedded database has one session and no other to end it: destroying leaves it open for the next. */
    async function embeddedSessionSurvives(): Promise<void> {
      await run(session.connection, `create table survivor (id ${columns.int})`);
      await run(session.connection, begin.text);
      session.connection.destroy();
      session = await sessions.open();
      expect(state()).toBe('idle');
      expect((await run(session.connection, countOf(words, 'survivor'))).rows).toEqual([[0]]);
      await run(session.connection, 'drop table survivor');
    }
  });
}
