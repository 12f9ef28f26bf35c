/**
 * Whether a statement that nobody wants any more may be stopped at the server: what reads only. A KILL undoes all that a writing
 * one has done, and its caller may have what it came for (`insert … select … returning`), so those run to their end.
 */
import { classify } from '../../sql/classify.js';

const READING: ReadonlySet<string> = new Set(['SELECT', 'VALUES', 'TABLE', 'SHOW']);

/** `command`: the verb of `text`, in upper case. */
export function isKillable(command: string, text: string): boolean {
  return READING.has(command) || (command === 'WITH' && classify('mysql', text) === 'read');
}
