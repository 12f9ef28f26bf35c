import { describe, expect, it } from 'vitest';
import { fingerprint } from './fingerprint.js';
import { operationOf } from './operation.js';

describe('the operation of a statement', () => {
  it.each([
    ['select 1', 'select'],
    ['/* x */ SELECT * from t', 'select'],
    ["with a as (select 'delete') select * from a", 'select'],
    ['with a as (select 1) delete from t where id in (select * from a)', 'delete'],
    ['insert into t values (1)', 'insert'],
    ['batch insert into t values ($1)', 'insert'],
    ['update t set a = 1', 'update'],
    ['delete from t', 'delete'],
    ['merge into t using s on true when matched then delete', 'merge'],
    ['create table t (a int)', 'ddl'],
    ['truncate t', 'ddl'],
    ['begin', 'tx'],
    ['call p(1)', 'call'],
    ['vacuum', 'other'],
    ['', 'other'],
  ])('of %j is %s', (text, operation) => {
    expect(operationOf('postgres', fingerprint('postgres', text))).toBe(operation);
  });
});
