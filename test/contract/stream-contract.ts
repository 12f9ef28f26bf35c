/** What `stream()` promises on every executor (src/runtime/row-stream.ts). Run by executor-contract.ts. */
import type { Duration } from 'fluxor-db';
import { sql } from 'fluxor-db';
import { expect } from 'vitest';
import type { ExecutorCase } from './contract-runtime.js';
import { collect, isEmbedded, refusal } from './contract-runtime.js';

const NUMBERS = 'select i, md5(i::text) as hash from generate_series(1, $1::int) i';

export const STREAM_CASES: readonly ExecutorCase[] = [
  {
    covers: ['stream', 'query', 'StreamOptions.batchSize'],
    title: 'stream brings the rows that query brings, in any page size, with every kind of parameters',
    run: async (on) => {
      const expected = await on.query(NUMBERS, [1_234]);
      for (const batchSize of [1_233, 1_234, 1_235, 100]) {
        expect(await collect(on.stream(NUMBERS, [1_234], { batchSize }))).toEqual(expected);
      }
      expect(await collect(on.stream('select :n::int as n', { n: 1 }))).toEqual([{ n: 1 }]);
      expect(await collect(on.stream(sql`select ${1}::int as n`))).toEqual([{ n: 1 }]);
      expect(await collect(on.stream('select 1 as n where false'))).toEqual([]);
    },
  },
  {
    covers: ['stream'],
    title: "stream names its columns once the first row has come, and has rowMode 'array'",
    run: async (on) => {
      const stream = on.stream('select 1::int8 as n, 2 as n', [], { rowMode: 'array' });
      expect(stream.fields).toEqual([]);
      expect(await collect(stream)).toEqual([[1n, 2]]);
      expect(stream.fields.map(({ name, type }) => [name, type])).toEqual([
        ['n', 'int8'],
        ['n', 'int4'],
      ]);
    },
  },
  {
    covers: ['stream', 'queryValue'],
    title: 'stream closes its cursor when the loop is left, and the next statement finds the executor ready',
    run: async (on) => {
      const seen: unknown[] = [];
      for await (const { i } of on.stream(NUMBERS, [100_000], { batchSize: 10 })) {
        seen.push(i);
        if (seen.length === 25) break;
      }
      expect(seen.at(-1)).toBe(25);
      expect(await on.queryValue('select 1')).toBe(1);
      await using unused = on.stream('select 1/0');
      expect(unused.fields).toEqual([]);
    },
  },
  {
    covers: ['stream'],
    title: 'stream is iterated once, and sends nothing before',
    run: async (on) => {
      const stream = on.stream('select 1 as n');
      expect(await collect(stream)).toEqual([{ n: 1 }]);
      expect(await refusal(collect(stream))).toMatchObject({ code: 'STREAM_CONSUMED' });
      expect(await refusal(collect(on.stream('select 1', [], { batchSize: 0 })))).toMatchObject({ code: 'CONFIG' });
    },
  },
  {
    covers: ['stream'],
    title: 'stream tells an error in the middle after the pages before it; an embedded database has one page only',
    run: async (on, { db }) => {
      const seen: unknown[] = [];
      const reading = async () => {
        const rows = on.stream('select 10 / (5 - i) as n from generate_series(1, 9) i', [], { batchSize: 2 });
        for await (const { n } of rows) seen.push(n);
      };
      expect(await refusal(reading())).toMatchObject({ code: 'QUERY', sqlState: '22012' });
      expect(seen).toEqual(isEmbedded(db) ? [] : [2, 3, 5, 10]);
    },
  },
  {
    covers: ['stream', 'query'],
    title: 'stream keeps its connection to its end: what else is sent in a session is refused, in a transaction served',
    run: async (on, { kind, db }) => {
      const rows = on.stream('select i from generate_series(1, 9) i', [], { batchSize: 2 })[Symbol.asyncIterator]();
      await rows.next();
      const beside = (timeout: Duration) => on.query('select 1 as n', [], { timeout });
      // An embedded database has nothing open between two pages, but no second connection either.
      if (kind === 'session' && !isEmbedded(db)) {
        expect(await refusal(beside('30s'))).toMatchObject({ code: 'STREAM_OPEN', outcome: 'not-sent' });
      } else if (kind === 'runtime' && isEmbedded(db)) {
        expect(await refusal(beside('50ms'))).toMatchObject({ code: 'TIMEOUT', phase: 'acquire' });
      } else expect(await beside('30s')).toEqual([{ n: 1 }]);
      await rows.return?.();
      expect(await beside('30s')).toEqual([{ n: 1 }]);
    },
  },
];
