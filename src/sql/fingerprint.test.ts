/** What a fingerprint promises: the shape is told, no value is, and reading it costs little whatever the text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dialect } from './dialect.js';
import { fingerprint } from './fingerprint.js';

const ALL: readonly Dialect[] = ['postgres', 'mysql', 'oracle'];

type Golden = readonly [text: string, shape: string];

/** Each is read twice: the fingerprint of a fingerprint is itself. */
function expectShapes(dialect: Dialect, cases: readonly Golden[]): void {
  for (const [text, shape] of cases) {
    expect(fingerprint(dialect, text), text).toBe(shape);
    expect(fingerprint(dialect, shape), `again: ${text}`).toBe(shape);
  }
}

describe('in every dialect a fingerprint', () => {
  it.each(ALL)('shows a question mark for every value (%s)', (dialect) => {
    expectShapes(dialect, [
      ["select 'Ann', 42, 1.5e-3, .5, N'é'", 'select ?, ?, ?, ?, ?'],
      ["select 'it''s', ''", 'select ?, ?'],
      ['select :name, :other', 'select ?, ?'],
      ["where day = date '2020-01-01'", 'where day = date ?'],
    ]);
  });

  it.each(ALL)('shows TRUE, FALSE and NULL only where they are no values (%s)', (dialect) => {
    expectShapes(dialect, [
      ['where a = true and b = FALSE', 'where a = ? and b = ?'],
      ['where a is true or b is not false or c is null', 'where a is true or b is not false or c is null'],
      ['update t set a = null, b = NULL', 'update t set a = ?, b = ?'],
      ['f(null, a, null)', 'f(?, a, ?)'],
      ['a int not null default null', 'a int not null default null'],
      ['on delete set null', 'on delete set null'],
      ['select t.true, truest, nulls', 'select t.true, truest, nulls'],
    ]);
  });

  it.each(ALL)('counts the sign of a number to the number, but not a subtraction (%s)', (dialect) => {
    expectShapes(dialect, [
      ['a = -1 and b in (-1, +2, - 3)', 'a = ? and b in (?)'],
      ['a - 1, b -1, (c) - 1, 2 - 1', 'a - ?, b -?, (c) - ?, ? - ?'],
      ['a - -1', 'a - ?'],
    ]);
  });

  it.each(ALL)('folds lists of values, however long and however written (%s)', (dialect) => {
    expectShapes(dialect, [
      ['in (1)', 'in (?)'],
      ["in ( 1,2 ,\n 'x' /* y */ )", 'in (?)'],
      ['IN(:a,:b)', 'IN(?)'],
      ['in ((1, 2), (3, 4))', 'in ((?))'],
      ['f(1, a, 2)', 'f(?, a, ?)'],
      ['f()', 'f()'],
      ['f(a, b), (a)', 'f(a, b), (a)'],
    ]);
  });

  it.each(ALL)('folds rows that repeat the one before (%s)', (dialect) => {
    expectShapes(dialect, [
      ['insert into t (a, b) values (1, 2), (3, 4), (5, 6)', 'insert into t (a, b) values (?)'],
      ['insert into t values (1, now()), (2, now())', 'insert into t values (?, now())'],
      ['insert into t values (1, null), (2, 3)', 'insert into t values (?)'],
      ['insert into t values (1, a), (2, b)', 'insert into t values (?, a), (?, b)'],
      ['group by (a), (a)', 'group by (a), (a)'],
    ]);
  });

  it.each(ALL)('is one line: whitespace and comments are one space, ends have none (%s)', (dialect) => {
    expectShapes(dialect, [
      ['  select\t\n a\u0000,\r\n b  ', 'select a , b'],
      ['select/* it\'s "secret" */a -- secret\n from t -- secret', 'select a from t'],
      ['/* secret */', ''],
      ['', ''],
      ['select 1 ; ; ', 'select ?'],
      ['select 1; select 2;', 'select ?; select ?'],
    ]);
  });

  it.each(ALL)('keeps names and keywords in the case they were written in (%s)', (dialect) => {
    expectShapes(dialect, [['SELECT Größe From T.tab_1 AS x2', 'SELECT Größe From T.tab_1 AS x2']]);
  });

  it.each(ALL)('shows nothing of what the text ends inside of (%s)', (dialect) => {
    expectShapes(dialect, [
      ["select 'secret", 'select ?'],
      ['select a /* secret', 'select a ?'],
      ['select a /*+ secret', 'select a ?'],
      ['select "secret', 'select ?'],
      ['in (1, 2, 3', 'in (?'],
      ['in (1, 2,', 'in (?'],
      ['values (1), (2), (', 'values (?), ('],
    ]);
  });

  it.each(ALL)('keeps hints, which are part of the plan, and hides the values in them (%s)', (dialect) => {
    expectShapes(dialect, [
      ["select /*+ Index(t  ix) Set(a 'x' 1) */ a", 'select /*+ Index(t ix) Set(a ? ?) */ a'],
      ['select /*+a*/ b', 'select /*+ a */ b'],
      ["select /*+ x('--') */ a", 'select /*+ x(?) */ a'],
      ["select /*+ don't */ 'secret'", 'select ? …'],
    ]);
  });

  it.each(ALL)('hides passwords behind IDENTIFIED BY, also those that are names to the lexer (%s)', (dialect) => {
    expectShapes(dialect, [
      ['create user u identified by secret quota 5 on x', 'create user u identified by ? quota ? on x'],
      ['alter user u IDENTIFIED  BY secret1 REPLACE secret2', 'alter user u IDENTIFIED BY ? REPLACE ?'],
      ['keystore identified by secret set secret2 with backup', 'keystore identified by ? set ? with backup'],
      ['identified by s3cr$et.x!y, v identified by 12ab; select a', 'identified by ?, v identified by ?; select a'],
      ["identified by values 'secret'", 'identified by ? ?'],
      ["alter role r password 'secret'", 'alter role r password ?'],
      ["set x.token = 'secret'", 'set x.token = ?'],
      ['order by identified, by_secret', 'order by identified, by_secret'],
    ]);
  });

  it.each(ALL)('ends in a mark at 2,000 characters, between two pieces (%s)', (dialect) => {
    const shape = fingerprint(dialect, `select ${'column_name, '.repeat(1_000)} x`);
    expect(shape).toMatch(/^select column_name, .*column_name,? …$/);
    expect(shape.length).toBeGreaterThan(1_980);
    expect(shape.length).toBeLessThanOrEqual(2_000);
    expect(fingerprint(dialect, shape)).toBe(shape);
    expect(fingerprint(dialect, 'x'.repeat(3_000))).toBe('…');
  });

  it.each(ALL)('folds a list that is longer than the shape may be (%s)', (dialect) => {
    const list = Array.from({ length: 5_000 }, (_, at) => at).join(', ');
    expect(fingerprint(dialect, `select a from t where id in (${list}) and b = 1`)).toBe(
      'select a from t where id in (?) and b = ?',
    );
  });

  it.each(ALL)('does not tell where in a flood of rows or values the reading ended (%s)', (dialect) => {
    const rows = (row: string) => fingerprint(dialect, `insert into t values ${`${row}, `.repeat(100_000)}(1)`);
    expect(rows("(1, 'abc')")).toBe('insert into t values (?) …');
    expect(rows("(1,  now(), 'abcdef')")).toBe('insert into t values (?, now(), ?) …');
    expect(rows('((1))')).toBe('insert into t values ((?)) …');
    expect(fingerprint(dialect, `select a where b in (${'1, '.repeat(100_000)}1)`)).toBe('select a where b in (? …');
  });

  it.each(ALL)('breaks no line of a log and moves no cursor (%s)', (dialect) => {
    const quote = dialect === 'mysql' ? '`' : '"';
    expectShapes(dialect, [
      [`select ${quote}a\nERROR forged\u001b[2J${quote}`, `select ${quote}a�ERROR forged�[2J${quote}`],
      ['select a\u2028b\u0085', 'select a�b�'],
    ]);
  });
});

