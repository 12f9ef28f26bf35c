/**
 * The `sql` tag: SQL written as a template, portable across the databases, its values always bound. What users import.
 * Invariants: text comes from the program's own template literals or from `sql.raw`; everything interpolated is a bind
 * value or another fragment, never text; what cannot be bound is refused here, where the stack shows who wrote it.
 * Refuses to know dialects and connections: a fragment is rendered by render.ts when it is sent.
 */
import { QueryError } from '../errors/query-error.js';
import { refusedValues, whyUnbindable } from './bindable.js';
import type { SqlPart } from './fragment.js';
import { isSql, Sql } from './fragment.js';

/** One row for `sql.values`: its values in order, or an object from which the named columns are taken. */
export type SqlRow = readonly unknown[] | object;

/** The tag and the helpers that hang on it. */
export interface SqlTag {
  /**
   * Makes a fragment. Interpolated fragments are nested; every other value is bound. Never put quotes around a value.
   * Backslashes follow JavaScript's rules: write `\\` for one.
   * Throws QueryError('data') naming every undefined, promise, function and symbol among the values.
   *
   * @example
   * const users = await db.query(sql<User>`select * from users where id = ${id} and state = any(${states})`);
   */
  <R = Record<string, unknown>>(strings: TemplateStringsArray, ...values: readonly unknown[]): Sql<R>;

  /**
   * A name, quoted as the database quotes names, so its case counts. Several parts are joined with dots.
   * Throws QueryError('data') for no part, an empty part, a NUL, or a part that is not a string.
   *
   * @example
   * sql`select * from ${sql.id('shop', 'Orders')}`   // "shop"."Orders" or `shop`.`Orders`
   */
  id(...path: readonly string[]): Sql<never>;

  /**
   * Values or fragments, one after another, with `separator` between them (a comma unless given).
   * Throws QueryError('data') for an empty list (`in ()` is not SQL: decide what no element means) and, all at once,
   * for what cannot be bound.
   *
   * @example
   * sql`where id in (${sql.join(ids)}) and ${sql.join(conditions, sql` and `)}`
   */
  join(parts: readonly unknown[], separator?: Sql<unknown>): Sql<never>;

  /**
   * Text as it stands. The only unsafe helper: whoever controls `text` controls the statement. For text of your own
   * that no other helper can write, never for anything that came from outside.
   * Throws QueryError('data') when `text` is not a string.
   *
   * @example
   * sql`select * from t order by id ${sql.raw(isDescending ? 'desc' : 'asc')}`
   */
  raw(text: string): Sql<never>;

  /**
   * Rows for a multi-row insert: `(…), (…)`. Rows are arrays of equal length, or objects with `columns` naming what
   * to take from each. A fragment among the values is nested (`` sql`default` ``). Databases take 65,535 values in one
   * statement; beyond that use `db.batch()`. Oracle knows several rows after VALUES since 23ai.
   * Throws QueryError('data') for no rows, and one for all rows that are too short, too long or hold what cannot be bound.
   *
   * @example
   * sql`insert into users (id, name) values ${sql.values(users, ['id', 'name'])}`
   */
  values(rows: readonly SqlRow[], columns?: readonly string[]): Sql<never>;

  /** Nothing: `` sql`select … ${isLocked ? sql`for update` : sql.empty}` ``. */
  readonly empty: Sql<never>;
}

const EMPTY: Sql<never> = Sql.fromParts([]);
const COMMA: Sql<never> = Sql.fromParts([{ kind: 'text', text: ', ' }]);

/** SQL as a template; see {@link SqlTag}. */
export const sql: SqlTag = Object.freeze(
  // An arrow of its own, not makeTemplate: esbuild's keepNames (tsx, some bundlers) sets the name of a declared function
  // when its declaration is reached, which is after this line, and throws if the function is frozen by then.
  Object.assign(<R>(strings: TemplateStringsArray, ...values: readonly unknown[]) => makeTemplate<R>(strings, values), {
    id: makeIdentifier,
    join: makeList,
    raw: makeRaw,
    values: makeRows,
    empty: EMPTY,
  }),
);

function makeTemplate<R>(strings: TemplateStringsArray, values: readonly unknown[]): Sql<R> {
  const texts = templateTexts(strings);
  const problems: string[] = [];
  const parts: SqlPart[] = [];
  for (const [index, text] of texts.entries()) {
    if (text !== '') parts.push({ kind: 'text', text });
    if (index < values.length) parts.push(partOf(values[index], `value ${index + 1}`, problems));
  }
  if (problems.length > 0) throw refusedValues('The sql template cannot bind some of its values', problems);
  return Sql.fromParts<R>(parts);
}

/** Only the language makes arrays with a `raw` beside them, so `sql(text)` and `sql(parsedJson)` end here. */
function templateTexts(strings: TemplateStringsArray): readonly string[] {
  if (!Array.isArray(strings) || !Array.isArray(strings.raw)) {
    throw refused('syntax', 'sql is a template tag: write sql`…`. For text of your own making there is sql.raw(text).');
  }
  // The language leaves `undefined` where an escape sequence is malformed, as in `\u{}`.
  if ((strings as readonly unknown[]).includes(undefined)) {
    throw refused('syntax', 'The sql template has a malformed escape sequence; write \\\\ for a backslash.');
  }
  return strings;
}

