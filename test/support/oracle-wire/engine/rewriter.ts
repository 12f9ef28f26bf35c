/**
 * The machine of the translation: goes over the tokens of an Oracle statement, lets the rules write what PostgreSQL reads
 * instead, and remembers for every piece where in the client's text it comes from, so that an error's position can be told.
 * Rules are asked in their order; the first that answers has consumed the tokens up to the index it answers. It knows no
 * rule itself.
 */
import type { BindSpec } from '../backend.js';
import type { ParsedStatement, Token } from '../sql-scan.js';
import { T } from '../values.js';
import { literal, nameOf } from './names.js';
import { TokenReader } from './token-reader.js';

/** Which Oracle it wants to be: what 23ai has brought is refused by 19c. */
export type OracleVersion = 19 | 23;

export interface Translated {
  readonly text: string;
  /** The bind behind each `$n`. */
  readonly params: readonly number[];
  /** `[offset in the text, offset in the client's text]`, in increasing order. */
  readonly positions: readonly (readonly [number, number])[];
  readonly forUpdate: boolean;
  /** WAIT n, in milliseconds. */
  readonly lockTimeoutMs: number | undefined;
}

export interface TranslateOptions {
  readonly binds: readonly BindSpec[];
  /** Binds of text are cast, where PostgreSQL could not tell their type from where they stand. */
  readonly castText: boolean;
  readonly version: OracleVersion;
}

interface Piece {
  readonly text: string;
  readonly at: number;
  readonly bind?: number;
}

/** The index of the last token consumed; `undefined`: not mine. */
export type Rule = (rewriter: Rewriter, index: number) => number | undefined;

/** What the types of binds are called; text has none, so that PostgreSQL infers it, as Oracle converts it. */
const CAST: Readonly<Record<number, string>> = {
  [T.NUMBER]: 'numeric',
  [T.INTEGER]: 'numeric',
  [T.DATE]: 'ora.odate',
  [T.TIMESTAMP]: 'timestamp',
  [T.TIMESTAMP_TZ]: 'timestamptz',
  [T.TIMESTAMP_LTZ]: 'timestamptz',
  [T.RAW]: 'bytea',
  [T.LONG_RAW]: 'bytea',
  [T.BLOB]: 'bytea',
  [T.CLOB]: 'text',
  [T.BINARY_DOUBLE]: 'float8',
  [T.BINARY_FLOAT]: 'float4',
  [T.BOOLEAN]: 'boolean',
  [T.JSON]: 'json',
  [T.INTERVAL_DS]: 'interval',
  [T.INTERVAL_YM]: 'interval',
};

export class Rewriter extends TokenReader {
  readonly statement: ParsedStatement;
  readonly options: TranslateOptions;
  /** The end of the statement: what follows is space and one semicolon. */
  readonly end: number;
  forUpdate = false;
  lockTimeoutMs: number | undefined;
  readonly #rules: readonly Rule[];
  readonly #pieces: Piece[] = [];
  readonly #before = new Map<number, Piece[]>();
  readonly #replaced = new Map<number, string>();
  readonly #bindAt = new Map<number, number>();
  #views = 0;

  constructor(statement: ParsedStatement, options: TranslateOptions, rules: readonly Rule[]) {
    super(statement.tokens);
    this.statement = statement;
    this.options = options;
    this.#rules = rules;
    let end = this.solidBefore(this.length - 1) + 1;
    if (this.is(end - 1, ';')) end = this.solidBefore(end - 2) + 1;
    this.end = end;
    let binds = 0;
    for (const [index, token] of statement.tokens.entries())
      if (token.kind === 'bind') this.#bindAt.set(index, binds++);
  }

  // Passes over the whole statement, before it is written.

  /** Written in front of the token: names of columns, limits. At `end`: behind everything. */
  insert(index: number, text: string): void {
    this.#inserted(index).push({ text, at: this.positionOf(index) });
  }

  insertBind(index: number, tokenOfBind: number, cast: string): void {
    const bind = this.#bindAt.get(tokenOfBind) ?? 0;
    this.#inserted(index).push({ text: `::${cast}`, at: this.positionOf(tokenOfBind), bind });
  }

  /** Writes this in the token's place, whatever the rules say. */
  replace(index: number, text: string): void {
    this.#replaced.set(index, text);
  }

  drop(from: number, to: number): void {
    for (let index = from; index < to; index++) this.#replaced.set(index, '');
  }

