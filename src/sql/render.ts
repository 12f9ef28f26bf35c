/**
 * Turns a fragment into what a database takes: one text with its own placeholders, and the values in their order.
 * Called by the statement compiler for every template that is sent.
 * Invariants: one pass; the n-th value's placeholder is the n-th in the text; no value becomes text.
 */
import type { Dialect } from './dialect.js';
import { DIALECTS, placeholderAt, quoteIdentifier } from './dialect.js';
import { isWordPart } from './characters.js';
import type { Sql } from './fragment.js';
import { walkSql } from './fragment.js';

/**
 * The text and values of `fragment` in `dialect`, numbered across nested fragments. Any depth.
 * Throws QueryError('data') for a name the dialect cannot write (a double quote in Oracle).
 *
 * @example
 * renderSql(sql`select * from ${sql.id('t')} where id = ${7}`, 'mysql');
 * // { text: 'select * from `t` where id = ?', values: [7] }
 */
export function renderSql(fragment: Sql<unknown>, dialect: Dialect): { text: string; values: unknown[] } {
  const facts = DIALECTS[dialect];
  const values: unknown[] = [];
  let text = '';
  let endsInPlaceholder = false;
  walkSql(fragment, (part) => {
    if (part.kind === 'value') {
      values.push(part.value);
      text += placeholderAt(facts, values.length);
      endsInPlaceholder = true;
      return true;
    }
    const piece = part.kind === 'text' ? part.text : part.path.map((name) => quoteIdentifier(facts, name)).join('.');
    if (piece === '') return true;
    // `${n}0` would read as placeholder $10 and bind another value; apart, it is a syntax error that can be seen.
    if (endsInPlaceholder && isWordPart(facts, piece.charCodeAt(0))) text += ' ';
    text += piece;
    endsInPlaceholder = false;
    return true;
  });
  return { text, values };
}
