/**
 * A statement in a few words: its operations and what they are performed on, `SELECT songs artists`. The form is that of
 * OpenTelemetry's `db.query.summary` (semantic conventions 1.44.0): what spans are named and metrics grouped by.
 * Reads the significant tokens with a little grammar: where a table name can stand, and where a statement begins.
 * Invariants: never throws; linear in the text; no literal and no bind value is ever part of it; one line; at most 255
 * characters, and never cut inside a name; written as in the text, without folding case.
 * Refuses to resolve names: a view is a name like a table, and a name in quotes keeps them.
 */
import type { Dialect } from './dialect.js';
import { DIALECTS } from './dialect.js';
import type { Lexeme } from './statements.js';
import { isName, lexemeAt, readStatements } from './statements.js';

/** As the conventions have it. */
const MAX_LENGTH = 255;

/**
 * The operations of `text` and their targets, in order: `INSERT users`, `SELECT songs SELECT artists`, `CREATE TABLE t`.
 * Empty when no known operation begins the text. Safe to log: no values. At most 255 characters; what finds no room is
 * left out whole, with all that follows.
 *
 * @example
 * summarise('postgres', "select * from songs s join artists a using (id) where name = 'Ann'");   // 'select songs artists'
 */
export function summarise(dialect: Dialect, text: string): string {
  const summary = new Summary();
  for (const { lexemes } of readStatements(DIALECTS[dialect], text)) {
    new SummaryReader(lexemes, summary).read();
    if (summary.isFull) break;
  }
  return summary.text;
}

class Summary {
  text = '';
  isFull = false;

  add(word: string): void {
    const next = this.text === '' ? word : `${this.text} ${word}`;
    if (next.length > MAX_LENGTH) this.isFull = true;
    if (!this.isFull) this.text = next;
  }
}

/** Queries and changes of rows: their targets stand behind FROM, JOIN, INTO, USING or the verb itself. */
const ROW_VERBS: ReadonlySet<string> = new Set(['select', 'insert', 'update', 'delete', 'merge', 'replace']);

/** An object's kind and its name follow. */
const DEFINITIONS: ReadonlySet<string> = new Set(['create', 'alter', 'drop']);

/** A name may follow: a table, a procedure, a channel, a setting. */
const NAMING_VERBS: ReadonlySet<string> = new Set([
  ...['truncate', 'call', 'exec', 'execute', 'copy', 'lock', 'vacuum', 'analyze', 'reindex', 'cluster', 'refresh'],
  ...['listen', 'unlisten', 'notify', 'show', 'set', 'reset', 'prepare', 'declare', 'table', 'use', 'describe', 'desc'],
]);

/** Nothing follows that would be a target, or what follows is a name made up for the occasion, as a savepoint's is. */
const LONELY_VERBS: ReadonlySet<string> = new Set([
  ...['values', 'begin', 'start', 'commit', 'rollback', 'savepoint', 'release', 'abort', 'end', 'grant', 'revoke'],
  ...['comment', 'deallocate', 'discard', 'checkpoint', 'fetch', 'move', 'close', 'do', 'load', 'kill', 'flush'],
  ...['rename', 'purge', 'import', 'handler', 'xa', 'unlock'],
]);

const OBJECT_KINDS: ReadonlySet<string> = new Set([
  ...['table', 'view', 'index', 'sequence', 'function', 'procedure', 'trigger', 'schema', 'database', 'user', 'role'],
  ...['type', 'domain', 'extension', 'policy', 'publication', 'subscription', 'server', 'tablespace', 'aggregate'],
  ...['collation', 'conversion', 'rule', 'language', 'group', 'statistics', 'package', 'synonym', 'event', 'profile'],
]);

/** OR REPLACE, UNIQUE, TEMPORARY, MATERIALIZED …: so many words may stand between the verb and the object's kind. */
const MOST_MODIFIERS = 6;

/** Words in front of a name. */
const BEFORE_NAME: ReadonlySet<string> = new Set([
  ...['if', 'not', 'exists', 'concurrently', 'only', 'lateral', 'into', 'table', 'materialized', 'view', 'full'],
  ...['freeze', 'verbose', 'local', 'session', 'global', 'ignore', 'low_priority', 'delayed', 'index', 'from'],
]);

/** The same where rows are read and changed: a table may well be called `session` or `table`. */
const BEFORE_TABLE: ReadonlySet<string> = new Set([
  ...['only', 'lateral', 'into', 'ignore', 'low_priority', 'high_priority', 'delayed', 'quick'],
]);