  // Writing.

  write(): Translated {
    this.emit(0, this.end);
    this.#pieces.push(...(this.#before.get(this.end) ?? []));
    let text = '';
    const params: number[] = [];
    const positions: [number, number][] = [];
    for (const piece of this.#pieces) {
      positions.push([text.length, piece.at]);
      if (piece.bind !== undefined) {
        params.push(piece.bind);
        text += `$${params.length}`;
      }
      text += piece.text;
    }
    const { forUpdate, lockTimeoutMs } = this;
    return { text, params, positions, forUpdate, lockTimeoutMs };
  }

  /** Offset in the client's text. */
  positionOf(index: number): number {
    return this.at(Math.min(index, this.length - 1))?.pos ?? 0;
  }

  put(text: string, index: number): void {
    this.#pieces.push({ text, at: this.positionOf(index) });
  }

  emit(from: number, to: number): void {
    for (let index = from; index < to; index++) {
      this.#pieces.push(...(this.#before.get(index) ?? []));
      const replaced = this.#replaced.get(index);
      if (replaced === undefined) index = this.#one(index);
      else this.put(replaced, index);
    }
  }

  /** The token as it is, by its kind. */
  putToken(index: number): void {
    const token = this.at(index);
    if (token === undefined) return;
    if (token.kind === 'bind') return this.putBind(index);
    this.put(plain(token), index);
  }

  putBind(index: number, wanted?: string): void {
    const bind = this.#bindAt.get(index) ?? 0;
    const type = this.options.binds[bind]?.type;
    const known = type === undefined ? undefined : CAST[type];
    const cast = wanted ?? known ?? (this.options.castText ? 'text' : undefined);
    this.#pieces.push({ text: cast === undefined ? '' : `::${cast}`, at: this.positionOf(index), bind });
  }

  /** A bind that would have no type has the type text. */
  putTextBind(index: number): void {
    const type = this.options.binds[this.#bindAt.get(index) ?? 0]?.type;
    this.putBind(index, type === undefined || CAST[type] === undefined ? 'text' : undefined);
  }

  /** The last pieces written, until the text of one is this: it is taken back. Used where a table turns out to be none. */
  takeBack(text: string): boolean {
    for (let last = this.#pieces.length - 1; last >= 0; last--) {
      const piece = this.#pieces[last];
      if (piece?.text.toLowerCase() !== text) continue;
      this.#pieces[last] = { text: '', at: piece.at };
      return true;
    }
    return false;
  }

  /** A name for what Oracle leaves without one. */
  freshName(): string {
    this.#views += 1;
    return `ora_q${this.#views}`;
  }

  #inserted(index: number): Piece[] {
    const known = this.#before.get(index);
    if (known !== undefined) return known;
    const pieces: Piece[] = [];
    this.#before.set(index, pieces);
    return pieces;
  }

  #one(index: number): number {
    for (const rule of this.#rules) {
      const last = rule(this, index);
      if (last !== undefined) return last;
    }
    this.putToken(index);
    return index;
  }
}

function plain(token: Token): string {
  switch (token.kind) {
    case 'space':
      return comment(token.text);
    case 'string':
      // An empty text is NULL.
      return token.value === '' ? 'NULL' : literal(token.value);
    case 'number':
      // An integer is an int4 as long as it fits, and then sums do not.
      return /^\d{10,}$/.test(token.text) ? `${token.text}::numeric` : token.text.replace(/[fFdD]$/, '');
    case 'quoted':
      return nameOf(token);
    case 'word':
      return token.text.includes('#') ? nameOf(token) : token.text;
    default:
      return token.value === '^=' ? '<>' : token.text;
  }
}

/** Comments stay, since tests look for statements by what is in them; but PostgreSQL nests them, and has no hints. */
function comment(text: string): string {
  if (text.startsWith('/*') && text.endsWith('*/')) {
    const inside = text.slice(2, -2).replaceAll('/*', '');
    return `/*${inside.startsWith('+') ? ` ${inside}` : inside}*/`;
  }
  return text.includes('\n') ? '\n' : ' ';
}

/** The client's offset for an offset in the translated text. */
export function originalPosition({ positions }: Pick<Translated, 'positions'>, offset: number): number {
  let found = 0;
  for (const [at, original] of positions) {
    if (at > offset) break;
    found = original;
  }
  return found;
}
