/**
 * How a statement begins: its first words, behind comments, white space and parentheses. What a statement is called by its
 * verb is decided here for everybody, by the lexer: a regular expression over comments takes exponential time, or takes
 * `/* a *\/ select 1 /* b *\/ end` for an END.
 */
import type { Dialect } from './dialect.js';
import { DIALECTS } from './dialect.js';
import { readToken } from './lexer.js';
import { tokenText } from './token.js';

/** A verb that hides behind more tokens than this is not looked for: bounded work, whatever the text. */
const MAX_TOKENS = 1_000;

/** The first word in lower case; empty where the statement begins with anything else. */
export function firstWord(dialect: Dialect, text: string): string {
  return firstWords(dialect, text, 1)[0] ?? '';
}

/** Up to `count` words in lower case, as long as nothing else comes between them. */
export function firstWords(dialect: Dialect, text: string, count: number): string[] {
  const facts = DIALECTS[dialect];
  const words: string[] = [];
  let at = 0;
  for (let tokens = 0; at < text.length && words.length < count && tokens < MAX_TOKENS; tokens += 1) {
    const token = readToken(facts, text, at);
    at = token.end;
    if (token.kind === 'whitespace' || token.kind === 'comment' || token.kind === 'hint') continue;
    if (token.kind === 'word') words.push(tokenText(text, token).toLowerCase());
    else if (words.length > 0 || tokenText(text, token) !== '(') break;
  }
  return words;
}
