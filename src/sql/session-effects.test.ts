/** What is asked of a session before somebody else gets it: every effect is found, and nothing is found in strings. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dialect } from './dialect.js';
import type { SessionEffect } from './session-effects.js';
import { describeSessionEffects, SESSION_EFFECTS, sessionEffects } from './session-effects.js';

const ALL: readonly Dialect[] = ['postgres', 'mysql', 'oracle'];

type Case = readonly [text: string, ...effects: SessionEffect[]];

const CASES: Readonly<Record<Dialect, readonly Case[]>> = {
  postgres: [
    ['set search_path to shop', 'settings'],
    ['set session statement_timeout = 1', 'settings'],
    ["set time zone 'UTC'", 'settings'],
    ['set session characteristics as transaction read only', 'settings'],
    ['reset all', 'settings'],
    ['set local search_path to shop'],
    ['set local role ann'],
    ['set transaction read only'],
    ['set constraints all deferred'],
    ["select set_config('a.b', 'c', false)", 'settings'],
    ['select set_config ( $1 , $2 , $3 )', 'settings', 'role', 'temporary'],
    ["select set_config('role', 'ann', false)", 'role'],
    ["select set_config('a.b', f(true), true)"],
    ["select set_config(setting_name => 'a', new_value => 'b', is_local => true)", 'temporary'],
    ["select set_config('a.b', 'c', not true)", 'settings'],
    ["select set_config('ro' || 'le', 'c', false)", 'settings', 'role', 'temporary'],
    ["select \"set_config\"('a', 'b', false)", 'settings'],
    ['select setseed(0.5)'],
    // A later CREATE TABLE without a schema makes a temporary one.
    ['set search_path to pg_temp, shop', 'settings', 'temporary'],
    ['set local search_path = "pg_temp"', 'temporary'],
    ["set session search_path to 'shop, PG_TEMP'", 'settings', 'temporary'],
    ["set local schema 'pg_temp_3'", 'temporary'],
    [String.raw`set local search_path to e'pg\x5ftemp'`, 'temporary'],
    ["set local search_path to 'pg_'\n'temp'", 'temporary'],
    ['set local search_path to shop, "$user", public'],
    ["set local statement_timeout to '5s'"],
    ["select set_config('search_path', 'shop, public', true)"],
    ["select set_config('search_path', 'pg_temp', true)", 'temporary'],
    ["select set_config('search_path', $1, true)", 'temporary'],
    ["select set_config('search_path', 'shop,' || $1, false)", 'settings', 'temporary'],
    ["select set_config('app.tenant', $1, true)"],
    ['set role ann', 'role'],
    ['set session role ann', 'role'],
    ['reset role', 'role'],
    ['set session authorization ann', 'role'],
    ['reset session authorization', 'role'],
    ['set session session authorization default', 'role'],
    ['create temp table t (a int)', 'temporary'],
    ['create or replace temporary view v as select 1', 'temporary'],
    ['create global temporary table t (a int) on commit drop', 'temporary'],
    ['select a into temp t from u', 'temporary'],
    ['create table pg_temp.t (a int)', 'temporary'],
    ['insert into temp values (1)'],
    ['select temp, temperature from readings temp'],
    ['drop table temp'],
    ['listen c', 'listening'],
    ['unlisten *', 'listening'],
    ["notify c, 'x'"],
    ['select pg_advisory_lock(1)', 'locks'],
    ['select pg_catalog.pg_try_advisory_lock_shared(1, 2)', 'locks'],
    ['select pg_advisory_xact_lock(1)'],
    ['select pg_advisory_unlock(1)'],
    ['lock table t'],
    ['prepare s as select 1', 'prepared'],
    ['execute s(1)', 'prepared'],
    ['deallocate all', 'prepared'],
    ["prepare transaction 'x'"],
    ['declare c cursor with hold for select 1', 'cursors'],
    ['declare c cursor without hold for select 1'],
    ['declare c cursor for select 1'],
    ['do $$ begin null; end $$', 'unknown'],
    ["execute 'set x to y'", 'unknown'],
    ['call p()', 'unknown'],
    ["load 'auto_explain'", 'unknown'],
    ['discard all', 'prepared', 'unknown'],
    ['discard plans', 'unknown'],
    ["select nextval('s'), currval('s'), lastval()"],
    ['begin; set x = 1; listen c; commit', 'settings', 'listening'],
    ['select listen, "set", prepare from t where call = 1'],
    ['update t set a = 1 where b = 2'],
    ['alter table t reset (fillfactor)'],
    ['select do, reset from t'],
  ],
  mysql: [
    ['set names utf8mb4', 'settings'],
    ['set transaction isolation level serializable'],
    ['set session transaction isolation level serializable', 'settings'],
    ['set role admin', 'role'],
    ['use shop', 'settings'],
    ['select @a := 1', 'settings'],
    ['select a into @x from t', 'settings'],
    ['select @a, @@version'],
    ['update tickets set id = last_insert_id(id + 1)'],
    ['select last_insert_id(77)'],
    ['create temporary table t (a int)', 'temporary'],
    ['drop temporary table t'],
    ["select get_lock('a', 1)", 'locks'],
    ['lock tables t read', 'locks'],
    ['unlock tables'],
    ['flush tables with read lock', 'locks'],
    ['flush tables'],
    ["prepare s from 'select 1'", 'prepared'],
    ['handler t open', 'cursors'],
    ['call p()', 'unknown'],
    ['begin'],
    ['/*!40101 set names utf8 */', 'settings'],
    ['select /*!40001 sql_no_cache */ 1', 'unknown'],
    ['update t set a = 1'],
  ],
  oracle: [
    ["alter session set nls_date_format = 'x'", 'settings'],
    ['alter table t add (a int)'],
    ['set role r', 'role'],
    ['set transaction read only'],
    ['create private temporary table ora$ptt_t (a int)', 'temporary'],
    ['create global temporary table t (a int)'],
    ['select dbms_lock.request(1) from dual', 'locks'],
    ['begin p; end;', 'unknown'],
    ['<<here>> begin p; end;', 'unknown'],
    ['declare x int; begin null; end;', 'unknown'],
    ['with function f return number is begin return 1; end; select f from dual', 'unknown'],
    ['lock table t in exclusive mode'],
    ['update t set a = 1'],
  ],
};

