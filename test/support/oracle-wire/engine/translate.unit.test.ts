/** What PostgreSQL is asked for an Oracle statement, and where in the client's text an error of it belongs. */
import { describe, expect, it } from 'vitest';
import { parseStatement } from '../sql-scan.js';
import { originalPosition } from './rewriter.js';
import type { Translated } from './rewriter.js';
import { translate } from './translate.js';

const translated = (sql: string): Translated =>
  translate(parseStatement(sql), { binds: [], castText: false, version: 23 });
const words = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

describe('the translation', () => {
  it.each([
    ['select a from t', 'select a from t'],
    ['select "A", "Mixed" from t', 'select "a", "mIXED" from t'],
    ["select '' from t", `select NULL AS "''" from t`],
    ['delete t where a = 1', 'DELETE FROM t where a = 1'],
    ['select s.nextval from dual', `select nextval('s') AS "nextval" from dual`],
    ['select serial# from v$session', 'select "serial#" from v$session'],
    ['select a from t where rownum <= 3', 'select a from t where TRUE LIMIT (3)'],
    ['select a from t where b = :x and rownum < :n', 'select a from t where b = $1 and TRUE LIMIT ($2::bigint - 1)'],
    [
      'delete from t where a > 1 and rownum <= 2',
      'delete from t where ctid IN (SELECT ctid FROM t WHERE a > 1 and TRUE LIMIT (2))',
    ],
    ['select a from (select a from t)', 'select a from (select a from t) ora_q1'],
    ['select a from t for update of t.a wait 3', 'select a from t FOR UPDATE OF t'],
    ['update t set a = 1 returning a, b into :x, :y', 'update t set a = 1 RETURNING a, b'],
    [
      'create table t (a number(5), b varchar2(9 char), c date) tablespace users',
      'create table t (a numeric(5, 0), b varchar(9), c ora.odate)',
    ],
    ['create sequence s start with 1 nocache nocycle order', 'create sequence s start with 1 CACHE 1 NO CYCLE'],
    [
      'alter table t modify (a number, b not null)',
      'alter table t ALTER COLUMN a TYPE numeric USING a::numeric, ALTER COLUMN b SET NOT NULL',
    ],
    ['drop table t cascade constraints purge', 'drop table t cascade'],
    ['rename a to b', 'ALTER TABLE a RENAME TO b'],
  ])('%s', (sql, text) => {
    expect(words(translated(sql).text)).toBe(text);
  });

  it('numbers binds in the order in which they are written', () => {
    expect(translated('select decode(:a, 1, :b) from t where c = :d')).toMatchObject({ params: [0, 1, 2] });
    expect(translated('select decode(:a, 1, 2, 3, 4) from t where c = :d')).toMatchObject({ params: [0, 0, 1] });
  });

  it('finds the place of an error in the text of the client', () => {
    const sql = 'select nvl(a, 1), sysdate, nothing from dual';
    const one = translated(sql);
    expect(originalPosition(one, one.text.indexOf('nothing'))).toBe(sql.indexOf('nothing'));
    expect(originalPosition(one, one.text.indexOf('COALESCE'))).toBe(sql.indexOf('nvl'));
  });

  it.each([
    ['select * from t connect by prior a = b', 3001],
    ['select a::int from t', 936],
    ['create table t (a serial)', 902],
    ['merge into t using s on (t.a = s.a) when matched then update set b = 1 delete where c = 2', 3001],
  ])('refuses %s', (sql, code) => {
    expect(() => translated(sql)).toThrow(expect.objectContaining({ code }));
  });
});
