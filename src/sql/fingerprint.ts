/**
 * A statement's shape without its values: what reports, slow queries and metrics may show and count by.
 *
 *     select * from t where id in (1, 2) and name = 'Ann'   →   select * from t where id in (?) and name = ?
 *
 * Reads the lexer's tokens and knows no grammar. Literals and placeholders become `?`; lists of them and repeated rows
 * fold, so that a thousand sizes of one IN list are one shape; comments go, hints stay. Case is kept: a name's case may
 * matter, and without a grammar a keyword looks like a name.
 * Invariants: never throws; shows nothing of a literal, nor of anything the text ends inside of; in doubt, `?`; one line
 * without control characters; bounded work whatever the text.
 * Refuses to know what a statement does; whoever needs that reads the tokens.
 */
import { CODE, isDigit, skipWhile } from './characters.js';
import type { Dialect, DialectFacts } from './dialect.js';
import { DIALECTS } from './dialect.js';
import type { Piece, PieceKind } from './fingerprint-pieces.js';
import { endsInValue, opensValue, Shape } from './fingerprint-pieces.js';
import { readToken } from './lexer.js';
import type { Token, TokenKind } from './token.js';
import { token, tokenText } from './token.js';

/** A longer shape ends in `…`. */
const MAX_LENGTH = 2_000;

/** Behind these the text is not read any more. The second alone would let a blob written as a literal cut its statement off. */
const MAX_TOKENS = 20_000;
const MAX_TEXT = 1_000_000;

/**
 * The statement's shape, safe to log: no literals, no comments, one line, at most 2,000 characters. Two texts that differ
 * only in their values, in the lengths of their lists or in the number of their rows have the same fingerprint, as long
 * as neither is so long (about 20,000 words and marks) that its end is not read and `…` stands for it.
 *
 * @example
 * fingerprint('postgres', "insert into t values (1, 'a'), (2, 'b')");   // 'insert into t values (?)'
 */
export function fingerprint(dialect: Dialect, text: string): string {
  const reader = new ShapeReader(DIALECTS[dialect]);
  const isRead = reader.read(text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text);
  return reader.shape.finish(!isRead || text.length > MAX_TEXT).replace(CONTROL, '�');
}

/** What could break a line of a log or move a terminal's cursor. Only names hold any of it by now. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** An unquoted password of Oracle is a name to the lexer: IDENTIFIED BY new REPLACE old, IDENTIFIED BY old SET new. */
const SECRET_GOES_ON: ReadonlySet<string> = new Set(['replace', 'set']);

/** What ends such a password. */
const SECRET_ENDS: ReadonlySet<string> = new Set([',', ';', '(', ')']);

class ShapeReader {
  readonly shape = new Shape(MAX_LENGTH);
  readonly #facts: DialectFacts;
  #tokens = 0;
  /** Whitespace or a comment came since the last piece. */
  #hasGap = false;
  /** The last piece hides a password, and what is glued to it belongs to it. */
  #isInSecret = false;
  /** The last piece hid a password. */
  #isAfterSecret = false;

  constructor(facts: DialectFacts) {
    this.#facts = facts;
  }

  /** False when it stopped before the end, because nothing more would be seen. */
  read(text: string): boolean {
    for (let at = 0; at < text.length;) {
      if (this.#tokens >= MAX_TOKENS || this.shape.isFull) return false;
      this.#tokens += 1;
      const next = this.#readToken(text, at);
      if (!this.#take(text, next)) return false;
      at = next.end;
    }
    return true;
  }

  /** Behind a value there is no placeholder, though the lexer cannot tell from a `?`: `json_object(?:name)`. */
  #readToken(text: string, at: number): Token {
    const next = readToken(this.#facts, text, at);
    if (next.kind !== 'named-placeholder' || this.#hasGap || !endsInValue(this.shape.last(1))) return next;
    return token('operator', at, at + 1);
  }

  /** False when what follows cannot be trusted to be what it looks like. */
  #take(text: string, piece: Token): boolean {
    if (isBlank(text, piece)) {
      this.#hasGap = true;
      this.#isInSecret = false;
      return true;
    }
    if (piece.kind === 'hint' || piece.kind === 'executable-comment') return this.#takeHint(text, piece);
    if (!this.#hideSecret(text, piece)) this.#takePlain(text, piece);
    this.#hasGap = false;
    return true;
  }

  #takePlain(text: string, piece: Token): void {
    if (piece.isUnterminated) return this.#value();
    switch (piece.kind) {
      case 'string':
      case 'number':
      case 'native-placeholder':
      case 'named-placeholder':
        return this.#value();
      case 'word':
        return this.#takeWord(tokenText(text, piece));
      case 'variable':
        return this.#takeVariable(tokenText(text, piece));
      case 'quoted-identifier':
        return this.#add('name', tokenText(text, piece));
      case 'operator':
        return this.#takeOperator(tokenText(text, piece));
      case 'punctuation':
      case 'terminator':
        return this.#add('mark', tokenText(text, piece));
      case 'whitespace':
      case 'comment':
      case 'hint':
      case 'executable-comment':
        // Seen to before.
        return;
    }
  }

  #takeOperator(text: string): void {
    // In PostgreSQL this is also how a fingerprint looks that is read again.
    if (text === '?') this.#value();
    else {
      // MySQL reads `a--b` as two signs. In a shape, dashes side by side would look like a comment.
      this.#hasGap ||= text.startsWith('-') && this.shape.last(1)?.text.endsWith('-') === true;
      this.#add('operator', text);
    }
  }

  #takeWord(text: string): void {
    if (this.#isLiteralWord(text) || this.#isFraction(text)) this.#value();
    else this.#add('word', text);
  }

  /** MySQL: `true.5` is a name of two parts, and would be a value and a number as soon as the first is hidden. */
  #isFraction(text: string): boolean {
    return isDigit(text.charCodeAt(0)) && this.shape.last(1)?.text === '.' && endsInValue(this.shape.last(2));
  }

