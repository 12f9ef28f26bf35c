import { describe, expect, it } from 'vitest';
import { commitsByItself } from './mysql-own-commits.js';

describe('a statement that commits by itself', () => {
  it.each([
    'create table t (id int)',
    '/* why */ ALTER TABLE t ADD COLUMN b int',
    'drop table if exists t',
    'rename table a to b',
    'truncate table t',
    'lock tables t write',
    'set autocommit = 1',
    'a verb of tomorrow',
    'set @@session.AUTOCOMMIT = 1',
  ])('is one step: %s', (text) => {
    expect(commitsByItself(text)).toBe('whole');
  });

  it.each([
    'drop table a, b',
    'drop database d',
    'create or replace table t (id int)',
    "create user 'a', 'b'",
    'rename table a to b, c to d',
    'grant select on d.* to a, b',
    'revoke all on d.* from a',
    'flush tables',
    'analyze table t',
    "set password = 'x'",
  ])('may leave a part behind: %s', (text) => {
    expect(commitsByItself(text)).toBe('parts');
  });

  it.each([
    'call p()',
    '{call p()}',
    'execute s',
    "execute immediate 'call p()'",
    'begin not atomic select 1; end',
    'begin',
    'start transaction',
    'set statement max_statement_time = 1 for call p()',
    '/*!50000 create table t (id int) */',
    'l: loop leave l; end loop',
  ])('may do anything: %s', (text) => {
    expect(commitsByItself(text)).toBe('program');
  });

  it.each([
    'select 1',
    '(select 1)',
    'insert into t values (1)',
    'update t set a = 1',
    'delete from t',
    'replace into t values (1)',
    'with a as (select 1) select * from a',
    'analyze format=json select 1',
    'set @a = 1',
    'savepoint s',
    'rollback to savepoint s',
    'do f()',
  ])('is not %s', (text) => {
    expect(commitsByItself(text)).toBeUndefined();
  });
});
