/**
 * The placeholders of a text that stand alone as the value of a column, or beside one: `values (?, ?)`, `set a = ?`, `where a = ?`.
 * What such a null becomes does not hang on the type that the server gives it. Asked by mysql-prepared.ts.
 * Invariant: in doubt a place is not alone; never throws, linear in the text.
 */
import { DIALECTS } from '../../sql/dialect.js';
import type { Lexeme } from '../../sql/statements.js';
import { lexemeAt, readStatements } from '../../sql/statements.js';

/** What ends a value. */
const ENDS: ReadonlySet<string> = new Set(['', ',', ')', 'where', 'and', 'or', 'order', 'limit', 'on', 'as']);

/** What may stand before the parenthesis of a row; a comma between two rows. */
const BEFORE_ROWS: ReadonlySet<string> = new Set(['values', 'value', 'row', ',']);

const WRITES: ReadonlySet<string> = new Set(['insert', 'replace', 'update', 'delete']);

/** For each placeholder in its order. */
export function lonePlaces(text: string): readonly boolean[] {
  const [statement] = readStatements(DIALECTS.mysql, text);
  const lexemes = statement?.lexemes ?? [];
  const isWrite = WRITES.has(lexemeAt(lexemes, 0).word);
  const places: boolean[] = [];
  let depth = 0;
  let isInRow = false;
  for (const [at, { kind, text: written }] of lexemes.entries()) {
    if (written === '(') {
      isInRow = depth === 0 && BEFORE_ROWS.has(wordOf(lexemeAt(lexemes, at - 1)));
      depth += 1;
    } else if (written === ')') {
      depth -= 1;
      isInRow = false;
    } else if (kind === 'native-placeholder') {
      const isEnded = ENDS.has(wordOf(lexemeAt(lexemes, at + 1)));
      places.push(isWrite && isEnded && (isInRow ? isRowStart(lexemes, at) : depth === 0 && isSet(lexemes, at)));
    }
  }
  return places;
}

function isRowStart(lexemes: readonly Lexeme[], at: number): boolean {
  const before = lexemeAt(lexemes, at - 1).text;
  return before === '(' || before === ',';
}

/** Beside a column; not `@a := ?`, and not `1 = ?`. */
function isSet(lexemes: readonly Lexeme[], at: number): boolean {
  const { kind } = lexemeAt(lexemes, at - 2);
  return lexemeAt(lexemes, at - 1).text === '=' && (kind === 'word' || kind === 'quoted-identifier');
}

/** In lower case; '' behind the end. */
function wordOf({ word, text }: Lexeme): string {
  return word === '' ? text : word;
}
