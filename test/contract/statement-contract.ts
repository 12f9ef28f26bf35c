/**
 * Statements that are run again and again: prepared under a name or not, they answer the same, whatever happens to their
 * tables, to the types of their parameters and to what the server has prepared. Only the numbers of `metrics()` tell.
 */
import type { DBRuntime, Executor, QueryDefaults, Row } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractHouse, EXECUTOR_KINDS, refusal, withExecutor } from './contract-runtime.js';
import type { ContractTarget } from './targets.js';
import type { Repeated, Words } from './words.js';
import { int, NO_ROW, param } from './words.js';

const CACHES: readonly (readonly [string, QueryDefaults])[] = [
  ['with the cache', {}],
  ['with a cache of one', { statementCache: 1 }],
  ['without the cache', { statementCache: false }],
];

/** A text, its values, and what it answers every time. */
const repeated = (words: Words): readonly Repeated[] => [
  { text: `select ${int(words, 1)} as n`, params: [], rows: [{ n: 1 }], columns: 1 },
  { text: `select 1 as n ${NO_ROW}`, params: [], rows: [], columns: 1 },
  {
    text: `select ${param(words, 1, 'int')} as n, ${param(words, 2, 'text')} as t`,
    params: [7, null],
    rows: [{ n: 7, t: null }],
    columns: 2,
  },
  {
    text: `with one as (select ${param(words, 1, 'bigint')} as n) select n from one`,
    params: [5n],
    rows: [{ n: 5n }],
    columns: 1,
  },
  ...words.repeated,
];

export function statementContract(target: ContractTarget): void {
  const { words } = target;
  const { columns } = words;
  const kept = `select ${param(words, 1, 'int')} as kept`;
  describe.each(CACHES)(`statement contract: ${target.name}, %s`, (_name, query) => {
    let house: ContractHouse;
    let db: DBRuntime;

    beforeAll(async () => {
      house = await ContractHouse.start(target, { query, pool: { maxSize: 1 } });
      db = house.db;
      await db.exec('drop table if exists statement_rows');
      await db.exec(`create table statement_rows (id ${columns.int}, name ${columns.text})`);
    });
    afterAll(async () => {
      await db.exec('drop table statement_rows');
      await house[Symbol.asyncDispose]();
    });

    describe.each(EXECUTOR_KINDS)('on a %s', (kind) => {
      const run = (fn: (on: Executor) => Promise<void>) => withExecutor(db, kind, fn);

      it.each(repeated(words))(
        'answers the same the 1st and the 50th time: $text',
        async ({ text, params, rows, columns }) => {
          await run(async (on) => {
            for (let time = 1; time <= 50; time += 1) expect(await on.query(text, params)).toEqual(rows);
            const arrays = rows.map((row) => Object.values(row));
            expect(await on.query(text, params, { rowMode: 'array' })).toEqual(arrays);
            expect((await on.execute(text, params)).fields.length).toBe(columns);
          });
        },
      );

      it('takes values of another kind for a statement it has run before', async () => {
        await run(async (on) => {
          const text = `select ${param(words, 1, 'text')}`;
          for (const [value, written] of words.written) expect(await on.queryValue(text, [value])).toEqual(written);
        });
      });

      it.each(words.untyped)(
        'a placeholder is typed by its own value, not by the first one ever bound: %s',
        async (text, rounds) => {
          await run(async (on) => {
            for (const [value, answer] of [...rounds, ...rounds.toReversed()])
              expect(await on.queryValue(text, [value])).toEqual(answer);
          });
        },
      );

      it('says the same about a mistake the 1st and the 4th time, and answers what comes after it', async () => {
        for (let time = 1; time <= 4; time += 1) {
          const text = `select ${words.tenOver(words.placeholder(1))} as n`;
          const { division, noNumber } = words.sqlStates;
          const failing = run(async (on) => void (await on.query(text, [0])));
          expect(await refusal(failing)).toMatchObject({ code: 'QUERY', sqlState: division, outcome: 'not-applied' });
          const wrong = run(async (on) => void (await on.query(words.refusesNoNumber, ['no number'])));
          expect(await refusal(wrong)).toMatchObject({ code: 'QUERY', sqlState: noNumber, outcome: 'not-applied' });
          await run(async (on) => expect(await on.query(text, [5])).toEqual([{ n: 2 }]));
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
          await on.exec(`create table statement_changes (id ${columns.int}, v ${columns.int})`);
          await on.exec('insert into statement_changes values (1, 2)');
          const all = () => on.query(`select * from statement_changes where id = ${words.placeholder(1)}`, [1]);
          const write = (value: unknown) =>
            on.exec(`update statement_changes set v = ${words.placeholder(1)} where id = 1`, [value]);
          const thrice = async (expected: Row) => {
            for (let time = 1; time <= 3; time += 1) {
              expect(await all()).toEqual([expected]);
              expect(await write(expected['v'])).toMatchObject({ rowsAffected: 1 });
            }
          };
          await thrice({ id: 1, v: 2 });
          await on.exec(`alter table statement_changes add more ${columns.text}`);
          await thrice({ id: 1, v: 2, more: null });
          await on.exec('alter table statement_changes drop column more');
          await thrice({ id: 1, v: 2 });
          const { toText, toBigint } = words.changeType('statement_changes');
          for (const text of toText) await on.exec(text);
          await write('no number');
          await thrice({ id: 1, v: 'no number' });
          for (const text of toBigint) await on.exec(text);
          await thrice({ id: 1, v: 5n });
          await on.exec('drop table statement_changes');
          await on.exec(`create table statement_changes (id ${columns.int}, v numeric(10, 2))`);
          await on.exec('insert into statement_changes values (1, 1.50)');
          await thrice({ id: 1, v: words.decimal('1.50') });
          await on.exec('drop table statement_changes');
        });
      }
    });

    it.each(words.unsettling)('survives %s in a session', async (forget) => {
      await using session = await db.acquire();
      for (let time = 1; time <= 4; time += 1) {
        for (let again = 1; again <= 3; again += 1) {
          expect(await session.query(kept, [again])).toEqual([{ kept: again }]);
        }
        await session.exec(forget);
      }
      session.release();
      expect(await db.query(kept, [9])).toEqual([{ kept: 9 }]);
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
      if (words.namedStatements === undefined) return expect(counts().prepared).toBe(0);
      expect(await db.queryValue(words.namedStatements)).toBe(canPrepare ? counts().prepared : 0);
    });
  });
}
