/**
 * Whether a text is a *plain insert*: one row of placeholders into named columns, and nothing else. Such a text says no more
 * than "this row into that table", so many rows may go by the database's bulk path (COPY) and mean the same. Asked once for
 * a batch.
 * Invariant: in doubt it answers `undefined`. RETURNING, ON CONFLICT, OVERRIDING, WITH, casts, defaults, an alias, a second
 * row, a missing list of columns, a placeholder used twice: each makes the text no plain insert.
 */
import type { Dialect } from './dialect.js';
import { DIALECTS, placeholderAt } from './dialect.js';
import { tokenize } from './lexer.js';
import type { Token } from './token.js';
import { tokenText } from './token.js';

export interface InsertPlan {
  /** As written, quotes and schema included. */
  readonly table: string;
  /** The table's own name as the server has it, without its schema; `undefined` where that takes more than its quotes. */
  readonly name: string | undefined;
  /** As written. */
  readonly columns: readonly string[];
  /** For each column, which of a set's values belongs there, counted from 0. */
  readonly order: readonly number[];
}

/**
 * Reads `text`, which has the database's own placeholders. Never throws.
 *
 * @example
 * readInsertPlan('postgres', 'insert into t (b, a) values ($2, $1)');
 * // { table: 't', name: 't', columns: ['b', 'a'], order: [1, 0] }
 */
export function readInsertPlan(dialect: Dialect, text: string): InsertPlan | undefined {
  const all = tokenize(dialect, text);
  if (all.at(-1)?.isUnterminated === true) return undefined;
  const pieces = all.filter(({ kind }) => kind !== 'whitespace' && kind !== 'comment');
  return new InsertReader(dialect, text, pieces).read();
}

class InsertReader {
  readonly #dialect: Dialect;
  readonly #text: string;
  readonly #pieces: readonly Token[];
  #at = 0;

  constructor(dialect: Dialect, text: string, pieces: readonly Token[]) {
    this.#dialect = dialect;
    this.#text = text;
    this.#pieces = pieces;
  }

  read(): InsertPlan | undefined {
    if (!this.#takes('insert') || !this.#takes('into')) return undefined;
    const table = this.#takeTable();
    if (table === undefined) return undefined;
    const columns = this.#takeList(() => this.#takeName());
    if (columns === undefined || !this.#takes('values')) return undefined;
    const order = this.#takeList((position) => this.#takePlaceholder(position));
    this.#takes(';');
    if (order === undefined || this.#at !== this.#pieces.length || order.length !== columns.length) return undefined;
    if (new Set(order).size !== order.length || order.some((index) => index >= order.length)) return undefined;
    return { ...table, columns, order };
  }

  #takes(word: string): boolean {
    const piece = this.#pieces[this.#at];
    if (piece === undefined || tokenText(this.#text, piece).toLowerCase() !== word) return false;
    this.#at += 1;
    return true;
  }

  #takeTable(): { readonly table: string; readonly name: string | undefined } | undefined {
    const start = this.#pieces[this.#at]?.start;
    for (;;) {
      const name = this.#takeName();
      if (name === undefined || start === undefined) return undefined;
      if (this.#takes('.')) continue;
      const end = this.#pieces[this.#at - 1]?.end;
      return { table: this.#text.slice(start, end), name: nameOf(name) };
    }
  }

  #takeName(): string | undefined {
    const piece = this.#pieces[this.#at];
    if (piece?.kind !== 'word' && piece?.kind !== 'quoted-identifier') return undefined;
    this.#at += 1;
    return tokenText(this.#text, piece);
  }

  /** Which value it stands for. */
  #takePlaceholder(position: number): number | undefined {
    const piece = this.#pieces[this.#at];
    if (piece?.kind !== 'native-placeholder') return undefined;
    this.#at += 1;
    const facts = DIALECTS[this.#dialect];
    if (facts.placeholder === '?') return position;
    const text = tokenText(this.#text, piece);
    const index = Number(text.slice(1)) - 1;
    // `$01` is `$1` to the server; whoever writes it so is not read here.
    return text === placeholderAt(facts, index + 1) && index >= 0 ? index : undefined;
  }

  #takeList<T>(take: (position: number) => T | undefined): T[] | undefined {
    if (!this.#takes('(')) return undefined;
    const items: T[] = [];
    do {
      const item = take(items.length);
      if (item === undefined) return undefined;
      items.push(item);
    } while (this.#takes(','));
    return this.#takes(')') ? items : undefined;
  }
}

/** Unquoted and folded as PostgreSQL does. */
function nameOf(written: string): string | undefined {
  if (written.startsWith('"')) return written.slice(1, -1).replaceAll('""', '"');
  return /^[a-z_][a-z0-9_$]*$/i.test(written) ? written.toLowerCase() : undefined;
}
