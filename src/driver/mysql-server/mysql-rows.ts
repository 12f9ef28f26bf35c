/**
 * Rows of MySQL and MariaDB, by the columns of their result set.
 * Invariant: what comes back depends on the column's type only (and on `zeroDates`).
 */
import { RawRowReader } from '../raw-rows.js';
import type { MysqlColumn, MysqlTypeConfig } from './mysql-types.js';
import { decoderOf, typeNameOf } from './mysql-types.js';

export class MysqlRowReader extends RawRowReader {
  constructor(columns: readonly MysqlColumn[], types: MysqlTypeConfig) {
    super(
      columns.map((column) => ({ name: column.name, type: typeNameOf(column), typeId: column.type })),
      columns.map((column) => decoderOf(column, types)),
    );
  }
}
