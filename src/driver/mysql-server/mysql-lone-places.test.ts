import { describe, expect, it } from 'vitest';
import { lonePlaces } from './mysql-lone-places.js';

describe('a placeholder', () => {
  it.each<[string, readonly boolean[]]>([
    ['insert into t (a, b) values (?, ?)', [true, true]],
    ['insert into t values (?, ?), (?, 1 /* ? */), row(?)', [true, true, true, true]],
    ["replace t value (?, '?')", [true]],
    ['insert into t set a = ?, b = ?', [true, true]],
    ['insert into t (a) values (?) on duplicate key update a = ?, b = values(b)', [true, true]],
    ['update t set a = ?, `b` = ? where t.id = ? and c = ?', [true, true, true, true]],
    ['delete from t where a = ? or b = ? limit ?', [true, true, false]],
  ])('is alone the value of a column in %s', (text, places) => {
    expect(lonePlaces(text)).toEqual(places);
  });

  it.each<[string, readonly boolean[]]>([
    ['insert into t (a) values (coalesce(?, 1))', [false]],
    ['insert into t (a, b) values (? + 1, -?)', [false, false]],
    ['insert into t (a) select ?', [false]],
    ['insert into t (a) values (json_array(?, ?))', [false, false]],
    ['update t set a = coalesce(?, a), b = ? + 1, c = 2 * ?', [false, false, false]],
    ['update t set a = (select coalesce(b, ?) from u where c = ?)', [false, false]],
    ['update t set a = @b := ?', [false]],
    ['select * from t where a = ?', [false]],
    ['set @a = ?', [false]],
    ['call p(?)', [false]],
    ['', []],
  ])('is not in %s', (text, places) => {
    expect(lonePlaces(text)).toEqual(places);
  });
});
