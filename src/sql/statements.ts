/**
 * A text as its statements, each a list of the tokens that mean something: what classify.ts, session-effects.ts and
 * summary.ts read, so that all three see the same words.
 * Invariants: whitespace, comments and hints are gone; a statement has at least one lexeme; never throws; linear in the
 * text. What stands in a MySQL executable comment is read as if it stood there without one, and the statement is marked.
 * Knows no grammar. A PL/SQL block falls apart at its semicolons.
 */
import { isDigit, skipWhile } from './characters.js';
import type { DialectFacts } from './dialect.js';
import { readToken } from './lexer.js';
import type { Token, TokenKind } from './token.js';
import { tokenText } from './token.js';

export interface Lexeme {
  readonly kind: TokenKind;
  /** As written. */
  readonly text: string;
  /** A bare word in lower case, '' for everything else: a keyword in quotes is none. */
  readonly word: string;
}

export interface StatementLexemes {
  readonly lexemes: readonly Lexeme[];
  /** The text ended inside a string, a quoted name or a comment. */
  readonly isOpen: boolean;
  /** A part stands in an executable comment: whether it is run depends on the server's version. */
  readonly isConditional: boolean;
}

/** What stands before the first lexeme and behind the last, so that readers need not ask for `undefined`. */
export const NO_LEXEME: Lexeme = { kind: 'whitespace', text: '', word: '' };

/** The statements of `text`; none when it holds only whitespace, comments and semicolons. */
export function readStatements(facts: DialectFacts, text: string): readonly StatementLexemes[] {
  const reader = new StatementReader(facts);
  reader.read(text);
  reader.end();
  return reader.statements;
}

class StatementReader {
  readonly statements: StatementLexemes[] = [];
  readonly #facts: DialectFacts;
  #lexemes: Lexeme[] = [];
  #isOpen = false;
  #isConditional = false;

  constructor(facts: DialectFacts) {
    this.#facts = facts;
  }

  read(text: string): void {
    for (let at = 0; at < text.length;) {
      const piece = readToken(this.#facts, text, at);
      at = piece.end;
      this.#isOpen ||= piece.isUnterminated;
      this.#take(text, piece);
    }
  }

  end(): void {
    const { statements } = this;
    if (this.#lexemes.length > 0) {
      statements.push({ lexemes: this.#lexemes, isOpen: this.#isOpen, isConditional: this.#isConditional });
    }
    this.#lexemes = [];
    this.#isConditional = false;
  }

  #take(text: string, piece: Token): void {
    const { kind } = piece;
    if (kind === 'whitespace' || kind === 'comment' || kind === 'hint') return;
    if (kind === 'terminator') this.end();
    else if (kind === 'executable-comment') this.#takeExecutable(text, piece);
    else {
      const written = tokenText(text, piece);
      this.#lexemes.push({ kind, text: written, word: kind === 'word' ? lowerAscii(written) : '' });
    }
  }

  /** The lexer lets one comment lie in another, so this calls itself twice at most. */
  #takeExecutable(text: string, piece: Token): void {
    this.#isConditional = true;
    if (piece.isUnterminated) return;
    const mark = text.charAt(piece.start + 2) === '!' ? 3 : 4;
    this.read(text.slice(skipWhile(text, piece.start + mark, isDigit), piece.end - 2));
  }
}

/** Servers fold ASCII alone in keywords; `toLowerCase` would also make a `k` of the Kelvin sign. */
function lowerAscii(word: string): string {
  return word.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The lexeme at `at`, or NO_LEXEME outside the list. */
export function lexemeAt(lexemes: readonly Lexeme[], at: number): Lexeme {
  return lexemes[at] ?? NO_LEXEME;
}

/** The inside of a quoted name, without its quotes; a bare word in lower case; '' for everything else. */
export function nameOf(lexeme: Lexeme): string {
  return lexeme.kind === 'quoted-identifier' ? lexeme.text.slice(1, -1) : lexeme.word;
}

/** A bare word or a quoted name. */
export function isName({ kind }: Lexeme): boolean {
  return kind === 'word' || kind === 'quoted-identifier';
}
