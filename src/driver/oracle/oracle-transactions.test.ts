/** What Oracle's statements mean for the transaction around them. */
import { describe, expect, it } from 'vitest';
import { factsOf, oracleTransactions } from './oracle-transactions.js';

describe("Oracle's words for transactions", () => {
  it.each([
    [{}, 'set transaction read write'],
    [{ readOnly: false }, 'set transaction read write'],
    [{ readOnly: true }, 'set transaction read only'],
    [{ readOnly: true, isolation: 'serializable' }, 'set transaction read only'],
    [{ isolation: 'read uncommitted' }, 'set transaction isolation level read committed'],
    [{ isolation: 'read committed' }, 'set transaction isolation level read committed'],
    [{ isolation: 'repeatable read' }, 'set transaction isolation level serializable'],
    [{ isolation: 'serializable' }, 'set transaction isolation level serializable'],
  ] as const)('begin with %o: %s', (options, text) => {
    expect(oracleTransactions.begin(options)).toBe(text);
  });

  it('only the plain begin is not sent', () => {
    expect(factsOf(oracleTransactions.begin({})).kind).toBe('plain-begin');
    expect(factsOf(oracleTransactions.begin({ readOnly: true })).kind).toBe('begin');
    expect(factsOf(oracleTransactions.releaseSavepoint('s')).kind).toBe('release');
  });

  it.each([
    ['select 1 from dual', 'query', 'SELECT'],
    ['/* x */ -- y\n (select 1 from dual)', 'query', 'SELECT'],
    ['with a as (select 1 from dual) select * from a', 'query', 'WITH'],
    ['insert into t values (1)', 'change', 'INSERT'],
    ['merge into t using u on (1 = 1) when matched then update set a = 1', 'change', 'MERGE'],
    ['lock table t in exclusive mode', 'change', 'LOCK'],
    ['explain plan for select 1 from dual', 'change', 'EXPLAIN'],
    ['set constraints all deferred', 'change', 'SET'],
    ['commit', 'commit', 'COMMIT'],
    ['commit work write nowait', 'commit', 'COMMIT'],
    ['rollback', 'rollback', 'ROLLBACK'],
    ['rollback work', 'rollback', 'ROLLBACK'],
    ['rollback to s', 'rollback-to', 'ROLLBACK'],
    ['rollback work to savepoint s', 'rollback-to', 'ROLLBACK'],
    ['savepoint s', 'savepoint', 'SAVEPOINT'],
    ['SET TRANSACTION READ ONLY', 'begin', 'SET'],
    ['set role all', 'session', 'SET'],
    ["alter session set nls_sort = 'x'", 'session', 'ALTER'],
    ['alter system flush shared_pool', 'session', 'ALTER'],
    ['alter table t add (a number)', 'definition', 'ALTER'],
    ['truncate table t', 'definition', 'TRUNCATE'],
    ['create table begin_x (a number)', 'definition', 'CREATE'],
    ['create private temporary table ora$ptt_t (a number)', 'private', 'CREATE'],
    ['drop table ORA$PTT_T', 'private', 'DROP'],
    ['drop table if exists ora$ptt_t', 'private', 'DROP'],
    ['drop table t', 'definition', 'DROP'],
    ['begin p; end;', 'program', 'BEGIN'],
    ['declare a number; begin null; end;', 'program', 'DECLARE'],
    ['call p()', 'program', 'CALL'],
    ['<<here>> begin null; end;', 'program', ''],
    ['', 'program', ''],
  ])('%s: %s', (text, kind, command) => {
    expect(factsOf(text)).toEqual({ kind, command });
  });

  it.each([
    ['create table t (a number)', 'whole'],
    ['grant select on t to u', 'whole'],
    ['frobnicate t', 'whole'],
    ['create private temporary table ora$ptt_t (a number)', undefined],
    ['drop table ora$ptt_t', undefined],
    ['begin p; end;', 'program'],
    ['call p()', 'program'],
    ['insert into t values (1)', undefined],
    ['alter session set current_schema = x', undefined],
    ['rollback', undefined],
    ['set transaction read only', undefined],
  ])('%s commits by itself: %s', (text, own) => {
    expect(oracleTransactions.commitsByItself?.(text)).toBe(own);
  });
});
