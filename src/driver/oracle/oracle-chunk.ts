/**
 * Some sets of values for one `executeMany`, and the binds that fit them all: the library wants one type and one size for each
 * column before it sees the rows. Filled by oracle-batch.ts.
 *
 * Invariant: the values of a column are of one type (NULL is of any), because a value sent as another type may mean another value; a
 * set that does not fit begins the next chunk.
 */
import type { Field } from '../query.js';
import type { BindFacts, OutBind } from './oracle-binds.js';
import { encodeAs, encodeValue, libraryTypeOf, outBindOf, returnedColumn } from './oracle-binds.js';
import type { OracleBindDefinition, OracleModule, OracleTypeName } from './oracle-module.js';
import type { OracleParameter } from './oracle-parameters.js';
import { isOracleParameter } from './oracle-parameters.js';
import { cannotSend } from './oracle-room-errors.js';

/** More at once are hardly faster, and Oracle counts errors of a chunk in 16 bits. */
const MAX_SETS = 4_096;
/** Of several sets at once, on the wire. */
const MAX_BYTES = 1_048_576;
/** A number or a date is hardly longer. */
const NUMBER_BYTES = 24;
/** Sizes are told in steps: a statement whose binds have other sizes is bound anew, and Oracle keeps a cursor for each of its own. */
const SIZES = [32, 128, 512, 2_000, 4_000, 8_000, 16_000, 32_767] as const;

interface Column {
  type: OracleTypeName | undefined;
  bytes: number;
  /** A place for what comes back. */
  readonly out: OracleParameter | undefined;
}

export class OracleChunk {
  readonly #facts: BindFacts;
  readonly #sets: unknown[][] = [];
  #columns: Column[] = [];
  #bytes = 0;

  constructor(facts: BindFacts) {
    this.#facts = facts;
  }

  get size(): number {
    return this.#sets.length;
  }

  get sets(): readonly (readonly unknown[])[] {
    return this.#sets;
  }

  /** In the order in which the library brings them. */
  get outs(): readonly OutBind[] {
    return this.#columns.flatMap(({ out }, at) => (out === undefined ? [] : [outBindOf(out, at)]));
  }

  /** Of the rows that come back. */
  get fields(): readonly Field[] {
    return outFieldsOf(
      this.#columns.map(({ out }) => out),
      this.#facts.module,
    );
  }

  get definitions(): OracleBindDefinition[] {
    const { module } = this.#facts;
    return this.#columns.map(({ type, bytes, out }) => {
      if (out !== undefined) return returnedColumn(out, this.#facts);
      const dir = module.BIND_IN;
      // Where all are NULL, any type does.
      if (type === undefined) return { dir, type: module.DB_TYPE_VARCHAR, maxSize: 1 };
      return needsSize(type) ? { dir, type: module[type], maxSize: sizeFor(bytes) } : { dir, type: module[type] };
    });
  }

  /** False where the set has to begin another chunk. @throws QueryError for a value that cannot be sent. */
  add(values: readonly unknown[]): boolean {
    const isFirst = this.#sets.length === 0;
    const columns = isFirst ? values.map(newColumn) : this.#columns;
    const encoded = values.map((value) => this.#encode(value));
    let bytes = 0;
    for (const one of encoded) bytes += one.bytes + NUMBER_BYTES;
    if (!isFirst) {
      if (this.#sets.length === MAX_SETS || this.#bytes + bytes > MAX_BYTES) return false;
      if (!this.#fits(values, encoded)) return false;
    }
    this.#columns = columns;
    this.#bytes += bytes;
    for (const [at, { type, bytes: size }] of encoded.entries()) {
      const column = columns[at] as Column;
      column.type ??= type;
      column.bytes = Math.max(column.bytes, size);
    }
    this.#sets.push(encoded.map(({ value }) => value));
    return true;
  }

  #encode(value: unknown): { value: unknown; type: OracleTypeName | undefined; bytes: number } {
    if (!isOracleParameter(value)) return encodeValue(value, this.#facts);
    if (value.direction === 'out') return { value: null, type: undefined, bytes: 0 };
    if (value.direction === 'in' && value.options.maxArraySize === undefined) {
      return encodeAs(value.type, value.value, this.#facts);
    }
    throw cannotSend('neither an IN OUT parameter nor an array can be a parameter of a statement that changes rows');
  }

  #fits(values: readonly unknown[], encoded: readonly { readonly type: OracleTypeName | undefined }[]): boolean {
    if (values.length !== this.#columns.length) return false;
    return this.#columns.every((column, at) => {
      const out = outOf(values[at]);
      if (column.out !== undefined || out !== undefined) return isSame(column.out, out);
      const type = encoded[at]?.type;
      return type === undefined || column.type === undefined || type === column.type;
    });
  }
}

/** Of what comes back of these values. */
export function outFieldsOf(values: readonly unknown[], module: OracleModule): Field[] {
  return values.flatMap((value, at) => {
    if (!isOracleParameter(value) || value.direction === 'in') return [];
    const typeId = module[libraryTypeOf(value.type)].num;
    return [{ name: outBindOf(value, at).name, type: value.type.toUpperCase(), typeId }];
  });
}

function newColumn(value: unknown): Column {
  return { type: undefined, bytes: 1, out: outOf(value) };
}

function outOf(value: unknown): OracleParameter | undefined {
  return isOracleParameter(value) && value.direction === 'out' ? value : undefined;
}

function isSame(one: OracleParameter | undefined, other: OracleParameter | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.type === other.type && one.options.maxSize === other.options.maxSize;
}

function needsSize(type: OracleTypeName): boolean {
  return /^DB_TYPE_(?:N?VARCHAR|N?CHAR|RAW)$/.test(type);
}

function sizeFor(bytes: number): number {
  // Beyond, it is a LONG to the server, of any size.
  return SIZES.find((size) => size >= bytes) ?? 2 ** Math.ceil(Math.log2(bytes));
}
