/**
 * What a driver promises of statements in flight together on one connection (`capabilities.pipelining`): answered in order,
 * each with its own rows or its own error, and the fate of each its own. A session that cannot, says so.
 * Over 300 lines, because one session goes through all of it, and what one test leaves in flight the next would answer for.
 */
import type { DriverConnection, DriverResult } from 'fluxor-db';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SENT } from '../fakes/situations.js';
import { ContractSessions, failureOf, isRunning, nameOf, run } from './contract-session.js';
import type { OpenedSession } from './contract-session.js';
import type { ContractTarget } from './targets.js';
import { int, param } from './words.js';

/** As many as a connection takes at once by default. */
const WINDOW = 16;

export function pipelineContract(target: ContractTarget): void {
  if (!target.makeDriver().capabilities.pipelining) return;
  if (target.impossible.has('process id')) pooledContract(target);
  else pipelinedContract(target);
}

/** A pooler takes them apart: each may be another server process's. */
function pooledContract(target: ContractTarget): void {
  it(`driver contract, statements in flight: ${target.name} takes one at a time, and says so`, async () => {
    const sessions = new ContractSessions(target.makeDriver());
    const { connection } = await sessions.open();
    expect(connection.canPipeline).toBe(false);
    await sessions.closeAll();
  });
}

