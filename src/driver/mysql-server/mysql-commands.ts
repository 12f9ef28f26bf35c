/** What the verb of a statement tells, for whoever has the answer or the error of one. */
import { firstWord } from '../../sql/first-words.js';

/** After an error of one of these, a session outside a transaction is outside still: they begin none. */
const PLAIN: ReadonlySet<string> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'SHOW', 'DO']);

const CHANGING: ReadonlySet<string> = new Set(['INSERT', 'REPLACE', 'DELETE', 'UPDATE']);

/** `  select …` → `SELECT`. Most texts begin with their verb; for comments and parentheses the lexer is asked. */
export function commandOf(text: string): string {
  const verb = /^\s*([a-z]+)\b/i.exec(text)?.[1] ?? firstWord('mysql', text);
  return verb.toUpperCase();
}

/** It cannot have begun a transaction. */
export function isPlain(text: string): boolean {
  return isPlainCommand(commandOf(text));
}

/** The same of a verb, in upper case. */
export function isPlainCommand(command: string): boolean {
  return PLAIN.has(command);
}

/** Of a statement that brought rows and no count: with RETURNING, what it changes it returns. `command` is in upper case. */
export function changedBy(command: string, rows: number): number {
  return CHANGING.has(command) ? rows : 0;
}
