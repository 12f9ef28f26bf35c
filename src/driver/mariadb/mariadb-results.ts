/**
 * What the connector answers → results of the house. Knows how the connector tells one result set from several, and how it
 * brings the types that it reads by itself without being asked.
 */
import type { DriverResult, Field, ResultSet } from '../query.js';
import { changedBy } from '../mysql-server/mysql-commands.js';
import { MysqlRowReader } from '../mysql-server/mysql-rows.js';
import type { MysqlColumn, MysqlTypeConfig } from '../mysql-server/mysql-types.js';
import { COLUMN_FLAGS, MYSQL_TYPES } from '../mysql-server/mysql-types.js';
import type { ClientColumn, ClientCommand, ClientData, ClientMeta, ClientOk, ClientRows } from './mariadb-module.js';
import type { ClientExecution, ClientTypeCast } from './mariadb-module.js';

type RowMode = 'object' | 'array';

/** Reads the rows of one result set, and of every later one with the same columns. */
export class ResultReader {
  readonly fields: readonly Field[];
  /** As the connector brought them. Where the server sends them with the first run only, they come back as they are. */
  readonly #source: readonly ClientColumn[];
  readonly #columns: readonly MysqlColumn[];
  readonly #rows: MysqlRowReader;
  /** The connector makes an array of a SET. */
  readonly #sets: readonly number[];

  constructor(columns: readonly ClientColumn[], types: MysqlTypeConfig) {
    this.#source = columns;
    this.#columns = columns.map(columnOf);
    this.#rows = new MysqlRowReader(this.#columns, types);
    this.fields = this.#rows.fields;
    this.#sets = this.#columns.flatMap(({ flags }, at) => ((flags & COLUMN_FLAGS.set) === 0 ? [] : [at]));
  }

  /** The row that came is the row that goes, changed in place, in array mode. */
  read(raw: unknown[], mode: RowMode): unknown {
    for (const at of this.#sets) {
      const value = raw[at];
      if (Array.isArray(value)) raw[at] = value.join(',');
    }
    return mode === 'array' ? this.#rows.toArray(raw) : this.#rows.toObject(raw);
  }

  readAll(rows: ClientRows, mode: RowMode): unknown[] {
    return rows.map((row) => this.read(row, mode));
  }

  readonly #isKnown = (column: ClientColumn, at: number): boolean => isSame(column, this.#columns[at] as MysqlColumn);

  /** Whether these columns are read the same way. */
  fits(columns: readonly ClientColumn[]): boolean {
    if (columns === this.#source) return true;
    return columns.length === this.#columns.length && columns.every(this.#isKnown);
  }
}

function columnOf(column: ClientColumn): MysqlColumn {
  return {
    name: column.name(),
    type: column.columnType,
    flags: column.flags,
    collation: column.collation?.index ?? 0,
    decimals: column.scale,
    format: column._dataTypeFormat?.toString('ascii'),
  };
}

/** By what `columnOf` reads, with the cheap ones first. */
function isSame(column: ClientColumn, known: MysqlColumn): boolean {
  return (
    column.columnType === known.type &&
    column.flags === known.flags &&
    (column.collation?.index ?? 0) === known.collation &&
    column.scale === known.decimals &&
    column._dataTypeFormat?.toString('ascii') === known.format &&
    column.name() === known.name
  );
}

export interface ReaderSource {
  readerFor(columns: readonly ClientColumn[]): ResultReader;
}

/** What the connector brought for one statement; see mariadb-wire.ts. */
interface Answer {
  readonly data: ClientData;
  readonly meta: ClientMeta;
  readonly hasOutParameters: boolean;
}

/** `command` in upper case. */
export function resultOf(
  { data, meta, hasOutParameters }: Answer,
  command: string,
  mode: RowMode,
  readers: ReaderSource,
): DriverResult {
  if (!Array.isArray(data)) {
    const result = okResult(data as ClientOk, command);
    return command === 'CALL' ? { ...result, resultSets: [] } : result;
  }
  if (isOneSet(meta)) {
    const reader = readers.readerFor(meta);
    const rows = reader.readAll(data, mode);
    return { rows, fields: reader.fields, rowsAffected: changedBy(command, rows.length), command };
  }
  const parts = data as readonly (ClientOk | ClientRows)[];
  if (!hasOutParameters) return manyResults(parts, meta, command, mode, readers);
  const at = parts.findLastIndex((part) => Array.isArray(part));
  const result = manyResults(parts.toSpliced(at, 1), meta.toSpliced(at, 1), command, mode, readers);
  const out = parts[at] as ClientRows;
  const reader = readers.readerFor(meta[at] as readonly ClientColumn[]);
  return { ...result, outBinds: reader.read(out[0] as unknown[], 'object') as Record<string, unknown> };
}

function okResult(ok: ClientOk, command: string): DriverResult {
  const { affectedRows: rowsAffected, insertId } = ok;
  const result = { rows: [], fields: [], rowsAffected, command };
  const id = BigInt(insertId);
  if (id === 0n) return result;
  return { ...result, lastInsertId: id <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(id) : id };
}

/** Of a CALL: the sets in their order, and at the end how many rows the last of its statements changed. */
function manyResults(
  data: readonly (ClientOk | ClientRows)[],
  meta: ClientMeta,
  command: string,
  mode: RowMode,
  readers: ReaderSource,
): DriverResult {
  const resultSets: ResultSet[] = [];
  let last: DriverResult = { rows: [], fields: [], rowsAffected: 0, command };
  for (const [at, part] of data.entries()) {
    const columns = meta[at];
    if (!Array.isArray(part)) last = okResult(part, command);
    else if (Array.isArray(columns)) {
      const reader = readers.readerFor(columns as readonly ClientColumn[]);
      resultSets.push({ rows: reader.readAll(part, mode), fields: reader.fields });
    }
  }
  const [first] = resultSets;
  return { ...last, ...(first ?? {}), resultSets };
}

/** Of several, each has its own list of columns. */
function isOneSet(meta: ClientMeta): meta is readonly ClientColumn[] {
  const [first] = meta;
  return typeof first === 'object' && first !== null && 'columnType' in first;
}

/**
 * The connector reads a geometry into GeoJSON, and loses its reference system on the way; the bytes lose nothing. For a text
 * statement the reader of the column is replaced, before its first row.
 */
export function keepGeometryBytes(command: ClientCommand): void {
  command.on('fields', (columns) => {
    const readers = command._parseFunction;
    if (readers === undefined) return;
    for (const [at, column] of columns.entries()) if (isGeometry(column)) readers[at] = readBytes;
  });
}

/** The same for what is prepared, whose columns are known before; `undefined` where there is no geometry. */
export function geometryCast(columns: readonly ClientColumn[]): ClientExecution | undefined {
  return columns.some(isGeometry) ? { typeCast: bytesOfGeometry } : undefined;
}

const bytesOfGeometry: ClientTypeCast = (column, next) => (isGeometry(column) ? column.buffer?.() : next());

function readBytes(packet: { readBufferLengthEncoded(): Buffer | null }): Buffer | null {
  return packet.readBufferLengthEncoded();
}

function isGeometry({ columnType }: ClientColumn): boolean {
  return columnType === MYSQL_TYPES.geometry;
}
