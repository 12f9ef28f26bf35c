/**
 * What one command brings, as mysql2 tells of it, made into results: rows are decoded as they come, set by set.
 *
 * Invariant: nothing here throws into mysql2, which would take the connection down; the first value that cannot be read is
 * kept, and what comes after it is dropped.
 */
import type { DriverResult, Field, ResultSet } from '../query.js';
import { changedBy } from '../mysql-server/mysql-commands.js';
import type { MysqlRowReader } from '../mysql-server/mysql-rows.js';
import type { MysqlTypeConfig } from '../mysql-server/mysql-types.js';
import type { Mysql2Field, Mysql2Header } from './mysql-module.js';
import type { Protocol, ReaderMemory } from './mysql-readers.js';

const NO_FIELDS: readonly Field[] = [];

export function isHeader(rowOrHeader: unknown[] | Mysql2Header): rowOrHeader is Mysql2Header {
  return !Array.isArray(rowOrHeader);
}

export class ResultCollector {
  readonly #types: MysqlTypeConfig;
  readonly #protocol: Protocol;
  readonly #readers: ReaderMemory;
  readonly #isArray: boolean;
  readonly #sets: ResultSet[] = [];
  #reader: MysqlRowReader | undefined;
  #rows: unknown[] = [];
  #header: Mysql2Header | undefined;
  #gtid: string | undefined;
  #outBinds: Record<string, unknown> | undefined;
  #unreadable: { readonly error: unknown } | undefined;

  constructor(types: MysqlTypeConfig, protocol: Protocol, readers: ReaderMemory, rowMode: 'object' | 'array') {
    this.#types = types;
    this.#protocol = protocol;
    this.#readers = readers;
    this.#isArray = rowMode === 'array';
  }

  /** The first value that could not be read. */
  get unreadable(): { readonly error: unknown } | undefined {
    return this.#unreadable;
  }

  beginSet(fields: readonly Mysql2Field[] | undefined): void {
    if (fields === undefined) return;
    this.#reader = this.#readers.readerOf(fields, this.#protocol, this.#types);
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
