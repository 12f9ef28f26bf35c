/**
 * What a driver promises of prepared statements, cursors, limits and settings (src/driver/driver.ts): methods that not every
 * driver has. Where one is absent the contract says so, and that the statement runs all the same.
 */
import type { DriverConnection, DriverResult } from 'fluxor-db';
import { SESSION_EFFECTS } from 'fluxor-db';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ContractSessions, failureOf, run } from './contract-session.js';
import type { OpenedSession } from './contract-session.js';
import { cleanServerConnections } from './server-connections.js';
import type { ContractTarget } from './targets.js';
import { countOf, int, param } from './words.js';

export function driverStatementsContract(target: ContractTarget): void {
  const { words } = target;
  const { facts, codes, columns, begin } = words;
  const one = `select ${int(words, 1)}`;
  describe(`driver contract, prepared statements and cursors: ${target.name}`, () => {
    let sessions: ContractSessions;
    let session: OpenedSession;
    let connection: DriverConnection;
    const healed: unknown[] = [];

    beforeAll(async () => {
      await target.prepare();
      sessions = new ContractSessions(target.makeDriver());
      session = await sessions.openWith({ onHealed: () => healed.push('healed') });
      connection = session.connection;
      await run(connection, 'drop table if exists driver_rows');
    });
    beforeEach(() => void healed.splice(0));
    afterAll(async () => {
      await sessions.closeAll();
      if (target.impossible.has('prepared statements')) await cleanServerConnections(target);
    });

    const prepared = (name: string, text: string, values: readonly unknown[] = []): Promise<DriverResult> =>
      connection.execute({ text, values, rowMode: 'array' }, name);
    const rowsOf = async (...call: Parameters<typeof prepared>) => (await prepared(...call)).rows;
    /** The runtime gives the names, and this session is one server process's. */
    const hasNames = (): boolean => connection.forget !== undefined && !target.impossible.has('prepared statements');

    /** The pooler has statements of one name on server connections that it chooses: the runtime gives none there. */
    describe('prepared statements', () => {
      const known = async () =>
        (await run(connection, 'select name from pg_prepared_statements order by name')).rows.flat();

      it('run under a name as often as wanted, in both row modes, with their columns', async () => {
        for (let time = 1; time <= 5; time += 1) {
          const text = `select ${param(words, 1, 'int')} as n, ${int(words, 2)} as n`;
          const result = await prepared('p_often', text, [time]);
          expect([result.rows, result.command]).toEqual([[[time, 2]], 'SELECT']);
          expect(result.fields.map(({ name, type }) => [name, type])).toEqual([
            ['n', words.types.int.type],
            ['n', words.types.int.type],
          ]);
          const asObject = { text, values: [time], rowMode: 'object' } as const;
          expect((await connection.execute(asObject, 'p_often')).rows).toEqual([{ n: 2 }]);
        }
        if (hasNames()) expect(await known()).toContain('p_often');
      });

      it('can be run and fail, and be run again', async () => {
        for (const divisor of [5, 0, 2, 0]) {
          const running = rowsOf('p_fails', `select ${words.tenOver(words.placeholder(1))}`, [divisor]);
          if (divisor !== 0) expect(await running).toEqual([[10 / divisor]]);
          else expect(await running.then(() => undefined, words.codeOf)).toBe(codes.division);
          await connection.untilReady();
          expect(connection.state).toBe('idle');
        }
      });

      it('are prepared anew, with a word to onHealed, when their table has changed', async () => {
        await run(connection, `create table driver_rows (id ${columns.int})`);
        await run(connection, 'insert into driver_rows values (1)');
        const all = () => rowsOf('p_rows', 'select * from driver_rows');
        expect([await all(), await all()]).toEqual([[[1]], [[1]]]);
        await run(connection, `alter table driver_rows add more ${columns.text}`);
        expect([await all(), await all()]).toEqual([[[1, null]], [[1, null]]]);
        await run(connection, 'drop table driver_rows');
        if (hasNames()) expect(healed).toEqual(['healed']);
      });

      it('are prepared anew when the server has lost them', async () => {
        const lost = () => rowsOf('p_lost', one);
        expect([await lost(), await lost()]).toEqual([[[1]], [[1]]]);
        await run(connection, words.unsettling[0] ?? '');
        expect([await lost(), await lost()]).toEqual([[[1]], [[1]]]);
        if (hasNames()) expect(healed).toEqual(['healed']);
      });

      it('are healed without a word where their statement fails all the same', async () => {
        const divided = (by: number) => rowsOf('p_healed', `select ${words.tenOver(words.placeholder(1))}`, [by]);
        expect([await divided(5), await divided(2)]).toEqual([[[2]], [[5]]]);
        if (hasNames()) await run(connection, 'deallocate all');
        expect(await divided(0).then(() => undefined, words.codeOf)).toBe(codes.division);
        await connection.untilReady();
        expect([await divided(5), healed]).toEqual([[[2]], []]);
      });

      it('are not prepared anew for a statement that is being stopped', async () => {
        if (!hasNames()) return expect(await rowsOf('p_stopped', one)).toEqual([[1]]);
        await run(connection, `create table driver_rows (id ${columns.int})`);
        const insert = () => rowsOf('p_stopped', 'insert into driver_rows values (1)');
        await insert();
        await run(connection, 'deallocate all');
        // Its caller hears first that it was lost: what runs it again would run it for nobody.
        const code = insert().catch((error: unknown) => (error as { code?: string }).code);
        await connection.cancel();
        expect(['26000', '57014']).toContain(await code);
        await connection.untilReady();
        // The cancel may come later than all of this.
        await connection.ping().catch(() => connection.untilReady());
        expect((await run(connection, 'select count(*)::int from driver_rows')).rows).toEqual([[1]]);
        expect(healed).toEqual([]);
        await run(connection, 'drop table driver_rows');
      });

      it('are not repeated where their error has ended a transaction, but afterwards', async () => {
        if (!hasNames()) return expect(await rowsOf('p_inside', one)).toEqual([[1]]);
        await rowsOf('p_inside', one);
        await run(connection, 'deallocate all');
        await run(connection, begin.text);
        await expect(rowsOf('p_inside', one)).rejects.toMatchObject({ code: '26000' });
        await connection.untilReady();
        expect(connection.state).toBe('failed-transaction');
        await run(connection, 'rollback');
        expect([await rowsOf('p_inside', one), healed]).toEqual([[[1]], []]);
      });

      it('leave the server when they are forgotten, and their name is free for another text', async () => {
        expect(await rowsOf('p_name', one)).toEqual([[1]]);
        connection.forget?.('p_name');
        if (hasNames()) {
          await run(connection, 'select 1');
          expect(await known()).not.toContain('p_name');
        }
        expect(await rowsOf('p_name', "select 'another'")).toEqual([['another']]);
        connection.forget?.('p_never');
        connection.forget?.('p_name');
        expect(await rowsOf('p_name', `select ${int(words, 3)}`)).toEqual([[3]]);
      });

      it('outlive a reset, also that of what users have prepared, which does not', async () => {
        await rowsOf('p_reset', one);
        await connection.reset(SESSION_EFFECTS.settings);
        if (hasNames()) {
          expect(await known()).toContain('p_reset');
          await run(connection, 'prepare "of a User" as select 1');
        }
        await connection.reset(SESSION_EFFECTS.prepared);
        if (hasNames()) {
          expect(await known()).toContain('p_reset');
          expect(await known()).not.toContain('of a User');
        }
        expect(await rowsOf('p_reset', one)).toEqual([[1]]);
      });
    });

    describe('cursors', () => {
      const open = (text: string, values: readonly unknown[] = []) => {
        const cursor = connection.openCursor?.({ text, values, rowMode: 'array' });
        if (cursor === undefined) throw new Error('every driver of this package has cursors');
        return cursor;
      };
      const NUMBERS = `select i from ${words.series(words.placeholder(1))}`;
      /** What else may be sent meanwhile, and what the session says. */
      const isHeld = (where: string): boolean =>
        (where === 'outside' || facts.cursorsHoldTransaction) && sessions.driver.capabilities.maxSessions > 1;

      it.each(['outside', 'inside'])('give page after page %s a transaction, to the last', async (where) => {
        if (where === 'inside') await run(connection, begin.text);
        const cursor = open(NUMBERS, [5]);
        expect(cursor.fields).toEqual([]);
        expect(await cursor.read(2)).toMatchObject({ rows: [[1], [2]], isDone: false });
        expect(cursor.fields.map(({ name }) => name)).toEqual(['i']);
        if (isHeld(where)) expect(connection.state).toBe('busy');
        else expect((await run(connection, one)).rows).toEqual([[1]]);
        expect((await cursor.read(2)).rows).toEqual([[3], [4]]);
        expect(await cursor.read(2)).toMatchObject({ rows: [[5]], isDone: true });
        expect(await cursor.read(2)).toMatchObject({ rows: [], isDone: true });
        await cursor.close();
        expect(connection.state).toBe(where === 'inside' ? 'in-transaction' : 'idle');
        if (where === 'inside') await run(connection, 'rollback');
      });

      it.each(['outside', 'inside'])('end early %s a transaction, and the session is ready', async (where) => {
        if (where === 'inside') await run(connection, begin.text);
        const cursor = open(NUMBERS, [100_000]);
        await cursor.read(3);
        expect(connection.state).toBe(isHeld(where) ? 'busy' : where === 'inside' ? 'in-transaction' : 'idle');
        await cursor.close();
        await cursor.close();
        expect(connection.state).toBe(where === 'inside' ? 'in-transaction' : 'idle');
        expect((await run(connection, one)).rows).toEqual([[1]]);
        if (where === 'inside') await run(connection, 'rollback');
      });

      it('send nothing before they are read, and count what a change has changed', async () => {
        await run(connection, `create table driver_rows (id ${columns.int})`);
        const never = open('insert into driver_rows values (1)');
        await never.close();
        const returning = facts.hasReturning ? ' returning id' : '';
        const insert = open(`insert into driver_rows select i from ${words.series('3')}${returning}`);
        const rows = facts.hasReturning ? [[1], [2], [3]] : [];
        expect(await insert.read(10)).toMatchObject({ rows, isDone: true, rowsAffected: 3 });
        expect((await run(connection, countOf(words, 'driver_rows'))).rows).toEqual([[3]]);
        await run(connection, 'drop table driver_rows');
      });

      it('fail like a statement, and leave a session that is ready', async () => {
        const failing = open(`select ${words.tenOver('0')}`).read(1);
        expect(await failing.then(() => undefined, words.codeOf)).toBe(codes.division);
        await connection.untilReady();
        expect(connection.state).toBe('idle');
        expect((await run(connection, one)).rows).toEqual([[1]]);
      });
    });

    describe('limits and settings', () => {
      const { setting, limit: server } = words;
      /** In the server's words; the runtime's own number where it is the client library that keeps it. */
      const limit = async () =>
        server === undefined ? connection.statementLimitMs : (await run(connection, server.look)).rows.flat()[0];
      const shown = (ms: number) => (server === undefined ? ms : server.shown(ms));

      it('has a limit of the server for its statements, where the session is ours alone', async () => {
        const limitStatements = connection.limitStatements?.bind(connection);
        if (limitStatements === undefined || target.impossible.has('server limit')) {
          await limitStatements?.(1_234);
          return expect([connection.statementLimitMs ?? 0, await limit()]).toEqual([0, shown(0)]);
        }
        await limitStatements(1_234);
        expect([connection.statementLimitMs, await limit()]).toEqual([1_234, shown(1_234)]);
        await run(connection, begin.text);
        await limitStatements(5_000);
        expect([connection.statementLimitMs, await limit()]).toEqual([5_000, shown(5_000)]);
        await run(connection, 'rollback');
        const kept = facts.settingsEndWithTransaction ? 1_234 : 5_000;
        expect([connection.statementLimitMs, await limit()]).toEqual([kept, shown(kept)]);
        // It holds for the reset as well, which a slow machine must have time for.
        await limitStatements(500);
        expect(words.codeOf(await failureOf(connection, words.sleep('30', 'limited')))).toBe(codes.limit);
        await connection.reset(SESSION_EFFECTS.settings);
        expect([connection.statementLimitMs, await limit()]).toEqual([0, shown(0)]);
      });

      it('begins with the limit that the request asks for', async () => {
        if (sessions.driver.capabilities.maxSessions === 1) return;
        const limited = await sessions.openWith({ statementLimitMs: 2_345 });
        const seen =
          server === undefined
            ? limited.connection.statementLimitMs
            : (await run(limited.connection, server.look)).rows.flat()[0];
        const isOurs = !target.impossible.has('server limit');
        expect([limited.connection.statementLimitMs ?? 0, seen]).toEqual([
          isOurs ? 2_345 : 0,
          shown(isOurs ? 2_345 : 0),
        ]);
        await sessions.close(limited);
      });

      it('knows that a setting which the server reports was changed, until it is undone', async () => {
        const reports = 'hasChangedSettings' in connection;
        // Through a pooler the default is the server connection's, and not what this session began with.
        const isBack = !target.impossible.has('settings');
        const has = () => connection.hasChangedSettings ?? false;
        const seen = [has()];
        await run(connection, setting.set);
        seen.push(has());
        await run(connection, setting.toDefault);
        seen.push(has());
        await run(connection, setting.byFunction);
        seen.push(has());
        await connection.reset(SESSION_EFFECTS.settings);
        seen.push(has());
        expect(seen).toEqual(reports ? [false, true, !isBack, true, false] : [false, false, false, false, false]);
      });

      it.each(Object.entries(SESSION_EFFECTS))('undoes %s without harm, in and out of order', async (_name, effect) => {
        await connection.reset(effect);
        expect(connection.state).toBe('idle');
        expect((await run(connection, one)).rows).toEqual([[1]]);
        if (target.impossible.has('reset')) await cleanServerConnections(target);
      });
    });
  });
}
