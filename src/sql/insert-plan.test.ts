/** What counts as a plain insert, and what must not: a text taken for one by mistake would lose a part of its meaning. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readInsertPlan } from './insert-plan.js';

const read = (text: string) => readInsertPlan('postgres', text);

describe('a plain insert', () => {
  it.each([
    ['insert into t (a, b) values ($1, $2)', { table: 't', name: 't', columns: ['a', 'b'], order: [0, 1] }],
    ['INSERT INTO T(a)VALUES($1);', { table: 'T', name: 't', columns: ['a'], order: [0] }],
    [
      'insert into "My ""T""" ("A b", c) values ($2, $1)',
      { table: '"My ""T"""', name: 'My "T"', columns: ['"A b"', 'c'], order: [1, 0] },
    ],
    [
      'insert into s . "T" (a) -- all\n values /* of them */ ($1) ;',
      { table: 's . "T"', name: 'T', columns: ['a'], order: [0] },
    ],
    ['insert into été (a) values ($1)', { table: 'été', name: undefined, columns: ['a'], order: [0] }],
  ])('is %s', (text, plan) => {
    expect(read(text)).toEqual(plan);
  });

  it('has its placeholders in order where the dialect does not number them', () => {
    expect(readInsertPlan('mysql', 'insert into `t` (a, b) values (?, ?)')).toMatchObject({ order: [0, 1] });
    expect(readInsertPlan('oracle', 'insert into t (a, b) values (:2, :1)')).toMatchObject({ order: [1, 0] });
  });

  it.each([
    '',
    'insert',
    'insert into t',
    'select 1',
    'insert into t values ($1)',
    'insert into t (a) values ($1) returning a',
    'insert into t (a) values ($1) on conflict do nothing',
    'insert into t (a) overriding system value values ($1)',
    'with x as (select 1) insert into t (a) values ($1)',
    'insert into t as x (a) values ($1)',
    'insert into t (a) values ($1), ($2)',
    'insert into t (a, b) values ($1)',
    'insert into t (a) values ($1, $2)',
    'insert into t (a, b) values ($1, $1)',
    'insert into t (a, b) values ($1, $3)',
    'insert into t (a) values ($01)',
    'insert into t (a) values ($0)',
    'insert into t (a) values ($1::text)',
    'insert into t (a) values (upper($1))',
    'insert into t (a, b) values ($1, default)',
    'insert into t (a, b) values ($1, 2)',
    "insert into t (a, b) values ($1, 'x')",
    'insert into t (a) values (:a)',
    'insert into t (a[1]) values ($1)',
    'insert into t (a.b) values ($1)',
    'insert into t (a,) values ($1)',
    'insert into t (a) select $1',
    'insert into t (a) values ($1); select 1',
    'insert into t (a) values ($1);;',
    'insert into t (a) values ($1) "',
    'insert into t (a) values ($1) /*',
    'insert into t default values',
    'insert into t () values ()',
    'insert into "t (a) values ($1)',
    'explain insert into t (a) values ($1)',
    'replace into t (a) values ($1)',
  ])('is not %s', (text) => {
    expect(read(text)).toBeUndefined();
  });

  const name = fc.oneof(
    fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/),
    fc.string({ minLength: 1, maxLength: 6 }).map((text) => `"${text.replaceAll('"', '""')}"`),
  );
  const gap = fc.constantFrom(' ', '\n', '\t ', ' /* ) values ( */ ', ' -- $1\n ');

  it('is read back from whatever names, gaps and order it is written with', () => {
    const parts = fc.record({
      table: fc.array(name, { minLength: 1, maxLength: 3 }),
      columns: fc.array(name, { minLength: 1, maxLength: 6 }),
      seed: fc.infiniteStream(fc.nat()),
      gap,
    });
    fc.assert(
      fc.property(parts, ({ table, columns, seed, gap: between }) => {
        const order = columns.map((_, index) => index);
        order.sort(() => (seed.next().value % 2 === 0 ? 1 : -1));
        const list = (items: readonly string[]) => `(${items.join(`${between},${between}`)})`;
        const placeholders = list(order.map((index) => `$${index + 1}`));
        const text = ['insert', 'into', table.join('.'), list(columns), 'values', placeholders].join(between);
        expect(read(text)).toMatchObject({ table: table.join('.'), columns, order });
        for (const more of [' returning 1', ' on conflict do nothing', '; select 1', ', ($1)']) {
          expect(read(text + more)).toBeUndefined();
        }
      }),
    );
  });

  it('is never found in a soup of its own words, unless it is one', () => {
    const words = ['insert', 'into', 't', '(', ')', ',', 'a', 'values', '$1', '$2', 'default', ';', '.', '"', "'"];
    const exact = /^insert into t( \. t)* \( (?:t|a)( , (?:t|a))* \) values \( \$\d( , \$\d)* \)( ;)?$/;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 16 }), (pieces) => {
        const text = pieces.join(' ');
        if (read(text) !== undefined) expect(text.replaceAll('"', '')).toMatch(exact);
      }),
      { numRuns: 2_000 },
    );
  });
});
