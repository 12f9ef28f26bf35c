import { beforeEach, describe, expect, it } from 'vitest';
import type { ClientPrepared } from './mariadb-module.js';
import { MariadbStatements, kindsOf } from './mariadb-statements.js';

describe('prepared statements of one session', () => {
  let closed: string[];
  beforeEach(() => {
    closed = [];
  });

  const prepared = (name: string): ClientPrepared => ({
    columns: [],
    parameterCount: 1,
    execute: () => undefined,
    executeStream: () => {
      throw new Error('not asked for here');
    },
    close: () => closed.push(name),
  });

  it('are found again by text and database', () => {
    const statements = new MariadbStatements(2);
    const key = MariadbStatements.keyOf('shop', 'select ?');
    const added = statements.add(key, prepared('a'), undefined);
    expect(statements.get(key, undefined)).toBe(added);
    expect(statements.get(MariadbStatements.keyOf('other', 'select ?'), undefined)).toBeUndefined();
  });

  it('are closed when they are too many, the one that was used longest ago first', () => {
    const statements = new MariadbStatements(2);
    statements.add('a', prepared('a'), undefined);
    statements.add('b', prepared('b'), undefined);
    statements.get('a', undefined);
    statements.add('c', prepared('c'), undefined);
    expect(closed).toEqual(['b']);
    expect(statements.get('b', undefined)).toBeUndefined();
    expect(statements.get('a', undefined)).toBeDefined();
  });

  it('are closed after their use where none are kept', () => {
    const statements = new MariadbStatements(0);
    const added = statements.add('a', prepared('a'), undefined);
    expect(closed).toEqual([]);
    statements.release(added);
    expect([closed, statements.get('a', undefined)]).toEqual([['a'], undefined]);
  });

  it('are given to values of the kinds they have seen; a null fits all, and decides nothing', () => {
    const statements = new MariadbStatements(10);
    const open = statements.add('a', prepared('a'), kindsOf([null]));
    expect(statements.get('a', kindsOf(['x']))).toBe(open);
    expect(statements.get('a', kindsOf([null]))).toBe(open);
    for (const other of [1n, 1.5, 2n ** 64n - 1n, new Date(0), Buffer.from('x')])
      expect(statements.get('a', kindsOf([other]))).toBeUndefined();
  });

  it('of one text are four at most', () => {
    const statements = new MariadbStatements(10);
    const kinds = [['x'], [1n], [1.5], [new Date(0)], [Buffer.from('x')]];
    for (const [at, values] of kinds.entries()) statements.add('a', prepared(String(at)), kindsOf(values));
    expect(closed).toEqual(['0']);
  });

  it('that have gone stale are dropped by their text, and all of them closed or forgotten at once', () => {
    const statements = new MariadbStatements(10);
    statements.add('a', prepared('a1'), kindsOf([1n]));
    statements.add('a', prepared('a2'), kindsOf(['x']));
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
