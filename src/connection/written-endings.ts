/**
 * COMMIT and ROLLBACK that somebody writes as a statement. Asked by transaction-control.ts before each statement; what statements do to
 * transactions without these words is own-commits.ts.
 */
import type { Dialect } from '../sql/dialect.js';
import { firstWord, firstWords } from '../sql/first-words.js';

/** The verbs with which a transaction is ended; PREPARE only with TRANSACTION behind it. */
const ENDING_VERBS: ReadonlySet<string> = new Set(['commit', 'end', 'rollback', 'abort', 'prepare']);

/**
 * How a statement ends its transaction, if it does: `for-good` by COMMIT, END or PREPARE TRANSACTION; `chained` by `commit and
 * chain`, `rollback work and chain` (`and no chain` is what is meant without it). Nearly all statements cost one word.
 */
export function endingOf(dialect: Dialect, text: string): 'for-good' | 'chained' | undefined {
  const verb = firstWord(dialect, text);
  if (!ENDING_VERBS.has(verb)) return undefined;
  const words = firstWords(dialect, text, 4);
  if (verb === 'prepare') return words[1] === 'transaction' ? 'for-good' : undefined;
  const at = words[1] === 'work' || words[1] === 'transaction' ? 2 : 1;
  if (words[at] === 'and' && words[at + 1] === 'chain') return 'chained';
  return verb === 'commit' || verb === 'end' ? 'for-good' : undefined;
}
