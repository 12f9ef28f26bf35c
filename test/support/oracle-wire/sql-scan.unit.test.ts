import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStatement, tokenize } from './sql-scan.js';

describe('tokens', () => {
  it('are the whole of the text, one after the other', () => {
    const piece = fc.constantFrom(...'\'"q[]{}:;-/*\n abZ_$#1.5eE|=<>ž🐎', "q'[", '--', '/*', '*/', ':x', "''", '..');
    fc.assert(
      fc.property(
        fc.array(piece).map((list) => list.join('')),
        (sql) => {
          const tokens = tokenize(sql);
          expect(tokens.map(({ text }) => text).join('')).toBe(sql);
          expect(tokens.every(({ pos, text }) => sql.startsWith(text, pos))).toBe(true);
        },
      ),
    );
  });

  it.each([
    ["'it''s'", 'string', "it's"],
    ["N'ñ'", 'string', 'ñ'],
    ["q'[it's]'", 'string', "it's"],
    ["Q'!a!'", 'string', 'a'],
    ["nq'{a}'", 'string', 'a'],
    ["'open", 'string', 'open'],
    ['"MiXed"', 'quoted', 'MiXed'],
    ['v$session', 'word', 'V$SESSION'],
    [':name', 'bind', 'NAME'],
    [':1', 'bind', '1'],
    [':"Name"', 'bind', 'Name'],
    ['1.5e-3f', 'number', '1.5e-3f'],
    [':=', 'op', ':='],
  ] as const)('reads %s as a %s', (text, kind, value) => {
    expect(tokenize(text)).toEqual([{ kind, text, pos: 0, value }]);
  });
});

describe('statements', () => {
  it.each([
    ['/* hint */ select 1 from dual', 'query'],
    ['WITH a AS (SELECT 1 FROM DUAL) SELECT * FROM a', 'query'],
    ['merge into t using s on (1=1)', 'dml'],
    ['BEGIN NULL; END;', 'plsql'],
    ['call p(:1)', 'plsql'],
    ['ALTER SESSION SET TIME_ZONE = :tz', 'alter_session'],
    ['alter table t add (a number)', 'ddl'],
    ['SET TRANSACTION READ ONLY', 'set_txn'],
    ['lock table t in exclusive mode', 'lock'],
    ['SAVEPOINT a', 'savepoint'],
    ['', 'other'],
  ] as const)('%s is %s', (sql, kind) => {
    expect(parseStatement(sql).kind).toBe(kind);
  });

  it('count every place of a bind, but each name of a block once', () => {
    expect(parseStatement('SELECT :a, :b, :a FROM DUAL').binds).toEqual(['A', 'B', 'A']);
    expect(parseStatement('BEGIN :a := :b + :a; END;').binds).toEqual(['A', 'B']);
  });

  it('do not take for a bind what stands in texts, comments, JSON and DDL', () => {
    expect(parseStatement(`SELECT ':a', ":b", q'[:c]' /* :d */ FROM t -- :e`).binds).toEqual([]);
    expect(parseStatement(`SELECT JSON_OBJECT('a':x) FROM t`).binds).toEqual([]);
    expect(parseStatement('CREATE TRIGGER t BEFORE INSERT ON t BEGIN :NEW.a := 1; END;').binds).toEqual([]);
  });

  it('know which binds RETURNING fills', () => {
    const { binds, returnBinds } = parseStatement('UPDATE t SET a = :v RETURNING id, n INTO :id, :n');
    expect([binds, [...returnBinds]]).toEqual([
      ['V', 'ID', 'N'],
      [1, 2],
    ]);
    expect(parseStatement('INSERT INTO t (a) VALUES (:1)').returnBinds.size).toBe(0);
  });
});
