/**
 * Looking around in a list of tokens: the next one that is no space, the parenthesis that closes this one, the arguments of a
 * call. Every rule of the translation stands on it. It knows no SQL beyond parentheses and commas.
 */
import type { Token } from '../sql-scan.js';

/** From the first index to the one behind the last. */
export type Range = readonly [from: number, to: number];

export class TokenReader {
  readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get length(): number {
    return this.tokens.length;
  }

  at(index: number): Token | undefined {
    return this.tokens[index];
  }

  /** The index of the first token at or after `index` that is no space. */
  solid(index: number): number {
    let at = index;
    while (this.tokens[at]?.kind === 'space') at++;
    return at;
  }

  /** The index of the first token at or before `index` that is no space; -1 where there is none. */
  solidBefore(index: number): number {
    let at = index;
    while (this.tokens[at]?.kind === 'space') at--;
    return at;
  }

  next(index: number): number {
    return this.solid(index + 1);
  }

  previous(index: number): number {
    return this.solidBefore(index - 1);
  }

  /** A word in upper case, or an operator: never what is quoted. */
  is(index: number, ...values: readonly string[]): boolean {
    const token = this.tokens[index];
    if (token === undefined || token.kind === 'string' || token.kind === 'quoted') return false;
    return values.includes(token.value);
  }

  isWord(index: number): boolean {
    return this.tokens[index]?.kind === 'word';
  }

  isName(index: number): boolean {
    const kind = this.tokens[index]?.kind;
    return kind === 'word' || kind === 'quoted';
  }

  /** The words from `index` on are these, with nothing but space between them; the index of the last one, or -1. */
  sequence(index: number, ...values: readonly string[]): number {
    let at = index;
    for (const [position, value] of values.entries()) {
      if (position > 0) at = this.next(at);
      if (!this.is(at, value)) return -1;
    }
    return at;
  }

  /** The index of the parenthesis that closes the one at `open`; the end of the text where none does. */
  close(open: number): number {
    let depth = 0;
    for (let at = open; at < this.tokens.length; at++) {
      if (this.is(at, '(')) depth++;
      else if (this.is(at, ')') && --depth === 0) return at;
    }
    return this.tokens.length - 1;
  }

  /** The index of the parenthesis that the one at `close` closes; -1 where there is none. */
  open(close: number): number {
    let depth = 0;
    for (let at = close; at >= 0; at--) {
      if (this.is(at, ')')) depth++;
      else if (this.is(at, '(') && --depth === 0) return at;
    }
    return -1;
  }

  /** What stands between commas in the parentheses at `open`; nothing in `()`. */
  arguments(open: number): Range[] {
    const end = this.close(open);
    if (this.next(open) === end) return [];
    return this.split(open + 1, end);
  }

  /** The parts between the commas of a range. */
  split(from: number, to: number): Range[] {
    const parts: Range[] = [];
    let depth = 0;
    let start = from;
    for (let at = from; at < to; at++) {
      if (this.is(at, '(')) depth++;
      else if (this.is(at, ')')) depth--;
      else if (depth === 0 && this.is(at, ',')) {
        parts.push([start, at]);
        start = at + 1;
      }
    }
    parts.push([start, to]);
    return parts;
  }

  /** The first index from `from` on, before `to`, outside deeper parentheses, with one of these words; -1 where none is. */
  find(from: number, to: number, ...values: readonly string[]): number {
    let depth = 0;
    for (let at = from; at < to; at++) {
      if (depth === 0 && this.is(at, ...values)) return at;
      if (this.is(at, '(')) depth++;
      else if (this.is(at, ')') && --depth < 0) return -1;
    }
    return -1;
  }

  /** Where the query block around `index` ends: the parenthesis that closes it, one of these words, or the end of the text. */
  blockEnd(index: number, ...values: readonly string[]): number {
    let depth = 0;
    for (let at = index; at < this.tokens.length; at++) {
      if (this.is(at, '(')) depth++;
      else if (this.is(at, ')') && --depth < 0) return at;
      else if (depth === 0 && this.is(at, ';', ...values)) return at;
    }
    return this.tokens.length;
  }

  /** The indexes of the names in `a.b.c` that begins at `index`. */
  chain(index: number): number[] {
    const names = [index];
    let at = index;
    while (this.is(this.next(at), '.') && this.isName(this.next(this.next(at)))) {
      at = this.next(this.next(at));
      names.push(at);
    }
    return names;
  }

  text(from: number, to: number): string {
    return this.tokens
      .slice(from, to)
      .map(({ text }) => text)
      .join('');
  }
}
