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

  it('queries of every day read', () => {
    expectKind('postgres', 'read', [
      'select s.id, a.name from songs s join artists a on a.id = s.artist_id left join lateral (select count(*) n from plays p ' +
        'where p.song_id = s.id) x on true where s.id in (1, 2) order by s.id desc limit 10 offset 20',
      'with recursive tree (id, parent) as (select id, parent from t where parent is null union all ' +
        'select c.id, c.parent from t c join tree on c.parent = tree.id) select * from tree',
      'select rank() over (partition by b order by c desc), sum(x) over w from t ' +
        'window w as (partition by (a) order by b rows between unbounded preceding and current row)',
      'select count(*) filter (where a > 1), array_agg(distinct b order by b) filter (where b is not null) over (order by c) from t',
      'select a from t group by grouping sets ((a), (b), ()), rollup (c, d), cube (e)',
      'select * from (values (1, 2)) v (a, b) left join (select 1) x (y) on true',
      "select data->>'a', data #>> '{a,b}', data @> '{\"a\":1}'::jsonb from t where a = any ($1) and b <> all (array[1, 2])",
      "select * from t where title ilike ('%' || $2 || '%') and t.name not ilike ('x') and a like ('y')",
      "select cast(b as character varying(10)), c::timestamp(3) with time zone, interval '1 day' * (2) from t",
      'select case when (a = 1) then (b) else (c) end, (a, b) overlaps (c, d), row (1, 2), (a).b from t where (a, b) = (1, 2)',
      'select 1 union (select 2) except (select 3) order by (1) limit ($1) offset ($2)',
      'select a from t group by (a) having (count(*) > 1) order by (a) fetch first (1) rows only',
      "select a at time zone ('utc'), date_trunc('day', now()) from t tablesample system (10) repeatable (1)",
      'select * from generate_series(1, 10) with ordinality as g (n, i), unnest($1::int[]) with ordinality u (a, b)',
      "select * from json_table($1, '$[*]' columns (a int path '$.a', nested path '$.b[*]' columns (c varchar(10) path '$'))) as j",
      "select extract(epoch from now()), position('a' in b), trim(both from a), substring(a from 1 for 2), greatest(1, 2) from t",
      'select distinct on (a, (b)) a, b from t order by a, b desc nulls last',
      'select array(select id from t order by id), t.tags && $1, a is distinct from b, left(a, 3) from public.songs as t',
      'explain insert into t (a) values (1)',
      'select 1 from a left join (b join c on b.id = c.id) on true inner join (d cross join e) on true',
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

  it('queries of every day read', () => {
    expectKind('mysql', 'read', [
      "select if(a, 1, 2), ifnull(b, 0), date_format(c, '%Y'), count(distinct d) from songs s left join artists a using (id) " +
        "where a like ('x') and b between .5 and .7 group by a with rollup having (x > 1) order by (a) limit 10, 5",
      'with recursive c (n) as (select 1 union all select n + 1 from c where n < 5) select * from c',
      'select row_number() over (partition by a order by b), sum(x) over w from t window w as (order by a)',
      'select * from t where (a, b) in ((1, 2), (3, 4)) and c = any (select 1) and d = all (select 2) and e rlike (f)',
      "select * from json_table('[1]', '$[*]' columns (a int path '$', b decimal(10, 2) path '$.b')) as j",
      'select cast(a as decimal(10, 2)), convert(a, char(10)), convert(b using utf8mb4), date_add(a, interval (1) day) from t',
      'select case when (a) then (b) end from t use index (i) ignore index for join (j)',
      'values row(1, 2), row(3, 4)',
      'select * from (values row(1, 2)) as v (a, b) cross join (select 1) x',
      "select @x, @@version, a->'$.b', a->>'$.c', {fn abs(1)}, _utf8'x' from t where a <=> b and c regexp ('x')",
      "select group_concat(a order by b separator ','), truncate(a, 2), values(a), default(a) from t",
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

  it('queries of every day read', () => {
    expectKind('oracle', 'read', [
      "select case when (a = 1) then (2) when (b = 2) then 3 else (4) end, nvl(a, 0), to_char(b, 'YYYY') from t " +
        'join u using (id) left join (select 1 x from dual) y on (y.x = t.x)',
      "select row_number() over (partition by a order by b), listagg(a, ',') within group (order by b) over (partition by c), " +
        'max(a) keep (dense_rank first order by b) from t',
      'select a from t connect by prior a = b start with (a = 1)',
      'with a (x) as (select 1 from dual), b as (select 2 y from dual) select * from a, b where rownum <= 10',
      'select a from t where (a, b) in ((1, 2)) group by rollup (a, b), cube (c) order by (a) offset 10 rows fetch first 5 rows only',
      'select cast(a as varchar2(10)), cast(b as number(10, 2)), cast(c as timestamp(6)), extract(year from d), 1.5f x from t',
      "select * from json_table('[1]', '$[*]' columns (a number path '$')) j where a = :1 and b = :name",
    ]);
  });
});
