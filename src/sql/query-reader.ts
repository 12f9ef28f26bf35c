/**
 * Reads one query for classify.ts: what its keywords change, and what its function calls may.
 * Invariants: one pass, linear in the text, never throws. Everything in front of an open parenthesis is a call, unless
 * it certainly is none; what the reader does not understand is 'unknown'. A word counts as a keyword only where it cannot
 * be a name: never behind a dot, never behind an AS that is the keyword itself.
 * Refuses to know the schema, and the values of expressions.
 */
import type { Dialect } from './dialect.js';
import { DIALECTS } from './dialect.js';
import { functionEffect } from './known-functions.js';
import { BEHIND_PARENTHESIS, BEHIND_STRING, GRAMMAR_WORDS, PAIRS } from './reserved-words.js';
import type { Lexeme } from './statements.js';
import { isName, lexemeAt, nameOf } from './statements.js';

/** `read`: changes nothing, certainly. `write`: changes something, or may. `unknown`: the text does not tell. */
export type StatementKind = 'read' | 'write' | 'unknown';

export function worse(one: StatementKind, other: StatementKind): StatementKind {
  if (one === 'write' || other === 'write') return 'write';
  return one === 'unknown' || other === 'unknown' ? 'unknown' : 'read';
}

/** Where the list behind WITH stands: `WITH [name] [named] (…) [columns] AS [as] (…) [done] , [name] … [done] SELECT …`. */
type ListState = 'name' | 'named' | 'columns' | 'as' | 'done' | 'searching' | undefined;

/** What is known about an open parenthesis, or about the statement around them all. */
interface Frame {
  /** Behind it a name and a list may follow, `f(1) x (a, b)`: it holds a query or the arguments of a call. */
  readonly mayHaveAlias: boolean;
  /** An expression follows: DISTINCT ON (…). Behind all others a call cannot begin directly. */
  readonly isPrefix: boolean;
  readonly holds: 'names' | 'anything';
  list: ListState;
  /** Behind GROUP BY, where ROLLUP and CUBE are keywords. */
  isGrouping: boolean;
}

const CHANGING_VERBS: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'merge']);
const STATEMENT_VERBS: ReadonlySet<string> = new Set(['select', 'values', 'table', ...CHANGING_VERBS]);
const LOCK_STRENGTHS: ReadonlySet<string> = new Set(['update', 'share', 'no', 'key']);
const GROUPING_ENDS: ReadonlySet<string> = new Set([
  ...['select', 'from', 'where', 'having', 'window', 'qualify', 'order', 'limit', 'offset', 'fetch', 'for', 'lock'],
  ...['into', 'union', 'intersect', 'except', 'minus', 'model', 'connect', 'start', 'procedure'],
]);
/** Operators of the lexer's own that are in no dialect's `operatorCharacters`. */
const COLONS_AND_DOTS: ReadonlySet<string> = new Set([':', '::', ':=', '..']);
/** Besides operators: behind these a parenthesis holds an expression or a query. The first is the beginning. */
const BEFORE_GROUPS: ReadonlySet<string> = new Set(['', '(', ')', '[', '{', ',']);
const VALUE_KINDS: ReadonlySet<string> = new Set([
  ...['string', 'number', 'quoted-identifier', 'variable', 'native-placeholder', 'named-placeholder'],
]);
/** MySQL: `$a$` may open a text that goes on to the next `$a$`; MariaDB takes it for a name. */
const DOLLAR_QUOTE = /^\$.*\$/;
/** Spaces that are no ASCII: a letter for our lexer, which some servers may skip. */
const ODD_SPACE = /[\s\u0085]/;

/** Both answers are there as soon as it is made. */
export class QueryReader {
  changes: StatementKind = 'read';
  calls: StatementKind = 'read';
  readonly #dialect: Dialect;
  readonly #lexemes: readonly Lexeme[];
  readonly #start: number;
  readonly #frames: Frame[] = [];
  /** The parenthesis that was closed last. */
  #closed: Frame | undefined;
  /** Where the last AS stands that is a keyword: `t.as` is a column, and `1 as as` has one keyword. -2 is nowhere. */
  #as = -2;

  constructor(dialect: Dialect, lexemes: readonly Lexeme[], start: number) {
    this.#dialect = dialect;
    this.#lexemes = lexemes;
    this.#start = start;
    this.#push({});
    for (let at = start; at < lexemes.length; at += 1) this.#read(at);
  }

