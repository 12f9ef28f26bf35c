/**
 * Oracle's words for transactions, and what a statement means for the one that is open (SQL Language Reference, "Types of SQL
 * Statements"). A transaction begins with the first change; SET TRANSACTION says how it will be, and costs a round trip only where
 * it says anything: what BEGIN is elsewhere is not sent at all.
 *
 * Oracle has two levels. `read uncommitted` is `read committed`, and `repeatable read` is `serializable`. A read-only transaction sees
 * one moment throughout, whatever its level, which cannot be said beside it. A savepoint cannot be released.
 */
import { firstWords } from '../../sql/first-words.js';
import type { BeginOptions, IsolationLevel, OwnCommit, TransactionStatements } from '../driver.js';
import { WITNESS_CHECK, WITNESS_SET } from './oracle-witness.js';

/** Says nothing that the server does not do by itself, and is not sent. */
export const PLAIN_BEGIN = 'set transaction read write';

/** Not sent either. */
const RELEASE = 'release savepoint ';

const LEVELS: Readonly<Record<IsolationLevel, string>> = {
  'read uncommitted': 'read committed',
  'read committed': 'read committed',
  'repeatable read': 'serializable',
  serializable: 'serializable',
};

export const oracleTransactions: TransactionStatements = {
  begin({ isolation, readOnly }: BeginOptions): string {
    if (readOnly === true) return 'set transaction read only';
    return isolation === undefined ? PLAIN_BEGIN : `set transaction isolation level ${LEVELS[isolation]}`;
  },
  commit: 'commit',
  rollback: 'rollback',
  savepoint: (name) => `savepoint ${name}`,
  rollbackTo: (name) => `rollback to savepoint ${name}`,
  releaseSavepoint: (name) => `${RELEASE}${name}`,
  witness: { set: WITNESS_SET, check: WITNESS_CHECK },
  commitsByItself,
};

/**
 * `query` changes nothing, and is never sent with a COMMIT: with one, SELECT … FOR UPDATE would lose its rows before they are read.
 * `session`: ALTER SESSION, SET ROLE, ALTER SYSTEM, which leave the transaction alone. So does `private`: CREATE and DROP of a private
 * temporary table ("Private Temporary Tables" in the Administrator's Guide).
 */
export type StatementKind =
  | 'query'
  | 'change'
  | 'definition'
  | 'program'
  | 'session'
  | 'private'
  | 'begin'
  | 'plain-begin'
  | 'commit'
  | 'rollback'
  | 'savepoint'
  | 'rollback-to'
  | 'release';

export interface StatementFacts {
  readonly kind: StatementKind;
  /** The verb, in upper case. */
  readonly command: string;
}

/** Oracle runs one statement at a time, so its first words tell. */
export function factsOf(text: string): StatementFacts {
  if (text === PLAIN_BEGIN) return { kind: 'plain-begin', command: 'SET' };
  if (text.startsWith(RELEASE)) return { kind: 'release', command: 'RELEASE' };
  const [verb = '', second = ''] = firstWords('oracle', text, 2);
  return { kind: kindOf(verb, second, text), command: verb.toUpperCase() };
}

function kindOf(verb: string, second: string, text: string): StatementKind {
  switch (verb) {
    case 'select':
    case 'with':
      return 'query';
    case 'insert':
    case 'update':
    case 'delete':
    case 'merge':
    case 'lock':
    case 'explain':
      return 'change';
    case 'begin':
    case 'declare':
    case 'call':
    // A label, as only a block has one, or `{ call … }`.
    case '':
      return 'program';
    case 'commit':
      return 'commit';
    case 'savepoint':
      return 'savepoint';
    case 'rollback':
      return isRollbackTo(second, text) ? 'rollback-to' : 'rollback';
    case 'set':
      if (second === 'transaction') return 'begin';
      return second === 'constraint' || second === 'constraints' ? 'change' : 'session';
    case 'alter':
      return second === 'session' || second === 'system' ? 'session' : 'definition';
    case 'create':
    case 'drop':
      return isPrivate(text) ? 'private' : 'definition';
    default:
      return 'definition';
  }
}

/** By the prefix that such names must have, unless a DBA has chosen another one: then the drop is taken for a definition. */
function isPrivate(text: string): boolean {
  const words = firstWords('oracle', text, 5);
  if (words[0] === 'create') return words[1] === 'private';
  const name = words[2] === 'if' ? words[4] : words[2];
  return words[1] === 'table' && name?.startsWith('ora$ptt_') === true;
}

function isRollbackTo(second: string, text: string): boolean {
  return second === 'to' || (second === 'work' && firstWords('oracle', text, 3)[2] === 'to');
}

/** What is not known is taken for a definition, which nearly every other verb is. */
function commitsByItself(text: string): OwnCommit | undefined {
  const { kind } = factsOf(text);
  if (kind === 'definition') return 'whole';
  return kind === 'program' ? 'program' : undefined;
}
