/** What a classification promises: 'read' is certain, whatever tries to hide in the text; doubt is 'unknown'. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StatementKind } from './classify.js';
import { classify } from './classify.js';
import type { Dialect } from './dialect.js';

const ALL: readonly Dialect[] = ['postgres', 'mysql', 'oracle'];

function expectKind(dialect: Dialect, kind: StatementKind, texts: readonly string[]): void {
  for (const text of texts) expect(classify(dialect, text), text).toBe(kind);
}

describe('in every dialect', () => {
  it.each(ALL)('queries read (%s)', (dialect) => {
    expectKind(dialect, 'read', [
      'select 1',
      'SELECT count(*), lower(a) FROM t x WHERE a IN (1, 2) AND EXISTS (select 1 from u)',
      '(select a from t) union all (select b from u) order by 1',
      'with a (x) as (select 1 from t), b as (select x from a) select * from b',
      'select a.update, b.into from t a, u b',
      'select \'insert into t\', "into" from t -- for update',
      '/* delete */ select coalesce(a, (select max(b) from u)) from t;',
      'select cast(a as decimal(10, 2)), row_number() over (partition by b order by c) from t',
    ]);
  });

  it.each(ALL)('changes write (%s)', (dialect) => {
    expectKind(dialect, 'write', [
      'insert into t values (1)',
      'update t set a = 1',
      'delete from t',
      'merge into t using s on (a = b) when matched then update set c = 1',
      'create table t (a int)',
      'drop table t',
      'truncate table t',
      'grant select on t to u',
      'select * from t for update',
      'select * from t where a in (select b from u for update)',
    ]);
  });

  it.each(ALL)('what the text does not tell is unknown (%s)', (dialect) => {
    expectKind(dialect, 'unknown', [
      '',
      '-- nothing',
      'begin',
      'call p()',
      'set x = 1',
      'select my_function(1) from t',
      'select other.lower(a) from t',
      "select 'open",
      'select 1 /* open',
      'hello',
    ]);
  });

  it.each(ALL)('of several statements the worst counts (%s)', (dialect) => {
    expect(classify(dialect, 'select 1; select 2;')).toBe('read');
    expect(classify(dialect, 'select 1; call p()')).toBe('unknown');
    expect(classify(dialect, 'call p(); delete from t; select 1')).toBe('write');
  });

  it.each(ALL)('a function nobody knows is found wherever it hides (%s)', (dialect) => {
    const places = [
      'select {}',
      'select a from t where b = {}',
      'select a from t where b in (select {} from u)',
      'select coalesce(a, {}) from t',
      'select case when a = 1 then {} end from t',
      'select a from t order by {}',
      'with x as (select {}) select * from x',
      'with x as (select 1) select {} from x',
      'select 1 union select {}',
      'select distinct {} from t',
      'select sum(a) over (order by {}) from t',
      'select a from t join u on {} = b',
      'select a from t group by a having {} > 1',
    ];
    const spaces = ['', ' ', '\n', '/* x */'];
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.constantFrom(...spaces), (place, space) => {
        expect(classify(dialect, place.replace('{}', `do_something${space}(1)`))).toBe('unknown');
        expect(classify(dialect, place.replace('{}', `abs${space}(1)`))).toBe('read');
      }),
    );
  });

  it.each(ALL)('never throws, and finishes a quarter of a megabyte of anything (%s)', (dialect) => {
    for (const unit of ['(', 'select ', 'a.', 'f(', 'with a as (', ')', ';', "'", 'explain ', 'x(a.b.c(']) {
      expect(['read', 'write', 'unknown']).toContain(classify(dialect, unit.repeat(Math.ceil(250_000 / unit.length))));
    }
  });
});

