/** The lexer against PostgreSQL's own (libpg-query 18): for every text that it accepts, the same tokens at the same places. */
import fc from 'fast-check';
import type { ScanToken } from 'libpg-query';
import { loadModule, scanSync } from 'libpg-query';
import { beforeAll, describe, expect, it } from 'vitest';
import { tokenize } from './lexer.js';
import type { TokenKind } from './token.js';

beforeAll(() => loadModule());

interface Span {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
}

/** Their tokens, with offsets in characters; `undefined` when PostgreSQL refuses the text. */
function theirs(text: string): Span[] | undefined {
  let tokens: readonly ScanToken[];
  try {
    ({ tokens } = scanSync(text));
  } catch {
    return undefined;
  }
  const bytes = Buffer.from(text);
  const offset = (at: number): number => bytes.subarray(0, at).toString().length;
  const spans = tokens.map(({ start, end, tokenName }) => ({
    start: offset(start),
    end: offset(end),
    name: tokenName,
  }));
  return spans.map(({ start, end, name }) => ({ start, end, kind: kindOf(name, text.slice(start, end)) }));
}

/** Their names for keywords are many, and this build calls some tokens UNKNOWN: then the text says what it is. */
function kindOf(name: string, text: string): string {
  switch (name) {
    case 'SQL_COMMENT':
    case 'C_COMMENT':
      return 'comment';
    case 'PARAM':
      return 'native-placeholder';
    case 'ICONST':
    case 'FCONST':
      return 'number';
    default:
      // A dollar alone opens nothing: it stands for itself.
      if (/^(?:[eEbBxXnN]|[uU]&)?'|^\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/i.test(text)) return 'string';
      if (/^(?:[uU]&)?"/.test(text)) return 'name';
      if (/^[a-z_\u0080-\uffff]/i.test(text)) return 'name';
      return 'mark';
  }
}

const KINDS: Partial<Record<TokenKind, string>> = {
  word: 'name',
  'quoted-identifier': 'name',
  hint: 'comment',
  punctuation: 'mark',
  operator: 'mark',
  terminator: 'mark',
};

function ours(text: string): Span[] {
  return tokenize('postgres', text)
    .filter(({ kind }) => kind !== 'whitespace')
    .map(({ kind, start, end }) => ({ start, end, kind: KINDS[kind] ?? kind }));
}

/**
 * Where the two differ by design, both sides are brought to one form:
 * - A literal that goes on after a line break is one token for PostgreSQL; ours joins escape strings only, for the others
 *   it would change nothing.
 * - `N'…'` is a keyword and a literal for PostgreSQL, and one string here.
 * - A doubled quote ends `b'…'` and `x'…'` and begins another literal; ours is one, which hides the same text.
 * - `:name` is ours alone; PostgreSQL sees a colon and a word.
 */
function normalised(spans: readonly Span[], text: string): readonly string[] {
  const result: Span[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    const piece = text.slice(span.start, span.end);
    const between = last === undefined ? '-' : text.slice(last.end, span.start);
    const isContinued =
      span.kind === 'string' &&
      last?.kind === 'string' &&
      piece.startsWith("'") &&
      (between === '' || /^(?:\s|--[^\r\n]*(?=[\r\n]))*[\r\n](?:\s|--[^\r\n]*(?=[\r\n]))*$/.test(between));
    if (isContinued) result.splice(-1, 1, { ...last, end: span.end });
    else if (span.kind === 'named-placeholder') {
      result.push({ start: span.start, end: span.start + 1, kind: 'mark' });
      result.push({ start: span.start + 1, end: span.end, kind: 'name' });
    } else if (span.kind === 'string' && /^n/i.test(piece)) {
      result.push({ start: span.start, end: span.start + 1, kind: 'name' });
      result.push({ start: span.start + 1, end: span.end, kind: 'string' });
    } else result.push(span);
  }
  return result.map(({ start, end, kind }) => `${start}-${end} ${kind} ${text.slice(start, end)}`);
}

/** A comment between the pieces of a continued literal is inside it for PostgreSQL, and so for ours when it is joined. */
function withoutInner(spans: readonly Span[], text: string): readonly Span[] {
  return spans.filter(({ kind }, index) => {
    if (kind !== 'comment') return true;
    const before = spans.slice(0, index).findLast((span) => span.kind !== 'comment');
    const after = spans.slice(index).find((span) => span.kind !== 'comment');
    return !(before?.kind === 'string' && after?.kind === 'string' && text.startsWith("'", after.start));
  });
}

/**
 * Left out: a line comment between the pieces of one literal. This build makes comments tokens, and so ends the literal
 * there; the server goes on with it, as our lexer does (E'a' --x ⏎ '\\'b' is a'b, PGlite says so too).
 */
const COMMENT_IN_LITERAL = /'\s*(?:--[^\r\n]*[\r\n]\s*)+'/;

/** Left out too: a `:name` with something glued to it, for which PostgreSQL would read on. The server never sees one. */
const GLUED_NAME = /:[a-z_]\w*[$'"&\u0080-\uffff]/i;

function compare(text: string): boolean {
  if (COMMENT_IN_LITERAL.test(text) || GLUED_NAME.test(text)) return false;
  const expected = theirs(text);
  if (expected === undefined) return false;
  expect(normalised(withoutInner(ours(text), text), text), JSON.stringify(text)).toEqual(
    normalised(withoutInner(expected, text), text),
  );
  return true;
}

const body = fc.stringMatching(/^[a-z '"\\$é🙂;:?/*-]{0,6}$/u);
const pieces = fc.oneof(
  body.map((text) => `'${text.replaceAll("'", "''")}'`),
  fc.tuple(fc.constantFrom('E', 'e'), body).map(([e, text]) => `${e}'${text.replace(/['\\]/g, '\\$&')}'`),
  body.map((text) => `"${text.replaceAll('"', '""')}x"`),
  fc.constantFrom("N'a'", "b'01'", "X'1f'", `U&'a\\0041'`, `U&"a"`, `u&"b""c"`),
  fc
    .tuple(fc.constantFrom('', 'a', 'tag_1', 'é'), body)
    .map(([tag, text]) => `$${tag}$${text.replaceAll('$', '')}$${tag}$`),
  body.map((text) => `/* ${text.replaceAll(/[/*]/g, '')} /* nested */ */`),
  fc.constantFrom('/*+ hint */', '/**/', '/*/ x */', '--x\n', '--\n', "-- it's\r", '--/*\n'),
  fc.stringMatching(/^[-+*/<>=~!@#%^&|`?]{1,5}$/),
  fc.constantFrom(
    '1',
    '42',
    '1.5',
    '.5',
    '1.',
    '1e5',
    '1.5e-3',
    '0x1F',
    '0b11',
    '0o17',
    '1_000',
    '1.0_1',
    '1..2',
    '0',
    '00',
  ),
  fc.stringMatching(/^[a-zA-Z_é][a-zA-Z0-9_$é]{0,5}$/),
  fc.constantFrom('select', 'from', 'e', 'u', 'x', 'b', 'n', 'U', 'null', 'Ä', '数'),
  fc.constantFrom('$1', '$12', '$1', ': ', '::', ':=', '=>', ',', '.', ';', '(', ')', '[', ']', '..', ':a ', 'x:y '),
  fc.constantFrom(' ', '\n', '\t', '\r\n', '\f', '\v', '  '),
);

describe('for any SQL that PostgreSQL’s scanner accepts, the lexer', () => {
  it('finds the same tokens where blanks stand between them', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        accepted += compare(parts.join(' ')) ? 1 : 0;
      }),
      { numRuns: 1500 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  it('finds the same tokens where nothing stands between them', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 5 }), (parts) => {
        accepted += compare(parts.join('')) ? 1 : 0;
      }),
      { numRuns: 3000, examples: [[['select', "$$'$$", "/* '$ /* nested */ */"]]] },
    );
    expect(accepted).toBeGreaterThan(500);
  });
});
