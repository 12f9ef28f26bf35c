/** What `batch()` promises on every executor (src/runtime/batch-options.ts). Run by executor-contract.ts. */
import { expect } from 'vitest';
import type { ExecutorCase } from './contract-runtime.js';
import { refusal } from './contract-runtime.js';
import type { Words } from './words.js';
import { countOf, int, param } from './words.js';

const insert = (words: Words): string =>
  `insert into executor_items (id, name) values (${words.placeholder(1)}, ${words.placeholder(2)})`;
const sets = (count: number): [number, string][] => Array.from({ length: count }, (_, id) => [id, `name ${id}`]);
function* from(first: number, end: number): Generator<[number, string]> {
  for (let id = first; id < end; id += 1) yield [id, `name ${id}`];
}
const count = (words: Words): string => countOf(words, 'executor_items');

export const BATCH_CASES: readonly ExecutorCase[] = [
  {
    covers: ['batch', 'queryValue'],
    title: 'batch carries out one statement for every set, by whichever way, from arrays, objects and generators',
    run: async (on, { target: { words } }) => {
      for (const many of [0, 1, 5, 500]) {
        const result = await on.batch(insert(words), sets(many));
        expect(result).toMatchObject({ rowsAffected: many, rows: [], errors: [] });
        expect(await on.queryValue(count(words))).toBe(many);
        await on.exec('delete from executor_items');
      }
      const named = [
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ];
      expect((await on.batch('insert into executor_items (id, name) values (:id, :name)', named)).affected).toEqual([
        1, 1,
      ]);
      expect((await on.batch(insert(words), from(3, 60))).rowsAffected).toBe(57);
    },
  },
  {
    covers: ['batch', 'BatchOptions.mode'],
    title: 'batch answers rows and counts in the order of the sets',
    run: async (on, { target: { words } }) => {
      const mode = 'statements';
      const one = param(words, 1, 'int');
      const selected = await on.batch(`select ${one} as n`, [[3], [1], [2]], { mode });
      expect(selected).toMatchObject({
        rows: [{ n: 3 }, { n: 1 }, { n: 2 }],
        rowsAffected: 0,
        affected: [0, 0, 0],
        mode,
      });
      expect((await on.batch(`select ${one}, ${int(words, 2)}`, [[3]], { rowMode: 'array' })).rows).toEqual([[3, 2]]);
      await on.batch(insert(words), sets(4), { mode });
      const update = `update executor_items set name = 'x' where id < ${words.placeholder(1)}`;
      const updated = await on.batch(update, [[1], [0], [3]]);
      expect([updated.affected, updated.rowsAffected]).toEqual([[1, 0, 3], 4]);
    },
  },
  {
    covers: ['batch'],
    title: 'batch is all or nothing, and says which set was at fault',
    run: async (on, { kind, db, target: { words } }) => {
      const bad = sets(300);
      bad[150] = [7, 'secret-marker'];
      const error = await refusal(on.batch(insert(words), bad));
      expect(error).toMatchObject({
        code: 'CONSTRAINT',
        reason: 'unique',
        outcome: 'not-applied',
        context: { paramSet: 150 },
      });
      expect(JSON.stringify(error)).not.toContain('secret-marker');
      if (kind !== 'transaction') {
        expect(await db.queryValue(count(words)).catch(() => on.queryValue(count(words)))).toBe(0);
      }
    },
  },
  {
    covers: ['batch', 'queryValue', 'BatchOptions.onError', 'BatchOptions.batchSize', 'BatchOptions.onProgress'],
    title: "batch with onError 'collect' keeps what is good, reports what is not, and tells its progress",
    run: async (on, { target: { words } }) => {
      const some = sets(120);
      for (const at of [3, 60, 119]) some[at] = [0, 'twice'];
      const told: unknown[] = [];
      const onProgress = (done: number, total: number | undefined) => told.push([done, total]);
      const result = await on.batch(insert(words), some, { onError: 'collect', batchSize: 50, onProgress });
      expect(result.errors.map(({ index, error }) => [index, error.code])).toEqual(
        [3, 60, 119].map((at) => [at, 'CONSTRAINT']),
      );
      expect(result.rowsAffected).toBe(117);
      expect(await on.queryValue(count(words))).toBe(117);
      expect(told.at(-1)).toEqual([120, 120]);
    },
  },
];