  /** TRUE and FALSE, and NULL where only a value can stand. `is null` and `not null` are questions and rules. */
  #isLiteralWord(text: string): boolean {
    if (text.length !== 4 && text.length !== 5) return false;
    const before = this.shape.last(1);
    const lower = text.toLowerCase();
    if (lower === 'null') return opensValue(before);
    if (lower !== 'true' && lower !== 'false') return false;
    if (before?.text === '.') return false;
    return !isWord(isWord(before, 'not') ? this.shape.last(2) : before, 'is');
  }

  /** MySQL: `@user` holds a value like a placeholder, `@@system` is a name, and `app@'10.0.%'` is an account. */
  #takeVariable(text: string): void {
    const isSystem = text.startsWith('@@');
    if (isSystem && !/['"]/.test(text)) return this.#add('name', text);
    const before = this.shape.last(1);
    const isAccount = !this.#hasGap && (before?.kind === 'word' || before?.kind === 'name' || before?.kind === 'value');
    if (isAccount) this.#add('operator', '@');
    this.#value();
  }

  /** Kept, in the form that can stand in one line; its inside is read like the statement, for it may hold literals too. */
  #takeHint(text: string, piece: Token): boolean {
    this.#isInSecret = false;
    if (piece.isUnterminated) {
      this.#value();
      return true;
    }
    const isLine = text.charCodeAt(piece.start) === CODE.dash;
    const [opening, from] = openingOf(text, piece);
    const inside = text.slice(from, isLine ? piece.end : piece.end - 2);
    const inner = judgeInside(this.#facts, inside);
    if (inner === 'open' || (inner === 'open-line' && piece.kind === 'executable-comment')) {
      // What opens inside may hide the end of this comment, and then all that follows is something else than it looks like.
      this.#value();
      return false;
    }
    // One comment inside another: what ends where would no longer be plain. A hint is not worth it.
    if (inner !== 'plain' && piece.kind === 'hint') {
      this.#hasGap = true;
      return true;
    }
    this.#add('mark', opening);
    this.#hasGap = true;
    const isRead = this.read(inside);
    this.#hasGap = true;
    this.#add('mark', '*/');
    this.#hasGap = true;
    return isRead;
  }

  /** Answers whether `piece` is a password, or a part of one, and so was replaced. */
  #hideSecret(text: string, piece: Token): boolean {
    const isEnd = SECRET_ENDS.has(text.charAt(piece.start));
    if (this.#isInSecret && !isEnd) return true;
    const begins = !isEnd && this.#expectsSecret();
    this.#isInSecret = begins;
    if (begins) this.#value();
    this.#isAfterSecret = begins || (this.#isAfterSecret && SECRET_GOES_ON.has(tokenText(text, piece).toLowerCase()));
    return begins;
  }

  #expectsSecret(): boolean {
    const before = this.shape.last(1);
    if (before?.kind !== 'word') return false;
    if (this.#isAfterSecret) return SECRET_GOES_ON.has(before.text.toLowerCase());
    return isWord(before, 'by') && isWord(this.shape.last(2), 'identified');
  }

  #value(): void {
    this.#add('value', '?');
  }

  #add(kind: PieceKind, text: string): void {
    this.shape.push({ kind, text, hasGap: this.#hasGap });
    this.#hasGap = false;
  }
}

/** Whitespace, a comment that was closed, or a control character, which no server knows what to do with. */
function isBlank(text: string, { kind, isUnterminated, start, end }: Token): boolean {
  if (kind === 'whitespace') return true;
  if (kind === 'comment') return !isUnterminated;
  const code = text.charCodeAt(start);
  return kind === 'operator' && end === start + 1 && (code < CODE.space || code === CODE.delete);
}

function isWord(piece: Piece | undefined, word: string): boolean {
  return piece?.kind === 'word' && piece.text.length === word.length && piece.text.toLowerCase() === word;
}

/** How the comment is opened in the fingerprint, and where its inside begins. */
function openingOf(text: string, { kind, start }: Token): readonly [opening: string, from: number] {
  if (kind === 'hint') return ['/*+', start + 3];
  const opening = text.charAt(start + 2) === '!' ? '/*!' : '/*M!';
  const from = start + opening.length;
  // The least version that runs it, glued to the mark: five or six digits, and no literal.
  const digits = skipWhile(text, from, isDigit);
  return [opening, digits - from >= 5 ? Math.min(digits, from + 6) : from];
}

/**
 * `open`: the text of a comment ends inside a literal or a quoted name, `open-line`: inside a line comment.
 * `nested`: it holds comments, or marks of comments that are not hidden in a literal.
 */
function judgeInside(facts: DialectFacts, text: string): 'plain' | 'nested' | 'open-line' | 'open' {
  let isNested = false;
  for (let at = 0; at < text.length;) {
    const next = readToken(facts, text, at);
    if (next.isUnterminated) return 'open';
    const isBlock = text.startsWith('/*', at);
    if (next.kind === 'comment' && !isBlock && next.end === text.length) return 'open-line';
    isNested ||= COMMENTS.has(next.kind) || (next.kind !== 'string' && /\/\*|\*\//.test(tokenText(text, next)));
    at = next.end;
  }
  return isNested ? 'nested' : 'plain';
}

const COMMENTS: ReadonlySet<TokenKind> = new Set<TokenKind>(['comment', 'hint', 'executable-comment']);
