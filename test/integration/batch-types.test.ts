/** A value arrives equal by COPY and by a statement: every type of the reference, and whatever can be made up. */
import type { DBRuntime } from 'fluxor-db';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeWords, readDoc, sectionOf, tableRows } from '../docs/markdown.js';
import { rowsUpTo, targets } from './batch-targets.js';

for (const { name, hasCopy, make } of targets) {
  describe(`types in batches on ${name}`, () => {
    let db: DBRuntime;
    const bulkMode = hasCopy ? 'copy' : 'statements';
    beforeAll(() => {
      db = make();
    });
    afterAll(() => db.disconnect());

    it('takes values of every kind to the same row by either way', async () => {
      await db.exec(`create table kinds (n int, t text, f float8, b bool, big int8, num numeric, ts timestamptz, by bytea,
        ints int[], texts text[], j jsonb, c char(5))`);
      const columns = 'n, t, f, b, big, num, ts, by, ints, texts, j, c';
      const text = `insert into kinds (${columns}) values (${Array.from({ length: 12 }, (_, n) => `$${n + 1}`).join(', ')})`;
      const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
      const anyText = fc
        .oneof(
          fc.string({ unit: 'grapheme' }),
          fc.string({ unit: fc.constantFrom('\\', '\t', '\n', '\r', 'N', '.', '"', ',', '{', '}') }),
        )
        .filter((value) => !value.includes('\0'));
      const row = fc.tuple(
        orNull(anyText),
        orNull(fc.double()),
        orNull(fc.boolean()),
        orNull(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
        orNull(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n })),
        orNull(fc.date({ noInvalidDate: true, min: new Date('1000-01-01'), max: new Date('9999-01-01') })),
        orNull(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
        orNull(fc.array(fc.integer({ min: -1_000, max: 1_000 }))),
        orNull(fc.array(orNull(anyText))),
        orNull(
          fc.dictionary(
            anyText.filter((key) => key !== '__proto__'),
            anyText,
          ),
        ),
        orNull(fc.stringMatching(/^[a-z]{0,5}$/)),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(row, { minLength: 20, maxLength: 40 }), async (rows) => {
          await db.exec('delete from kinds');
          const numbered = rows.map((values, n) => [n, ...values]);
          expect((await db.batch(text, numbered)).mode).toBe(bulkMode);
          const byCopy = await db.query('select * from kinds order by n');
          await db.exec('delete from kinds');
          await db.batch(text, numbered, { mode: 'statements' });
          expect(byCopy).toEqual(await db.query('select * from kinds order by n'));
        }),
        { numRuns: 15 },
      );
      await db.exec('drop table kinds');
    });

    it('takes a value of every type of the reference to the same row by either way', async () => {
      const rows = tableRows(sectionOf(readDoc('docs/reference/types.md'), 'What comes back'));
      const types = rows.map(
        ([type = '', written = '']) => [codeWords(type)[0] ?? '', written.replaceAll('`', '')] as const,
      );
      expect(types.length).toBeGreaterThan(30);
      for (const [type, written] of types) {
        // The server may have been built without it.
        if (type === 'xml' && (await db.query("select '<a/>'::xml").catch(() => undefined)) === undefined) continue;
        await db.exec(`create table one (n int, v ${{ char: '"char"', bit: 'bit(3)' }[type] ?? type})`);
        const sets = rowsUpTo(20).map(([n]) => [n, n === 7 ? null : written]);
        expect((await db.batch('insert into one (n, v) values ($1, $2)', sets)).mode, type).toBe(bulkMode);
        const byCopy = await db.query('select * from one order by n');
        await db.exec('truncate one');
        await db.batch('insert into one (n, v) values ($1, $2)', sets, { mode: 'statements' });
        expect(byCopy, type).toEqual(await db.query('select * from one order by n'));
        await db.exec('drop table one');
      }
    });
  });
}
