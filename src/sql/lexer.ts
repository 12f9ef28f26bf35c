/**
 * One lexer for three dialects: SQL text in, tokens out. The dialects differ only in a table (dialect.ts); placeholders,
 * statement splitting, classification and fingerprints all read the same tokens, so they cannot disagree about what
 * is inside a string.
 * Invariants: it never throws, whatever the text; every step moves forward, in time linear in the text; the tokens'
 * texts put together are the input. A token depends on the text alone, so reading may begin at any token's start.
 * Knows no grammar: `select` and `foo` are both words.
 */
import {
  CODE,
  isDigit,
  isNamePart,
  isNameStart,
  isSpace,
  isWordPart,
  isWordStart,
  skipSpace,
  skipWhile,
  skipWord,
} from './characters.js';
import type { Dialect, DialectFacts } from './dialect.js';
import { DIALECTS } from './dialect.js';
import {
  blockCommentEnd,
  dollarQuoteEnd,
  dollarTagEnd,
  isDelimiter,
  lineEnd,
  quotedEnd,
  stringEnd,
} from './literals.js';
import { opensFraction, readNumber } from './numbers.js';
import type { Token } from './token.js';
import { closedToken, token } from './token.js';

/**
 * The tokens of `text`, in order and without gaps. Never throws: a string or comment that is never closed becomes one
 * last token with `isUnterminated`.
 *
 * @example
 * tokenize('postgres', 'select $1').map((piece) => piece.kind);   // ['word', 'whitespace', 'native-placeholder']
 */
export function tokenize(dialect: Dialect, text: string): Token[] {
  const facts = DIALECTS[dialect];
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const next = readToken(facts, text, at);
    tokens.push(next);
    at = next.end;
  }
  return tokens;
}

/** The one token that begins at `at`, which must lie inside the text, at the start of a token. */
export function readToken(facts: DialectFacts, text: string, at: number): Token {
  const code = text.charCodeAt(at);
  if (isSpace(code)) return token('whitespace', at, skipSpace(text, at + 1));
  if (isWordStart(code)) return readWord(facts, text, at);
  if (isDigit(code) || opensFraction(facts, text, at)) return readNumber(facts, text, at);
  return readMark(facts, text, at, code);
}

function readMark(facts: DialectFacts, text: string, at: number, code: number): Token {
  switch (code) {
    case CODE.quote:
      return closedToken('string', at, stringEnd(facts, text, at, facts.plainString), text);
    case CODE.doubleQuote:
      return readDoubleQuoted(facts, text, at);
    case CODE.backtick:
      if (facts.hasBacktickIdentifiers) return closedToken('quoted-identifier', at, quotedEnd(text, at + 1, '`'), text);
      return readOperator(facts, text, at);
    case CODE.dash:
      return opensDashComment(facts, text, at) ? readLineComment(facts, text, at) : readOperator(facts, text, at);
    case CODE.hash:
      return facts.hasHashComments ? readLineComment(facts, text, at) : readOperator(facts, text, at);
    case CODE.slash:
      return text.charCodeAt(at + 1) === CODE.star ? readBlockComment(facts, text, at) : readOperator(facts, text, at);
    case CODE.dollar:
      return readDollar(facts, text, at);
    case CODE.backslash:
      if (facts.hasBackslashNull && text.charAt(at + 1) === 'N') return token('number', at, at + 2);
      return readOperator(facts, text, at);
    case CODE.colon:
      return readColon(facts, text, at);
    case CODE.question:
      return facts.placeholder === '?' ? token('native-placeholder', at, at + 1) : readOperator(facts, text, at);
    case CODE.at:
      return facts.hasVariables ? readVariable(facts, text, at) : readOperator(facts, text, at);
    case CODE.semicolon:
      return token('terminator', at, at + 1);
    case CODE.openParen:
    case CODE.closeParen:
    case CODE.openBracket:
    case CODE.closeBracket:
    case CODE.openBrace:
    case CODE.closeBrace:
    case CODE.comma:
      return token('punctuation', at, at + 1);
    case CODE.dot:
      // A range, `1..2`: read as one, so that the second dot does not become part of the number behind it.
      if (text.charCodeAt(at + 1) === CODE.dot) return token('operator', at, at + 2);
      return token('punctuation', at, at + 1);
    default:
      return readOperator(facts, text, at);
  }
}

/** A word, unless it is one or two letters glued to a quote that make it a literal's prefix. */
function readWord(facts: DialectFacts, text: string, at: number): Token {
  for (let length = 1; length <= 2; length += 1) {
    const quote = text.charCodeAt(at + length);
    if (quote !== CODE.quote && quote !== CODE.doubleQuote) continue;
    const prefixed = readPrefixed(facts, text, at, at + length);
    if (prefixed !== undefined) return prefixed;
    break;
  }
  return token('word', at, skipWord(facts, text, at + 1));
}

function readPrefixed(facts: DialectFacts, text: string, at: number, open: number): Token | undefined {
  const prefix = text.slice(at, open).toLowerCase();
  if (text.charCodeAt(open) === CODE.doubleQuote) {
    if (!facts.hasUnicodeIdentifiers || prefix !== 'u&') return undefined;
    return closedToken('quoted-identifier', at, quotedEnd(text, open + 1, '"'), text);
  }
  const body = facts.stringPrefixes[prefix];
  if (body === undefined || (body === 'delimited' && !isDelimiter(text.charCodeAt(open + 1)))) return undefined;
  return closedToken('string', at, stringEnd(facts, text, open, body), text);
}

