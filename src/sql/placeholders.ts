/**
 * `:name` for every database: finds the named placeholders of a text, writes them the database's own way, and takes
 * the values from an object; and says no, once and completely, to values that cannot be bound.
 * Called by the statement compiler, which keeps what `analyse` found so that a text is read only once.
 * Invariants: only placeholders change, every other character stays; only own properties are values; no value and no SQL
 * text is ever part of a message.
 */
import { QueryError } from '../errors/query-error.js';
import { boundAs, refusedValues, whyUnbindable } from './bindable.js';
import type { Dialect } from './dialect.js';
import { DIALECTS, placeholderAt } from './dialect.js';
import { isSql } from './fragment.js';
import { readToken } from './lexer.js';

/** What there is to know about the placeholders of one text in one dialect. Immutable, so it can be kept. */
export interface StatementText {
  /** The text with `:name` written the database's own way; the text itself when there are none. */
  readonly text: string;
  /** Whose value goes where: the name for each bind value, in order. */
  readonly names: readonly string[];
  /** How many placeholders of the database's own the text had before. */
  readonly nativeCount: number;
  /** They are numbered 1, 2, 3 … as they come. Always true for `?`. */
  readonly isNativeInOrder: boolean;
}

/** What begins PL/SQL, for the database and its client library alike. */
const PROGRAMS: ReadonlySet<string> = new Set(['begin', 'declare', 'call']);

/** Reads `text` once. Never throws. */
export function analyse(dialect: Dialect, source: string): StatementText {
  const facts = DIALECTS[dialect];
  const names: string[] = [];
  const numbers = new Map<string, string>();
  let text = '';
  let copied = 0;
  let nativeCount = 0;
  let isNativeInOrder = true;
  // `?` has no name, and Oracle's SQL binds by position, each occurrence anew; in its PL/SQL what is written can be read again.
  let isNumberKept = facts.placeholder === '$';
  let isBegun = facts.placeholder !== ':';
  for (let at = 0; at < source.length;) {
    const piece = readToken(facts, source, at);
    at = piece.end;
    if (piece.kind === 'word' && !isBegun) {
      isBegun = true;
      isNumberKept = PROGRAMS.has(source.slice(piece.start, piece.end).toLowerCase());
    } else if (piece.kind === 'native-placeholder') {
      nativeCount += 1;
      isNativeInOrder &&= source.slice(piece.start, piece.end) === placeholderAt(facts, nativeCount);
    } else if (piece.kind === 'named-placeholder') {
      const name = source.slice(piece.start + 1, piece.end);
      const known = isNumberKept ? numbers.get(name) : undefined;
      if (known === undefined) names.push(name);
      const placeholder = known ?? placeholderAt(facts, names.length);
      numbers.set(name, placeholder);
      text += source.slice(copied, piece.start) + placeholder;
      copied = piece.end;
    }
  }
  return { text: text + source.slice(copied), names, nativeCount, isNativeInOrder };
}

/**
 * Binds `:name` placeholders from the own properties of `params`: PostgreSQL gets `$n` (a name used twice keeps its
 * number), MySQL `?` and Oracle `:n` (a name used twice is bound twice, but for PL/SQL). Nothing is replaced inside strings, comments
 * and quoted identifiers; `x::type`, `:=` and array slices such as `a[lo:hi]` are left alone. A slice whose bound stands
 * free, `a[1 : hi]` or `a[:hi]`, reads as a placeholder: put the bound in parentheses, `a[1:(hi)]`.
 * Throws one QueryError, nothing sent: 'syntax' when the text also has placeholders of the database's own, 'data' naming
 * every name that is missing or cannot be bound. Properties that the text does not name are ignored.
 *
 * @example
 * bindNamed('postgres', 'select :a::int, :b, :a', { a: 1, b: 2 });   // { text: 'select $1::int, $2, $1', values: [1, 2] }
 */
export function bindNamed(
  dialect: Dialect,
  text: string,
  params: Readonly<Record<string, unknown>>,
): { text: string; values: unknown[] } {
  const statement = analyse(dialect, text);
  return { text: statement.text, values: namedValues(dialect, statement, params) };
}

/** The values of `params` in the order of the statement's placeholders; throws as {@link bindNamed} does. */
export function namedValues(
  dialect: Dialect,
  statement: StatementText,
  params: Readonly<Record<string, unknown>>,
): unknown[] {
  if (statement.nativeCount > 0) throw mixedStyles(dialect);
  const values: unknown[] = [];
  let isRefused = false;
  for (const name of statement.names) {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    isRefused ||= whyRefused(value) !== undefined;
    values.push(boundAs(name, value));
  }
  if (isRefused) throw refusedNames(statement.names, params);
  return values;
}

/**
 * Refuses values of an array that cannot be bound: undefined (and holes), promises, functions, symbols, fragments.
 * Throws one QueryError('data') naming all their positions, counted from 0 as in the array; nothing was sent.
 *
 * @example
 * checkValues([1, undefined]);   // QueryError: params[1] is undefined (use null for SQL NULL)
 */
export function checkValues(values: readonly unknown[]): void {
  for (let index = 0; index < values.length; index += 1) {
    if (whyRefused(values[index]) !== undefined) throw refusedPositions(values);
  }
}

/** A fragment is SQL, not a value; as a bind it would reach the driver as an empty object. */
function whyRefused(value: unknown): string | undefined {
  return isSql(value) ? 'a sql fragment (nest it in a sql template)' : whyUnbindable(value);
}

function mixedStyles(dialect: Dialect): QueryError {
  const { label, placeholder } = DIALECTS[dialect];
  const own = placeholder === '?' ? '?' : `${placeholder}1`;
  const message = `An object of params binds :name, but the text has placeholders of ${label}'s own (${own}). Use one kind.`;
  return new QueryError('syntax', message, { outcome: 'not-sent' });
}

function refusedNames(names: readonly string[], params: Readonly<Record<string, unknown>>): QueryError {
  const unique = [...new Set(names)];
  const missing = unique.filter((name) => !Object.hasOwn(params, name)).map((name) => `:${name}`);
  const problems = missing.length > 0 ? [`no value was given for ${missing.join(', ')}`] : [];
  for (const name of unique) {
    const why = Object.hasOwn(params, name) ? whyRefused(params[name]) : undefined;
    if (why !== undefined) problems.push(`:${name} is ${why}`);
  }
  return refusedValues('The named params cannot be bound', problems);
}

function refusedPositions(values: readonly unknown[]): QueryError {
  const problems: string[] = [];
  for (let index = 0; index < values.length; index += 1) {
    const why = whyRefused(values[index]);
    if (why !== undefined) problems.push(`params[${index}] is ${why}`);
  }
  return refusedValues('The params cannot be bound', problems);
}
