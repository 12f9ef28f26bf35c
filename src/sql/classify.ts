/**
 * Whether a statement only reads: what a router asks before it sends something to a replica.
 * Conservative: 'read' is said only of forms that are known to change nothing, 'write' as soon as something in the text
 * changes data, takes locks or speaks to other sessions, 'unknown' in all other cases. A router treats 'unknown' like a
 * write; the word is kept apart so that a report can tell what was seen from what was not understood.
 * Invariants: never throws, linear in the text, depends on the text alone; what is not understood is 'unknown'.
 * Refuses to know the schema, so what the schema hides stays unseen: a writing function behind a view, a rule, a row
 * security policy, an operator or a cast (a domain whose constraint writes); a function that bears a built-in's name, or is
 * called without parentheses (`select songs.touch from songs` calls `touch(songs)` in PostgreSQL, and Oracle needs none).
 */
import type { Dialect } from './dialect.js';
import { DIALECTS } from './dialect.js';
import type { StatementKind } from './query-reader.js';
import { QueryReader, worse } from './query-reader.js';
import type { Lexeme, StatementLexemes } from './statements.js';
import { lexemeAt, readStatements } from './statements.js';

export type { StatementKind };

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
    const kind = kindOf(dialect, statement);
    worst = worst === undefined ? kind : worse(worst, kind);
  }
  return worst ?? 'unknown';
}

function kindOf(dialect: Dialect, { lexemes, isOpen, isConditional }: StatementLexemes): StatementKind {
  const kind = kindFrom(dialect, lexemes, 0);
  return isOpen || isConditional ? worse(kind, 'unknown') : kind;
}

function kindFrom(dialect: Dialect, lexemes: readonly Lexeme[], start: number): StatementKind {
  const { explains, writes, reads } = VERBS[dialect];
  let from = start;
  while (lexemeAt(lexemes, from).text === '(') from += 1;
  const { word } = lexemeAt(lexemes, from);
  if (explains.has(word)) return explainedKind(dialect, lexemes, from);
  if (writes.has(word)) return 'write';
  if (!reads.has(word)) return 'unknown';
  const query = new QueryReader(dialect, lexemes, start);
  return worse(query.changes, query.calls);
}

const QUERIES: ReadonlySet<string> = new Set(['select', 'with', 'values', 'table']);
const EXPLAINABLE: ReadonlySet<string> = new Set([
  ...[...QUERIES, 'insert', 'update', 'delete', 'merge', 'replace', 'execute', 'declare', 'create', 'refresh'],
]);

/** Without ANALYZE nothing is run; but a planner may call functions to know their result. */
function explainedKind(dialect: Dialect, lexemes: readonly Lexeme[], explain: number): StatementKind {
  let isRun = false;
  let at = explain + 1;
  for (let depth = 0; at < lexemes.length; at += 1) {
    const { kind, text, word } = lexemeAt(lexemes, at);
    if (depth === 0 && EXPLAINABLE.has(word)) break;
    if (text === '(') {
      const { text: next, word: inside } = lexemeAt(lexemes, at + 1);
      if (depth === 0 && (next === '(' || QUERIES.has(inside))) break;
      depth += 1;
    } else if (text === ')') depth -= 1;
    // MySQL keeps the plan in a user variable.
    else if (word === 'into') return 'unknown';
    // An option's name in quotes may be any, "analyze" too.
    isRun ||= word === 'analyze' || word === 'analyse' || (depth > 0 && kind === 'quoted-identifier');
  }
  // What was prepared is not shown.
  if (lexemeAt(lexemes, at).word === 'execute') return 'unknown';
  if (isRun) return kindFrom(dialect, lexemes, at);
  return new QueryReader(dialect, lexemes, at).calls === 'read' ? 'read' : 'unknown';
}
