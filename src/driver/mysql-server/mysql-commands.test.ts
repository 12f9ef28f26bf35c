import { describe, expect, it } from 'vitest';
import { changedBy, commandOf, isPlain } from './mysql-commands.js';

describe('the verb of a statement', () => {
  it.each([
    ['  select 1', 'SELECT'],
    ['/* why */ insert into t values (1)', 'INSERT'],
    ['-- why\n(select 1)', 'SELECT'],
    ['call p()', 'CALL'],
    ['', ''],
  ])('%j', (text, verb) => {
    expect(commandOf(text)).toBe(verb);
  });

  it('says whether an error of it can have left a transaction open, and whether its rows are what it changed', () => {
    expect(['update t set n = 1', 'call p()', 'begin', 'create table t (n int)'].map(isPlain)).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect([changedBy('DELETE', 3), changedBy('SELECT', 3), changedBy('CALL', 3)]).toEqual([3, 0, 0]);
  });
});
