/**
 * Whether a statement that nobody wants any more may be stopped at the server: what certainly reads only. A KILL undoes all that
 * a writing one has done, and its caller may have what it came for (`insert … select … returning`, a SELECT whose function
 * writes), so those run to their end, and so does what the runtime does not understand.
 */
import { classify } from '../../sql/classify.js';

export function isKillable(text: string): boolean {
  return classify('mysql', text) === 'read';
}
