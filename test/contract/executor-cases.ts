/**
 * The cases of every executor (src/runtime/executor.ts) but for stream and batch, which have files of their own. Run by
 * executor-contract.ts; coverage.test.ts holds them against the interface.
 */
import type { QueryOptions, Statement, StatementParams } from 'fluxor-db';
import { sql } from 'fluxor-db';
import { expect } from 'vitest';
import { BATCH_CASES } from './batch-contract.js';
import type { ExecutorCase } from './contract-runtime.js';
import { collect } from './contract-runtime.js';
import { STREAM_CASES } from './stream-contract.js';

/** The rows of the tests: `(id, name)`. */
const THREE = "select * from (values (1, 'a'), (2, 'b'), (3, null)) as t (id, name)";
const NONE = `${THREE} where id > 3`;

const STATEMENT_CASES: readonly ExecutorCase[] = [
  {
    covers: ['query'],
    title: 'query answers the rows as objects, in their order, and none as an empty array',
    run: async (on) => {
      expect(await on.query(THREE)).toEqual([
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
        { id: 3, name: null },
      ]);
      expect(await on.query(NONE)).toEqual([]);
      expect(await on.query('create table if not exists executor_empty ()')).toEqual([]);
      await on.exec('drop table executor_empty');
    },
  },
  {
    covers: ['queryRow'],
    title: 'queryRow answers the first row, or undefined',
    run: async (on) => {
      expect(await on.queryRow(`${THREE} order by id desc`)).toEqual({ id: 3, name: null });
      expect(await on.queryRow(NONE)).toBeUndefined();
    },
  },
  {
    covers: ['queryValue'],
    title: 'queryValue answers the first column of the first row, null for NULL, undefined for no row',
    run: async (on) => {
      expect(await on.queryValue(`${THREE} order by id desc`)).toBe(3);
      expect(await on.queryValue('select null::int, 2')).toBeNull();
      expect(await on.queryValue(NONE)).toBeUndefined();
      expect(await on.queryValue('select 1 as n, 2 as n')).toBe(1);
      expect(await on.queryValue('select count(*) from generate_series(1, 5)')).toBe(5n);
    },
  },
  {
    covers: ['exec'],
    title: 'exec counts the rows changed, and 0 for what only reads or defines',
    run: async (on) => {
      const counts = [];
      for (const text of [
        "insert into executor_items (id, name) select i, 'n' || i from generate_series(1, 5) i",
        'update executor_items set score = 1 where id > 3',
        "insert into executor_items (id, name) values (5, 'x') on conflict (id) do nothing",
        'merge into executor_items t using (values (1), (2)) s (id) on t.id = s.id when matched then update set score = 2',
        'delete from executor_items where id = 1 returning id',
        'delete from executor_items where id = 99',
        'select * from executor_items',
        'comment on table executor_items is null',
      ]) {
        counts.push(await on.exec(text));
      }
      expect(counts).toEqual([5, 2, 0, 2, 1, 0, 0, 0].map((rowsAffected) => ({ rowsAffected })));
    },
  },
  {
    covers: ['execute'],
    title: 'execute answers rows, columns, count, command and duration',
    run: async (on) => {
      const read = await on.execute("select 1::int8 as a, 'x'::text as b");
      expect(read).toMatchObject({ rows: [{ a: 1n, b: 'x' }], rowsAffected: 0, command: 'SELECT' });
      expect(read.fields.map(({ name, type }) => [name, type])).toEqual([
        ['a', 'int8'],
        ['b', 'text'],
      ]);
      expect(read.fields.map(({ typeId }) => typeId)).toEqual([20, 25]);
      expect(read.durationMs).toBeGreaterThanOrEqual(0);
      const none = await on.execute('select 1 as n where false');
      expect([none.rows, none.fields.map(({ name }) => name)]).toEqual([[], ['n']]);
      const written = await on.execute("insert into executor_items (id, name) values (1, 'a') returning id");
      expect(written).toMatchObject({ rows: [{ id: 1 }], rowsAffected: 1, command: 'INSERT' });
      const defined = await on.execute('comment on table executor_items is null');
      expect(defined).toMatchObject({ rows: [], fields: [], rowsAffected: 0, command: 'COMMENT' });
    },
  },
  {
    covers: ['query', 'queryRow', 'queryValue', 'exec', 'execute'],
    title: 'every method takes $1 with an array, :name with an object, and a template',
    run: async (on) => {
      const ways: readonly (readonly [Statement<unknown>, StatementParams?])[] = [
        ['select $1::int as a, $2::text as b', [7, 'x']],
        ['select :a::int as a, :b::text as b', { a: 7, b: 'x' }],
        [sql`select ${7}::int as a, ${'x'}::text as b`],
      ];
      for (const [text, params] of ways) {
        expect(await on.query(text, params)).toEqual([{ a: 7, b: 'x' }]);
        expect(await on.queryRow(text, params)).toEqual({ a: 7, b: 'x' });
        expect(await on.queryValue(text, params)).toBe(7);
        expect(await on.exec(text, params)).toEqual({ rowsAffected: 0 });
        expect((await on.execute(text, params)).rows).toEqual([{ a: 7, b: 'x' }]);
      }
      expect(await on.queryRow("select :n::int + :n::int as twice, ':n' as text", { n: 2 })).toEqual({
        twice: 4,
        text: ':n',
      });
    },
  },
  {
    covers: ['query', 'exec'],
    title: 'templates take names, lists, rows, raw text and each other',
    run: async (on) => {
      const rows = [
        { id: 1, name: "a'b" },
        { id: 2, name: 'c' },
        { id: 3, name: 'd' },
      ];
      const table = sql.id('executor_items');
      const columns = sql.join([sql.id('id'), sql.id('name')]);
      await on.exec(sql`insert into ${table} (${columns}) values ${sql.values(rows, ['id', 'name'])}`);
      const filter = sql.join([sql`id in (${sql.join([1, 2])})`, sql`name = any(${["a'b", 'd']})`], sql` and `);
      const found = sql`select id, name from ${table} where ${filter} ${sql.empty} order by id ${sql.raw('desc')}`;
      expect(await on.query(found)).toEqual([{ id: 1, name: "a'b" }]);
      expect(await on.query(sql`select 1 as ${sql.id('Mixed "Case"')}`)).toEqual([{ 'Mixed "Case"': 1 }]);
    },
  },
  {
    covers: ['queryRow', 'queryValue'],
    title: 'null, arrays, JSON and 64-bit integers go in and come out',
    run: async (on) => {
      const row = await on.queryRow(
        'select $1::text as nothing, $2::int[] as list, $3::jsonb as json, $4::int8 as big, $5::text[] as words',
        [null, [1, null, 3], { a: [1, 'x'] }, 2n ** 62n, ['a,b', '"', '']],
      );
      expect(row).toEqual({
        nothing: null,
        list: [1, null, 3],
        json: { a: [1, 'x'] },
        big: 2n ** 62n,
        words: ['a,b', '"', ''],
      });
      expect(await on.queryValue('select $1::jsonb', [JSON.stringify([1, 2])])).toEqual([1, 2]);
    },
  },
  {
    covers: ['query', 'queryRow', 'execute', 'queryValue', 'QueryOptions.rowMode'],
    title: "rowMode 'array' keeps columns in their order, and both of two with one name",
    run: async (on) => {
      const text = 'select 1 as n, 2 as n';
      const asArray: QueryOptions = { rowMode: 'array' };
      expect(await on.query(text, [], asArray)).toEqual([[1, 2]]);
      expect(await on.queryRow(text, [], asArray)).toEqual([1, 2]);
      expect((await on.execute(text, [], asArray)).rows).toEqual([[1, 2]]);
      expect(await on.queryValue(text, [], asArray)).toBe(1);
      expect(await on.query(text, [], { rowMode: 'object' })).toEqual([{ n: 2 }]);
    },
  },
  {
    covers: ['query', 'exec', 'stream', 'batch', 'QueryOptions.name'],
    title: 'events call a statement by the name that it was given',
    run: async (on, { db }) => {
      const told: (string | undefined)[] = [];
      using _listener = db.on('query:completed', ({ name }) => told.push(name));
      await on.query('select 1', [], { name: 'by query' });
      await on.exec('select 1', [], { name: 'by exec' });
      await collect(on.stream('select 1', [], { name: 'by stream' }));
      await on.batch('select $1::int', [[1]], { name: 'by batch' });
      await on.query('select 1');
      expect(told).toEqual(['by query', 'by exec', 'by stream', 'by batch', undefined]);
    },
  },
];

export const EXECUTOR_CASES: readonly ExecutorCase[] = [...STATEMENT_CASES, ...STREAM_CASES, ...BATCH_CASES];
