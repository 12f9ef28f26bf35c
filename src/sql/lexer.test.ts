/** What the lexer promises: nothing is lost, nothing throws, and each dialect's literals and placeholders are seen as its server sees them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dialect } from './dialect.js';
import { tokenize } from './lexer.js';
import type { TokenKind } from './token.js';
import { tokenText } from './token.js';

const ALL: readonly Dialect[] = ['postgres', 'mysql', 'oracle'];

/** Any ASCII, and some of what is not. fast-check's 'binary' knows all of Unicode and takes a second to say so. */
const ODD_CHARACTERS = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }).map((code) => String.fromCharCode(code)),
  fc.constantFrom('é', '🙂', '\ud83d', '\udc00', '\u00a0', '\u2028', '\uffff'),
);

/** `kind text` of every token that is not whitespace. */
function shown(dialect: Dialect, text: string): string[] {
  return tokenize(dialect, text)
    .filter((piece) => piece.kind !== 'whitespace')
    .map((piece) => `${piece.kind} ${tokenText(text, piece)}`);
}

function textsOf(dialect: Dialect, text: string, ...kinds: readonly TokenKind[]): string[] {
  return tokenize(dialect, text)
    .filter((piece) => kinds.includes(piece.kind))
    .map((piece) => tokenText(text, piece));
}

/** The whole of `text` is one token of this kind. */
function expectOne(dialect: Dialect, kind: TokenKind, text: string): void {
  expect(shown(dialect, text), dialect).toEqual([`${kind} ${text}`]);
  expect(tokenize(dialect, text)[0]?.isUnterminated).toBe(false);
}