/** They end a list of tables. */
const AFTER_TABLES: ReadonlySet<string> = new Set([
  ...['where', 'set', 'group', 'order', 'having', 'limit', 'offset', 'fetch', 'window', 'union', 'intersect', 'except'],
  ...['minus', 'on', 'for', 'values', 'select', 'returning', 'when', 'connect', 'start', 'qualify', 'with', 'default'],
]);

/** They make a set of two queries, whose second SELECT is the same operation. */
const SET_WORDS: ReadonlySet<string> = new Set(['union', 'intersect', 'except', 'minus', 'all', 'distinct']);

/** An open parenthesis, or the statement around them all. */
interface Frame {
  /** The operation whose tables are read, in lower case; '' where there is none, as in `extract(day from x)`. */
  verb: string;
  /** The next name is a table. */
  expectsTable: boolean;
  /** A comma brings another one. */
  isInTables: boolean;
  /** Names of WITH stand here: they are no tables. */
  isInWith: boolean;
}

function newFrame(expectsTable: boolean, verb: string): Frame {
  return { verb, expectsTable, isInTables: expectsTable, isInWith: false };
}

class SummaryReader {
  readonly #lexemes: readonly Lexeme[];
  readonly #summary: Summary;
  readonly #frames: Frame[] = [newFrame(false, '')];
  /** The names that WITH gave to queries, in lower case. */
  readonly #queryNames = new Set<string>();
  /** Where the rows' statement begins. */
  #start = 0;

  constructor(lexemes: readonly Lexeme[], summary: Summary) {
    this.#lexemes = lexemes;
    this.#summary = summary;
  }

