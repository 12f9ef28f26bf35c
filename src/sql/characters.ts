/**
 * Character codes and classes for reading SQL. Codes, not strings: the lexer looks at every character of every
 * statement, and comparing numbers needs no allocation.
 * Invariant: everything above ASCII counts as a letter, as in PostgreSQL's and MySQL's own lexers; so a half of a
 * surrogate pair is one too, and no token ever needs to look at whole code points.
 */
import type { DialectFacts } from './dialect.js';

export const CODE = {
  lineFeed: 0x0a,
  carriageReturn: 0x0d,
  space: 0x20,
  exclamation: 0x21,
  doubleQuote: 0x22,
  hash: 0x23,
  dollar: 0x24,
  ampersand: 0x26,
  quote: 0x27,
  openParen: 0x28,
  closeParen: 0x29,
  star: 0x2a,
  plus: 0x2b,
  comma: 0x2c,
  dash: 0x2d,
  dot: 0x2e,
  slash: 0x2f,
  zero: 0x30,
  nine: 0x39,
  colon: 0x3a,
  semicolon: 0x3b,
  equals: 0x3d,
  question: 0x3f,
  at: 0x40,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  underscore: 0x5f,
  backtick: 0x60,
  openBrace: 0x7b,
  closeBrace: 0x7d,
  delete: 0x7f,
} as const;

/** Space, tab, line feed, vertical tab, form feed, carriage return: what all three databases skip. */
export function isSpace(code: number): boolean {
  return code === CODE.space || (code >= 0x09 && code <= 0x0d);
}

export function isDigit(code: number): boolean {
  return code >= CODE.zero && code <= CODE.nine;
}

/** What a `:name` may begin with. Narrower than a word, so that it means the same in every dialect. */
export function isNameStart(code: number): boolean {
  const lower = code | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || code === CODE.underscore;
}

export function isNamePart(code: number): boolean {
  return isNameStart(code) || isDigit(code);
}

/** NaN, the code past the end of the text, is in no class: every comparison with it is false. */
export function isWordStart(code: number): boolean {
  return isNameStart(code) || code >= 0x80;
}

export function isWordPart(facts: DialectFacts, code: number): boolean {
  if (isNamePart(code) || code >= 0x80) return true;
  return code === CODE.dollar || (code === CODE.hash && facts.wordExtras.includes('#'));
}

/** The first offset at or after `at` whose character `belongs` refuses, or the end of the text. */
export function skipWhile(text: string, at: number, belongs: (code: number) => boolean): number {
  let end = at;
  while (end < text.length && belongs(text.charCodeAt(end))) end += 1;
  return end;
}

/** Its own loop, like words: the two are most of a text, and a test that is passed in is not inlined. */
export function skipSpace(text: string, at: number): number {
  let end = at;
  while (end < text.length && isSpace(text.charCodeAt(end))) end += 1;
  return end;
}

export function skipWord(facts: DialectFacts, text: string, at: number): number {
  let end = at;
  while (end < text.length && isWordPart(facts, text.charCodeAt(end))) end += 1;
  return end;
}