function makeIdentifier(...path: readonly string[]): Sql<never> {
  const problems: string[] = [];
  if (path.length === 0) problems.push('no part was given');
  for (const [index, part] of path.entries()) {
    if (typeof part !== 'string') problems.push(`part ${index + 1} is not a string`);
    else if (part === '') problems.push(`part ${index + 1} is empty`);
    else if (part.includes('\0')) problems.push(`part ${index + 1} contains a NUL character`);
  }
  if (problems.length > 0) throw refusedValues('sql.id() cannot make a name', problems);
  return Sql.fromParts([{ kind: 'identifier', path: Object.freeze([...path]) }]);
}

function makeList(list: readonly unknown[], separator: Sql<unknown> = COMMA): Sql<never> {
  if (!Array.isArray(list)) throw refused('data', 'sql.join() takes an array of values or fragments.');
  if (!isSql(separator))
    throw refused('data', 'The separator of sql.join() must be a fragment: sql.join(parts, sql` and `).');
  if (list.length === 0) throw refused('data', 'sql.join() has nothing to join: decide what an empty list means.');
  const problems: string[] = [];
  const parts: SqlPart[] = [];
  for (const [index, item] of list.entries()) {
    if (index > 0) parts.push({ kind: 'fragment', fragment: separator });
    parts.push(partOf(item, `element ${index}`, problems));
  }
  if (problems.length > 0) throw refusedValues('sql.join() cannot bind some of its elements', problems);
  return Sql.fromParts(parts);
}

function makeRaw(text: string): Sql<never> {
  if (typeof text !== 'string') throw refused('data', 'sql.raw() takes a string.');
  return Sql.fromParts([{ kind: 'text', text }]);
}

function makeRows(rows: readonly SqlRow[], columns?: readonly string[]): Sql<never> {
  if (!Array.isArray(rows) || rows.length === 0) {
    throw refused('data', 'sql.values() needs at least one row: decide what no rows means.');
  }
  if (columns?.length === 0) throw refused('data', 'sql.values() needs at least one column.');
  const problems: string[] = [];
  const parts: SqlPart[] = [];
  const width = columns?.length ?? firstWidth(rows);
  for (const [index, row] of (rows as readonly SqlRow[]).entries()) {
    const name = `row ${index}`;
    const cells = rowCells(row, name, columns, width, problems);
    parts.push({ kind: 'text', text: index === 0 ? '(' : ', (' });
    for (const [position, [label, value]] of cells.entries()) {
      if (position > 0) parts.push({ kind: 'fragment', fragment: COMMA });
      parts.push(partOf(value, `${label} of ${name}`, problems));
    }
    parts.push({ kind: 'text', text: ')' });
  }
  if (problems.length > 0) throw refusedValues('sql.values() cannot use some of its rows', problems);
  return Sql.fromParts(parts);
}

function firstWidth(rows: readonly SqlRow[]): number {
  const widths = rows.filter((row): row is readonly unknown[] => Array.isArray(row)).map((row) => row.length);
  return widths[0] ?? 0;
}

/** The row's values with the names by which a problem would call them; a row of the wrong shape has none. */
function rowCells(
  row: SqlRow,
  name: string,
  columns: readonly string[] | undefined,
  width: number,
  problems: string[],
): readonly (readonly [string, unknown])[] {
  if (Array.isArray(row)) return arrayCells(row as readonly unknown[], name, width, problems);
  if (typeof row !== 'object' || row === null || isSql(row)) {
    problems.push(`${name} is neither an array nor an object`);
    return [];
  }
  if (columns === undefined) {
    problems.push(`${name} is an object, which needs the columns named: sql.values(rows, ['id', …])`);
    return [];
  }
  const fields = row as Readonly<Record<string, unknown>>;
  const missing = columns.filter((column) => !Object.hasOwn(fields, column));
  if (missing.length > 0) problems.push(`${name} has no ${missing.join(', ')}`);
  return missing.length > 0 ? [] : columns.map((column) => [column, fields[column]] as const);
}

function arrayCells(
  row: readonly unknown[],
  name: string,
  width: number,
  problems: string[],
): readonly (readonly [string, unknown])[] {
  if (row.length === 0) problems.push(`${name} is empty`);
  else if (row.length !== width) problems.push(`${name} has ${row.length} values where ${width} belong`);
  else return Array.from(row, (value, position) => [`value ${position}`, value] as const);
  return [];
}

function partOf(value: unknown, name: string, problems: string[]): SqlPart {
  if (isSql(value)) return { kind: 'fragment', fragment: value };
  const why = whyUnbindable(value);
  if (why !== undefined) problems.push(`${name} is ${why}`);
  return { kind: 'value', value };
}

function refused(reason: 'syntax' | 'data', message: string): QueryError {
  return new QueryError(reason, message, { outcome: 'not-sent' });
}
