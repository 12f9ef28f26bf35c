/**
 * Reads what begins with a digit, or with a dot and a digit: a number, or in MySQL a name. Called by the lexer.
 * Invariant: no part of a number is ever a name's token, so that a shape without values shows nothing of it.
 * MySQL's rules are those of its lexer and of MariaDB's: a number ends where its form ends, whatever is glued to it
 * (`1e5for` is `1e5` and FOR), and digits that letters follow without a form of their own are a name (`5_000`, `0x1for`).
 */
import { CODE, isDigit, isNamePart, isWordPart, skipWhile, skipWord } from './characters.js';
import type { DialectFacts } from './dialect.js';
import type { Token } from './token.js';
import { token } from './token.js';

/** Whether the dot at `at` begins a number. Behind a bare name MySQL takes it for the name's: `db.5_000` has two parts. */
export function opensFraction(facts: DialectFacts, text: string, at: number): boolean {
  if (text.charCodeAt(at) !== CODE.dot || !isDigit(text.charCodeAt(at + 1))) return false;
  return !facts.hasDigitWords || !isWordPart(facts, text.charCodeAt(at - 1));
}

/** `at` stands on a digit, or on a dot of which `opensFraction` is true. */
export function readNumber(facts: DialectFacts, text: string, at: number): Token {
  if (!facts.hasDigitWords) return token('number', at, generousEnd(text, at));
  const end = isPartOfName(facts, text, at) ? -1 : strictEnd(facts, text, at);
  if (end === -1) return token('word', at, skipWord(facts, text, at));
  return token('number', at, furtherFractionsEnd(text, end));
}

/** `1_000`, `0xff`, `1.5e-3f`. What follows a number directly is the next token's affair, as on the servers. */
function generousEnd(text: string, at: number): number {
  const base = text.charCodeAt(at + 1) | 0x20;
  if (text.charCodeAt(at) === CODE.zero && (base === LOWER_X || base === LOWER_B || base === LOWER_O)) {
    return skipWhile(text, at + 2, isNamePart);
  }
  let end = skipWhile(text, at, isDigitOrUnderscore);
  // `1..10` is a range of PL/SQL: its dots belong to neither number.
  if (text.charCodeAt(end) === CODE.dot && text.charCodeAt(end + 1) !== CODE.dot) {
    end = skipWhile(text, end + 1, isDigitOrUnderscore);
  }
  return skipExponent(text, end, isDigitOrUnderscore);
}

/** The number's end, or -1 when what begins at `at` is a name. */
function strictEnd(facts: DialectFacts, text: string, at: number): number {
  const mark = text.charCodeAt(at) === CODE.zero ? text.charCodeAt(at + 1) : NaN;
  const base = mark | 0x20;
  if (base === LOWER_X || base === LOWER_B) {
    const end = skipWhile(text, at + 2, base === LOWER_X ? isHexDigit : isBinaryDigit);
    if (end === at + 2 || isWordPart(facts, text.charCodeAt(end))) return -1;
    // `0XFF` is a name to the servers, and meant as a number by everybody else: a value, unless it goes on as a name does.
    return mark === base || text.charCodeAt(end) !== CODE.dot ? end : -1;
  }
  const whole = skipWhile(text, at, isDigit);
  if (text.charCodeAt(whole) === CODE.dot && text.charCodeAt(whole + 1) !== CODE.dot) {
    return skipExponent(text, skipWhile(text, whole + 1, isDigit), isDigit);
  }
  const end = skipExponent(text, whole, isDigit);
  return end === whole && isWordPart(facts, text.charCodeAt(end)) ? -1 : end;
}

/** Behind a dot that is glued to a bare name: `t.1e5` is a column. */
function isPartOfName(facts: DialectFacts, text: string, at: number): boolean {
  return text.charCodeAt(at - 1) === CODE.dot && isWordPart(facts, text.charCodeAt(at - 2));
}

/** `1.2.3` is no SQL. Its end goes with the number, since behind a digit its dot would look like a name's. */
function furtherFractionsEnd(text: string, from: number): number {
  let end = from;
  while (text.charCodeAt(end) === CODE.dot && isDigit(text.charCodeAt(end + 1)))
    end = skipWhile(text, end + 1, isDigit);
  return end;
}

function skipExponent(text: string, at: number, belongs: (code: number) => boolean): number {
  if ((text.charCodeAt(at) | 0x20) !== LOWER_E) return at;
  const sign = text.charCodeAt(at + 1);
  const digits = sign === CODE.plus || sign === CODE.dash ? at + 2 : at + 1;
  return isDigit(text.charCodeAt(digits)) ? skipWhile(text, digits, belongs) : at;
}

const LOWER_B = 0x62;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_A = 0x61;
const LOWER_O = 0x6f;
const LOWER_X = 0x78;

function isDigitOrUnderscore(code: number): boolean {
  return isDigit(code) || code === CODE.underscore;
}

function isHexDigit(code: number): boolean {
  const lower = code | 0x20;
  return isDigit(code) || (lower >= LOWER_A && lower <= LOWER_F);
}

function isBinaryDigit(code: number): boolean {
  return code === CODE.zero || code === CODE.zero + 1;
}
