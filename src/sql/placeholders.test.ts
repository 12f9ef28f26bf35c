/** What `:name` promises: the same object binds the same values on every database, and nothing else of the text changes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QueryError } from '../errors/query-error.js';
import type { Dialect } from './dialect.js';
import { bindNamed, checkValues } from './placeholders.js';
import { sql } from './template.js';

const ALL: readonly Dialect[] = ['postgres', 'mysql', 'oracle'];

function errorOf(act: () => unknown): QueryError {
  try {
    act();
  } catch (error) {
    if (error instanceof QueryError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('bindNamed', () => {
  it('writes the placeholders each database knows', () => {
    const text = 'select * from t where a = :a and b > :b and c <> :a';
    const params = { a: 1, b: 2 };
    expect(bindNamed('postgres', text, params)).toEqual({
      text: 'select * from t where a = $1 and b > $2 and c <> $1',
      values: [1, 2],
    });
    expect(bindNamed('mysql', text, params)).toEqual({
      text: 'select * from t where a = ? and b > ? and c <> ?',
      values: [1, 2, 1],
    });
    expect(bindNamed('oracle', text, params)).toEqual({
      text: 'select * from t where a = :1 and b > :2 and c <> :3',
      values: [1, 2, 1],
    });
  });

  it.each(ALL)('leaves a text without names as it is and ignores properties nobody names (%s)', (dialect) => {
    const text = "select ':a', a::int -- :b";
    expect(bindNamed(dialect, text, { a: 1 })).toEqual({ text, values: [] });
  });

  it('keeps casts, slices and operators of PostgreSQL', () => {
    const text = "select :a::int, x[1:n], x[lo:hi], d ? 'k', d ?| :k, d->>'a' from t";
    expect(bindNamed('postgres', text, { a: 1, k: 2 }).text).toBe(
      "select $1::int, x[1:n], x[lo:hi], d ? 'k', d ?| $2, d->>'a' from t",
    );
  });

  it('names every missing param at once, each once, and shows no value', () => {
    const error = errorOf(() => bindNamed('mysql', 'select :a, :b, :c, :b', { a: 'secret-value' }));
    expect(error).toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'not-sent' });
    expect(error.message).toContain(':b, :c');
    expect(JSON.stringify(error)).not.toContain('secret');
    expect(error.message).not.toContain(':a');
  });

  it('takes own properties only', () => {
    const error = errorOf(() => bindNamed('postgres', 'select :constructor, :__proto__, :toString', {}));
    expect(error.message).toContain(':constructor, :__proto__, :toString');
    const inherited = Object.create({ a: 1 }) as Record<string, unknown>;
    expect(errorOf(() => bindNamed('postgres', 'select :a', inherited)).message).toContain(':a');
    const own = JSON.parse('{"__proto__": 7}') as Record<string, unknown>;
    expect(bindNamed('postgres', 'select :__proto__', own).values).toEqual([7]);
  });

  it('refuses undefined and missing names together, with the advice to use null', () => {
    const error = errorOf(() => bindNamed('oracle', 'select :a, :b, :c from dual', { a: undefined, b: undefined }));
    expect(error.reason).toBe('data');
    expect(error.message).toMatch(/:c.*:a is undefined \(use null.*:b is undefined/);
    expect(bindNamed('oracle', 'select :a from dual', { a: null }).values).toEqual([null]);
  });

  it('refuses promises, functions and fragments as values', () => {
    const params = { a: Promise.resolve(1), b: () => 1, c: sql`1` };
    expect(errorOf(() => bindNamed('postgres', 'select :a, :b, :c', params)).message).toMatch(
      /:a is a promise.*:b is a function.*:c is a sql fragment/,
    );
  });

  it.each([
    ['postgres', 'select $1, :a'],
    ['mysql', 'select ?, :a'],
    ['oracle', 'select :1, :a from dual'],
    ['postgres', 'select $1'],
  ] as const)('refuses native placeholders beside an object of params (%s: %s)', (dialect, text) => {
    expect(errorOf(() => bindNamed(dialect, text, { a: 1 }))).toMatchObject({ reason: 'syntax', outcome: 'not-sent' });
  });

  it('documents that free-standing slice bounds and trigger records read as names', () => {
    expect(bindNamed('postgres', 'select x[:n], x[1:(n)]', { n: 1 }).text).toBe('select x[$1], x[1:(n)]');
    expect(bindNamed('oracle', 'begin :new.x := 1; end;', { new: 1 }).text).toBe('begin :1.x := 1; end;');
  });

  it('binds a name once that a program of Oracle uses twice, and anew wherever SQL does', () => {
    for (const begin of ['begin', '/* c */ DECLARE n number; begin', 'call p(:n, :n);']) {
      const { text, values } = bindNamed('oracle', `${begin} :n := :n + :by;`, { n: 1, by: 2 });
      expect([text.match(/:\d/g)?.at(-1), values]).toEqual([':2', [1, 2]]);
    }
    expect(bindNamed('oracle', 'select :n, begin, :n from t', { n: 1 }).values).toEqual([1, 1]);
  });
});