describe('for PostgreSQL a fingerprint', () => {
  it('reads its literals, names, placeholders and operators', () => {
    expectShapes('postgres', [
      ['select "Order", "a""b" from "My Table"', 'select "Order", "a""b" from "My Table"'],
      ["select $$it's$$, $a$ $$ $a$, E'\\'x', B'01', X'ff', U&'x', 0xff", 'select ?, ?, ?, ?, ?, ?, ?'],
      ['where id = $1 and id = ANY($2)', 'where id = ? and id = ANY(?)'],
      ["select a->>'k', b ? 'k', c ?| array['x', 'y'], d::int4", 'select a->>?, b ? ?, c ?| array[?], d::int4'],
      ["json_object('a':b, 'c':1)", 'json_object(?:b, ?:?)'],
      ['a[1:n], a[lo:hi]', 'a[?:n], a[lo:hi]'],
      ['select a /* x /* y */ z */ + b', 'select a + b'],
      ["select 'a'\n'b'", 'select ? ?'],
      ['select a /*+ x /* y */ z */ + b', 'select a + b'],
    ]);
  });
});

describe('for MySQL a fingerprint', () => {
  it('reads its literals, names, placeholders and variables', () => {
    expectShapes('mysql', [
      ["select `a``b`, \"secret\", 'it\\'s' from t # secret", 'select `a``b`, ?, ? from t'],
      ['where id = ? and `x` in (?, ?)', 'where id = ? and `x` in (?)'],
      ["select 0xff, b'01', x'ff', _utf8'x', 2fa", 'select ?, ?, ?, _utf8?, 2fa'],
      ["set @a = 1, @`b c` = 'x', @@session.sql_mode = ''", 'set ? = ?, ? = ?, @@session.sql_mode = ?'],
      ["create user 'app'@'10.0.%' identified by 'secret'", 'create user ?@? identified by ?'],
      ['create user app@localhost', 'create user app@?'],
      ['limit 10, 20', 'limit ?, ?'],
    ]);
  });

  it('reads on inside a comment that the server runs', () => {
    expectShapes('mysql', [
      ["select a /*!50000 , 'secret' /* x */ */ from t", 'select a /*! , ? */ from t'],
      ['insert /*M!100100 ignore */ into t values (1)', 'insert /*M! ignore */ into t values (?)'],
      ['select /*!1 */ 2', 'select /*! ? */ ?'],
    ]);
  });

  it('trusts nothing behind such a comment when a literal may reach out of it', () => {
    expectShapes('mysql', [
      ["select a /*! , 'x */ secret' */ from t", 'select a ? …'],
      ["select a /*! , b -- */ it's \n, 'secret' */ from t", 'select a ? …'],
    ]);
  });
});