describe('in every dialect the lexer', () => {
  it.each(ALL)('gives back the text and moves forward for any soup of marks (%s)', (dialect) => {
    const marks =
      `' '' " \` \\ $ $$ $a$ $a$b $1 -- --+ # /* */ /*! /*+ : :: := :a :1 ? ?| @ @@ [ ] ( ) ; q'[ ]' nq'( q'! !' E' U&" N' e x
      1 1.5 1..2 0x 1e5 1e .5 + - -> ->> => @> || é 🙂 \ud83d \0 \t \r \n . , select`.split(' ');
    const soup = fc.array(
      fc.oneof(fc.constantFrom(...marks, '\n', '\r', ' '), fc.string({ unit: ODD_CHARACTERS, maxLength: 3 })),
    );
    fc.assert(
      fc.property(soup, (pieces) => {
        const text = pieces.join('');
        const tokens = tokenize(dialect, text);
        expect(tokens.map((piece) => tokenText(text, piece)).join('')).toBe(text);
        // Compared as lists: one assertion per token would be most of the test's time.
        expect(tokens.map((piece) => piece.start)).toEqual(
          [0, ...tokens.map((piece) => piece.end)].slice(0, tokens.length),
        );
        expect(tokens.every((piece) => piece.end > piece.start)).toBe(true);
        expect(tokens.slice(0, -1).every((piece) => !piece.isUnterminated)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(ALL)('finishes long runs of every pathological mark (%s)', (dialect) => {
    const units = [
      "'",
      "''",
      "'a",
      '"',
      '`',
      '/*',
      '*/',
      '/*/*',
      '--',
      '-- ',
      '-',
      '+',
      '$',
      '$a',
      '$a.',
      '$a$',
      '$$',
      ':',
      ':a',
      '\\',
    ];
    units.push(
      "\\'",
      "E'a'\n",
      "E'\\''--\n",
      "q'[",
      "q'",
      '[',
      '?',
      '@',
      '@@',
      '1',
      '1.',
      '1e',
      '.',
      'a',
      '#',
      '0x',
      ' ',
      "E'a' --x\n",
    );
    for (const unit of units) {
      const text = unit.repeat(Math.ceil(100_000 / unit.length));
      expect(tokenize(dialect, text).at(-1)?.end).toBe(text.length);
    }
  });

  it.each(ALL)('finishes a megabyte of quotes, closed and open (%s)', (dialect) => {
    for (const unit of ["'", "''' ", "'\\", '"', "q'['", "E'\\'", '$a$b']) {
      const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
      expect(tokenize(dialect, text).at(-1)?.end).toBe(text.length);
    }
  });

  it.each(ALL)('takes an open string or comment to the end and says so (%s)', (dialect) => {
    for (const [kind, text] of [
      ['string', "'a :b"],
      ['comment', '/* a :b'],
    ] as const) {
      expect(tokenize(dialect, text)).toEqual([{ kind, start: 0, end: text.length, isUnterminated: true }]);
    }
  });

  it.each(ALL)('reads doubled quotes as part of the string (%s)', (dialect) => {
    expectOne(dialect, 'string', "'it''s :a'");
    expectOne(dialect, 'string', "''''");
    expect(shown(dialect, "'a' 'b'")).toEqual(["string 'a'", "string 'b'"]);
  });

  it.each(ALL)('has no placeholder in casts, assignments and slices (%s)', (dialect) => {
    for (const text of [
      'x::int',
      'a := 1',
      'a[1:n]',
      'a[lo:hi]',
      'a[f(x):hi]',
      'a[b[1]:hi]',
      "json_object('a':b)",
      ':::a',
    ]) {
      expect(textsOf(dialect, text, 'named-placeholder', 'native-placeholder'), text).toEqual([]);
    }
  });

  it.each(ALL)('sees a named placeholder wherever a value may begin (%s)', (dialect) => {
    const text = 'f(:a,:b) = :c_1+:D/*x*/:e :_f[:g]=>:h';
    expect(textsOf(dialect, text, 'named-placeholder')).toEqual([':a', ':b', ':c_1', ':D', ':e', ':_f', ':g', ':h']);
  });

  it.each(ALL)('ends a line comment before the line break, and at the end of the text (%s)', (dialect) => {
    expect(shown(dialect, "-- it's :a\nselect :b -- :c")).toEqual([
      "comment -- it's :a",
      'word select',
      'named-placeholder :b',
      'comment -- :c',
    ]);
  });

  it.each(ALL)('tells hints from comments, and terminators from the rest (%s)', (dialect) => {
    expect(shown(dialect, 'select /*+ x */ 1; /* y */')).toEqual([
      'word select',
      'hint /*+ x */',
      'number 1',
      'terminator ;',
      'comment /* y */',
    ]);
  });

  it.each(ALL)('reads a sign as its own operator and keeps long operators whole (%s)', (dialect) => {
    expect(shown(dialect, 'a=-1')).toEqual(['word a', 'operator =', 'operator -', 'number 1']);
    expect(shown(dialect, 'a<>b')).toEqual(['word a', 'operator <>', 'word b']);
    expect(shown(dialect, 'a+/*c*/b')).toEqual(['word a', 'operator +', 'comment /*c*/', 'word b']);
  });

  it.each(ALL)('reads numbers with fractions and exponents (%s)', (dialect) => {
    for (const number of ['1', '1.5', '.5', '1e10', '1.5E-3', '0xFF']) expectOne(dialect, 'number', number);
  });
});

it.each(ALL)('the second dot of a range is no part of the number behind it (%s; found by libpg-query)', (dialect) => {
  expect(shown(dialect, '1..10')).toEqual(['number 1', 'operator ..', 'number 10']);
  expect(shown(dialect, 'a..2')).toEqual(['word a', 'operator ..', 'number 2']);
  expect(shown(dialect, '1...5')).toEqual(['number 1', 'operator ..', 'number .5']);
});

describe('in PostgreSQL the lexer', () => {
  it('reads a backslash as itself in a plain string', () => {
    expect(shown('postgres', "'a\\' :b")).toEqual(["string 'a\\'", 'named-placeholder :b']);
  });

  it('reads backslash escapes in E strings, also in pieces continued on the next line', () => {
    expectOne('postgres', 'string', "E'it\\'s :a'");
    expectOne('postgres', 'string', "e'\\\\'");
    expectOne('postgres', 'string', "E'a'\n  'b\\' :c'");
    expectOne('postgres', 'string', "E'a' -- why's that\n 'b\\' :c'");
    expect(shown('postgres', "E'a' 'b\\' :c")).toEqual(["string E'a'", "string 'b\\'", 'named-placeholder :c']);
  });

  it('reads prefixes only when they are the whole word', () => {
    for (const text of ["N'a'", "B'01'", "x'ff'", "U&'\\0061'"]) expectOne('postgres', 'string', text);
    expectOne('postgres', 'quoted-identifier', 'U&"\\0061:b"');
    expect(shown('postgres', "typE'a\\'")).toEqual(['word typE', "string 'a\\'"]);
    expect(shown('postgres', "q'[a]'")).toEqual(['word q', "string '[a]'"]);
  });

  it('reads dollar quotes with and without tag, and nothing inside them', () => {
    expectOne('postgres', 'string', "$$ it's :a $1 $$");
    expectOne('postgres', 'string', '$tag$ $$ :a $ta$ $tag$');
    expectOne('postgres', 'string', '$ä$ :a $ä$');
    expect(tokenize('postgres', '$a$ never closed $b$').at(-1)?.isUnterminated).toBe(true);
  });

  it('tells dollar placeholders from dollars in names', () => {
    expect(shown('postgres', 'a$1 = $1 and b$b$ = $12')).toEqual([
      'word a$1',
      'operator =',
      'native-placeholder $1',
      'word and',
      'word b$b$',
      'operator =',
      'native-placeholder $12',
    ]);
  });

  it('nests block comments', () => {
    expectOne('postgres', 'comment', '/* a /* b */ :c /* d */ */');
    expect(tokenize('postgres', '/* /* */')[0]?.isUnterminated).toBe(true);
  });

  it('never takes a question mark for a placeholder', () => {
    const text = "data ? 'a' and data ?| array['b'] and data ?& $1 and data @? '$.a' and data #>> :path";
    expect(textsOf('postgres', text, 'native-placeholder', 'named-placeholder')).toEqual(['$1', ':path']);
    expect(textsOf('postgres', text, 'operator')).toEqual(['?', '?|', '?&', '@?', '#>>']);
  });

  it('keeps its operators whole and cuts them before a comment', () => {
    for (const operator of ['@>', '->', '->>', '<@', '::', ':=', '!~*', '<->', '@-']) {
      expect(textsOf('postgres', `a ${operator} b`, 'operator')).toEqual([operator]);
    }
    expect(shown('postgres', 'a*--b')).toEqual(['word a', 'operator *', 'comment --b']);
  });

  it('ends a line comment at a carriage return', () => {
    expect(textsOf('postgres', '-- a\r:b', 'named-placeholder')).toEqual([':b']);
  });
});

describe('in MySQL the lexer', () => {
  it('reads backslash escapes in both kinds of string, and double quotes as strings', () => {
    expectOne('mysql', 'string', "'it\\'s :a ?'");
    expectOne('mysql', 'string', '"say \\":a\\" ?"');
    expectOne('mysql', 'string', '"a""b"');
    expectOne('mysql', 'string', "N'a\\''");
    expect(shown('mysql', "_utf8mb4'a\\'' ?")).toEqual(['word _utf8mb4', "string 'a\\''", 'native-placeholder ?']);
  });

  it('reads backticked names, in which a backslash is itself', () => {
    expectOne('mysql', 'quoted-identifier', '`a?:b``c`');
    expect(shown('mysql', '`a\\` ?')).toEqual(['quoted-identifier `a\\`', 'native-placeholder ?']);
  });

  it('opens a comment at two dashes only before whitespace, a control character or the end', () => {
    expect(shown('mysql', '1--1')).toEqual(['number 1', 'operator -', 'operator -', 'number 1']);
    for (const comment of ['--', '-- a ?', '--\ta', '--\u0001?']) expectOne('mysql', 'comment', comment);
  });

  it('reads hash comments, and no nesting', () => {
    expect(shown('mysql', "# it's ?\n?")).toEqual(["comment # it's ?", 'native-placeholder ?']);
    expect(shown('mysql', '/* /* */ ?')).toEqual(['comment /* /* */', 'native-placeholder ?']);
    expect(textsOf('mysql', '# a\r?', 'native-placeholder')).toEqual([]);
  });

  it('sets executable comments apart, with one comment inside', () => {
    expectOne('mysql', 'executable-comment', '/*!40001 SQL_NO_CACHE /* why */ ? */');
    expectOne('mysql', 'executable-comment', '/*M!100100 x */');
  });

  it('reads variables whole', () => {
    expect(shown('mysql', "@a:=@@global.b + @'c ?' + @`d`")).toEqual([
      'variable @a',
      'operator :=',
      'variable @@global.b',
      'operator +',
      "variable @'c ?'",
      'operator +',
      'variable @`d`',
    ]);
  });

  it('lets names begin with digits, and has no dollar quotes', () => {
    expectOne('mysql', 'word', '2fa');
    expectOne('mysql', 'word', '1ea');
    expect(textsOf('mysql', '$$ ? $$', 'native-placeholder')).toEqual(['?']);
  });
});

describe('in Oracle the lexer', () => {
  it('reads q quotes with every delimiter, in which quotes are plain', () => {
    for (const body of ["[it's :a]", "{it's ]' :a}", '(a)', "<it's>", "!it's!", "'a'", 'XabcX', '🙂 :a 🙂']) {
      for (const prefix of ['q', 'Q', 'nq', 'NQ']) expectOne('oracle', 'string', `${prefix}'${body}'`);
    }
    expect(tokenize('oracle', "q'[a] :b'")[0]?.isUnterminated).toBe(true);
    expect(shown('oracle', "q' a' :b")).toEqual(['word q', "string ' a'", 'named-placeholder :b']);
  });

  it('reads a backslash as itself and national strings whole', () => {
    expect(shown('oracle', "'a\\' :b")).toEqual(["string 'a\\'", 'named-placeholder :b']);
    expectOne('oracle', 'string', "N'it''s'");
    expectOne('oracle', 'quoted-identifier', '"a:b"');
  });

  it('tells numbered from named placeholders', () => {
    expect(textsOf('oracle', 'a = :1 and b = :12', 'native-placeholder')).toEqual([':1', ':12']);
    expect(textsOf('oracle', ':new.x := :old.x; f(p => :p)', 'named-placeholder')).toEqual([':new', ':old', ':p']);
  });

  it('keeps assignments and arrows whole and lets $ and # stand in names', () => {
    expect(textsOf('oracle', 'a := b; f(x => 1)', 'operator')).toEqual([':=', '=>']);
    expectOne('oracle', 'word', 'v$session#1');
  });

  it('does not nest comments and knows dash hints', () => {
    expect(shown('oracle', '/* /* */ :a --+ full(t)')).toEqual([
      'comment /* /* */',
      'named-placeholder :a',
      'hint --+ full(t)',
    ]);
  });
});
