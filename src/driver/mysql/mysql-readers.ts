/**
 * How the rows of a result set are read, remembered from one run of a statement to the next: what it takes to make a reader is more
 * than to read a row with it.
 *
 * Invariant: every field of a result set is told how mysql2 is to parse it, also where the reader is known.
 */
import { MysqlRowReader } from '../mysql-server/mysql-rows.js';
import type { MysqlColumn, MysqlTypeConfig } from '../mysql-server/mysql-types.js';
import { BINARY_COLLATION, MYSQL_TYPES } from '../mysql-server/mysql-types.js';
import type { Mysql2Field } from './mysql-module.js';

/** Through which protocol the rows come. */
export type Protocol = 'text' | 'binary';

/** MySQL's own collation numbers; only that it is not `binary` matters. */
const LATIN1_COLLATION = 8;

/** Of statements of one protocol and one configuration of types; most useful where they are one statement's. */
export class ReaderMemory {
  #columns: readonly MysqlColumn[] = [];
  #reader: MysqlRowReader | undefined;

  /** `fields` as mysql2 has them; from here on its row parser brings raw values. */
  readerOf(fields: readonly Mysql2Field[], protocol: Protocol, types: MysqlTypeConfig): MysqlRowReader {
    let reader = this.#reader;
    if (reader === undefined || !isSameRow(fields, this.#columns)) {
      const columns = fields.map(columnOf);
      reader = this.#reader = new MysqlRowReader(columns, types);
      this.#columns = columns;
    }
    // Last, because it changes what the columns are known by.
    for (const field of fields) bringRaw(field, protocol);
    return reader;
  }
}

function columnOf({ name, columnType, flags, characterSet, decimals, extendedFormat }: Mysql2Field): MysqlColumn {
  return { name, type: columnType, flags, collation: characterSet, decimals, format: extendedFormat };
}

function isSameRow(fields: readonly Mysql2Field[], columns: readonly MysqlColumn[]): boolean {
  if (fields.length !== columns.length) return false;
  for (let at = 0; at < fields.length; at += 1) {
    if (!isSame(fields[at] as Mysql2Field, columns[at] as MysqlColumn)) return false;
  }
  return true;
}

/** By what `columnOf` reads. */
function isSame(field: Mysql2Field, known: MysqlColumn): boolean {
  return (
    field.columnType === known.type &&
    field.flags === known.flags &&
    field.characterSet === known.collation &&
    field.decimals === known.decimals &&
    field.extendedFormat === known.format &&
    field.name === known.name
  );
}

/**
 * mysql2 reads floating-point text digit by digit, and is a bit off with 16 digits; and it takes geometries and vectors apart.
 * Under another type both come as they are. It asks for the row parser after it has told of the fields.
 */
function bringRaw(field: Mysql2Field, protocol: Protocol): void {
  const { columnType } = field;
  if (columnType === MYSQL_TYPES.geometry || columnType === MYSQL_TYPES.vector) {
    field.columnType = MYSQL_TYPES.blob;
    field.characterSet = BINARY_COLLATION;
  } else if (protocol === 'text' && (columnType === MYSQL_TYPES.double || columnType === MYSQL_TYPES.float)) {
    field.columnType = MYSQL_TYPES.varString;
    field.characterSet = LATIN1_COLLATION;
    field.encoding = 'latin1';
  }
  // Rows come as arrays, and for a column called `__proto__` mysql2 would end the connection.
  field.name = '';
}
