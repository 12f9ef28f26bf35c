/** What the sql tag promises: values are bound, fragments nest, names are quoted, secrets stay secret, mistakes are told early. */
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { QueryError } from '../errors/query-error.js';
import type { Dialect } from './dialect.js';
import { isSql, Sql } from './fragment.js';
import { tokenize } from './lexer.js';
import { renderSql } from './render.js';
import type { SqlRow } from './template.js';
import { sql } from './template.js';
import { tokenText } from './token.js';

const ALL: readonly Dialect[] = ['postgres', 'mysql', 'oracle'];

/** Any ASCII, and some of what is not. fast-check's 'binary' knows all of Unicode and takes a second to say so. */
const ODD_CHARACTERS = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }).map((code) => String.fromCharCode(code)),
  fc.constantFrom('é', '🙂', '\ud83d', '\udc00', '\u00a0', '\u2028', '\uffff'),
);
const refusedAs = (reason: string, ...words: readonly string[]): unknown =>
  expect.objectContaining({
    code: 'QUERY',
    reason,
    outcome: 'not-sent',
    message: expect.stringMatching(new RegExp(words.join('.*'))) as unknown,
  });

describe('a sql template', () => {
  it('binds what is interpolated, in each database’s own placeholders', () => {
    const fragment = sql`select * from t where a = ${1} and b = ${"x'; drop table t"}`;
    const values = [1, "x'; drop table t"];
    expect(renderSql(fragment, 'postgres')).toEqual({ text: 'select * from t where a = $1 and b = $2', values });
    expect(renderSql(fragment, 'mysql')).toEqual({ text: 'select * from t where a = ? and b = ?', values });
    expect(renderSql(fragment, 'oracle')).toEqual({ text: 'select * from t where a = :1 and b = :2', values });
  });

  it('numbers across nested fragments, wherever they stand', () => {
    const inner = sql`b = ${2} or c = ${3}`;
    const fragment = sql`a = ${1} and (${inner}) and d = ${4} and (${inner})`;
    expect(renderSql(fragment, 'postgres')).toEqual({
      text: 'a = $1 and (b = $2 or c = $3) and d = $4 and (b = $5 or c = $6)',
      values: [1, 2, 3, 4, 2, 3],
    });
  });

  it('nests deeper than the call stack', () => {
    let fragment = sql`true`;
    for (let index = 0; index < 200_000; index += 1) fragment = sql`${fragment} and ${index}`;
    expect(renderSql(fragment, 'mysql').values).toHaveLength(200_000);
    expect(String(fragment).length).toBeLessThan(300);
  });

  it('binds arrays, dates, buffers, null and plain objects as values', () => {
    const values = [[1, 2], new Date(0), Buffer.of(1), null, { text: 'drop', values: [] }, 1n];
    expect(
      renderSql(sql`${values[0]} ${values[1]} ${values[2]} ${values[3]} ${values[4]} ${values[5]}`, 'mysql'),
    ).toEqual({
      text: '? ? ? ? ? ?',
      values,
    });
  });

  it.each(ALL)('binds an array and an object as one value each, wherever a value may stand (%s)', (dialect) => {
    const list = [1, [2, 3], { a: sql.empty }];
    const document = { items: [1, { text: "'" }], raw: ['x'], length: 1 };
    const fragment = sql`a = any(${list}) and b = ${document} and c in (${sql.join([list, document])})`;
    const rows = sql.values([{ list, document }], ['list', 'document']);
    const { values } = renderSql(sql`${fragment} ${rows}`, dialect);
    expect(values).toHaveLength(6);
    for (const [index, value] of values.entries()) expect(value).toBe(index % 2 === 0 ? list : document);
  });

  it('names every value that cannot be bound when it is made', () => {
    expect(() => sql`${undefined} ${1} ${Promise.resolve('secret')} ${() => 1} ${Symbol('secret')} ${sql}`).toThrow(
      refusedAs(
        'data',
        'value 1 is undefined',
        'value 3 is a promise',
        'value 4 is a function',
        'value 5 is a symbol',
        'value 6',
      ),
    );
  });

  it('accepts no plain strings as SQL', () => {
    const call = sql as unknown as (text: unknown) => unknown;
    for (const text of ['drop table t', ['drop table t'], JSON.parse('{"raw":["x"],"length":1}')]) {
      expect(() => call(text)).toThrow(refusedAs('syntax'));
    }
    expect(renderSql(sql`select ${'id'}`, 'postgres').text).toBe('select $1');
  });

  it('refuses a malformed escape sequence, which the language turns into nothing', () => {
    expect(() => sql`select \u{}`).toThrow(refusedAs('syntax'));
  });

  it('keeps a digit behind a value from becoming part of the placeholder', () => {
    expect(renderSql(sql`limit ${1}0`, 'postgres').text).toBe('limit $1 0');
    expect(renderSql(sql`x = ${1}${sql.empty}and y`, 'oracle').text).toBe('x = :1 and y');
    expect(renderSql(sql`${1}::int`, 'postgres').text).toBe('$1::int');
  });

  it('carries the type of its rows', () => {
    interface User {
      readonly id: bigint;
    }
    const query = <R>(fragment: Sql<R>): R[] => [fragment].slice(1) as unknown as R[];
    expectTypeOf(query(sql<User>`select 1`)).toEqualTypeOf<User[]>();
    expectTypeOf(query(sql`select 1`)).toEqualTypeOf<Record<string, unknown>[]>();
    expectTypeOf(sql.empty).toExtend<Sql<User>>();
    expect(query(sql<User>`select 1`)).toEqual([]);
  });
});

