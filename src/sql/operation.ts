/**
 * What a statement does, in one of nine words: what metrics may be grouped by, because there can never be more of them.
 * Refuses to be exact: a statement that reads and changes is named after what it changes.
 */
import type { Dialect } from './dialect.js';
import { firstWords } from './first-words.js';

/** Every name there is, in the order in which reports show them. */
export const OPERATIONS = ['select', 'insert', 'update', 'delete', 'merge', 'ddl', 'tx', 'call', 'other'] as const;

export type Operation = (typeof OPERATIONS)[number];

/** By the first word; what is not here is `other`. */
const OPERATION_OF: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['select', 'select'],
  ['table', 'select'],
  ['values', 'select'],
  ['insert', 'insert'],
  ['replace', 'insert'],
  ['update', 'update'],
  ['delete', 'delete'],
  ['merge', 'merge'],
  ...['create', 'alter', 'drop', 'truncate', 'rename', 'comment', 'grant', 'revoke'].map(
    (verb) => [verb, 'ddl'] as const,
  ),
  ...['begin', 'start', 'commit', 'rollback', 'savepoint', 'release', 'abort', 'end'].map(
    (verb) => [verb, 'tx'] as const,
  ),
  ['call', 'call'],
  ['exec', 'call'],
  ['do', 'call'],
]);

/** Of the shape of a statement, where no literal can look like a verb. */
const CHANGE = /\b(insert|update|delete|merge)\b/i;

/** `shape` is the statement's fingerprint. A batch is named after its statement. */
export function operationOf(dialect: Dialect, shape: string): Operation {
  const [first = '', second = ''] = firstWords(dialect, shape, 2);
  const verb = first === 'batch' ? second : first;
  if (verb !== 'with') return OPERATION_OF.get(verb) ?? 'other';
  const change = CHANGE.exec(shape)?.[1]?.toLowerCase();
  return change === undefined ? 'select' : (OPERATION_OF.get(change) ?? 'other');
}
