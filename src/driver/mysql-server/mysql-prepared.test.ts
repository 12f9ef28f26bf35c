import { beforeEach, describe, expect, it } from 'vitest';
import { flavourOf } from './mysql-flavour.js';
import type { Closable } from './mysql-prepared.js';
import { PreparedStatements, isNotBegun, kindsOf } from './mysql-prepared.js';
import type { MysqlParameter } from './mysql-values.js';

const MYSQL = flavourOf('9.7.4');
const kinds = (...values: readonly MysqlParameter[]) => kindsOf(MYSQL, 'select ?', values);

describe('prepared statements of one session', () => {
  let closed: string[];
  beforeEach(() => {
    closed = [];
  });

  const prepared = (name: string): Closable => ({ close: () => closed.push(name) });

  it('are found again by text and database', () => {
    const statements = new PreparedStatements(2);
    const key = PreparedStatements.keyOf('shop', 'select ?');
    const added = prepared('a');
    statements.add(key, added, undefined);
    expect(statements.get(key, undefined)).toBe(added);
    expect(statements.get(PreparedStatements.keyOf('other', 'select ?'), undefined)).toBeUndefined();
  });

  it('are closed when they are too many, the one that was used longest ago first', () => {
    const statements = new PreparedStatements(2);
    statements.add('a', prepared('a'), undefined);
    statements.add('b', prepared('b'), undefined);
    statements.get('a', undefined);
    statements.add('c', prepared('c'), undefined);
    expect(closed).toEqual(['b']);
    expect(statements.get('b', undefined)).toBeUndefined();
    expect(statements.get('a', undefined)).toBeDefined();
  });

  it('are closed after their use where none are kept', () => {
    const statements = new PreparedStatements(0);
    const added = prepared('a');
    statements.add('a', added, undefined);
    expect(closed).toEqual([]);
    statements.release(added);
    expect([closed, statements.get('a', undefined)]).toEqual([['a'], undefined]);
  });

  it('are given to values of the kinds they have seen, and a null is a kind of its own', () => {
    const statements = new PreparedStatements(10);
    const first = prepared('a');
    statements.add('a', first, kinds('x'));
    expect(statements.get('a', kinds('y'))).toBe(first);
    for (const other of [null, 1n, 1.5, 2n ** 64n - 1n, new Date(0), Buffer.from('x')])
      expect(statements.get('a', kinds(other))).toBeUndefined();
    const open = prepared('b');
    statements.add('a', open, kinds(null));
    expect([statements.get('a', kinds(null)), statements.get('a', kinds('x'))]).toEqual([open, first]);
  });

  it('take a null with anything where it is alone the value of a column, and then it decides nothing', () => {
    const statements = new PreparedStatements(10);
    const insert = (...values: readonly MysqlParameter[]) => kindsOf(MYSQL, 'insert into t values (?, ?)', values);
    const open = prepared('a');
    statements.add('a', open, insert(null, 1n));
    for (const values of [insert('x', null), insert(null, null), insert('y', 2n)])
      expect(statements.get('a', values)).toBe(open);
    expect(statements.get('a', insert(1n, 1n))).toBeUndefined();
  });

  it('of MariaDB take values of any kind', () => {
    expect(kindsOf(flavourOf('10.11.19-MariaDB'), 'select ?, ?', [1n, 'x'])).toBeUndefined();
  });

  it('of one text are eight at most', () => {
    const statements = new PreparedStatements(20);
    const values = ['x', 1n, 1.5, new Date(0), Buffer.from('x'), null, 2n ** 64n - 1n];
    const pairs = [...values.map((value) => kinds(value, 'x')), kinds(1n, 1n), kinds(1n, null)];
    for (const [at, pair] of pairs.entries()) {
      statements.add('a', prepared(String(at)), pair);
      statements.get('a', kinds('x', 'x'));
    }
    // The one that was used longest ago has gone.
    expect(closed).toEqual(['1']);
  });

  it('that have gone stale are dropped by their text, and all of them closed or forgotten at once', () => {
    const statements = new PreparedStatements(10);
    statements.add('a', prepared('a1'), kinds(1n));
    statements.add('a', prepared('a2'), kinds('x'));
    statements.add('b', prepared('b'), undefined);
    statements.drop('a');
    statements.drop('nothing');
    expect(closed).toEqual(['a1', 'a2']);
    statements.closeAll();
    expect(closed).toEqual(['a1', 'a2', 'b']);
    statements.add('c', prepared('c'), undefined);
    statements.forgetAll();
    expect([closed.length, statements.get('c', undefined)]).toEqual([3, undefined]);
  });
});

describe('a statement that was not begun for want of what was prepared', () => {
  const error = (errno: number, sqlMessage: string) => Object.assign(new Error('x'), { errno, sqlMessage });
  const handle = 'Unknown prepared statement handler (12) given to';
  const full = "Can't create more than max_prepared_stmt_count statements (current value: 16382)";

  it.each([
    [1243, `${handle} mysqld_stmt_execute`],
    [1243, `${handle} mysql_stmt_precheck`],
    [1615, 'Prepared statement needs to be re-prepared'],
    [1461, full],
  ])(
    'is known by what the server says (%i: %s), and only where it cannot have done a part of its work',
    (errno, text) => {
      for (const command of ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'WITH', 'REPLACE', 'VALUES', 'TABLE'])
        expect(isNotBegun(command, error(errno, text))).toBe(true);
      for (const command of ['CALL', 'DO', 'BEGIN', 'EXECUTE', 'SET', ''])
        expect(isNotBegun(command, error(errno, text))).toBe(false);
    },
  );

  it.each([
    [1243, 'Unknown prepared statement handler (nope) given to EXECUTE'],
    [1243, 'Unhandled user-defined exception condition'],
    [1615, 'of the application'],
    [1461, 'of the application'],
    [1213, 'Prepared statement needs to be re-prepared'],
  ])('is not what another one says with the same number or text (%i: %s)', (errno, text) => {
    expect(isNotBegun('INSERT', error(errno, text))).toBe(false);
  });
});
