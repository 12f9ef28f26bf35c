/**
 * Parameters as the connector takes them. Two of its habits are worked around here: it writes a Date by its *local* clock, and
 * its bulk protocol begins a new packet wherever the type of a value differs from the row before.
 */
import type { MysqlParameter } from '../mysql-server/mysql-values.js';
import { encodeParameter, MAX_INT64 } from '../mysql-server/mysql-values.js';
import { UtcFields } from '../utc-fields.js';

export type ClientValue = MysqlParameter;

/** @throws QueryError for a value that cannot be sent. */
export function clientValues(values: readonly unknown[]): ClientValue[] {
  return values.map(clientValue);
}

function clientValue(value: unknown): ClientValue {
  const encoded = encodeParameter(value);
  return encoded instanceof Date ? new UtcFields(encoded) : encoded;
}

/**
 * The rows of one bulk packet, in place: dates become text, because the connector takes no two of them for the same type, and
 * a column with more than one kind of number, or with numbers and text, becomes text. The server reads the same numbers out of it.
 */
export function alignForBulk(sets: ClientValue[][], width: number): ClientValue[][] {
  for (let column = 0; column < width; column += 1) {
    const kinds = new Set<string>();
    for (const set of sets) kinds.add(kindOf(set[column]));
    kinds.delete('null');
    const isMixed = kinds.size > 1 || kinds.has('huge');
    if (!isMixed && !kinds.has('date')) continue;
    for (const set of sets) set[column] = textOf(set[column] ?? null);
  }
  return sets;
}

function kindOf(value: ClientValue | undefined): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'bigint') return value > MAX_INT64 ? 'huge' : 'bigint';
  if (value instanceof Date) return 'date';
  return Buffer.isBuffer(value) ? 'buffer' : typeof value;
}

function textOf(value: ClientValue): ClientValue {
  if (value instanceof Date) return dateTimeText(value);
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
}

/** `2024-02-29 12:30:00.123`, in UTC. */
export function dateTimeText(date: Date): string {
  return date.toISOString().replace('T', ' ').replace('Z', '');
}
