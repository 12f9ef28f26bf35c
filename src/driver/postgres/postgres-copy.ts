/**
 * Rows as COPY's text format wants them (PostgreSQL manual, COPY, "Text Format"): tabs between values, `\N` for NULL, one
 * line for a row. By the same rules as parameters (postgres-types.ts), so that a value arrives equal either way.
 * Invariants: a row is one line whatever is in it, so the server's line numbers are the rows'; refuses what a parameter may
 * not be, with the same error.
 */
import type { InsertPlan } from '../../sql/insert-plan.js';
import { encodeValue } from './postgres-types.js';

/** The statement that takes the rows of a plain insert. */
export function copyStatement({ table, columns }: InsertPlan): string {
  return `copy ${table} (${columns.join(', ')}) from stdin`;
}

/**
 * What the columns are, without a row: described and never run, it asks for no right on the table. Behind an alias, a
 * column may have the name of a keyword.
 */
export function columnsStatement({ table, columns }: InsertPlan): string {
  return `select ${columns.map((column) => `fluxor.${column}`).join(', ')} from ${table} as fluxor`;
}

/** `bytea` (pg_type.dat). Of a domain the server names what is below it. */
const BYTEA = 17;

/**
 * Bytes for a column that is no `bytea`. As a parameter they are what the server itself would send of such a value (of a text
 * its characters), and COPY's text has no way to say that.
 */
export function hasBytesElsewhere(
  values: readonly unknown[],
  order: readonly number[],
  types: readonly number[],
): boolean {
  for (let column = 0; column < order.length; column += 1) {
    const value = values[order[column] as number];
    // Two looks for each value: most are no objects.
    if (typeof value === 'object' && isBytes(value) && types[column] !== BYTEA) return true;
  }
  return false;
}

function isBytes(value: object | null): boolean {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

/** One line, its end included. `order` says which value belongs to each column. @throws QueryError */
export function copyLine(values: readonly unknown[], order: readonly number[]): string {
  let line = '';
  for (let column = 0; column < order.length; column += 1) {
    if (column > 0) line += '\t';
    line += copyField(values[order[column] as number]);
  }
  return `${line}\n`;
}

const SPECIAL = /[\\\t\n\r]/;
const ALL_SPECIAL = /[\\\t\n\r]/g;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function copyField(value: unknown): string {
  if (typeof value === 'string') return escaped(value);
  if (typeof value === 'number') return String(value);
  const encoded = encodeValue(value);
  if (encoded === null) return '\\N';
  return typeof encoded === 'string' ? escaped(encoded) : `\\\\x${encoded.toString('hex')}`;
}

/** Looked at first: most values hold nothing special, and a replacement costs ten times the look. */
function escaped(text: string): string {
  return SPECIAL.test(text) ? text.replace(ALL_SPECIAL, (mark) => ESCAPES[mark] ?? mark) : text;
}

/**
 * The row that an error of COPY is about, counted from 0, by what the server says of the place: `COPY t, line 17, column c`.
 * The number is the first one after the table's name, in whatever language. `undefined` where it says nothing: foreign keys
 * and triggers that fire after the rows are looked at when all have been read.
 */
export function rowOfCopyError(error: unknown, { name }: InsertPlan): number | undefined {
  const { where } = (error ?? {}) as { readonly where?: unknown };
  if (typeof where !== 'string' || name === undefined) return undefined;
  // Of a function that was called for the row, the context comes before. What follows the line may quote a value.
  const start = `\n${where}`.indexOf(`\nCOPY ${name}, `);
  const line = start === -1 ? undefined : /^\D{0,40}?(\d+)/.exec(where.slice(start + `COPY ${name}, `.length));
  return line === undefined || line === null ? undefined : Number(line[1]) - 1;
}
