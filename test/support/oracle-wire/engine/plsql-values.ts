/**
 * Values inside a block: each with the Oracle type that it has, the variables of nested scopes, and the client's binds. A
 * value that goes into a bind is made fit for it, or refused with ORA-06502, as PL/SQL does.
 */
import { OraError } from '../backend.js';
import type { BindSpec, SqlValue } from '../backend.js';
import { T } from '../values.js';

export interface TypedValue {
  readonly value: SqlValue;
  /** One of `T`. */
  readonly type: number;
}

export const NULL: TypedValue = { value: null, type: T.VARCHAR };

const TYPES: readonly (readonly [pattern: RegExp, type: number])[] = [
  [/^(NUMBER|PLS_INTEGER|BINARY_INTEGER|INTEGER|INT|FLOAT|DECIMAL|NATURAL|POSITIVE|SIMPLE_INTEGER)/, T.NUMBER],
  [/^DATE/, T.DATE],
  [/^TIMESTAMP.*LOCAL/, T.TIMESTAMP_LTZ],
  [/^TIMESTAMP.*ZONE/, T.TIMESTAMP_TZ],
  [/^TIMESTAMP/, T.TIMESTAMP],
  [/^RAW/, T.RAW],
  [/^N?CLOB/, T.CLOB],
  [/^BLOB/, T.BLOB],
  [/^BINARY_DOUBLE/, T.BINARY_DOUBLE],
  [/^BOOLEAN/, T.BOOLEAN],
  [/REFCURSOR|^CURSOR/, T.CURSOR],
];

/** A type that is not known here is text, which PostgreSQL converts where it stands. */
export const typeNamed = (words: string): number => TYPES.find(([pattern]) => pattern.test(words))?.[1] ?? T.VARCHAR;

export const specOf = ({ type }: TypedValue): BindSpec => ({
  name: '',
  type,
  maxSize: 32_767,
  csfrm: 1,
  isArray: false,
  isReturn: false,
});

/** The names of a block, and of the blocks around it. Records are names with dots. */
export class Scope {
  readonly #around: Scope | undefined;
  readonly #values = new Map<string, TypedValue>();
  /** Exceptions, by name. */
  readonly codes = new Map<string, number>();

  constructor(around?: Scope) {
    this.#around = around;
  }

  declare(name: string, value: TypedValue): void {
    this.#values.set(name, value);
  }

  has(name: string): boolean {
    return this.#values.has(name) || (this.#around?.has(name) ?? false);
  }

  get(name: string): TypedValue | undefined {
    return this.#values.get(name) ?? this.#around?.get(name);
  }

  set(name: string, { value, type }: TypedValue): void {
    const known = this.#values.get(name);
    if (known !== undefined) this.#values.set(name, { value, type: known.type === T.VARCHAR ? type : known.type });
    else if (this.#around !== undefined) this.#around.set(name, { value, type });
    else throw new OraError(6550, `line 1, column 1:\nPLS-00201: identifier '${name}' must be declared`);
  }

  codeOf(name: string): number | undefined {
    return this.codes.get(name) ?? this.#around?.codeOf(name);
  }
}

/** As a text; NULL is an empty one. */
export function textOf(value: SqlValue | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') throw wrong('a text was expected');
  return String(value);
}

const wrong = (why: string): OraError => new OraError(6502, `PL/SQL: numeric or value error: ${why}`);

/** Fit for the client's bind, with the size that it has for it. */
export function fit({ value, type }: TypedValue, { type: wanted, maxSize }: BindSpec): SqlValue {
  if (value === null) return null;
  switch (wanted) {
    case T.NUMBER:
    case T.INTEGER:
      if (typeof value === 'boolean' || typeof value === 'object') throw wrong('character to number conversion error');
      if (typeof value === 'string' && !/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(value))
        throw wrong('character to number conversion error');
      return typeof value === 'string' ? value.trim() : value;
    case T.BINARY_DOUBLE:
    case T.BINARY_FLOAT:
      return Number(value);
    case T.VARCHAR:
    case T.CHAR:
    case T.LONG: {
      if (Buffer.isBuffer(value)) return sized(value.toString('hex').toUpperCase(), maxSize);
      if (typeof value === 'object') throw wrong(`no text of type ${type}`);
      return sized(typeof value === 'boolean' ? (value ? 'TRUE' : 'FALSE') : String(value), maxSize);
    }
    case T.RAW:
      if (Buffer.isBuffer(value) && maxSize > 0 && value.length > maxSize) throw wrong('raw variable length too long');
      return value;
    default:
      return value;
  }
}

function sized(text: string, maxSize: number): string {
  if (maxSize > 0 && Buffer.byteLength(text) > maxSize) throw wrong('character string buffer too small');
  return text;
}
