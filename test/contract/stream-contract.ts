/** What `stream()` promises on every executor (src/runtime/row-stream.ts). Run by executor-contract.ts. */
import type { Duration } from 'fluxor-db';
import { sql } from 'fluxor-db';
import { expect } from 'vitest';
import type { ExecutorCase } from './contract-runtime.js';
import { collect, isEmbedded, refusal } from './contract-runtime.js';
import type { Words } from './words.js';
import { int, NO_ROW, typed } from './words.js';

const numbers = (words: Words): string =>
  `select i, ${words.hash('i')} as hash from ${words.series(words.placeholder(1))}`;

export const STREAM_CASES: readonly ExecutorCase[] = [
  {
    covers: ['stream', 'query', 'StreamOptions.batchSize'],
    title: 'stream brings the rows that query brings, in any page size, with every kind of parameters',
    run: async (on, { target: { words } }) => {
      const expected = await on.query(numbers(words), [1_234]);
      for (const batchSize of [1_233, 1_234, 1_235, 100]) {
        expect(await collect(on.stream(numbers(words), [1_234], { batchSize }))).toEqual(expected);
      }
      expect(await collect(on.stream(`select ${words.cast(':n', 'int')} as n`, { n: 1 }))).toEqual([{ n: 1 }]);
      expect(await collect(on.stream(sql`select ${typed(words, 1, 'int')} as n`))).toEqual([{ n: 1 }]);
      expect(await collect(on.stream(`select 1 as n ${NO_ROW}`))).toEqual([]);
    },
  },
  {
    covers: ['stream'],
    title: "stream names its columns once the first row has come, and has rowMode 'array'",
    run: async (on, { target: { words } }) => {
      const text = `select ${words.cast('1', 'bigint')} as n, ${int(words, 2)} as n`;
      const stream = on.stream(text, [], { rowMode: 'array' });
      expect(stream.fields).toEqual([]);
      expect(await collect(stream)).toEqual([[1n, 2]]);
      expect(stream.fields.map(({ name, type }) => [name, type])).toEqual([
        ['n', words.types.bigint.type],
        ['n', words.types.int.type],
      ]);
    },
  },
  {
    covers: ['stream', 'queryValue'],
    title: 'stream closes its cursor when the loop is left, and the next statement finds the executor ready',
    run: async (on, { target: { words } }) => {
      const seen: unknown[] = [];
      for await (const { i } of on.stream(numbers(words), [100_000], { batchSize: 10 })) {
        seen.push(i);
        if (seen.length === 25) break;
      }
      expect(seen.at(-1)).toBe(25);
      expect(await on.queryValue(`select ${int(words, 1)}`)).toBe(1);
      await using unused = on.stream(`select ${words.tenOver('0')}`);
      expect(unused.fields).toEqual([]);
    },
  },
  {
    covers: ['stream'],
    title: 'stream is iterated once, and sends nothing before',
    run: async (on, { target: { words } }) => {
      const stream = on.stream(`select ${int(words, 1)} as n`);
      expect(await collect(stream)).toEqual([{ n: 1 }]);
      expect(await refusal(collect(stream))).toMatchObject({ code: 'STREAM_CONSUMED' });
      expect(await refusal(collect(on.stream('select 1', [], { batchSize: 0 })))).toMatchObject({ code: 'CONFIG' });
    },
  },
  {
    covers: ['stream'],
    title: 'stream tells an error in the middle after the pages before it; an embedded database has one page only',
    run: async (on, { db, target: { words } }) => {
      const seen: unknown[] = [];
      const text = `select i, ${words.tenOver('5 - i')} as n from ${words.series('9')}`;
      const reading = async () => {
        for await (const { i } of on.stream(text, [], { batchSize: 2 })) seen.push(i);
      };
      expect(await refusal(reading())).toMatchObject({ code: 'QUERY', sqlState: words.sqlStates.division });
      expect(seen).toEqual(isEmbedded(db) ? [] : [1, 2, 3, 4]);
    },
  },
  {
    covers: ['stream', 'query'],
    title: 'stream keeps its connection to its end: what else is sent is refused, or served where a cursor lets it',
    run: async (on, { kind, db, target: { words } }) => {
      const text = `select i from ${words.series('9')}`;
      const rows = on.stream(text, [], { batchSize: 2 })[Symbol.asyncIterator]();
      await rows.next();
      const beside = (timeout: Duration) => on.query(`select ${int(words, 1)} as n`, [], { timeout });
      const holds = kind === 'session' || (kind === 'transaction' && words.facts.cursorsHoldTransaction);
      // An embedded database has nothing open between two pages, but no second connection either.
      if (holds && !isEmbedded(db)) {
        expect(await refusal(beside('30s'))).toMatchObject({ code: 'STREAM_OPEN', outcome: 'not-sent' });
      } else if (kind === 'runtime' && isEmbedded(db)) {
        expect(await refusal(beside('50ms'))).toMatchObject({ code: 'TIMEOUT', phase: 'acquire' });
      } else expect(await beside('30s')).toEqual([{ n: 1 }]);
      await rows.return?.();
      expect(await beside('30s')).toEqual([{ n: 1 }]);
    },
  },
];