function pipelinedContract(target: ContractTarget): void {
  const { words } = target;
  const { codes, columns } = words;
  const TABLE = 'pipeline_rows';
  const number = `select ${param(words, 1, 'int')}`;
  const division = `select ${words.tenOver(words.placeholder(1))}`;

  describe(`driver contract, statements in flight: ${target.name}`, () => {
    let sessions: ContractSessions;
    let session: OpenedSession;
    let connection: DriverConnection;
    const healed: unknown[] = [];

    beforeAll(async () => {
      await target.prepare();
      sessions = new ContractSessions(target.makeDriver());
      session = await sessions.openWith({ onHealed: () => healed.push('healed') });
      connection = session.connection;
      await run(connection, `drop table if exists ${TABLE}`);
      await run(connection, `create table ${TABLE} (id ${columns.int} primary key, v ${columns.int} not null)`);
    });
    beforeEach(async () => {
      healed.splice(0);
      await run(connection, `delete from ${TABLE}`);
    });
    afterAll(async () => {
      await run(connection, `drop table ${TABLE}`);
      await sessions.closeAll();
    });

    const named = (name: string, text: string, values: readonly unknown[] = []): Promise<DriverResult> =>
      connection.execute({ text, values, rowMode: 'array' }, name);
    const insert = (id: unknown, v: unknown = 0): Promise<DriverResult> =>
      run(connection, `insert into ${TABLE} (id, v) values (${words.placeholder(1)}, ${words.placeholder(2)})`, [
        id,
        v,
      ]);
    const stored = async (): Promise<unknown> =>
      (await run(connection, `select id from ${TABLE} order by id`)).rows.flat().map(Number);
    /** The one value of each, or what kind of error it was. */
    const fates = async (running: readonly Promise<DriverResult>[]): Promise<unknown[]> => {
      const settled = await Promise.allSettled(running);
      await connection.untilReady();
      return settled.map((one) =>
        one.status === 'rejected'
          ? sessions.driver.classify(one.reason, SENT).code
          : Number((one.value.rows as unknown[][])[0]?.[0]),
      );
    };
    const hasNames = (): boolean => connection.forget !== undefined;

    it('answers each with its own row, in the order in which they were sent', async () => {
      expect(connection.canPipeline ?? true).toBe(true);
      const order: number[] = [];
      const running = Array.from({ length: 64 }, async (_, at) => {
        const result = await (at % 3 === 0 ? named('pi_number', number, [at]) : run(connection, number, [at]));
        order.push(at);
        return result;
      });
      expect(connection.state).toBe('busy');
      const all = Array.from({ length: 64 }, (_, at) => at);
      expect(await fates(running)).toEqual(all);
      expect([order, connection.state]).toEqual([all, 'idle']);
    });

    it('moves its byte counter for each, also for one that is behind others', async () => {
      const seen = [connection.bytesWritten];
      const running = Array.from({ length: 5 }, (_, at) => {
        const one = run(connection, number, [at]);
        seen.push(connection.bytesWritten);
        return one;
      });
      await Promise.all(running);
      expect(new Set(seen).size).toBe(6);
      expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    });

    it('gives an error to the statement that raised it, and to nobody else', async () => {
      await insert(1);
      const running = [
        run(connection, number, [10]),
        insert(1),
        run(connection, number, [11]),
        run(connection, 'selekt nonsense'),
        run(connection, number, [12]),
        run(connection, division, [0]),
        run(connection, number, [13]),
        named('pi_syntax', 'selekt nonsense'),
        run(connection, number, [14]),
        named('pi_division', division, [0]),
        named('pi_division', division, [5]),
        run(connection, number, [undefined]),
        run(connection, number, [15]),
        run(connection, 'select * from pipeline_nowhere'),
      ];
      expect(await fates(running)).toEqual([
        10,
        'CONSTRAINT',
        11,
        'QUERY',
        12,
        'QUERY',
        13,
        'QUERY',
        14,
        'QUERY',
        2,
        'QUERY',
        15,
        'QUERY',
      ]);
      expect(connection.state).toBe('idle');
      expect(await fates([run(connection, number, [16])])).toEqual([16]);
    });

    it('keeps every write that succeeded, whatever became of its neighbours', async () => {
      const running = [insert(1), insert(1), insert(2), insert(3, null), insert(4), insert(2), insert(5)];
      const codesOf = (await fates(running)).map((fate) => (Number.isNaN(fate) ? 'done' : fate));
      expect(codesOf).toEqual(['done', 'CONSTRAINT', 'done', 'CONSTRAINT', 'done', 'CONSTRAINT', 'done']);
      const other = await sessions.open();
      const seen = await run(other.connection, `select id from ${TABLE} order by id`);
      expect(seen.rows.flat().map(Number)).toEqual([1, 2, 4, 5]);
      await sessions.close(other);
    });

    it('has what was written before it seen by whoever is behind', async () => {
      const running = [insert(1), insert(2)];
      const counting = run(connection, `select ${words.cast('count(*)', 'int')} from ${TABLE}`);
      await Promise.all(running);
      expect((await counting).rows).toEqual([[2]]);
    });

    it('prepares a name that several bring at once, whatever becomes of the first', async () => {
      expect(await fates([1, 2, 3].map((n) => named('pi_fresh', number, [n])))).toEqual([1, 2, 3]);
      expect(await fates([0, 5, 0, 2].map((by) => named('pi_first_fails', division, [by])))).toEqual([
        'QUERY',
        2,
        'QUERY',
        5,
      ]);
      expect(await fates([1, 2].map(() => named('pi_wrong', 'selekt nonsense')))).toEqual(['QUERY', 'QUERY']);
      // The same names once more, when all of it is known.
      expect(await fates([named('pi_fresh', number, [4]), named('pi_first_fails', division, [1])])).toEqual([4, 10]);
    });

    it('gives rows their columns, in both modes, however many run under the name', async () => {
      const two = `select ${param(words, 1, 'int')} as a, 'x' as b`;
      const running = Array.from({ length: 6 }, (_, at) =>
        connection.execute({ text: two, values: [at], rowMode: at % 2 === 0 ? 'object' : 'array' }, 'pi_columns'),
      );
      const results = await Promise.all(running);
      expect(results.map(({ rows }) => rows[0])).toEqual(
        results.map((_, at) => (at % 2 === 0 ? { a: at, b: 'x' } : [at, 'x'])),
      );
      expect(results.map(({ fields }) => fields.map(({ name }) => name))).toEqual(results.map(() => ['a', 'b']));
    });

    it('lets a name be forgotten and used for another text while it is in flight', async () => {
      const first = named('pi_reused', number, [1]);
      connection.forget?.('pi_reused');
      const second = named('pi_reused', `select ${int(words, 7)}`);
      const third = named('pi_reused', `select ${int(words, 7)}`);
      expect(await fates([first, second, third])).toEqual([1, 7, 7]);
    });

    it('heals a prepared statement in the middle of others', async () => {
      await insert(1, 5);
      const all = () => named('pi_stale', `select * from ${TABLE}`);
      expect([(await all()).rows, (await all()).rows]).toEqual([[[1, 5]], [[1, 5]]]);
      const other = await sessions.open();
      await run(other.connection, `alter table ${TABLE} add more ${columns.int}`);
      await sessions.close(other);
      const running = [run(connection, number, [1]), all(), run(connection, number, [2]), all(), all(), all()];
      const rows = (await Promise.all(running)).map((result) => result.rows);
      expect(rows).toEqual([[[1]], [[1, 5, null]], [[2]], [[1, 5, null]], [[1, 5, null]], [[1, 5, null]]]);
      if (hasNames()) expect(healed.length).toBeGreaterThan(0);
      expect([(await all()).rows, connection.state]).toEqual([[[1, 5, null]], 'idle']);
      await run(connection, `alter table ${TABLE} drop column more`);
    });

    it('reads every row by the columns that the table had for it, also where it changes between two of one name', async () => {
      await insert(1, 5);
      const all = async () => (await named('pi_changing', `select * from ${TABLE}`)).rows;
      const before = all();
      const changed = run(connection, `alter table ${TABLE} add more ${columns.int}`);
      const after = all();
      expect(await before).toEqual([[1, 5]]);
      // Sent when the first of the name has been answered, and the second perhaps not.
      const late = all();
      await changed;
      expect([await after, await late, await all()]).toEqual([[[1, 5, null]], [[1, 5, null]], [[1, 5, null]]]);
      const back = run(connection, `alter table ${TABLE} drop column more`);
      const last = all();
      await back;
      expect([await last, await all()]).toEqual([[[1, 5]], [[1, 5]]]);
    });

    it('carries a large value and many rows in the middle of others', async () => {
      const large = 'é'.repeat(1_000_000);
      const running = [
        run(connection, number, [1]),
        run(connection, `select ${words.large(words.placeholder(1))}`, [large]),
        run(connection, `select i from ${words.series('20000')}`),
        run(connection, number, [2]),
      ];
      const [before, value, many, after] = (await Promise.all(running)).map(({ rows }) => rows as unknown[][]);
      expect([before, after]).toEqual([[[1]], [[2]]]);
      expect(value?.[0]?.[0] === large).toBe(true);
      expect([many?.length, Number(many?.at(-1)?.[0])]).toEqual([20_000, 20_000]);
    });

    it('is ready when the last has ended, and not before', async () => {
      const ended: string[] = [];
      const running = [0, 1, 0].map((by) => run(connection, division, [by]));
      const settled = running.map((one) =>
        one.then(
          () => ended.push('row'),
          () => ended.push('error'),
        ),
      );
      await connection.untilReady();
      expect(connection.state).toBe('idle');
      await Promise.all(settled);
      expect(ended).toEqual(['error', 'row', 'error']);
    });

    it('stops the statement that the server works on, and answers those behind it', async () => {
      if (!sessions.driver.capabilities.canCancel) return expect(connection.cancel()).rejects.toThrow();
      const observer = await sessions.openOther(target.makeObserver?.());
      const sleeping = run(connection, words.sleep('30', 'pipelined')).then(() => undefined, words.codeOf);
      const behind = [1, 2, 3].map((n) => run(connection, number, [n]));
      await expect.poll(() => isRunning(observer, words, 'pipelined'), { timeout: 10_000 }).toBe(true);
      await connection.cancel();
      expect(await sleeping).toBe(codes.cancelled);
      expect(await fates(behind)).toEqual([1, 2, 3]);
      expect(connection.state).toBe('idle');
      await sessions.close(observer);
    });

    it('rejects all of them with one error, and reports one loss, when the server ends the session', async () => {
      const victim = await sessions.open();
      const id = await nameOf(victim, words);
      const observer = await sessions.openOther(target.makeObserver?.());
      const running = [
        run(victim.connection, words.sleep('30', 'ended')),
        ...[1, 2, 3].map((n) => run(victim.connection, number, [n])),
        victim.connection.execute({ text: number, values: [4], rowMode: 'array' }, 'pi_number'),
        victim.connection.untilReady(),
      ];
      const settling = Promise.allSettled(running);
      await expect.poll(() => isRunning(observer, words, 'ended'), { timeout: 10_000 }).toBe(true);
      await run(observer.connection, words.endSession(id));
      const settled = await settling;
      const reasons = settled.map((one) => (one.status === 'rejected' ? (one.reason as unknown) : one.value));
      expect(new Set(reasons).size).toBe(1);
      expect(sessions.driver.classify(reasons[0], SENT).isConnectionFatal).toBe(true);
      await expect.poll(() => victim.losses).toEqual([reasons[0]]);
      expect(victim.connection.state).toBe('closed');
      await expect(run(victim.connection, number, [1])).rejects.toThrow();
      await sessions.close(observer);
    });

    it.each(['destroy', 'close'] as const)('settles all of them on %s, without reporting a loss', async (how) => {
      const doomed = await sessions.open();
      const running = [
        run(doomed.connection, words.sleep('30', `doomed_${how}`)),
        ...[1, 2, 3].map((n) => run(doomed.connection, number, [n])),
        doomed.connection.untilReady(),
      ];
      const settling = Promise.allSettled(running);
      void Promise.resolve(doomed.connection[how]()).catch(() => undefined);
      expect((await settling).map(({ status }) => status)).toEqual(running.map(() => 'rejected'));
      expect([doomed.connection.state, doomed.losses]).toEqual(['closed', []]);
    });

    it('gives transactions, cursors and resets their turn between two windows', async () => {
      for (let round = 1; round <= 5; round += 1) {
        expect(await fates([1, 2, 3].map((n) => run(connection, number, [n])))).toEqual([1, 2, 3]);
        await run(connection, words.begin.text);
        await failureOf(connection, division, [0]);
        await run(connection, 'rollback');
        const cursor = connection.openCursor?.({
          text: `select i from ${words.series('5')}`,
          values: [],
          rowMode: 'array',
        });
        expect((await cursor?.read(2))?.rows.flat().map(Number)).toEqual([1, 2]);
        await cursor?.close();
        await connection.ping();
      }
      expect(await stored()).toEqual([]);
    });

    it('answers 100,000 in windows of 16, each with its own row', async () => {
      const TOTAL = 100_000;
      let sent = 0;
      let wrong = 0;
      const one = async (): Promise<void> => {
        while (sent < TOTAL) {
          const key = (sent += 1);
          const [row] = (await named('pi_many', number, [key])).rows as number[][];
          if (row?.[0] !== key) wrong += 1;
        }
      };
      await Promise.all(Array.from({ length: WINDOW }, one));
      expect([sent, wrong, connection.state]).toEqual([TOTAL, 0, 'idle']);
    });
  });
}
