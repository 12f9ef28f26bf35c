/**
 * What one command brings, as mysql2 tells of it, made into results: rows are decoded as they come, set by set. Used for
 * statements and for cursors.
 *
 * Invariant: nothing here throws into mysql2, which would take the connection down; the first value that cannot be read is
 * kept, and what comes after it is dropped.
 */
import type { DriverResult, Field, ResultSet } from '../query.js';
import { changedBy } from '../mysql-server/mysql-commands.js';
import { MysqlRowReader } from '../mysql-server/mysql-rows.js';
import type { MysqlColumn, MysqlTypeConfig } from '../mysql-server/mysql-types.js';
import { BINARY_COLLATION, MYSQL_TYPES } from '../mysql-server/mysql-types.js';
import type { Mysql2Field, Mysql2Header } from './mysql-module.js';

/** Through which protocol the rows come. */
export type Protocol = 'text' | 'binary';

const NO_FIELDS: readonly Field[] = [];

/** MySQL's own collation numbers; only that it is not `binary` matters. */
const LATIN1_COLLATION = 8;

/** `fields` as mysql2 has them; from here on its row parser brings raw values. */
export function readerOf(fields: readonly Mysql2Field[], protocol: Protocol, types: MysqlTypeConfig): MysqlRowReader {
  const columns = fields.map(({ name, columnType, flags, characterSet, decimals, extendedFormat }): MysqlColumn => ({
    name,
    type: columnType,
    flags,
    collation: characterSet,
    decimals,
    format: extendedFormat,
  }));
  const reader = new MysqlRowReader(columns, types);
  for (const field of fields) {
    bringRaw(field, protocol);
    // Rows come as arrays, and for a column called `__proto__` mysql2 would end the connection.
    field.name = '';
  }
  return reader;
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
}

export function isHeader(rowOrHeader: unknown[] | Mysql2Header): rowOrHeader is Mysql2Header {
  return !Array.isArray(rowOrHeader);
}

export class ResultCollector {
  readonly #types: MysqlTypeConfig;
  readonly #protocol: Protocol;
  readonly #isArray: boolean;
  readonly #sets: ResultSet[] = [];
  #reader: MysqlRowReader | undefined;
  #rows: unknown[] = [];
  #header: Mysql2Header | undefined;
  #gtid: string | undefined;
  #outBinds: Record<string, unknown> | undefined;
  #unreadable: { readonly error: unknown } | undefined;

  constructor(types: MysqlTypeConfig, protocol: Protocol, rowMode: 'object' | 'array') {
    this.#types = types;
    this.#protocol = protocol;
    this.#isArray = rowMode === 'array';
  }

  /** The first value that could not be read. */
  get unreadable(): { readonly error: unknown } | undefined {
    return this.#unreadable;
  }

  beginSet(fields: readonly Mysql2Field[] | undefined): void {
    if (fields === undefined) return;
    this.#reader = readerOf(fields, this.#protocol, this.#types);
    this.#rows = [];
    this.#sets.push({ rows: this.#rows, fields: this.#reader.fields });
  }

  /** `isOut`: the row, the only one of its set, is the OUT parameters of a procedure. */
  addRow(raw: unknown[], isOut: boolean): void {
    const reader = this.#reader;
    if (reader === undefined || this.#unreadable !== undefined) return;
    try {
      if (isOut) {
        this.#outBinds = reader.toObject(raw);
        this.#sets.pop();
      } else this.#rows.push(this.#isArray ? reader.toArray(raw) : reader.toObject(raw));
    } catch (error) {
      this.#unreadable = { error };
    }
  }

  endSet(header: Mysql2Header): void {
    this.#header = header;
    this.#gtid = gtidOf(header) ?? this.#gtid;
  }

  /** `command` in upper case. */
  result(command: string): DriverResult {
    const [first] = this.#sets;
    const header = this.#header;
    const rows = first?.rows ?? [];
    const lastInsertId = header && insertIdOf(header);
    return {
      rows,
      fields: first?.fields ?? NO_FIELDS,
      rowsAffected: header === undefined ? changedBy(command, rows.length) : Number(header.affectedRows),
      ...(lastInsertId === undefined ? undefined : { lastInsertId }),
      command,
      ...(this.#gtid === undefined ? undefined : { gtid: this.#gtid }),
      ...(command === 'CALL' || this.#sets.length > 1 ? { resultSets: this.#sets } : undefined),
      ...(this.#outBinds === undefined ? undefined : { outBinds: this.#outBinds }),
    };
  }
}

/** 0 says that there is none. */
function insertIdOf({ insertId }: Mysql2Header): number | bigint | undefined {
  const id = Number(insertId);
  if (id === 0) return undefined;
  return Number.isSafeInteger(id) ? id : BigInt.asUintN(64, BigInt(insertId));
}

function gtidOf({ stateChanges }: Mysql2Header): string | undefined {
  if (stateChanges === undefined) return undefined;
  const { gtids, systemVariables } = stateChanges;
  const gtid = gtids.length > 0 ? gtids.join(',') : systemVariables['last_gtid'];
  return gtid === '' ? undefined : gtid;
}
