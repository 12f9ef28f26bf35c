import { describe, expect, it } from 'vitest';
import { isKillable } from './mysql-killable.js';

describe('a statement that nobody wants any more', () => {
  it.each([
    ['SELECT', 'select * from t'],
    ['VALUES', 'values row(1)'],
    ['TABLE', 'table t'],
    ['SHOW', 'show tables'],
    ['WITH', 'with recursive r as (select 1 as n union all select n + 1 from r) select n from r'],
  ])('is stopped where it reads only (%s)', (command, text) => {
    expect(isKillable(command, text)).toBe(true);
  });

  it.each([
    ['INSERT', 'insert into t select * from u returning id'],
    ['DELETE', 'delete from t returning id'],
    ['REPLACE', 'replace into t select * from u returning id'],
    ['UPDATE', 'update t set n = 1'],
    ['WITH', 'with old as (select 1 as n) delete from t where n in (select n from old)'],
    ['CALL', 'call p()'],
    ['', '/* nothing */'],
  ])('runs to its end where it may write (%s)', (command, text) => {
    expect(isKillable(command, text)).toBe(false);
  });
});