describe('in PostgreSQL', () => {
  it('its own queries read', () => {
    expectKind('postgres', 'read', [
      'values (1), (2)',
      'table t',
      'show search_path',
      'explain delete from t',
      'explain (costs off, format json) insert into t (a) select 1',
      'explain analyze select 1',
      'explain (analyze) (select 1)',
      'with a as not materialized (select 1), b (c) as materialized (values (1)) table b',
      'select * from unnest($1::int[], $2::text[]) u (a, b)',
      "select * from (values (1, 'a')) v (id, name) join json_to_recordset($1) as r (a int, b numeric(10, 2)) on true",
      'select pg_catalog.now(), a::numeric(10, 2), b::public.vector(3), t.a ? $1 from t',
      'select substring(a from 2 for 3), count(*) filter (where b), extract(day from c) from t',
      'select percentile_cont(0.5) within group (order by a) from t group by grouping sets ((a), (b))',
      "select current_setting('app.tenant'), gen_random_uuid(), random()",
    ]);
  });

  it('what writes, locks or speaks to others is a write', () => {
    expectKind('postgres', 'write', [
      'with a as (delete from t returning *) select * from a',
      'with a as (select 1), b as (insert into t select 1 returning a) select * from b',
      'with a as (select 1) update t set x = 1',
      'with recursive a as (select 1) search depth first by x set y delete from t',
      'select * into x from t',
      'select a from t for share',
      'select a from t for no key update skip locked',
      'select a from t for key share',
      "select nextval('s')",
      "select pg_catalog.nextval('s')",
      'select "nextval"(\'s\')',
      "select setval('s', 1), set_config('a', 'b', true)",
      'select pg_advisory_lock(1)',
      'select pg_try_advisory_xact_lock(1)',
      'select pg_advisory_unlock_all()',
      "select pg_notify('c', 'x')",
      'select lo_unlink(1)',
      "select * from dblink('x', 'y') as t (a int)",
      "select distinct on (lower(a)) nextval('s') from t",
      'explain analyze delete from t',
      'explain (analyze, costs off) with a as (insert into t values (1) returning a) select * from a',
      'copy t from stdin',
      'refresh materialized view v',
      'notify c',
      'vacuum t',
    ]);
  });

  it('what cannot be told is unknown', () => {
    expectKind('postgres', 'unknown', [
      'do $$ begin delete from t; end $$',
      'execute s(1)',
      'explain select f()',
      'explain analyze execute s',
      'select pg_sleep(1)',
      'select pg_is_in_recovery()',
      'select lastval()',
      "select query_to_xml('delete from t', true, true, '')",
      'select public.now()',
      'select "Lower"(a) from t',
      'listen c',
      'declare c cursor for select 1',
    ]);
  });
});

describe('in MySQL', () => {
  it('its own queries read', () => {
    expectKind('mysql', 'read', [
      'show create table t',
      'describe t',
      'explain format=json select * from t',
      "select replace(a, 'x', 'y'), insert(a, 1, 2, 'z'), if(a, 1, 2) from t force index (i)",
      "select match (a) against ('x' in boolean mode), group_concat(distinct b) from t partition (p0)",
      '(select 1) union (select 2)',
      'table t',
    ]);
  });

  it('locks, files and variables do not', () => {
    expectKind('mysql', 'write', [
      'select a from t lock in share mode',
      "select a into outfile '/tmp/x' from t",
      'select a into @x from t',
      'replace into t values (1)',
      "select get_lock('a', 1)",
      'select next value for s',
      'explain analyze update t set a = 1',
    ]);
    expectKind('mysql', 'unknown', [
      'select @a := 1',
      'select /*!40001 sql_no_cache */ a from t',
      'select sleep(1), 1',
      'select last_insert_id()',
      'explain format=json into @x select 1',
      'do f(1)',
    ]);
  });
});

describe('in Oracle', () => {
  it('sequences and plans write, blocks and embedded functions are unknown', () => {
    expectKind('oracle', 'read', [
      'select nvl(a, 0), listagg(b, 1) within group (order by c) from t',
      'select a from t, u where t.a = u.b (+) and c(+) = 1',
      'select * from dual',
    ]);
    expectKind('oracle', 'write', [
      'select s.nextval from dual',
      'explain plan for select * from t',
      'lock table t in exclusive mode',
    ]);
    expectKind('oracle', 'unknown', [
      'select s.currval from dual',
      'begin p; end;',
      'declare x int; begin null; end;',
      'with function f return number is begin return 1; end; select f() from dual',
      'select dbms_random.value(1, 2) from dual',
      'show parameters',
    ]);
  });
});
