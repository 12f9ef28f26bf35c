/**
 * Which JavaScript values can never be bind values. Asked by the template when it is made and by the binding of params,
 * so both refuse the same things in the same words.
 * Invariant: says what kind of value it is, never the value. What a driver makes of the rest is the driver's affair.
 */
import { QueryError } from '../errors/query-error.js';

/**
 * The method of a bind that wants to know which `:name` it was given for, as what comes back of an OUT bind is called by it. Answers
 * what is bound in its place. Of the registry, so that two copies of this package know one another's.
 */
export const NAMED_BIND: unique symbol = Symbol.for('fluxor-db.named-bind') as never;

/** What is bound for `:name`. */
export function boundAs(name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !(NAMED_BIND in value)) return value;
  return (value[NAMED_BIND] as (name: string) => unknown).call(value, name);
}

/** Why `value` cannot be bound, as the end of "value 2 is …"; `undefined` when it can. */
export function whyUnbindable(value: unknown): string | undefined {
  switch (typeof value) {
    case 'undefined':
      return 'undefined (use null for SQL NULL)';
    case 'function':
      return 'a function (call it?)';
    case 'symbol':
      return 'a symbol';
    case 'object':
      return isThenable(value) ? 'a promise (await it first)' : undefined;
    default:
      return undefined;
  }
}

function isThenable(value: object | null): boolean {
  return value !== null && typeof (value as { readonly then?: unknown }).then === 'function';
}

/** Ten thousand wrong rows are one mistake: the message names the first ones and counts the rest. */
const PROBLEMS_SHOWN = 100;

/** One error for all `problems`; nothing was sent. */
export function refusedValues(what: string, problems: readonly string[]): QueryError {
  const shown = problems.slice(0, PROBLEMS_SHOWN).join('; ');
  const rest = problems.length > PROBLEMS_SHOWN ? `; and ${problems.length - PROBLEMS_SHOWN} more` : '';
  return new QueryError('data', `${what}: ${shown}${rest}.`, { outcome: 'not-sent' });
}
