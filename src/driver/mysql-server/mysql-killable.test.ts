import { describe, expect, it } from 'vitest';
import { isKillable } from './mysql-killable.js';

describe('a statement that nobody wants any more', () => {
  it.each([
    "select id, repeat('x', 20), count(*) over () from t where name like ? order by id limit 10",
    'values row(1)',
    'table t',
    'show tables',
    'with recursive r as (select 1 as n union all select n + 1 from r) select n from r',
  ])('is stopped where it reads only (%s)', (text) => {
    expect(isKillable(text)).toBe(true);
  });

  it.each([
    'insert into t select * from u returning id',
    'delete from t returning id',
    'replace into t select * from u returning id',
    'update t set n = 1',
    'with old as (select 1 as n) delete from t where n in (select n from old)',
    'call p()',
    '/* nothing */',
    // They look like reading.
    'select log_visit(id) from t',
    'select nextval(tickets) from t',
    'select next value for tickets from t',
    "select * from t into outfile '/tmp/t'",
    'select * from t for update',
    'select * from t lock in share mode',
    "select get_lock('x', 1) from t",
  ])('runs to its end where it may write (%s)', (text) => {
    expect(isKillable(text)).toBe(false);
  });
});
