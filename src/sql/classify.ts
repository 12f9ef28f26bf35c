/**
 * Whether a statement only reads: what a router asks before it sends something to a replica.
 * Conservative: 'read' is said only of forms that are known to change nothing, 'write' as soon as something in the text
 * changes data, takes locks or speaks to other sessions, 'unknown' in all other cases. A router treats 'unknown' like a
 * write; the word is kept apart so that a report can tell what was seen from what was not understood.
 * Invariants: never throws, linear in the text, depends on the text alone.
 * Refuses to know the schema. So it cannot see a writing function behind a view, a rule, an operator, or a function that
 * bears a built-in's name; nor Oracle's functions that are called without parentheses.
 */
import type { Dialect } from './dialect.js';
import { DIALECTS } from './dialect.js';
import { functionEffect, NO_FUNCTIONS } from './known-functions.js';
import type { Lexeme, StatementLexemes } from './statements.js';
import { isName, lexemeAt, nameOf, readStatements } from './statements.js';

/** `read`: changes nothing, certainly. `write`: changes something, or may. `unknown`: the text does not tell. */
export type StatementKind = 'read' | 'write' | 'unknown';

interface Verbs {
  readonly reads: ReadonlySet<string>;
  readonly explains: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}

const WRITES: readonly string[] = [
  'insert',
  'update',
  'delete',
  'merge',
  'truncate',
  'create',
  'alter',
  'drop',
  'grant',
  'revoke',
  'lock',
];

/** What is in no set is unknown: SET, BEGIN, CALL, DO, EXECUTE … */
const VERBS: Readonly<Record<Dialect, Verbs>> = {
  postgres: {
    reads: new Set(['select', 'with', 'values', 'table', 'show']),
    explains: new Set(['explain']),
    writes: new Set([
      ...WRITES,
      ...['comment', 'copy', 'vacuum', 'analyze', 'analyse', 'reindex', 'cluster', 'refresh', 'reassign', 'security'],
      ...['import', 'notify'],
    ]),
  },
  mysql: {
    reads: new Set(['select', 'with', 'values', 'table', 'show']),
    explains: new Set(['explain', 'describe', 'desc']),
    writes: new Set([
      ...WRITES,
      ...['replace', 'load', 'rename', 'optimize', 'repair', 'analyze', 'import', 'install', 'uninstall', 'flush'],
      ...['purge', 'reset'],
    ]),
  },
  oracle: {
    reads: new Set(['select', 'with']),
    explains: new Set(),
    // EXPLAIN PLAN writes rows into PLAN_TABLE.
    writes: new Set([...WRITES, 'comment', 'rename', 'purge', 'flashback', 'analyze', 'explain', 'audit', 'noaudit']),
  },
};

/**
 * What `text` does: 'read' when it certainly changes nothing, 'write' when something in it changes data, takes locks or
 * cannot run on a replica, else 'unknown'. Of several statements the worst counts: write, then unknown, then read. A text
 * without a statement is 'unknown'. Never throws.
 * A SELECT is 'unknown' as soon as it calls a function that is not a well-known built-in.
 *
 * @example
 * classify('postgres', 'select count(*) from songs');            // 'read'
 * classify('postgres', 'select * from songs for update');        // 'write'
 * classify('postgres', 'select next_invoice_number()');          // 'unknown'
 */
export function classify(dialect: Dialect, text: string): StatementKind {
  let worst: StatementKind | undefined;
  for (const statement of readStatements(DIALECTS[dialect], text)) {
    const kind = kindOf(VERBS[dialect], statement);
    worst = worst === undefined ? kind : worse(worst, kind);
  }
  return worst ?? 'unknown';
}

function worse(one: StatementKind, other: StatementKind): StatementKind {
  if (one === 'write' || other === 'write') return 'write';
  return one === 'unknown' || other === 'unknown' ? 'unknown' : 'read';
}

function kindOf(verbs: Verbs, { lexemes, isOpen, isConditional }: StatementLexemes): StatementKind {
  const kind = kindFrom(verbs, lexemes, 0);
  return isOpen || isConditional ? worse(kind, 'unknown') : kind;
}

function kindFrom(verbs: Verbs, lexemes: readonly Lexeme[], start: number): StatementKind {
  let from = start;
  while (lexemeAt(lexemes, from).text === '(') from += 1;
  const { word } = lexemeAt(lexemes, from);
  if (verbs.explains.has(word)) return explainedKind(verbs, lexemes, from);
  if (verbs.writes.has(word)) return 'write';
  if (!verbs.reads.has(word)) return 'unknown';
  const query = new QueryReader(lexemes, start);
  return worse(query.changes, query.calls);
}

const EXPLAINABLE: ReadonlySet<string> = new Set([
  ...['select', 'with', 'values', 'table', 'insert', 'update', 'delete', 'merge', 'replace', 'execute', 'declare'],
  ...['create', 'refresh'],
]);

/** Without ANALYZE nothing is run; but a planner may call functions to know their result. */
function explainedKind(verbs: Verbs, lexemes: readonly Lexeme[], explain: number): StatementKind {
  let isRun = false;
  let at = explain + 1;
  for (let depth = 0; at < lexemes.length; at += 1) {
    const { text, word } = lexemeAt(lexemes, at);
    if (depth === 0 && EXPLAINABLE.has(word)) break;
    if (text === '(') {
      const { text: next, word: inside } = lexemeAt(lexemes, at + 1);
      if (depth === 0 && (next === '(' || EXPLAINABLE.has(inside))) break;
      depth += 1;
    } else if (text === ')') depth -= 1;
    // MySQL keeps the plan in a user variable.
    else if (word === 'into') return 'unknown';
    isRun ||= word === 'analyze' || word === 'analyse';
  }
  if (isRun) return kindFrom(verbs, lexemes, at);
  return new QueryReader(lexemes, at).calls === 'read' ? 'read' : 'unknown';
}

