/**
 * One text for many sets of values: which values a set must have, and in which order they go to the database. Made once for
 * a batch, from its text and the kind of its sets.
 * Invariants: a set is refused here or can be bound, as far as can be told without encoding it; no value and no SQL text is
 * part of a message.
 */
import { QueryError } from '../errors/query-error.js';
import { boundAs, whyUnbindable } from './bindable.js';
import type { Dialect } from './dialect.js';
import { DIALECTS } from './dialect.js';
import type { Sql } from './fragment.js';
import { isSql } from './fragment.js';
import type { InsertPlan } from './insert-plan.js';
import { readInsertPlan } from './insert-plan.js';
import { tokenize } from './lexer.js';
import { analyse, namedValues } from './placeholders.js';
import type { StatementParams } from './statement-compiler.js';
import { tokenText } from './token.js';

/** A batch is one unit already; these would end it in the middle. */
const TRANSACTION_WORDS: ReadonlySet<string> = new Set(
  'begin start commit end rollback abort savepoint release'.split(' '),
);

export class BatchText {
  /** In the database's own placeholders. */
  readonly text: string;
  /** Its first word, in lower case. */
  readonly verb: string;
  readonly plan: InsertPlan | undefined;
  readonly #names: readonly string[] | undefined;
  readonly #width: number;

  /**
   * `first` is the first set: an array for the database's own placeholders, an object for `:name`; all are of its kind.
   * @throws QueryError, nothing sent: a template, mixed placeholders, a text that begins or ends transactions.
   */
  constructor(dialect: Dialect, sql: string | Sql<unknown>, first: StatementParams) {
    if (isSql(sql)) throw refused('A sql template brings its own values: write the text of a batch with placeholders.');
    if (typeof sql !== 'string') throw refused('The SQL of a batch must be a string.');
    const statement = analyse(dialect, sql);
    const isNamed = isObject(first);
    // Refuses the text that has both kinds.
    if (isNamed && statement.nativeCount > 0) namedValues(dialect, statement, {});
    this.text = isNamed ? statement.text : sql;
    this.#names = isNamed ? statement.names : undefined;
    const tokens = tokenize(dialect, this.text);
    const verb = tokens.find(({ kind }) => kind === 'word');
    this.verb = verb === undefined ? '' : tokenText(sql, verb).toLowerCase();
    // Oracle begins no transaction with a word, but its programs.
    const isProgram = dialect === 'oracle' && this.verb === 'begin';
    if (TRANSACTION_WORDS.has(this.verb) && !isProgram)
      throw refused('A batch is one unit: its text cannot begin or end transactions.');
    const numbers = tokens
      .filter(({ kind }) => kind === 'native-placeholder')
      .map((piece, index) =>
        DIALECTS[dialect].placeholder === '?' ? index + 1 : Number(this.text.slice(piece.start + 1, piece.end)),
      );
    this.#width = numbers.reduce((most, number) => Math.max(most, number), 0);
    this.plan = readInsertPlan(dialect, this.text);
  }

  /** The values of a set that is in order. For an array that is the set itself. */
  valuesOf(set: StatementParams): readonly unknown[] {
    const names = this.#names;
    if (names === undefined) return set as readonly unknown[];
    const params = set as Readonly<Record<string, unknown>>;
    return names.map((name) => boundAs(name, params[name]));
  }

  /** What is wrong with a set, if anything is. */
  problemOf(index: number, set: unknown): SetProblem | undefined {
    if (this.#names === undefined && Array.isArray(set) && set.length !== this.#width) {
      const problem = `it has ${set.length} values where the statement takes ${this.#width}`;
      return { index, problems: [problem], reason: 'statement-invalid' };
    }
    const problems = this.#problemsOf(set);
    return problems.length === 0 ? undefined : { index, problems, reason: 'data' };
  }

  #problemsOf(set: unknown): readonly string[] {
    if (this.#names !== undefined) return isObject(set) ? problemsOfNames(this.#names, set) : ['it is no object'];
    return Array.isArray(set) ? problemsOfValues(set) : ['it is no array'];
  }
}

/** What is wrong with one set of a batch. */
export interface SetProblem {
  readonly index: number;
  /** In words. */
  readonly problems: readonly string[];
  /** As of one statement: a wrong number of values is no fault of a value. */
  readonly reason: 'data' | 'statement-invalid';
}

/** One error for all of them; its reason is that of the first. */
export function refusedSets(sets: readonly SetProblem[]): QueryError {
  const text = sets.map(({ index, problems }) => `set ${index}: ${problems.join(', ')}`).join('; ');
  const [first] = sets;
  const context = first === undefined ? {} : { paramSet: first.index };
  return new QueryError(first?.reason ?? 'data', `The sets of the batch cannot be bound: ${text}.`, {
    outcome: 'not-sent',
    context,
  });
}

const NONE: readonly string[] = [];

function problemsOfValues(values: readonly unknown[]): readonly string[] {
  let problems: string[] | undefined;
  for (let index = 0; index < values.length; index += 1) {
    const why = whyRefused(values[index]);
    if (why !== undefined) (problems ??= []).push(`params[${index}] is ${why}`);
  }
  return problems ?? NONE;
}

function problemsOfNames(names: readonly string[], params: Readonly<Record<string, unknown>>): readonly string[] {
  let problems: string[] | undefined;
  for (const name of names) {
    const isThere = Object.hasOwn(params, name);
    const why = isThere ? whyRefused(params[name]) : '';
    if (why !== undefined) (problems ??= []).push(isThere ? `:${name} is ${why}` : `no value was given for :${name}`);
  }
  return problems ?? NONE;
}

function whyRefused(value: unknown): string | undefined {
  if (typeof value === 'string' || typeof value === 'number' || value === null) return undefined;
  return isSql(value) ? 'a sql fragment' : whyUnbindable(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(message: string): QueryError {
  return new QueryError('syntax', message, { outcome: 'not-sent' });
}
