/** What a summary promises: operations and targets in order, no value ever, and never a name cut in half. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dialect } from './dialect.js';
import { summarise } from './summary.js';

const ALL: readonly Dialect[] = ['postgres', 'mysql', 'oracle'];

function expectSummaries(dialect: Dialect, cases: readonly (readonly [text: string, summary: string])[]): void {
  for (const [text, summary] of cases) expect(summarise(dialect, text), text).toBe(summary);
}

describe('in every dialect a summary', () => {
  it.each(ALL)('names the tables of queries and of what is nested in them (%s)', (dialect) => {
    expectSummaries(dialect, [
      ['select * from songs s join artists a on a.id = s.artist_id', 'select songs artists'],
      ['select * from a, b.c x, d', 'select a b.c d'],
      ['select * from (a join b using (x)) left join (select * from c) d on 1 = 1, e', 'select a b select c e'],
      ['select a from t where b in (select c from d) order by x, y', 'select t select d'],
      ['select (select max(a) from b), c from d', 'select select b d'],
      ['select * from a union all select * from b', 'select a b'],
      ['select extract(year from d), trim(both x from y) from t', 'select t'],
      ['select a from t where a in (1, 2) and f(b, c) for update', 'select t'],
    ]);
  });

  it.each(ALL)('does not take the names of WITH for tables (%s)', (dialect) => {
    expectSummaries(dialect, [
      ['with x as (select * from t) select * from x, u', 'select t select u'],
      ['with x (a, b) as (select 1), y as (select * from x) select * from Y join z on 1 = 1', 'select select select z'],
    ]);
  });

  it.each(ALL)('names what is changed, and what it is changed from (%s)', (dialect) => {
    expectSummaries(dialect, [
      ['insert into t (a, b) values (1, 2)', 'insert t'],
      ['insert into t select * from s', 'insert t select s'],
      ['update t set a = (select max(x) from y) where b = 1', 'update t select y'],
      ['delete from t where a in (select b from c)', 'delete t select c'],
      [
        'merge into t using s on (t.a = s.a) when matched then update set b = 1 when not matched then insert values (1)',
        'merge t s',
      ],
    ]);
  });

  it.each(ALL)('names what is defined, and nothing of what the definition holds (%s)', (dialect) => {
    expectSummaries(dialect, [
      ['create or replace view v as select * from t', 'create view v'],
      ['create unique index i on t (a)', 'create index i'],
      ['create table if not exists s.t (a int)', 'create table s.t'],
      ['drop table if exists a, b.c cascade', 'drop table a b.c'],
      ['truncate table a, b', 'truncate a b'],
      ['alter user ann identified by hunter2', 'alter user ann'],
      ['grant select on t to ann', 'grant'],
    ]);
  });

  it.each(ALL)('joins several statements, and is empty where it knows no operation (%s)', (dialect) => {
    expectSummaries(dialect, [
      ['begin; insert into t values (1); commit', 'begin insert t commit'],
      ['hunter2 select', ''],
      ['', ''],
      ['-- select * from t', ''],
    ]);
  });

  it.each(ALL)('is cut between names, at 255 characters (%s)', (dialect) => {
    const names = Array.from({ length: 60 }, (_, index) => `table_${index}`);
    const summary = summarise(dialect, `select * from ${names.join(', ')}`);
    expect(summary.length).toBeLessThanOrEqual(255);
    expect(summary.length).toBeGreaterThan(240);
    expect(`select ${names.join(' ')} `).toContain(`${summary} `);
  });

  it.each(ALL)('never shows a literal, whatever stands where (%s)', (dialect) => {
    const words =
      `select from insert into values update set delete join using with as ( ) , . ; where union t "q" create table drop
      index on explain only lateral call exec copy truncate and = :p`.split(/\s+/);
    const secrets = dialect === 'mysql' ? ["'secret'", '"secret"', '31337'] : ["'secret'", '31337'];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words, ...secrets, '/* secret */'), { maxLength: 30 }), (soup) => {
        const summary = summarise(dialect, soup.join(' '));
        expect(summary).not.toMatch(/secret|31337/);
        expect(summary.length).toBeLessThanOrEqual(255);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(ALL)('finishes a quarter of a megabyte of anything (%s)', (dialect) => {
    for (const unit of ['(', 'select ', 'a.', 'from (', 'with a as (', ',', ';', 'union select ']) {
      expect(summarise(dialect, unit.repeat(Math.ceil(250_000 / unit.length))).length).toBeLessThanOrEqual(255);
    }
  });
});

describe('in PostgreSQL a summary', () => {
  it('reads the forms of its own', () => {
    expectSummaries('postgres', [
      ['explain (analyze, costs off) select * from t', 'explain select t'],
      ['EXPLAIN ANALYZE DELETE FROM t', 'EXPLAIN DELETE t'],
      ['insert into t values (1) on conflict (a) do update set b = 1 returning a', 'insert t'],
      ['update only t set a = 1 from u', 'update t u'],
      ['delete from t using u, v where true', 'delete t u v'],
      ['with x as (delete from t returning *) insert into z select * from x', 'delete t insert z select'],
      ['select * from t, lateral f(t.x) y, only (u)', 'select t f u'],
      ['select a into temp x from t where a is distinct from b', 'select t'],
      ['copy (select * from t) to stdout', 'copy select t'],
      ['create index concurrently on t (a)', 'create index'],
      ['refresh materialized view concurrently v', 'refresh v'],
      ["set local app.user = 'ann'", 'set app.user'],
      ['select * from "My Table", s."a\nb"', 'select "My Table" s."a�b"'],
      ['call p(1); notify c', 'call p notify c'],
    ]);
  });
});

describe('in MySQL a summary', () => {
  it('reads the forms of its own', () => {
    expectSummaries('mysql', [
      ['replace into t values (1)', 'replace t'],
      ["update t set a = replace(a, 'x', insert(b, 1, 1, 'y'))", 'update t'],
      ['update a join b on a.x = b.x set a.y = 1', 'update a b'],
      ['insert ignore into `t` values (1) on duplicate key update a = 1', 'insert `t`'],
      ['delete t1 from t1 join t2 on t1.a = t2.a', 'delete t1 t2'],
      ["drop user 'ann'@'%'", 'drop user'],
    ]);
  });
});