  #read(at: number): void {
    const lexeme = this.#at(at);
    const { kind, text } = lexeme;
    if (this.#isOdd(at)) this.#change('unknown');
    if (text === ')') this.#close();
    else if (this.#frame.holds === 'names') {
      if (!isName(lexeme) && text !== ',') this.#change('unknown');
      if (text === '(') this.#push({ holds: 'names' });
    } else if (this.#readList(at)) return;
    else if (text === '(') this.#open(at);
    else if (isName(lexeme) && this.#at(at - 1).text === '.') this.#readPart(lexeme);
    else if (kind === 'word') this.#readWord(at);
    // MySQL: the session remembers the variable.
    else if (text === ':=' && this.#at(at - 1).kind === 'variable') this.#change('unknown');
  }

  /** What the server may cut into other tokens than our lexer does. */
  #isOdd(at: number): boolean {
    const { kind, text, word } = this.#at(at);
    const { operatorCharacters } = DIALECTS[this.#dialect];
    // Oracle's `name@link` is such.
    if (kind === 'operator') return !operatorCharacters.includes(text.charAt(0)) && !COLONS_AND_DOTS.has(text);
    // A fraction behind a name is no SQL that we know.
    if (kind === 'number') return text.startsWith('.') && isName(this.#at(at - 1)) && !this.#isReserved(at - 1);
    if (kind !== 'word') return false;
    // Oracle: `1dfor` is the number `1d` and FOR.
    const isGlued = this.#dialect === 'oracle' && /^[df]./.test(word) && this.#at(at - 1).kind === 'number';
    return DOLLAR_QUOTE.test(word) || ODD_SPACE.test(word) || (isGlued && !this.#isReserved(at));
  }

  /** Goes on in the list behind WITH. False when `at` stands behind the list, or outside of any. */
  #readList(at: number): boolean {
    const frame = this.#frame;
    const lexeme = this.#at(at);
    const { text, word } = lexeme;
    switch (frame.list) {
      case undefined:
        return false;
      case 'name':
        if (word === 'recursive' && this.#at(at - 1).word === 'with' && this.#at(at + 1).word !== 'as') return true;
        return isName(lexeme) ? this.#goOn('named') : this.#giveUp();
      case 'named':
        if (text !== '(') return word === 'as' ? this.#goOn('as') : this.#giveUp();
        this.#goOn('columns');
        return this.#push({ holds: 'names' });
      case 'columns':
        return word === 'as' ? this.#goOn('as') : this.#giveUp();
      case 'as':
        // [NOT] MATERIALIZED
        if (text !== '(') return word === 'materialized' || word === 'not' || this.#giveUp();
        this.#goOn('done');
        if (CHANGING_VERBS.has(this.#at(at + 1).word)) this.#change('write');
        return this.#push({ mayHaveAlias: true });
      case 'done':
        if (text === ',') return this.#goOn('name');
        frame.list = undefined;
        if (CHANGING_VERBS.has(word)) this.#change('write');
        // Which words belong to these two is not read: what changes something behind them is found by its verb.
        else if (word === 'search' || word === 'cycle') frame.list = 'searching';
        if (frame.list !== undefined || (text !== '(' && !STATEMENT_VERBS.has(word))) this.#change('unknown');
        return false;
      case 'searching':
        if (CHANGING_VERBS.has(word)) this.#change('write');
        return false;
    }
  }

  #goOn(list: ListState): true {
    this.#frame.list = list;
    return true;
  }

  #giveUp(): false {
    this.#frame.list = undefined;
    this.#change('unknown');
    return false;
  }

  #open(at: number): void {
    const isQuery = this.#startsQuery(at + 1);
    const isPrefix = this.#at(at - 1).word === 'on' && this.#at(at - 2).word === 'distinct';
    const call = isQuery ? 'none' : this.#callBefore(at);
    if (call === 'named') this.#call(at);
    else if (call === 'odd') this.calls = worse(this.calls, 'unknown');
    this.#push({ mayHaveAlias: isQuery || call !== 'none', isPrefix });
  }

  /** The arguments of a call never begin with a query without parentheses of its own. */
  #startsQuery(at: number): boolean {
    const { word } = this.#at(at);
    if (word === 'select' || word === 'with') return true;
    if (word === 'table') return this.#dialect !== 'oracle';
    // MySQL: `values(a)` is also a function, and PostgreSQL lets a column bear the name.
    return (
      word === 'values' && (this.#dialect === 'mysql' ? this.#at(at + 1).word === 'row' : this.#at(at + 1).text === '(')
    );
  }

  /** Whether the parenthesis at `at` opens the arguments of a call. `odd`: of nothing that we know. */
  #callBefore(at: number): 'named' | 'odd' | 'none' {
    const name = this.#at(at - 1);
    if (!isName(name)) return name.kind === 'operator' || BEFORE_GROUPS.has(name.text) ? 'none' : 'odd';
    // The outer join, `t.a = u.b (+)`.
    if (this.#dialect === 'oracle' && this.#at(at + 1).text === '+' && this.#at(at + 2).text === ')') return 'none';
    const first = this.#nameStart(at - 1);
    const before = this.#at(first - 1);
    if (first === at - 1 && before.text !== '.' && name.kind === 'word' && this.#isKeyword(first)) return 'none';
    // A type's length; an alias with its columns; the columns of INSERT, which EXPLAIN shows.
    if (before.text === '::' || before.word === 'into' || this.#as === first - 1) return 'none';
    if (before.word === 'ordinality' && this.#at(first - 2).word === 'with') return 'none';
    // OPERATOR (pg_catalog.+) may stand where an alias may, and an expression follows; whose it is, is not read.
    if (name.word === 'operator') return 'named';
    return before.text === ')' && this.#closed?.mayHaveAlias === true ? 'none' : 'named';
  }

  /** Whether the bare word at `at`, which stands in front of a parenthesis, is the grammar's own. */
  #isKeyword(at: number): boolean {
    const { word } = this.#at(at);
    const { reserved, behindValue } = GRAMMAR_WORDS[this.#dialect];
    if (reserved.has(word)) return true;
    const before = this.#at(at - 1);
    if (PAIRS.get(word)?.has(before.word) === true) return true;
    if (BEHIND_STRING.has(word) && before.kind === 'string') return true;
    if (BEHIND_PARENTHESIS.has(word) && before.text === ')') return this.#closed?.isPrefix !== true;
    if (behindValue.has(word)) return this.#endsValue(before.word === 'not' ? at - 2 : at - 1);
    return (
      (word === 'cube' || word === 'rollup') && this.#frame.isGrouping && (before.text === ',' || before.word === 'by')
    );
  }

  #endsValue(at: number): boolean {
    const lexeme = this.#at(at);
    if (lexeme.kind !== 'word')
      return VALUE_KINDS.has(lexeme.kind) || (lexeme.text === ')' && this.#closed?.isPrefix !== true);
    if (this.#at(at - 1).text === '.') return true;
    return !this.#isReserved(at) && !GRAMMAR_WORDS[this.#dialect].prefixes.has(lexeme.word);
  }

  #isReserved(at: number): boolean {
    return this.#at(at - 1).text !== '.' && GRAMMAR_WORDS[this.#dialect].reserved.has(this.#at(at).word);
  }

  /** Where the dotted name begins whose last part stands at `last`. */
  #nameStart(last: number): number {
    let first = last;
    while (this.#at(first - 1).text === '.' && isName(this.#at(first - 2))) first -= 2;
    return first;
  }

  #call(at: number): void {
    const name = this.#at(at - 1);
    const first = this.#nameStart(at - 1);
    const effect = functionEffect(this.#dialect, nameOf(name));
    const isPrefixed = first === at - 3 && this.#dialect === 'postgres' && this.#at(first).word === 'pg_catalog';
    // `f(1).abs(2)` is a method in Oracle, and a name in quotes may be anybody's: "coalesce" is no built-in.
    const isBuiltIn = (first === at - 1 || isPrefixed) && this.#at(first - 1).text !== '.' && name.kind === 'word';
    if (effect === 'changing') this.calls = 'write';
    else if (effect === 'unknown' || !isBuiltIn) this.calls = worse(this.calls, 'unknown');
  }

  /** What stands behind a dot is a name, and in Oracle, in quotes too, it may be a sequence's pseudocolumn. */
  #readPart(lexeme: Lexeme): void {
    const name = nameOf(lexeme).toLowerCase();
    if (name === 'nextval') this.#change('write');
    else if (name === 'currval') this.#change('unknown');
  }

  #readWord(at: number): void {
    const { word } = this.#at(at);
    const before = this.#at(at - 1);
    const next = this.#at(at + 1);
    if (before.word === 'as' && this.#as === at - 1) return;
    if (word === 'as') this.#as = at;
    else if (word === 'with') {
      if (at === this.#start || before.text === '(') this.#goOn('name');
    } else if (word === 'by') this.#frame.isGrouping = before.word === 'group' && this.#at(at - 2).text !== '.';
    else if (GROUPING_ENDS.has(word)) this.#frame.isGrouping = false;
    this.#readChange(at, word, before, next);
  }

  #readChange(at: number, word: string, before: Lexeme, next: Lexeme): void {
    switch (word) {
      case 'into':
        this.#change('write');
        break;
      case 'for':
        if (LOCK_STRENGTHS.has(next.word)) this.#change('write');
        // MariaDB: `next value for s` and `previous value for s`.
        if (before.word === 'value') this.#change(this.#at(at - 2).word === 'next' ? 'write' : 'unknown');
        break;
      case 'lock':
        if (next.word === 'in') this.#change('write');
        break;
      default:
        if (CHANGING_VERBS.has(word) && before.text === '(' && next.text !== '(') this.#change('write');
    }
  }

  #push({ holds = 'anything', mayHaveAlias = false, isPrefix = false }: Partial<Frame>): true {
    this.#frames.push({ holds, mayHaveAlias, isPrefix, list: undefined, isGrouping: false });
    return true;
  }

  #close(): void {
    // Closing what was never opened is no SQL.
    if (this.#frames.length === 1) this.#change('unknown');
    else this.#closed = this.#frames.pop();
  }

  #change(kind: StatementKind): void {
    this.changes = worse(this.changes, kind);
  }

  get #frame(): Frame {
    return this.#frames[this.#frames.length - 1] as Frame;
  }

  #at(at: number): Lexeme {
    return lexemeAt(this.#lexemes, at < this.#start ? -1 : at);
  }
}