describe('for Oracle a fingerprint', () => {
  it('reads its literals, names, placeholders and hints', () => {
    expectShapes('oracle', [
      ['select "Order" from v$session s where s.sid# = :1', 'select "Order" from v$session s where s.sid# = ?'],
      ["select q'[it's]', nq'!x!', n'x' from dual", 'select ?, ?, ? from dual'],
      ['begin p(a => 1, b => :b); end;', 'begin p(a => ?, b => ?); end'],
      ['for i in 1..10 loop', 'for i in ?..? loop'],
      ['select --+ full(t) x\n a from t', 'select /*+ full(t) x */ a from t'],
      ['select --+ a */ b\n c', 'select c'],
      ['create user u identified by "secret"', 'create user u identified by ?'],
      ['alter user u identified by "secret" replace "older"', 'alter user u identified by ? replace ?'],
      ['connect to u identified by "se""cret" using \'tns\'', 'connect to u identified by ? using ?'],
    ]);
  });
});

const ODD_CHARACTERS = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }).map((code) => String.fromCharCode(code)),
  fc.constantFrom('é', '🙂', '\ud83d', '\udc00', '\u00a0', '\u2028', '\u0085', '\uffff', '…'),
);

const MARKS =
  `' '' " \` \\ $ $$ $a$ $1 -- --+ # /* */ /*! /*+ : :: := :a :1 ? ?| @ @@ @a @'x' [ ] ( ) ; q'[ ]' E' U&" N' e x is not null true values identified by
  1 1.5 1..2 0x 1e5 1e .5 + - -> => || é \ud83d \0 \t \n . , select (1,2) 'a' "b" \`c\``.split(/ |\n {2}/);

const SOUP = fc
  .array(
    fc.oneof(
      { arbitrary: fc.constantFrom(...MARKS, '\n', ' '), weight: 4 },
      fc.string({ unit: ODD_CHARACTERS, maxLength: 3 }),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''));

