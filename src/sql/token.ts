/**
 * The pieces a SQL text falls into. A token holds two offsets and no text: whoever needs the text slices it, and most
 * never do. Made by the lexer; read by placeholders, and by whoever classifies, splits or fingerprints statements.
 * Invariant: tokens touch each other; the first starts at 0, the last ends at the end of the text, none is empty.
 */

/**
 * - `word`: keywords and bare names alike; the lexer knows no grammar.
 * - `number`: any literal without quotes, also the `\N` that is NULL in MariaDB.
 * - `hint`: a comment the optimizer reads. `executable-comment`: one that MySQL runs as SQL, depending on its version.
 * - `variable`: MySQL's `@user` and `@@system`.
 * - `native-placeholder`: `$1`, `?` or `:1`, whichever the dialect has. `named-placeholder`: `:name`, in every dialect.
 * - `punctuation`: one of `( ) [ ] { } , .`  `operator`: everything else. `terminator`: `;`.
 */
export type TokenKind =
  | 'word'
  | 'quoted-identifier'
  | 'string'
  | 'number'
  | 'variable'
  | 'comment'
  | 'hint'
  | 'executable-comment'
  | 'whitespace'
  | 'punctuation'
  | 'operator'
  | 'native-placeholder'
  | 'named-placeholder'
  | 'terminator';

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  /** Offset after the last character. */
  readonly end: number;
  /** The text ended inside a string, a quoted identifier or a comment. Then it is the last token. */
  readonly isUnterminated: boolean;
}

export function token(kind: TokenKind, start: number, end: number): Token {
  return { kind, start, end, isUnterminated: false };
}

/** A token whose closing mark ends at `end`, or is missing when `end` is -1: then it reaches to the end of `text`. */
export function closedToken(kind: TokenKind, start: number, end: number, text: string): Token {
  if (end === -1) return { kind, start, end: text.length, isUnterminated: true };
  return { kind, start, end, isUnterminated: false };
}

export function tokenText(text: string, piece: Token): string {
  return text.slice(piece.start, piece.end);
}
