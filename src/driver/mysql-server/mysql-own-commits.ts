/**
 * Which statements MySQL and MariaDB commit by themselves (manual, "Statements That Cause an Implicit Commit"), read by
 * mysql-transactions.ts. Told by the first words of a text.
 * Invariant: no verb that is not known here is taken for a part of its transaction: it may commit, as a definition does. Nearly always
 * it is a typing error, so it is no program.
 */
import type { OwnCommit } from '../driver.js';
import { firstWords } from '../../sql/first-words.js';

/** Part of the transaction around them, or without a meaning for it. COMMIT and ROLLBACK say what they do. */
const WITHIN: ReadonlySet<string> = new Set(
  (
    'select insert update delete replace with values value table load do handler use help signal resignal get kill binlog checksum ' +
    'show describe desc explain analyze prepare deallocate savepoint release rollback commit set'
  ).split(' '),
);

/** Done as one step, at least where they name one object. */
const DEFINITIONS: ReadonlySet<string> = new Set(['create', 'alter', 'drop', 'rename', 'truncate']);

/** Of these a part may stay: several accounts, or files beside the dictionary. */
const OF_PARTS: ReadonlySet<string> = new Set(['user', 'role', 'or']);

/** They do several things one after the other. */
const IN_PARTS: ReadonlySet<string> = new Set(
  'grant revoke flush reset optimize repair check cache install uninstall change stop purge import clone backup'.split(
    ' ',
  ),
);

/**
 * They run others, MariaDB's also without a procedure around them. BEGIN and START TRANSACTION commit and begin anew. Without a word,
 * the verb stands behind `/*!` or a brace.
 */
const PROGRAMS: ReadonlySet<string> = new Set([
  '',
  ...'call execute begin start xa if case loop while repeat for declare'.split(' '),
]);

/** MariaDB: `name: begin not atomic …`. */
const LABEL = /^\s*[`\w]+\s*:/;

export function commitsByItself(text: string): OwnCommit | undefined {
  const [verb = '', second = ''] = firstWords('mysql', text, 2);
  if (verb === 'set') return settingCommits(second, text);
  // ANALYZE TABLE commits; MariaDB's ANALYZE of a statement is part of the transaction as that is.
  if (verb === 'analyze' && ['table', 'local', 'no_write_to_binlog'].includes(second)) return 'parts';
  // LOAD DATA is a write as any other.
  if (verb === 'load' && second === 'index') return 'whole';
  if (WITHIN.has(verb)) return undefined;
  if (DEFINITIONS.has(verb)) return definitionCommits(verb, second, text);
  if (IN_PARTS.has(verb)) return 'parts';
  return PROGRAMS.has(verb) || LABEL.test(text) ? 'program' : 'whole';
}

function definitionCommits(verb: string, second: string, text: string): OwnCommit {
  if (OF_PARTS.has(second)) return 'parts';
  if (verb === 'drop') return second === 'database' || second === 'schema' || text.includes(',') ? 'parts' : 'whole';
  return verb === 'rename' && text.includes(',') ? 'parts' : 'whole';
}

/** SET of a variable is none but for `autocommit`; of a password it changes an account; MariaDB's SET STATEMENT … FOR runs another. */
function settingCommits(second: string, text: string): OwnCommit | undefined {
  if (second === 'statement') return 'program';
  if (second === 'password' || second === 'default') return 'parts';
  return /autocommit/i.test(text) ? 'whole' : undefined;
}