function readDoubleQuoted(facts: DialectFacts, text: string, at: number): Token {
  if (facts.doubleQuoted === 'identifier')
    return closedToken('quoted-identifier', at, quotedEnd(text, at + 1, '"'), text);
  return closedToken('string', at, stringEnd(facts, text, at, facts.plainString), text);
}

function opensDashComment(facts: DialectFacts, text: string, at: number): boolean {
  if (text.charCodeAt(at + 1) !== CODE.dash) return false;
  const next = text.charCodeAt(at + 2);
  return !facts.dashesNeedSpace || Number.isNaN(next) || next <= CODE.space || next === CODE.delete;
}

function readLineComment(facts: DialectFacts, text: string, at: number): Token {
  const isHint = facts.hasDashHints && text.charCodeAt(at + 2) === CODE.plus;
  return token(isHint ? 'hint' : 'comment', at, lineEnd(facts, text, at));
}

function readBlockComment(facts: DialectFacts, text: string, at: number): Token {
  // Inside an executable comment MySQL allows one level of plain comments.
  if (facts.hasExecutableComments && (text.startsWith('!', at + 2) || text.startsWith('M!', at + 2))) {
    return closedToken('executable-comment', at, blockCommentEnd(text, at, 2), text);
  }
  const kind = text.charCodeAt(at + 2) === CODE.plus ? 'hint' : 'comment';
  return closedToken(kind, at, blockCommentEnd(text, at, facts.hasNestedComments ? Infinity : 1), text);
}

function readDollar(facts: DialectFacts, text: string, at: number): Token {
  if (facts.placeholder === '$' && isDigit(text.charCodeAt(at + 1))) {
    return token('native-placeholder', at, skipWhile(text, at + 1, isDigit));
  }
  if (facts.hasDollarNames) return token('word', at, skipWord(facts, text, at + 1));
  const bodyStart = facts.hasDollarQuotes ? dollarTagEnd(facts, text, at) : -1;
  if (bodyStart === -1) return token('operator', at, at + 1);
  return closedToken('string', at, dollarQuoteEnd(text, at, bodyStart), text);
}

/**
 * A placeholder stands where a value may begin, so never right behind one: `a[lo:hi]`, `a[1:n]` and `'key':value`
 * (JSON_OBJECT) are no placeholders, and neither is the second half of `x::type`.
 */
function readColon(facts: DialectFacts, text: string, at: number): Token {
  const next = text.charCodeAt(at + 1);
  if (next === CODE.colon || next === CODE.equals) return token('operator', at, at + 2);
  if (!followsValue(facts, text, at)) {
    if (isNameStart(next)) return token('named-placeholder', at, skipWhile(text, at + 1, isNamePart));
    if (facts.placeholder === ':' && isDigit(next)) {
      return token('native-placeholder', at, skipWhile(text, at + 1, isDigit));
    }
  }
  return token('operator', at, at + 1);
}

function followsValue(facts: DialectFacts, text: string, at: number): boolean {
  const code = text.charCodeAt(at - 1);
  return isWordPart(facts, code) || VALUE_ENDS.has(code);
}

/** A colon is among them for `:::name`; the quotes end a string or a quoted identifier. */
const VALUE_ENDS: ReadonlySet<number> = new Set([
  CODE.colon,
  CODE.closeParen,
  CODE.closeBracket,
  CODE.quote,
  CODE.doubleQuote,
  CODE.backtick,
]);

function readVariable(facts: DialectFacts, text: string, at: number): Token {
  const start = text.charCodeAt(at + 1) === CODE.at ? at + 2 : at + 1;
  const code = text.charCodeAt(start);
  if (code === CODE.backtick) return closedToken('variable', at, quotedEnd(text, start + 1, '`'), text);
  if (code === CODE.quote || code === CODE.doubleQuote) {
    return closedToken('variable', at, stringEnd(facts, text, start, facts.plainString), text);
  }
  const end = skipWhile(text, start, (part) => part === CODE.dot || isWordPart(facts, part));
  return token(end === start ? 'operator' : 'variable', at, end);
}

/**
 * Operators in use have one to five characters. The bound keeps a megabyte of `+` linear, each of which looks ahead for
 * a character that would let it keep its signs; a longer run falls into several tokens, which hurts nobody.
 */
const LONGEST_OPERATOR = 16;

/** As many operator characters as belong together; at least one character, whatever it is. */
function readOperator(facts: DialectFacts, text: string, at: number): Token {
  let end = at + 1;
  let keepsSign = facts.signKeepers.includes(text.charAt(at));
  if (!facts.operatorCharacters.includes(text.charAt(at))) return token('operator', at, end);
  while (end - at < LONGEST_OPERATOR && end < text.length && facts.operatorCharacters.includes(text.charAt(end))) {
    if (opensComment(facts, text, end)) break;
    keepsSign ||= facts.signKeepers.includes(text.charAt(end));
    end += 1;
  }
  while (!keepsSign && end > at + 1 && isSign(text.charCodeAt(end - 1))) end -= 1;
  return token('operator', at, end);
}

function opensComment(facts: DialectFacts, text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code === CODE.slash) return text.charCodeAt(at + 1) === CODE.star;
  return code === CODE.dash && opensDashComment(facts, text, at);
}

function isSign(code: number): boolean {
  return code === CODE.plus || code === CODE.dash;
}
