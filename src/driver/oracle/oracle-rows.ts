/**
 * Rows as the library brings them (arrays of raw values) → plain objects or arrays of JavaScript values. One reader serves every
 * row of a result.
 *
 * Rows of one result are copies of one template, so they share one hidden class: V8 reads their properties fastest.
 * LOBs and cursors among the columns are named, and left for whoever can read them.
 */
import type { Field } from '../query.js';
import type { OracleMetadata } from './oracle-module.js';
import type { Decode, Reading } from './oracle-types.js';
import { decoderOf, fieldOf, ORACLE_TYPES } from './oracle-types.js';

export class OracleRowReader {
  readonly fields: readonly Field[];
  /** Columns whose values may be LOBs of the library. */
  readonly lobs: readonly number[];
  /** Columns whose values are result sets of the library (`cursor(select …)`). */
  readonly cursors: readonly number[];
  readonly #names: readonly string[];
  /** For each column; `undefined` where the raw value is the value. */
  readonly #decoders: readonly (Decode | undefined)[];
  readonly #template: Readonly<Record<string, unknown>>;
  /** A column called `__proto__` would set the row's prototype where any other sets a property. */
  readonly #hasProto: boolean;

  constructor(columns: readonly OracleMetadata[], reading: Reading) {
    this.fields = columns.map((column) => fieldOf(column, reading.types));
    this.lobs = positionsOf(columns, isLob);
    this.cursors = positionsOf(columns, (num) => num === ORACLE_TYPES.cursor);
    this.#names = this.fields.map(({ name }) => name);
    this.#decoders = columns.map((column) => decoderOf(column, reading));
    this.#hasProto = this.#names.includes('__proto__');
    this.#template = Object.fromEntries(this.#names.map((name) => [name, null]));
  }

  /** Works in place: the raw row becomes the row. */
  toArray(raw: unknown[]): unknown[] {
    const decoders = this.#decoders;
    for (let at = 0; at < decoders.length; at += 1) {
      const decode = decoders[at];
      const value = raw[at];
      if (value === undefined) raw[at] = null;
      else if (decode !== undefined && value !== null) raw[at] = decode(value);
    }
    return raw;
  }

  /** Of two columns with one name the later one wins. */
  toObject(raw: unknown[]): Record<string, unknown> {
    const values = this.toArray(raw);
    const names = this.#names;
    if (this.#hasProto) return Object.fromEntries(values.map((value, at) => [names[at] as string, value] as const));
    const row: Record<string, unknown> = { ...this.#template };
    for (let at = 0; at < names.length; at += 1) row[names[at] as string] = values[at];
    return row;
  }

  /** A row of either form. */
  read(raw: unknown[], rowMode: 'object' | 'array'): unknown {
    return rowMode === 'array' ? this.toArray(raw) : this.toObject(raw);
  }
}

function isLob(num: number): boolean {
  return num === ORACLE_TYPES.clob || num === ORACLE_TYPES.nclob || num === ORACLE_TYPES.blob;
}

function positionsOf(columns: readonly OracleMetadata[], test: (num: number) => boolean): number[] {
  return columns.flatMap(({ dbType }, at) => (test(dbType.num) ? [at] : []));
}