/** What is known about an open parenthesis, or about the statement around them all. */
interface Frame {
  /** It holds a query or the arguments of a call: a name and a list may follow, `f(1) as x (a, b)` without the AS. */
  readonly mayHaveAlias: boolean;
  /** Between WITH and the main statement: `name (columns) as (…), name …`. */
  isInWith: boolean;
}

/** Words that end the WITH list at their own depth. */
const MAIN_VERBS: ReadonlySet<string> = new Set(['select', 'values', 'table', 'insert', 'update', 'delete', 'merge']);
const CHANGING_VERBS: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'merge']);
const QUERY_STARTS: ReadonlySet<string> = new Set(['select', 'with', 'values', 'table']);
const LOCK_STRENGTHS: ReadonlySet<string> = new Set(['update', 'share', 'no', 'key']);

/** Reads a query from `start` on, in one pass: what its keywords change, and what its function calls may. */
class QueryReader {
  changes: StatementKind = 'read';
  calls: StatementKind = 'read';
  readonly #lexemes: readonly Lexeme[];
  readonly #start: number;
  readonly #frames: Frame[] = [{ mayHaveAlias: false, isInWith: false }];
  /** The parenthesis that was closed last. */
  #closed: Frame | undefined;

  constructor(lexemes: readonly Lexeme[], start: number) {
    this.#lexemes = lexemes;
    this.#start = start;
    for (let at = start; at < lexemes.length; at += 1) this.#read(at);
  }

  #read(at: number): void {
    const lexeme = this.#at(at);
    const { text } = lexeme;
    if (text === '(') this.#open(at);
    else if (text === ')') {
      if (this.#frames.length > 1) this.#closed = this.#frames.pop();
    } else if (lexeme.kind === 'word') this.#readWord(at);
    // MySQL: the session remembers the variable.
    else if (text === ':=' && this.#at(at - 1).kind === 'variable') this.#change('unknown');
  }

  #open(at: number): void {
    const isCall = this.#isCall(at);
    if (isCall) this.#call(at);
    const isQuery = QUERY_STARTS.has(this.#at(at + 1).word);
    this.#frames.push({ mayHaveAlias: isCall || isQuery, isInWith: false });
  }

  /** `at` stands on a parenthesis. */
  #isCall(at: number): boolean {
    const name = this.#at(at - 1);
    // Oracle's outer join: `t.a = u.b (+)`.
    if (!isName(name) || (this.#at(at + 1).text === '+' && this.#at(at + 2).text === ')')) return false;
    const first = this.#nameStart(at - 1);
    const before = this.#at(first - 1);
    if (first === at - 1 && NO_FUNCTIONS.has(name.word)) return false;
    // A type's length, an alias with its columns, the columns of INSERT.
    if (before.text === '::' || ['as', 'into', 'ordinality'].includes(before.word)) return false;
    if (before.text === ')') return this.#closed?.mayHaveAlias !== true;
    const { isInWith } = this.#frame;
    return !(isInWith && (before.text === ',' || before.word === 'with' || before.word === 'recursive'));
  }

  /** Where the dotted name begins whose last part stands at `last`. */
  #nameStart(last: number): number {
    let first = last;
    while (this.#at(first - 1).text === '.' && isName(this.#at(first - 2))) first -= 2;
    return first;
  }

  #call(at: number): void {
    const first = this.#nameStart(at - 1);
    const effect = functionEffect(nameOf(this.#at(at - 1)));
    const isBuiltIn = first === at - 1 || (first === at - 3 && nameOf(this.#at(first)) === 'pg_catalog');
    if (effect === 'changing') this.calls = 'write';
    else if (effect === 'unknown' || !isBuiltIn) this.calls = worse(this.calls, 'unknown');
  }

  #readWord(at: number): void {
    const { word } = this.#at(at);
    const before = this.#at(at - 1);
    const next = this.#at(at + 1);
    if (before.text === '.') {
      if (word === 'nextval') this.#change('write');
      else if (word === 'currval') this.#change('unknown');
      return;
    }
    if (before.word === 'as') return;
    if (word === 'with' && (at === this.#start || before.text === '(')) {
      this.#frame.isInWith = true;
      // Oracle: functions written into the query.
      if ((next.word === 'function' || next.word === 'procedure') && isName(this.#at(at + 2))) {
        if (this.#at(at + 2).word !== 'as') this.#change('unknown');
      }
    } else if (this.#isChanging(at, word, before, next)) this.#change('write');
    if (MAIN_VERBS.has(word) && !isListed(before)) this.#frame.isInWith = false;
  }

  #isChanging(at: number, word: string, before: Lexeme, next: Lexeme): boolean {
    switch (word) {
      case 'into':
        return true;
      case 'for':
        return LOCK_STRENGTHS.has(next.word);
      case 'lock':
        return next.word === 'in';
      case 'next':
        return next.word === 'value' && this.#at(at + 2).word === 'for';
      default: {
        if (!CHANGING_VERBS.has(word) || next.text === '(') return false;
        // `with t as (delete …)`, `with t as (…) delete …`; and behind SEARCH and CYCLE any word may stand before it.
        return before.text === '(' || before.text === ')' || (this.#frame.isInWith && !isListed(before));
      }
    }
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

/** Behind these a word of the WITH list is the name of a query, whatever the word. */
function isListed(before: Lexeme): boolean {
  return before.text === ',' || before.word === 'with' || before.word === 'recursive';
}
