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
import { int, NO_ROW, param, threeRows, typed } from './words.js';

const STATEMENT_CASES: readonly ExecutorCase[] = [
  {
    covers: ['query'],
    title: 'query answers the rows as objects, in their order, and none as an empty array',
    run: async (on, { kind, target: { words } }) => {
      const three = threeRows(words);
      expect(await on.query(three)).toEqual([
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
        { id: 3, name: null },
      ]);
      expect(await on.query(`${three} where id > 3`)).toEqual([]);
      // Where any other definition would commit the transaction, transaction-cases.ts says what comes of that.
      const columns = `id ${words.columns.int}`;
      const table =
        kind === 'transaction' && words.facts.definitionsCommit
          ? words.temporaryTable('executor_empty', columns)
          : { create: `create table if not exists executor_empty (${columns})`, drop: 'drop table executor_empty' };
      expect(await on.query(table.create)).toEqual([]);
      await on.exec(table.drop);
    },
  },
  {
    covers: ['queryRow'],
    title: 'queryRow answers the first row, or undefined',
    run: async (on, { target: { words } }) => {
      const three = threeRows(words);
      expect(await on.queryRow(`${three} order by id desc`)).toEqual({ id: 3, name: null });
      expect(await on.queryRow(`${three} where id > 3`)).toBeUndefined();
    },
  },
  {
    covers: ['queryValue'],
    title: 'queryValue answers the first column of the first row, null for NULL, undefined for no row',
    run: async (on, { target: { words } }) => {
      const three = threeRows(words);
      expect(await on.queryValue(`${three} order by id desc`)).toBe(3);
      expect(await on.queryValue(`select ${words.cast('null', 'int')}, 2`)).toBeNull();
      expect(await on.queryValue(`${three} where id > 3`)).toBeUndefined();
      expect(await on.queryValue(`select ${int(words, 1)} as n, ${int(words, 2)} as n`)).toBe(1);
      expect(await on.queryValue(`select count(*) from ${words.series('5')}`)).toBe(words.count(5));
    },
  },
  {
    covers: ['exec'],
    title: 'exec counts the rows changed, and 0 for what only reads or defines',
    run: async (on, { target: { words } }) => {
      for (const [text, rowsAffected] of [
        [`insert into executor_items (id, name) select i, concat('n', i) from ${words.series('5')}`, 5],
        ['update executor_items set score = 1 where id > 3', 2],
        // Found, and left as they are.
        ['update executor_items set score = 1 where id > 3', 2],
        ...words.changes,
        ['delete from executor_items where id = 99', 0],
        ['select * from executor_items', 0],
        [words.harmless.text, 0],
      ] as const) {
        // Where the server tells of transactions, a write has a name.
        const { gtid: _name, ...result } = await on.exec(text);
        expect([text, result]).toEqual([text, { rowsAffected }]);
      }
    },
  },
  {
    covers: ['execute'],
    title: 'execute answers rows, columns, count, command and duration',
    run: async (on, { target: { words } }) => {
      const read = await on.execute(`select ${words.cast('1', 'bigint')} as a, ${words.cast("'x'", 'text')} as b`);
      expect(read).toMatchObject({ rows: [{ a: 1n, b: 'x' }], rowsAffected: 0, command: 'SELECT' });
      expect(read.fields.map(({ name, type }) => [name, type])).toEqual([
        ['a', words.types.bigint.type],
        ['b', words.types.text.type],
      ]);
      expect(read.fields.map(({ typeId }) => typeId)).toEqual([words.types.bigint.typeId, words.types.text.typeId]);
      expect(read.durationMs).toBeGreaterThanOrEqual(0);
      const none = await on.execute(`select 1 as n ${NO_ROW}`);
      expect([none.rows, none.fields.map(({ name }) => name)]).toEqual([[], ['n']]);
      const { hasReturning } = words.facts;
      const insert = `insert into executor_items (id, name) values (1, 'a')${hasReturning ? ' returning id' : ''}`;
      const written = await on.execute(insert);
      expect(written).toMatchObject({ rows: hasReturning ? [{ id: 1 }] : [], rowsAffected: 1, command: 'INSERT' });
      const { text, command } = words.harmless;
      expect(await on.execute(text)).toMatchObject({ rows: [], fields: [], rowsAffected: 0, command });
    },
  },
  {
    covers: ['query', 'queryRow', 'queryValue', 'exec', 'execute'],
    title: "every method takes the database's placeholders with an array, :name with an object, and a template",
    run: async (on, { target: { words } }) => {
      const [a, b] = [param(words, 1, 'int'), param(words, 2, 'text')];
      const ways: readonly (readonly [Statement<unknown>, StatementParams?])[] = [
        [`select ${a} as a, ${b} as b`, [7, 'x']],
        [`select ${words.cast(':a', 'int')} as a, ${words.cast(':b', 'text')} as b`, { a: 7, b: 'x' }],
        [sql`select ${typed(words, 7, 'int')} as a, ${typed(words, 'x', 'text')} as b`],
      ];
      for (const [text, params] of ways) {
        expect(await on.query(text, params)).toEqual([{ a: 7, b: 'x' }]);
        expect(await on.queryRow(text, params)).toEqual({ a: 7, b: 'x' });
        expect(await on.queryValue(text, params)).toBe(7);
        expect(await on.exec(text, params)).toEqual({ rowsAffected: 0 });
        expect((await on.execute(text, params)).rows).toEqual([{ a: 7, b: 'x' }]);
      }
      const n = words.cast(':n', 'int');
      const sum = words.cast(`${n} + ${n}`, 'int');
      const twice = await on.queryRow(`select ${sum} as twice, ':n' as text`, { n: 2 });
      expect(twice).toEqual({ twice: 4, text: ':n' });
    },
  },
  {
    covers: ['query', 'exec'],
    title: 'templates take names, lists, rows, raw text and each other',
    run: async (on, { target: { words } }) => {
      const rows = [
        { id: 1, name: "a'b" },
        { id: 2, name: 'c' },
        { id: 3, name: 'd' },
      ];
      const table = sql.id(words.kept('executor_items'));
      const columns = sql.join([sql.id(words.kept('id')), sql.id(words.kept('name'))]);
      await on.exec(sql`insert into ${table} (${columns}) values ${sql.values(rows, ['id', 'name'])}`);
      const names = ["a'b", 'd'];
      const isNamed = words.facts.hasArrays ? sql`name = any(${names})` : sql`name in (${sql.join(names)})`;
      const filter = sql.join([sql`id in (${sql.join([1, 2])})`, isNamed], sql` and `);
      const found = sql`select id, name from ${table} where ${filter} ${sql.empty} order by id ${sql.raw('desc')}`;
      expect(await on.query(found)).toEqual([{ id: 1, name: "a'b" }]);
      expect(await on.query(sql`select ${sql.raw(int(words, 1))} as ${sql.id(words.oddName)}`)).toEqual([
        { [words.oddName]: 1 },
      ]);
    },
  },
  {
    covers: ['queryRow', 'queryValue'],
    title: 'null, lists, JSON and 64-bit integers go in and come out, where the database has them',
    run: async (on, { target: { words } }) => {
      const { text, params, row } = words.values;
      expect(await on.queryRow(text, params)).toEqual(row);
      // An array is a list for a database that has lists; as JSON it is written by its caller.
      expect(await on.queryValue(words.jsonValue, [JSON.stringify([1, 2])])).toEqual([1, 2]);
    },
  },
  {
    covers: ['query', 'queryRow', 'execute', 'queryValue', 'QueryOptions.rowMode'],
    title: "rowMode 'array' keeps columns in their order, and both of two with one name",
    run: async (on, { target: { words } }) => {
      const text = `select ${int(words, 1)} as n, ${int(words, 2)} as n`;
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
    run: async (on, { db, target: { words } }) => {
      const told: (string | undefined)[] = [];
      using _listener = db.on('query:completed', ({ name }) => told.push(name));
      await on.query('select 1', [], { name: 'by query' });
      await on.exec('select 1', [], { name: 'by exec' });
      await collect(on.stream('select 1', [], { name: 'by stream' }));
      await on.batch(`select ${param(words, 1, 'int')}`, [[1]], { name: 'by batch' });
      await on.query('select 1');
      expect(told).toEqual(['by query', 'by exec', 'by stream', 'by batch', undefined]);
    },
  },
];

export const EXECUTOR_CASES: readonly ExecutorCase[] = [...STATEMENT_CASES, ...STREAM_CASES, ...BATCH_CASES];
