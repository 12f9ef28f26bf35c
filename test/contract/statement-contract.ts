/**
 * Statements that are run again and again: prepared under a name or not, they answer the same, whatever happens to their
 * tables, to the types of their parameters and to what the server has prepared. Only the numbers of `metrics()` tell.
 */
import type { DBRuntime, Executor, QueryDefaults, Row } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractHouse, EXECUTOR_KINDS, refusal, withExecutor } from './contract-runtime.js';
import type { ContractTarget } from './targets.js';

const CACHES: readonly (readonly [string, QueryDefaults])[] = [
  ['with the cache', {}],
  ['with a cache of one', { statementCache: 1 }],
  ['without the cache', { statementCache: false }],
];

/** A text, its values, and what it answers every time. */
const REPEATED: readonly (readonly [text: string, params: readonly unknown[], rows: readonly Row[]])[] = [
  ['select 1 as n', [], [{ n: 1 }]],
  ['select 1 as n where false', [], []],
  ['select $1::int as n, $2::text as t', [7, null], [{ n: 7, t: null }]],
  ['select n from unnest($1::int[]) n', [[1, 2, 3]], [{ n: 1 }, { n: 2 }, { n: 3 }]],
  ['with one as (select $1::int8 as n) select n from one', [5n], [{ n: 5n }]],
  ['values ($1::jsonb)', [{ a: [1] }], [{ column1: { a: [1] } }]],
  ['insert into statement_rows (id, name) values ($1, $2) returning name', [1, 'a'], [{ name: 'a' }]],
  ['update statement_rows set name = $1 where id = 99 returning id', ['x'], []],
];

export function statementContract(target: ContractTarget): void {
  describe.each(CACHES)(`statement contract: ${target.name}, %s`, (_name, query) => {
    let house: ContractHouse;
    let db: DBRuntime;

    beforeAll(async () => {
      house = await ContractHouse.start(target, { query, pool: { maxSize: 1 } });
      db = house.db;
      await db.exec('drop table if exists statement_rows');
      await db.exec('create table statement_rows (id int, name text)');
    });
    afterAll(async () => {
      await db.exec('drop table statement_rows');
      await house[Symbol.asyncDispose]();
    });

    describe.each(EXECUTOR_KINDS)('on a %s', (kind) => {
      const run = (fn: (on: Executor) => Promise<void>) => withExecutor(db, kind, fn);

      it.each(REPEATED)('answers the same the 1st and the 50th time: %s', async (text, params, rows) => {
        await run(async (on) => {
          for (let time = 1; time <= 50; time += 1) expect(await on.query(text, params)).toEqual(rows);
          const columns = rows.map((row) => Object.values(row));
          expect(await on.query(text, params, { rowMode: 'array' })).toEqual(columns);
          expect((await on.execute(text, params)).fields.length).toBe(text.includes('$2::text') ? 2 : 1);
        });
      });

      it('takes values of another kind for a statement it has run before', async () => {
        await run(async (on) => {
          const kinds = [1, '2', 3n, true, null, 'text', 1.5, new Date(0), { a: 1 }];
          const expected = ['1', '2', '3', 'true', null, 'text', '1.5', '1970-01-01T00:00:00.000Z', '{"a":1}'];
          const seen = [];
          for (const value of kinds) seen.push(await on.queryValue('select $1::text', [value]));
          expect(
            seen.map((value) => (typeof value === 'string' && value.startsWith('1970') ? expected[7] : value)),
          ).toEqual(expected);
        });
      });

      it('says the same about a mistake the 1st and the 4th time, and answers what comes after it', async () => {
        for (let time = 1; time <= 4; time += 1) {
          const failing = run(async (on) => void (await on.query('select 10 / $1::int as n', [0])));
          expect(await refusal(failing)).toMatchObject({ code: 'QUERY', sqlState: '22012', outcome: 'not-applied' });
          const wrong = run(async (on) => void (await on.query('select 10 / $1::int as n', ['no number'])));
          expect(await refusal(wrong)).toMatchObject({ code: 'QUERY', sqlState: '22P02', outcome: 'not-applied' });
          await run(async (on) => expect(await on.query('select 10 / $1::int as n', [5])).toEqual([{ n: 2 }]));
        }
      });
    });

    it('follows a table that changes under a statement it has run before', async () => {
      for (const lend of [
        (fn: (on: Executor) => Promise<void>) => fn(db),
        (fn: (on: Executor) => Promise<void>) => db.use(fn),
      ]) {
        await lend(async (on) => {
          await on.exec('drop table if exists statement_changes');
          await on.exec('create table statement_changes (id int, v int)');
          await on.exec('insert into statement_changes values (1, 2)');
          const all = () => on.query('select * from statement_changes where id = $1', [1]);
          const write = (value: unknown) => on.exec('update statement_changes set v = $1 where id = 1', [value]);
          const thrice = async (expected: Row) => {
            for (let time = 1; time <= 3; time += 1) {
              expect(await all()).toEqual([expected]);
              expect(await write(expected['v'])).toEqual({ rowsAffected: 1 });
            }
          };
          await thrice({ id: 1, v: 2 });
          await on.exec('alter table statement_changes add column more text');
          await thrice({ id: 1, v: 2, more: null });
          await on.exec('alter table statement_changes drop column more');
          await thrice({ id: 1, v: 2 });
          await on.exec('alter table statement_changes alter column v type text');
          await write('no number');
          await thrice({ id: 1, v: 'no number' });
          await on.exec('alter table statement_changes alter column v type int8 using 5');
          await thrice({ id: 1, v: 5n });
          await on.exec('drop table statement_changes');
          await on.exec('create table statement_changes as select 1 as id, 1.50::numeric as v');
          await thrice({ id: 1, v: '1.50' });
          await on.exec('drop table statement_changes');
        });
      }
    });

    it.each(['deallocate all', 'discard all'])('survives %s in a session', async (forget) => {
      await using session = await db.acquire();
      for (let time = 1; time <= 4; time += 1) {
        for (let again = 1; again <= 3; again += 1) {
          expect(await session.query('select $1::int as kept', [again])).toEqual([{ kept: again }]);
        }
        await session.exec(forget);
      }
      session.release();
      expect(await db.query('select $1::int as kept', [9])).toEqual([{ kept: 9 }]);
    });

    it('counts what it has prepared, and prepares nothing where that cannot be', async () => {
      const counts = () => db.metrics().statements;
      const before = counts().hits;
      for (let time = 1; time <= 5; time += 1) await db.query('select 4711');
      const { statements } = db.config.driver.capabilities;
      const canPrepare =
        statements === 'runtime' && !target.impossible.has('prepared statements') && query.statementCache !== false;
      // Prepared with its second execution, and run as that from the third on.
      expect(counts().hits - before).toBe(canPrepare ? 3 : 0);
      expect(counts().prepared > 0).toBe(canPrepare);
      const named = await db.queryValue("select count(*)::int from pg_prepared_statements where name like 'fluxor%'");
      expect(named).toBe(canPrepare ? counts().prepared : 0);
    });
  });
}