function namesOf(dialect: Dialect, text: string): readonly SessionEffect[] {
  return describeSessionEffects(sessionEffects(dialect, text));
}

describe.each(ALL)('the effects on the session (%s)', (dialect) => {
  it.each(CASES[dialect])('%s', (text, ...effects) => {
    expect([...namesOf(dialect, text)].sort()).toEqual([...effects].sort());
  });

  const gaps = [' ', '\n', '\t ', ' /* set x = 1; listen c */ ', ' -- call p()\n', '\r\n\n  ', '/**/', '\f'];
  const change = fc.array(fc.tuple(fc.constantFrom(...gaps), fc.boolean()), { minLength: 1, maxLength: 40 });

  it('do not depend on whitespace, comments and the case of keywords', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CASES[dialect]), change, ([text], changes) => {
        let index = 0;
        const next = (): readonly [string, boolean] => changes[index++ % changes.length] ?? [' ', false];
        const parts = text.match(/\$\$.*?\$\$|'[^']*'|"[^"]*"|\/\*!\d*|\s+|\w+|./gs) ?? [];
        const other = parts.map((part) => {
          const [gap, isUpper] = next();
          if (/^\s/.test(part)) return gap;
          return isUpper && /^\w/.test(part) ? part.toUpperCase() : part;
        });
        const changed = next()[0] + other.join('') + next()[0];
        expect(namesOf(dialect, changed), changed).toEqual(namesOf(dialect, text));
      }),
      { numRuns: 500 },
    );
  });

  it('are none when the whole statement stands in a string, a comment or a quoted name', () => {
    const quoted = dialect === 'mysql' ? '`' : '"';
    for (const [text] of CASES[dialect]) {
      const inner = text.replaceAll('*/', '');
      for (const start of ['select ', 'select 1;\n']) {
        expect(sessionEffects(dialect, `${start}'${text.replaceAll("'", "''")}'`), text).toBe(0);
      }
      expect(sessionEffects(dialect, `select 1 /* ${inner.replaceAll('/*', '')} */`), text).toBe(0);
      expect(sessionEffects(dialect, `select 1 -- ${text.replaceAll('\n', ' ')}\n`), text).toBe(0);
      expect(sessionEffects(dialect, `select 1 as ${quoted}${text.replaceAll(quoted, '')}${quoted}`), text).toBe(0);
    }
  });

  it('are found behind any statement, and add up', () => {
    fc.assert(
      fc.property(fc.subarray([...CASES[dialect]], { minLength: 1, maxLength: 4 }), (cases) => {
        const text = cases.map(([one]) => one).join(' ;');
        const sum = cases.reduce((effects, [one]) => effects | sessionEffects(dialect, one), 0);
        expect(sessionEffects(dialect, text), text).toBe(sum);
      }),
    );
  });

  it('never throw, and cost little for a quarter of a megabyte of anything', () => {
    const units = ['\n', ' ', '\n set', ';', '*/', 'set_config(', 'temp ', '(', "'", '/*', '@x ', '<<'];
    for (const unit of units) {
      const effects = sessionEffects(dialect, unit.repeat(Math.ceil(250_000 / unit.length)));
      expect(effects).toBeLessThan(Object.keys(SESSION_EFFECTS).length ** 3);
    }
  });
});

it('no texts have no effects, and every effect has its name', () => {
  for (const dialect of ALL) expect(sessionEffects(dialect, '')).toBe(0);
  const all = Object.values(SESSION_EFFECTS).reduce((sum, effect) => sum | effect, 0);
  expect(describeSessionEffects(all)).toEqual(Object.keys(SESSION_EFFECTS));
  expect(describeSessionEffects(0)).toEqual([]);
});