describe('a fragment', () => {
  const fragment = sql`select ${'secret'} from ${sql.id('a', 'b')} where ${sql`x = ${'secret too'}`}`;

  it('never shows its values', () => {
    const shown = 'Sql(select ? from "a"."b" where x = ?)';
    expect(String(fragment)).toBe(shown);
    expect(JSON.stringify({ fragment })).toBe(JSON.stringify({ fragment: shown }));
    expect(inspect(fragment, { showHidden: true, depth: 9 })).toBe(shown);
    expect(JSON.stringify(Object.entries(fragment))).not.toContain('secret');
  });

  it('cuts a long text', () => {
    expect(String(sql.raw('x'.repeat(1000))).length).toBeLessThan(250);
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(fragment)).toBe(true);
    expect(Object.isFrozen(sql)).toBe(true);
    const row = [1];
    const rows = sql.values([row]);
    row[0] = 2;
    expect(renderSql(rows, 'mysql').values).toEqual([1]);
  });

  it('is not made by JSON, cloning or lookalikes', () => {
    const copies = [
      JSON.parse(JSON.stringify(fragment)),
      structuredClone(fragment),
      { parts: [] },
      { 'fluxor.sql': [] },
    ];
    for (const copy of copies) {
      expect(isSql(copy)).toBe(false);
      expect(renderSql(sql`${copy}`, 'mysql')).toEqual({ text: '?', values: [copy] });
    }
    for (const other of [null, undefined, 1, 'x', []]) expect(isSql(other)).toBe(false);
  });

  it('is understood when it comes from another copy of the package', () => {
    const foreign = {
      [Symbol.for('fluxor.sql')]: [
        { kind: 'text', text: 'x = ' },
        { kind: 'value', value: 7 },
      ],
    };
    expect(renderSql(sql`where ${foreign}`, 'postgres')).toEqual({ text: 'where x = $1', values: [7] });
    expect(isSql(fragment) && fragment instanceof Sql).toBe(true);
  });
});

describe('sql.id', () => {
  it('quotes the way each database does and doubles the quote', () => {
    const name = sql.id('my schema', 'a"b`c');
    expect(renderSql(name, 'postgres').text).toBe('"my schema"."a""b`c"');
    expect(renderSql(name, 'mysql').text).toBe('`my schema`.`a"b``c`');
    expect(renderSql(sql.id('S', 'a`b'), 'oracle').text).toBe('"S"."a`b"');
  });

  it('refuses a double quote in Oracle, where no name can hold one', () => {
    expect(() => renderSql(sql.id('a"b'), 'oracle')).toThrow(refusedAs('data'));
  });

  it('refuses empty parts, NUL and what is not text, all at once', () => {
    expect(() => sql.id()).toThrow(refusedAs('data', 'no part'));
    expect(() => sql.id('a', '', 'b\0', 7 as unknown as string)).toThrow(
      refusedAs('data', 'part 2 is empty', 'part 3 contains a NUL', 'part 4 is not a string'),
    );
  });

  it.each(['postgres', 'mysql'] as const)('is one token whatever the name (%s)', (dialect) => {
    fc.assert(
      fc.property(
        fc.string({ unit: ODD_CHARACTERS, minLength: 1 }).filter((name) => !name.includes('\0')),
        (name) => {
          const { text } = renderSql(sql.id(name), dialect);
          expect(tokenize(dialect, text)).toEqual([
            { kind: 'quoted-identifier', start: 0, end: text.length, isUnterminated: false },
          ]);
        },
      ),
    );
  });
});