/** What a value may be written as, with an inside that must not be seen again. */
const LITERALS: Readonly<Record<Dialect, (inside: string) => readonly string[]>> = {
  postgres: (x) => [`'${doubled(x, "'")}'`, `E'${escaped(x)}'`, `$q$${x.replaceAll('$', '')}$q$`, '$7', '$12'],
  mysql: (x) => [`'${escaped(x)}'`, `"${escaped(x).replaceAll('"', '""')}"`, `N'${escaped(x)}'`, '?', '0xfade'],
  oracle: (x) => [
    `'${doubled(x, "'")}'`,
    `q'[${x.replaceAll("'", '')}]'`,
    `nq'!${x.replaceAll('!', '')}!'`,
    ':1',
    ':zq',
  ],
};

const TEMPLATES = [
  'select a, # from t where b = # and c between # and # order by d limit #',
  'select a from t where b in (#, #) /* c */ and (d > # or e like #) -- f',
  'insert into t (a, b) values (#, f(#)), (#, f(#))',
  'update t set a = #, b = coalesce(b, #) where id = #;',
  'with x as (select # as a) select /*+ x(#) */ * from x where (a, b) = (#, #)',
  'call p(#,#); set x.y = #; delete from t where a = f(#) + #',
];

function doubled(text: string, quote: string): string {
  return text.replaceAll(quote, quote + quote);
}

function escaped(text: string): string {
  return doubled(text.replaceAll('\\', '\\\\'), "'");
}

/** One template with two sets of values in its holes. Everything in them that a reader could recognise is a `z` with a number. */
function filled(dialect: Dialect): fc.Arbitrary<readonly [one: string, other: string]> {
  const inside = fc
    .array(fc.constantFrom('z1', 'z22', ' ', "'", '"', '\\', '--', '#', ';', '(', ',', '$1', '?', '[', 'é'), {
      maxLength: 8,
    })
    .map((parts) => parts.join(''));
  const number = fc.oneof(fc.nat(99_999).map(String), fc.constantFrom('1.5', '1e10', '-7', '.25', 'true', 'false'));
  const literal = fc.oneof(
    inside.chain((text) => fc.constantFrom(...LITERALS[dialect](text))),
    number,
  );
  const values = fc.array(literal, { minLength: 12, maxLength: 12 });
  return fc.tuple(fc.constantFrom(...TEMPLATES), values, values).map(([template, one, other]) => {
    const fill = (list: readonly string[]) => {
      let at = 0;
      return template.replaceAll('#', () => list[(at += 1)] ?? '0');
    };
    return [fill(one), fill(other)] as const;
  });
}

describe('whatever the text, a fingerprint', () => {
  it.each(ALL)('does not throw, is bounded, and is its own fingerprint (%s)', (dialect) => {
    fc.assert(
      fc.property(SOUP, (text) => {
        const shape = fingerprint(dialect, text);
        expect(shape.length).toBeLessThanOrEqual(2_000);
        expect(shape).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]|^ | $/);
        expect(fingerprint(dialect, shape)).toBe(shape);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(ALL)('shows nothing of a value, and is the same for all values (%s)', (dialect) => {
    fc.assert(
      fc.property(filled(dialect), ([one, other]) => {
        const shape = fingerprint(dialect, one);
        expect(shape).not.toMatch(/z\d|\d/);
        // A sign behind a word may be a subtraction, so it stays.
        const unsigned = (text: string) => fingerprint(dialect, text.replaceAll(/(?<=[a-z] )-(?=7)/g, ''));
        expect(unsigned(one)).toBe(unsigned(other));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each(ALL)('reads a bounded part of it (%s)', (dialect) => {
    const units = [
      "'a',",
      '(1, 2), ',
      "'",
      '"',
      '(',
      '(1, ',
      '-',
      '- ',
      'abc ',
      '/*',
      '/*+ a */',
      '/*! a ',
      ', ',
      '; ',
    ];
    for (const unit of units) {
      const text = `insert into t values ${unit.repeat(Math.ceil(10_000_000 / unit.length))}`;
      expect(fingerprint(dialect, text).length, unit).toBeLessThanOrEqual(2_000);
    }
    expect(fingerprint(dialect, `insert into t values ('${'z1'.repeat(5_000_000)}', 5)`)).toBe(
      'insert into t values (? …',
    );
  });
});