describe('checkValues', () => {
  it('names every position that cannot be bound, holes included', () => {
    const error = errorOf(() => checkValues([1, undefined, , null, Symbol('secret')]));
    expect(error).toMatchObject({ reason: 'data', outcome: 'not-sent' });
    expect(error.message).toMatch(/params\[1\] is undefined.*params\[2\] is undefined.*params\[4\] is a symbol/);
    expect(error.message).not.toContain('secret');
  });

  it('lets everything else through', () => {
    expect(() => checkValues([null, 0, '', 1n, new Date(0), Buffer.of(1), [1], { a: 1 }, NaN])).not.toThrow();
  });
});

/** A piece of SQL and the names it holds; joined with spaces the pieces' names are those of the whole. */
interface Piece {
  readonly text: string;
  readonly name?: string;
}

const NAMES = ['a', 'b', 'user_id', 'X9', '_z'];

/** Bait: what would be a placeholder if it were not inside a literal, a comment or a quoted name. */
const bait = fc.stringMatching(/^[ a:?$1é🙂"`-]*:[ab][ ?$1-]*$/u);

function doubled(quote: string): fc.Arbitrary<string> {
  return bait.map((text) => quote + text.replaceAll(quote, quote + quote) + quote + quote + quote);
}

const HIDING: Readonly<Record<Dialect, readonly fc.Arbitrary<string>[]>> = {
  postgres: [
    doubled('"'),
    // The operator keeps a line comment and a plain string behind it from continuing the literal, with its backslashes.
    bait.map((text) => `E'${text}\\'${text}\\\\' ||`),
    bait.map((text) => `'${text}\\'`),
    bait.map((text) => `$t$${text}'$$$t$`),
    bait.map((text) => `$$${text.replaceAll('$', '')}'$$`),
    bait.map((text) => `/* ${text} /* ' */ ${text} */`),
    bait.map((text) => `--${text}'\n`),
    fc.constantFrom('x::int', 'x ? y', 'x ?| y', 'x[1:a]', 'x[lo:b]', 'x := y', 'a$1', 'x @> y'),
  ],
  mysql: [
    doubled('`'),
    doubled('"'),
    bait.map((text) => `'${text}\\'${text}\\\\'`),
    bait.map((text) => `"${text.replaceAll('"', '\\"')}\\""`),
    bait.map((text) => `/* ${text} ' /* */`),
    bait.map((text) => `/*! ${text} ' */`),
    bait.map((text) => `-- ${text}'\n`),
    bait.map((text) => `#${text}'\n`),
    fc.constantFrom('@a', '@@b', '@a:=1', '1--1', 'x->y', '2fa'),
  ],
  oracle: [
    bait.map((text) => `"${text.replaceAll('"', '')}"`),
    ...['[]', '{}', '()', '<>', '!!'].map(([open = '', close = '']) =>
      fc.tuple(fc.constantFrom('q', 'Q', 'nq'), bait).map(([prefix, text]) => `${prefix}'${open}${text}'${close}'`),
    ),
    bait.map((text) => `'${text}\\'`),
    bait.map((text) => `/* ${text} ' /* */`),
    bait.map((text) => `--${text}'\n`),
    fc.constantFrom('x => y', 'x := y', '1..9', 'v$session', 'x ? y'),
  ],
};

function pieces(dialect: Dialect): fc.Arbitrary<readonly Piece[]> {
  const named = fc
    .tuple(fc.constantFrom('', '(', '=', ',', '+'), fc.constantFrom(...NAMES))
    .map(([before, name]): Piece => ({ text: `${before}:${name}`, name }));
  const hiding = fc.oneof(doubled("'"), ...HIDING[dialect]).map((text): Piece => ({ text }));
  const plain = fc.constantFrom('select', 'x', '(', ')', ',', '1.5', ';', "''", 'é').map((text): Piece => ({ text }));
  return fc.array(fc.oneof(named, hiding, plain), { maxLength: 12 });
}

/** The rendering the promise describes, written without a lexer. */
function expected(dialect: Dialect, parts: readonly Piece[]): { text: string; names: string[] } {
  const names: string[] = [];
  const texts = parts.map(({ text, name }) => {
    if (name === undefined) return text;
    const known = dialect === 'postgres' ? names.indexOf(name) : -1;
    if (known === -1) names.push(name);
    const position = known === -1 ? names.length : known + 1;
    const placeholder = { postgres: `$${position}`, mysql: '?', oracle: `:${position}` }[dialect];
    return text.slice(0, text.indexOf(':')) + placeholder;
  });
  return { text: texts.join(' '), names };
}

describe('for any text put together from literals, comments and names, bindNamed', () => {
  it.each(ALL)('replaces exactly the names (%s)', (dialect) => {
    const params = Object.fromEntries(NAMES.map((name) => [name, `value of ${name}`]));
    fc.assert(
      fc.property(pieces(dialect), (parts) => {
        const { text, names } = expected(dialect, parts);
        const bound = bindNamed(dialect, parts.map((part) => part.text).join(' '), params);
        expect(bound).toEqual({ text, values: names.map((name) => params[name]) });
      }),
      { numRuns: 1000 },
    );
  });

  it.each(ALL)('finishes a megabyte of names and quotes (%s)', (dialect) => {
    const text = ":a 'x' ".repeat(150_000);
    expect(bindNamed(dialect, text, { a: 1 }).values).toHaveLength(dialect === 'postgres' ? 1 : 150_000);
  });
});
