/**
 * Reads what can hide anything: strings, quoted identifiers and comments. Called by the lexer, which has seen the opening
 * mark; each function answers the offset after the closing mark, or -1 when the text ends first.
 * Invariant: one pass. A search that fails answers -1, the lexer then takes the rest of the text, and so no part of the
 * text is searched twice for the same mark; that is what keeps a megabyte of quotes linear.
 */
import { CODE, isSpace, isWordPart, isWordStart, skipWhile } from './characters.js';
import type { DialectFacts, StringBody } from './dialect.js';

/** `open` is the offset of the opening quote, whatever letters stand before it. */
export function stringEnd(facts: DialectFacts, text: string, open: number, body: StringBody): number {
  const quote = text.charCodeAt(open);
  if (body === 'plain') return quotedEnd(text, open + 1, text.charAt(open));
  if (body === 'delimited') return delimitedEnd(text, open);
  const end = escapedEnd(text, open + 1, quote);
  return facts.plainString === 'escaped' ? end : continuedEnd(facts, text, end);
}

/** A doubled quote stands for one and does not end the literal. */
export function quotedEnd(text: string, from: number, quote: string): number {
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 2)) {
    if (text[at + 1] !== quote) return at + 1;
  }
  return -1;
}

function escapedEnd(text: string, from: number, quote: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === CODE.backslash) at += 1;
    else if (code === quote) {
      if (text.charCodeAt(at + 1) !== quote) return at + 1;
      at += 1;
    }
  }
  return -1;
}

/**
 * PostgreSQL goes on with a literal after a line break: E'a' ⏎ 'b\'c' is one, and its second piece has backslash
 * escapes though no E stands before it. Only escape strings are joined; for the others it would change nothing.
 */
function continuedEnd(facts: DialectFacts, text: string, firstEnd: number): number {
  let end = firstEnd;
  while (end !== -1) {
    const next = continuationStart(facts, text, end);
    if (next === -1) return end;
    end = escapedEnd(text, next + 1, CODE.quote);
  }
  return -1;
}

/** The next piece's quote, when only whitespace with a line break and `--` comments lie between; else -1. */
function continuationStart(facts: DialectFacts, text: string, from: number): number {
  let hasLineBreak = false;
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === CODE.lineFeed || code === CODE.carriageReturn) hasLineBreak = true;
    else if (code === CODE.dash && text.charCodeAt(at + 1) === CODE.dash) at = lineEnd(facts, text, at) - 1;
    else if (!isSpace(code)) break;
  }
  return hasLineBreak && text.charCodeAt(at) === CODE.quote ? at : -1;
}

const CLOSING_DELIMITERS: Readonly<Record<string, string>> = { '[': ']', '{': '}', '(': ')', '<': '>' };

/** Oracle: space, tab and line break cannot delimit; then the q is a word and the quote opens a plain literal. */
export function isDelimiter(code: number): boolean {
  return !Number.isNaN(code) && !isSpace(code);
}

/** q'[ … ]': nothing inside is special, only the closing delimiter with the quote right behind it. */
function delimitedEnd(text: string, open: number): number {
  const delimiter = String.fromCodePoint(text.codePointAt(open + 1) ?? CODE.quote);
  const closing = `${CLOSING_DELIMITERS[delimiter] ?? delimiter}'`;
  const at = text.indexOf(closing, open + 1 + delimiter.length);
  return at === -1 ? -1 : at + closing.length;
}

/** `at` stands on a `$`. The offset after `$tag$`, or -1 when no dollar quote opens here. */
export function dollarTagEnd(facts: DialectFacts, text: string, at: number): number {
  let end = at + 1;
  if (isWordStart(text.charCodeAt(end))) {
    end = skipWhile(text, end, (code) => code !== CODE.dollar && isWordPart(facts, code));
  }
  return text.charCodeAt(end) === CODE.dollar ? end + 1 : -1;
}

export function dollarQuoteEnd(text: string, start: number, bodyStart: number): number {
  const tag = text.slice(start, bodyStart);
  const at = text.indexOf(tag, bodyStart);
  return at === -1 ? -1 : at + tag.length;
}

/** The line break itself stays outside: it is whitespace. The end of the text ends a line too, so never -1. */
export function lineEnd(facts: DialectFacts, text: string, from: number): number {
  const endsAtReturn = facts.lineEnds === '\n\r';
  return skipWhile(text, from, (code) => code !== CODE.lineFeed && !(endsAtReturn && code === CODE.carriageReturn));
}

/** `open` stands on the slash; `maxDepth` is how deep comments may lie in one another. */
export function blockCommentEnd(text: string, open: number, maxDepth: number): number {
  if (maxDepth === 1) {
    const at = text.indexOf('*/', open + 2);
    return at === -1 ? -1 : at + 2;
  }
  let depth = 1;
  for (let at = open + 2; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === CODE.star && text.charCodeAt(at + 1) === CODE.slash) {
      at += 1;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (code === CODE.slash && text.charCodeAt(at + 1) === CODE.star && depth < maxDepth) {
      at += 1;
      depth += 1;
    }
  }
  return -1;
}
