/**
 * Rows as a client library brings them (arrays of raw values) → plain objects or arrays of JavaScript values. One reader serves
 * every row of a result set. The rooms whose libraries bring such rows extend it.
 *
 * Rows of one result are copies of one template, so they share one hidden class: V8 reads their properties fastest.
 * Invariant: `null` is `null` in every type.
 */
import type { Field } from './query.js';

/** From a value that is not null. */
export type Decode = (raw: unknown) => unknown;

export class RawRowReader {
  readonly fields: readonly Field[];
  readonly #names: readonly string[];
  /** For each column; `undefined` where the raw value is the value. */
  readonly #decoders: readonly (Decode | undefined)[];
  readonly #template: Readonly<Record<string, unknown>>;
  /** A column called `__proto__` would set the row's prototype where any other sets a property. */
  readonly #hasProto: boolean;

  constructor(fields: readonly Field[], decoders: readonly (Decode | undefined)[]) {
    // It goes to callers, and is that of later results too.
    this.fields = Object.freeze([...fields]);
    this.#names = fields.map(({ name }) => name);
    this.#decoders = decoders;
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
