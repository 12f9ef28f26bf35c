/** Where a write has hidden, or could: 'read' is said of none of these texts. The other way round: classify.test.ts. */
import { describe, expect, it } from 'vitest';
import type { StatementKind } from './classify.js';
import { classify } from './classify.js';
import type { Dialect } from './dialect.js';

function expectKind(dialect: Dialect, kind: StatementKind, texts: readonly string[]): void {
  for (const text of texts) expect(classify(dialect, text), text).toBe(kind);
}

describe('in PostgreSQL, nothing hides', () => {
  const OWN = [
    ...[
      'next',
      'insert',
      'use',
      'key',
      'sample',
      'partition',
      'dump',
      'join',
      'by',
      'over',
      'filter',
      'cube',
      'rollup',
    ],
    ...['first', 'last', 'keep', 'sets', 'ilike', 'isnull', 'system', 'bernoulli', 'materialized', 'zone', 'varying'],
    ...['columns', 'passing', 'repeatable', 'ordinality', 'nvl', 'if', 'hex', 'year', 'merge', 'operator', 'index'],
  ];

  it.each(OWN)('behind a function that bears a keyword for its name: %s', (name) => {
    for (const place of [
      'select {}',
      'select not {}',
      'select 1 from t where a = {}',
      'select distinct on (a) {} from t',
    ]) {
      expect(classify('postgres', place.replace('{}', `${name}(1)`)), place).toBe('unknown');
    }
  });

  it('behind the name of an option in quotes, nor behind what was prepared', () => {
    expectKind('postgres', 'write', [
      'explain ("analyze") delete from t',
      'explain (costs off, "analyze" true) delete from t',
      'explain (u&"analyze") delete from t',
    ]);
    expectKind('postgres', 'unknown', [
      'explain execute s',
      'explain (verbose) execute s(1)',
      'explain analyze execute s',
    ]);
  });

  it('behind an AS that is a name', () => {
    expectKind('postgres', 'write', [
      'select t.as into x from t',
      'select 1 as as into x',
      'select a from t order by t.as for update',
      'select (t).as for update',
    ]);
    expectKind('postgres', 'read', [
      'select 1 as for',
      'select a as into from t',
      'select t.into, t.for update from t',
    ]);
  });

  it('behind the list of WITH', () => {
    expectKind('postgres', 'unknown', [
      'with q as (select 1) (select 2) order by w(2)',
      'with q as (select 1) (select 2) order by 1, w(2)',
      'with q as (select 1) select 1, w(2)',
      'with q (a, w(1)) as (select 1) select 1',
      'with q (a) (select 1) select 1',
      'with q as (select 1) search depth first by a set b select * from q',
      'with q as (select 1) show x',
    ]);
    expectKind('postgres', 'write', [
      'with recursive a as (select 1) search depth first by values set y delete from t',
      'with recursive a as (select 1) cycle values set y using z, b as (delete from t returning *) select 1',
      'with delete as (select 1), b as (delete from t returning *) table b',
      'select * from (with a as (delete from t returning *) select 1) x',
    ]);
    expectKind('postgres', 'read', ['with insert as (select 1), update (delete) as (select 2) select * from insert']);
  });

  it('behind DISTINCT ON, which has an expression behind its parenthesis', () => {
    expectKind('postgres', 'unknown', [
      'select distinct on (values) w(1) from t',
      'select distinct on (a) over(1) from t',
      'select distinct on (lower(a)) w(1) from t',
    ]);
  });

  it('behind quotes and escapes', () => {
    expectKind('postgres', 'unknown', [
      'select U&"d!0061t" uescape \'!\' (1)',
      'select U&"w"(1)',
      'select "coalesce"(1)',
      'select "abs"(1)',
      'select pg_catalog."abs"(1)',
      'select "pg_catalog".abs(1)',
      'select a.pg_catalog.abs(1)',
    ]);
  });

  it('behind a word of another place', () => {
    expectKind('postgres', 'unknown', [
      "select treat('s' as nextval)",
      'select a operator(pg_catalog.+) w(1)',
      'select f operator(pg_catalog.+) over(1)',
      'select abs(1) operator(+) filter(1)',
      'select a from t order by a, rollup(1)',
      'select t.group by, rollup(1) from t',
      'select a from t tablesample ilike(1)',
      "select a like 'x' escape ilike(1)",
      'select a from t limit join(1)',
      'select 1)',
    ]);
  });
});

describe('in MySQL, nothing hides', () => {
  it('behind its own way to cut a text, nor behind another database’s names', () => {
    expectKind('mysql', 'write', [
      'select 1e5for update',
      'select 1.for update',
      'select 1.5for update',
      'select .5into @a',
      'select 1e+5into @a',
      'select \\Nfor update',
      'select t.1as for update from t',
    ]);
    expectKind('mysql', 'unknown', [
      'select 5_000(1)',
      'select 0x1for(1)',
      'select 0X1(1)',
      'select 0XFF.5in(1)',
      'select 0b1in(1)',
      'select 1in(1)',
      'select db.1in(1)',
      'select db. 1in(1)',
      'select db.1e5in(1)',
      'select db.0x1(1)',
      'select 1_0.5in(1)',
      'select db.1.5in(1)',
      'select 1 from t where a = in.5in(1)',
      'select $in(1)',
      'select 1$in(1)',
      'select 1éin(1)',
      'select $a$ from t',
      'select 0xzz(1)',
      'select 2abs(1)',
      'select db.2abs(1)',
      'select $abs(1)',
      'select `count`(1)',
      'select pg_catalog.abs(1)',
      'select .abs(1)',
      'select w(values(a)) from t',
      "select 'a' (1)",
      'select @a(1)',
      'select previous value for s',
      'select generate_series(1, 2)',
    ]);
    // What begins with a digit or a dollar and is no call is a column.
    expectKind('mysql', 'read', ['select 2fa, t.2fa, $a, 5_000 from t', 'select 1e5in(1), 1.in(1), \\Nin(1)']);
  });
});

describe('in Oracle, nothing hides', () => {
  it('behind quotes, links, methods and glued words', () => {
    expectKind('oracle', 'write', ['select s."NEXTVAL" from dual', 'select s . nextval from dual']);
    expectKind('oracle', 'unknown', [
      'select s."CURRVAL" from dual',
      'select "abs"(1) from dual',
      'select w@abs(1) from dual',
      'select w @ abs(1) from dual',
      'select t.c.abs(1) from t',
      'select f(1).abs(2) from t',
      'select 1 from t where a = 1dfor update',
      'select a from t for\u3000update',
      'select w(table(a)) from t',
      'select join(1) from t',
      'select when(1) from t',
      'select case a when b then c when using(1) then d end from t',
    ]);
  });
});