describe('sql.join', () => {
  it('puts commas, or what is given, between values and fragments', () => {
    expect(renderSql(sql`in (${sql.join([1, 2, sql`now()`])})`, 'postgres')).toEqual({
      text: 'in ($1, $2, now())',
      values: [1, 2],
    });
    expect(renderSql(sql.join([sql`a = ${1}`, sql`b = ${2}`], sql` or `), 'mysql').text).toBe('a = ? or b = ?');
  });

  it('refuses an empty list, a separator that is text, and elements that cannot be bound', () => {
    expect(() => sql.join([])).toThrow(refusedAs('data'));
    expect(() => sql.join([1], ', ' as unknown as Sql)).toThrow(refusedAs('data', 'separator'));
    expect(() => sql.join([undefined, 1, () => 1])).toThrow(refusedAs('data', 'element 0', 'element 2'));
  });
});

describe('sql.raw and sql.empty', () => {
  it('are text as it stands, and none', () => {
    expect(renderSql(sql`a${sql.raw(' desc')}${sql.empty}`, 'oracle')).toEqual({ text: 'a desc', values: [] });
    expect(() => sql.raw(7 as unknown as string)).toThrow(refusedAs('data'));
  });
});

describe('sql.values', () => {
  it('writes rows of arrays and of objects', () => {
    const expected = { text: '($1, $2), ($3, default)', values: [1, 'a', 2] };
    expect(
      renderSql(
        sql.values([
          [1, 'a'],
          [2, sql`default`],
        ]),
        'postgres',
      ),
    ).toEqual(expected);
    const rows = [
      { id: 1, name: 'a', other: 0 },
      { name: sql`default`, id: 2 },
    ];
    expect(renderSql(sql.values(rows, ['id', 'name']), 'postgres')).toEqual(expected);
  });

  it('refuses no rows, no columns and empty rows', () => {
    expect(() => sql.values([])).toThrow(refusedAs('data', 'at least one row'));
    expect(() => sql.values([{}], [])).toThrow(refusedAs('data', 'at least one column'));
    expect(() => sql.values([[]])).toThrow(refusedAs('data', 'row 0 is empty'));
  });

  it('names everything wrong with the rows at once', () => {
    const rows = [[1, 2], [1], [1, undefined], { a: 1 }, null, [1, 2, 3]] as unknown as SqlRow[];
    expect(() => sql.values(rows)).toThrow(
      refusedAs(
        'data',
        'row 1 has 1 values where 2',
        'value 1 of row 2 is undefined',
        'row 3 is an object',
        'row 4 is neither',
        'row 5 has 3',
      ),
    );
  });

  it('takes own properties only, and names the ones missing', () => {
    const rows: SqlRow[] = [{ a: 1 }, { a: undefined, constructor: 1 }];
    expect(() => sql.values(rows, ['a', 'constructor'])).toThrow(
      refusedAs('data', 'row 0 has no constructor', 'a of row 1 is undefined'),
    );
  });
});

/** A tree of fragments: the text pieces around the values and nested trees. */
interface Tree {
  readonly texts: readonly string[];
  readonly holes: readonly (number | Tree)[];
}

const trees = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.array(fc.oneof({ maxDepth: 4 }, fc.nat(), tie('tree')), { maxLength: 4 }).chain((holes) =>
    fc
      .array(fc.constantFrom(' = ', ', ', ' and (', ') '), {
        minLength: holes.length + 1,
        maxLength: holes.length + 1,
      })
      .map((texts) => ({ texts, holes })),
  ),
})).tree;

function build(tree: Tree): Sql {
  const strings = Object.assign([...tree.texts], { raw: [...tree.texts] });
  return sql(strings, ...tree.holes.map((hole) => (typeof hole === 'number' ? hole : build(hole))));
}

function flatValues(tree: Tree): number[] {
  return tree.holes.flatMap((hole) => (typeof hole === 'number' ? [hole] : flatValues(hole)));
}

describe('for any tree of fragments, rendering', () => {
  it.each(ALL)('writes one placeholder per value, in order (%s)', (dialect) => {
    fc.assert(
      fc.property(trees, (tree) => {
        const { text, values } = renderSql(build(tree), dialect);
        expect(values).toEqual(flatValues(tree));
        const placeholders = tokenize(dialect, text).filter((piece) => piece.kind === 'native-placeholder');
        const marks = { postgres: '$', mysql: '?', oracle: ':' }[dialect];
        expect(placeholders.map((piece) => tokenText(text, piece))).toEqual(
          values.map((_, index) => (marks === '?' ? '?' : `${marks}${index + 1}`)),
        );
      }),
    );
  });
});

it('refuses with QueryError, so that callers need one catch', () => {
  expect(() => sql.join([])).toThrow(QueryError);
});
