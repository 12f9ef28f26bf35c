/**
 * The one way from what a user wrote to what a database takes: text with native placeholders, and the values.
 * One per runtime, made with its dialect; every query, batch and stream passes through `compile`.
 * Invariants: remembers texts, never values; memory is bounded (see below); refuses before anything is sent.
 * Refuses to know connections, drivers and how values are encoded.
 */
import { QueryError } from '../errors/query-error.js';
import type { Dialect } from './dialect.js';
import { DIALECTS } from './dialect.js';
import type { Sql } from './fragment.js';
import { isSql } from './fragment.js';
import type { StatementText } from './placeholders.js';
import { analyse, checkValues, namedValues } from './placeholders.js';
import { renderSql } from './render.js';

/** What a user may give beside a text: an array for native placeholders, an object for `:name`. */
export type StatementParams = readonly unknown[] | object;

/** Ready to be sent. */
export interface CompiledStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface StatementCompilerLimits {
  /** How many texts to remember; default 500. */
  readonly maxTexts?: number;
  /** A longer text is read anew each time: it is rarely the same twice and would fill memory; default 10,000. */
  readonly maxTextLength?: number;
}

const NO_VALUES: readonly unknown[] = Object.freeze([]);

export class StatementCompiler {
  readonly #dialect: Dialect;
  readonly #halfSize: number;
  readonly #maxTextLength: number;
  /**
   * Two generations instead of one ordered list, so that a hit on a busy text moves nothing: when the young one is
   * full it becomes the old one, and what was not used since falls away. Together never more than `maxTexts`.
   */
  #young = new Map<string, StatementText>();
  #old = new Map<string, StatementText>();

  constructor(dialect: Dialect, limits: StatementCompilerLimits = {}) {
    this.#dialect = dialect;
    this.#halfSize = Math.max(1, Math.floor((limits.maxTexts ?? 500) / 2));
    this.#maxTextLength = limits.maxTextLength ?? 10_000;
  }

  /** How many texts are remembered. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /**
   * Text and values for the database. An array of params leaves the text untouched; an object binds `:name`; a template
   * brings its own values. The array of values is a copy: changing params afterwards changes nothing.
   * Throws QueryError, outcome 'not-sent': 'data' for values that cannot be bound, are missing, or number more than
   * 65,535; 'syntax' for a template with params, for `:name` mixed with native placeholders, for a template whose value
   * stands where the database sees none (inside quotes), and for SQL that is neither a string nor a template.
   *
   * @example
   * const compiler = new StatementCompiler('postgres');
   * compiler.compile('select * from users where id = :id', { id: 7 });   // { text: '… where id = $1', values: [7] }
   */
  compile(sql: string | Sql<unknown>, params?: StatementParams): CompiledStatement {
    if (isSql(sql)) return this.#compileTemplate(sql, params);
    if (typeof sql !== 'string') throw refused('syntax', 'The SQL must be a string or a sql template.');
    if (params === undefined) return { text: sql, values: NO_VALUES };
    if (isArray(params)) {
      checkValues(params);
      return this.#counted({ text: sql, values: [...params] });
    }
    if (typeof params !== 'object' || params === null) throw refused('data', 'params must be an array or an object.');
    const statement = this.#analysed(sql);
    const named = params as Readonly<Record<string, unknown>>;
    return this.#counted({ text: statement.text, values: namedValues(this.#dialect, statement, named) });
  }

  #compileTemplate(fragment: Sql<unknown>, params: StatementParams | undefined): CompiledStatement {
    if (params !== undefined) {
      throw refused('syntax', 'A sql template brings its own values: leave params out, or write the text with :name.');
    }
    const rendered = this.#counted(renderSql(fragment, this.#dialect));
    if (rendered.values.length > 0) this.#checkPlaceholders(rendered);
    return rendered;
  }

  /**
   * The placeholders the database will see must be exactly those the template wrote: not one in quotes, where it would
   * be text, and none of the template's own text, which would bind another value than its author meant.
   */
  #checkPlaceholders(rendered: CompiledStatement): void {
    const { nativeCount, isNativeInOrder } = this.#analysed(rendered.text);
    if (nativeCount === rendered.values.length && isNativeInOrder) return;
    const { label } = DIALECTS[this.#dialect];
    throw refused(
      'syntax',
      `The template has ${rendered.values.length} values where ${label} reads ${nativeCount} placeholders: a value ` +
        'stands inside quotes or a comment or touches a name, or the text has placeholders of its own.',
    );
  }

  #counted(statement: CompiledStatement): CompiledStatement {
    const { label, maxBinds } = DIALECTS[this.#dialect];
    const count = statement.values.length;
    if (count <= maxBinds) return statement;
    throw refused(
      'data',
      `The statement has ${count} values; ${label} takes ${maxBinds}. Use batch() or smaller pieces.`,
    );
  }

  #analysed(text: string): StatementText {
    if (text.length > this.#maxTextLength) return analyse(this.#dialect, text);
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const statement = this.#old.get(text) ?? analyse(this.#dialect, text);
    if (this.#young.size >= this.#halfSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#old.delete(text);
    this.#young.set(text, statement);
    return statement;
  }
}

/** `Array.isArray` alone does not narrow a readonly array out of the union. */
function isArray(params: StatementParams): params is readonly unknown[] {
  return Array.isArray(params);
}

function refused(reason: 'syntax' | 'data', message: string): QueryError {
  return new QueryError(reason, message, { outcome: 'not-sent' });
}
