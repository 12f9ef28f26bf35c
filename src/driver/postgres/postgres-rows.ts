/**
 * Rows off the wire: the columns of a result, and plain objects or arrays made of its values. One reader serves every row of
 * a statement, and of every later run of the same prepared one.
 *
 * Rows of one result are copies of one template, so they share one hidden class: V8 reads their properties fastest, and
 * making them costs a copy in the place of one transition for every column.
 * Invariant: what comes back depends on the column's type only; `null` is `null` in every type.
 */
import type { Field } from '../query.js';
import type { Decode } from './postgres-types.js';
import { typeName } from './postgres-types.js';

export type Decoders = ReadonlyMap<number, Decode>;

/** A column as the wire describes it. */
export interface WireField {
  readonly name: string;
  readonly dataTypeID: number;
}

/** A row as the wire brings it: every value as text. */
export type WireRow = readonly (string | null)[];

const asText: Decode = (text) => text;

export class RowReader {
  readonly fields: readonly Field[];
  readonly #names: readonly string[];
  readonly #decoders: readonly Decode[];
  readonly #template: Readonly<Record<string, unknown>>;
  /** A column called `__proto__` would set the row's prototype where any other sets a property. */
  readonly #hasProto: boolean;

  constructor(columns: readonly WireField[], decoders: Decoders) {
    const fields = columns.map(({ name, dataTypeID }) => ({ name, type: typeName(dataTypeID), typeId: dataTypeID }));
    // It goes to callers, and is that of later results too.
    this.fields = Object.freeze(fields);
    this.#names = columns.map(({ name }) => name);
    this.#decoders = columns.map(({ dataTypeID }) => decoders.get(dataTypeID) ?? asText);
    this.#hasProto = this.#names.includes('__proto__');
    this.#template = Object.fromEntries(this.#names.map((name) => [name, null]));
  }

  /** Of two columns with one name the later one wins. */
  toObject(values: WireRow): Record<string, unknown> {
    if (this.#hasProto) {
      const entries = this.toArray(values).map((value, at) => [this.#names[at] as string, value] as const);
      return Object.fromEntries<unknown>(entries);
    }
    const row: Record<string, unknown> = { ...this.#template };
    const names = this.#names;
    const decoders = this.#decoders;
    for (let at = 0; at < names.length; at += 1) {
      const value = values[at];
      const name = names[at] as string;
      row[name] = value === null || value === undefined ? null : (decoders[at] as Decode)(value);
    }
    return row;
  }

  toArray(values: WireRow): unknown[] {
    const decoders = this.#decoders;
    const row = new Array<unknown>(decoders.length);
    for (let at = 0; at < decoders.length; at += 1) {
      const value = values[at];
      row[at] = value === null || value === undefined ? null : (decoders[at] as Decode)(value);
    }
    return row;
  }
}

/** For results without columns. */
export function noColumns(): RowReader {
  return new RowReader([], new Map());
}