  read(): void {
    let at = 0;
    while (lexemeAt(this.#lexemes, at).text === '(') at += 1;
    const { word, text } = lexemeAt(this.#lexemes, at);
    if (word === 'explain') {
      this.#summary.add(text);
      this.#readRows(this.#explained(at + 1));
    } else if (word === 'with' || ROW_VERBS.has(word)) this.#readRows(at);
    else if (DEFINITIONS.has(word)) this.#readDefinition(at);
    else if (NAMING_VERBS.has(word)) this.#readNaming(at);
    else if (LONELY_VERBS.has(word)) this.#summary.add(text);
  }

  /** CREATE [OR REPLACE …] kind [IF NOT EXISTS] name. What follows belongs to the object, and is no operation of now. */
  #readDefinition(verb: number): void {
    this.#summary.add(lexemeAt(this.#lexemes, verb).text);
    for (let at = verb + 1; at <= verb + MOST_MODIFIERS; at += 1) {
      const { word, text } = lexemeAt(this.#lexemes, at);
      if (!OBJECT_KINDS.has(word)) continue;
      this.#summary.add(text);
      this.#addNames(at + 1, verb);
      return;
    }
  }

  #readNaming(verb: number): void {
    const { text, word } = lexemeAt(this.#lexemes, verb);
    this.#summary.add(text);
    // `copy (select …) to stdout`, `execute 'text'`
    if (lexemeAt(this.#lexemes, verb + 1).text === '(' && word === 'copy') this.#readRows(verb + 1);
    else this.#addNames(verb + 1, verb);
  }

  /** The name at `from`; for DROP and TRUNCATE also those that follow it. */
  #addNames(from: number, verb: number): void {
    const { word } = lexemeAt(this.#lexemes, verb);
    let at = from;
    do {
      while (BEFORE_NAME.has(lexemeAt(this.#lexemes, at).word) && isName(lexemeAt(this.#lexemes, at + 1))) at += 1;
      // CREATE INDEX ON t: the server finds a name.
      if (!isName(lexemeAt(this.#lexemes, at)) || lexemeAt(this.#lexemes, at).word === 'on') return;
      at = this.#addName(at) + 1;
    } while ((word === 'drop' || word === 'truncate') && lexemeAt(this.#lexemes, at - 1).text === ',');
  }

  /** Adds the dotted name that begins at `from`, and answers where it ends. */
  #addName(from: number): number {
    let name = lexemeAt(this.#lexemes, from).text;
    let at = from + 1;
    while (lexemeAt(this.#lexemes, at).text === '.' && isName(lexemeAt(this.#lexemes, at + 1))) {
      name += `.${lexemeAt(this.#lexemes, at + 1).text}`;
      at += 2;
    }
    const isQuery = at === from + 1 && this.#queryNames.has(name.toLowerCase());
    if (!isQuery) this.#summary.add(name.replace(CONTROL, '�'));
    return at;
  }

  /** Behind the options of EXPLAIN, in words or in parentheses. */
  #explained(from: number): number {
    for (let at = from; at < this.#lexemes.length; at += 1) {
      const { word } = lexemeAt(this.#lexemes, at);
      if (ROW_VERBS.has(word) || word === 'with') return at;
    }
    return this.#lexemes.length;
  }

  #readRows(from: number): void {
    this.#start = from;
    for (let at = from; at < this.#lexemes.length && !this.#summary.isFull;) at = this.#readRow(at);
  }

  /** Reads what stands at `at`, and answers where to go on. */
  #readRow(at: number): number {
    const lexeme = lexemeAt(this.#lexemes, at);
    const frame = this.#frame;
    if (lexeme.text === '(') this.#frames.push(newFrame(frame.expectsTable, frame.expectsTable ? frame.verb : ''));
    else if (lexeme.text === ')') {
      if (this.#frames.length > 1) this.#frames.pop();
      this.#frame.expectsTable = false;
    } else if (lexeme.text === ',') frame.expectsTable = frame.isInTables;
    else if (frame.isInWith && this.#takesQueryName(at)) return at + 1;
    else if (lexeme.kind === 'word' && this.#takesKeyword(at)) return at + 1;
    else if (frame.expectsTable && isName(lexeme)) {
      frame.expectsTable = false;
      return this.#addName(at);
    } else if (frame.expectsTable && lexeme.text !== '(') frame.expectsTable = false;
    return at + 1;
  }

  /** `with a (x) as (…), b as (…)` */
  #takesQueryName(at: number): boolean {
    const before = lexemeAt(this.#lexemes, at - 1);
    const lexeme = lexemeAt(this.#lexemes, at);
    if (!isName(lexeme) || !(before.text === ',' || before.word === 'with' || before.word === 'recursive'))
      return false;
    if (lexeme.word === 'recursive') return true;
    this.#queryNames.add(lexeme.text.toLowerCase());
    return true;
  }

  /** Answers whether the word is one of the grammar; else it may be a name. */
  #takesKeyword(at: number): boolean {
    const { word } = lexemeAt(this.#lexemes, at);
    const before = lexemeAt(this.#lexemes, at - 1);
    if (before.text === '.' || before.word === 'as') return true;
    const frame = this.#frame;
    if (word === 'with' && (at === this.#start || before.text === '(')) {
      frame.isInWith = true;
      return true;
    }
    if (ROW_VERBS.has(word) && this.#isVerb(at)) {
      this.#beginOperation(at);
      return true;
    }
    if (this.#opensTables(word, before)) {
      frame.expectsTable = true;
      frame.isInTables = true;
      return true;
    }
    if (frame.expectsTable && this.#isBeforeTable(at)) return true;
    if (AFTER_TABLES.has(word) && !frame.expectsTable) {
      // ON belongs to one join; the list goes on behind it.
      if (word !== 'on') frame.isInTables = false;
      return true;
    }
    return false;
  }

  /** A statement begins here: at the front, in parentheses, behind the WITH list, or as the query of an INSERT. */
  #isVerb(at: number): boolean {
    const before = lexemeAt(this.#lexemes, at - 1);
    const { word } = lexemeAt(this.#lexemes, at);
    const { verb, isInWith } = this.#frame;
    // MySQL's functions of that name.
    if ((word === 'insert' || word === 'replace') && lexemeAt(this.#lexemes, at + 1).text === '(') return false;
    if (at === this.#start || before.text === '(' || isInWith) return true;
    return word === 'select' && verb !== '' && verb !== 'select' && !SET_WORDS.has(before.word);
  }

  #beginOperation(at: number): void {
    const { word, text } = lexemeAt(this.#lexemes, at);
    const frame = this.#frame;
    this.#summary.add(text);
    frame.verb = word;
    frame.isInWith = false;
    // The target stands behind the verb itself, or behind INTO, which is passed over.
    frame.expectsTable = word !== 'select' && word !== 'delete';
    frame.isInTables = word === 'update';
  }

  #opensTables(word: string, before: Lexeme): boolean {
    const { verb } = this.#frame;
    if (verb === '') return false;
    if (word === 'from') return before.word !== 'distinct' || verb !== 'select';
    if (word === 'join' || word === 'straight_join') return true;
    return word === 'using' && (verb === 'delete' || verb === 'merge');
  }

  #isBeforeTable(at: number): boolean {
    const { word } = lexemeAt(this.#lexemes, at);
    const next = lexemeAt(this.#lexemes, at + 1);
    // Oracle's TABLE(…) and PostgreSQL's ROWS FROM (…) are no tables; what they hold may be one.
    if (word === 'table') return next.text === '(';
    if (word === 'rows') return next.word === 'from';
    return BEFORE_TABLE.has(word) && (next.text === '(' || (isName(next) && !AFTER_TABLES.has(next.word)));
  }

  get #frame(): Frame {
    return this.#frames[this.#frames.length - 1] as Frame;
  }
}

/** What could break a line of a log. Only quoted names hold any of it. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;
