/**
 * What is known of the results of statements that have run before, by their texts: whether they were small, and how their rows are read;
 * to make a reader takes longer than to read a row by it. One for each connection.
 * Invariants: a reader is used again for columns that are all as they were when it was made, and for no others; so many are kept as a
 * program has statements in use.
 */
import type { OracleMetadata } from './oracle-module.js';
import type { RowReader, RowReaders } from './oracle-port.js';
import { OracleRowReader } from './oracle-rows.js';
import type { Reading } from './oracle-types.js';

/** Beyond it all are forgotten: whoever makes texts anew each time has no use for them. */
const MOST = 200;

/** So many rows come with the answer to the execution, and it is known that there are no more. */
export const SMALL_RESULT = 200;

interface Known {
  readonly columns: readonly OracleMetadata[];
  readonly reader: RowReader;
}

export class OracleReaders implements RowReaders {
  readonly #reading: Reading;
  readonly #known = new Map<string, Known>();
  readonly #small = new Set<string>();

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  isSmall(text: string): boolean {
    return this.#small.has(text);
  }

  note(text: string, rows: number): void {
    if (rows > SMALL_RESULT) this.#small.delete(text);
    else if (!this.#small.has(text)) {
      if (this.#small.size >= MOST) this.#small.clear();
      this.#small.add(text);
    }
  }

  readerOf(text: string, columns: readonly OracleMetadata[]): RowReader {
    const known = this.#known.get(text);
    if (known !== undefined && areEqual(known.columns, columns)) return known.reader;
    const reader = new OracleRowReader(columns, this.#reading);
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(text, { columns, reader });
    return reader;
  }
}

/** In everything that the names, the fields and the decoders of a reader come from. */
function areEqual(before: readonly OracleMetadata[], now: readonly OracleMetadata[]): boolean {
  if (before.length !== now.length) return false;
  for (let at = 0; at < now.length; at += 1) {
    const one = before[at];
    const other = now[at];
    if (one === undefined || other === undefined || !isEqual(one, other)) return false;
  }
  return true;
}

function isEqual(one: OracleMetadata, other: OracleMetadata): boolean {
  return (
    one.name === other.name &&
    one.dbColumnName === other.dbColumnName &&
    one.dbType === other.dbType &&
    one.precision === other.precision &&
    one.scale === other.scale &&
    one.isJson === other.isJson &&
    one.isOson === other.isOson
  );
}
