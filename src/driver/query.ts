/** What goes into a driver and what comes out of it: plain data, already in the database's own placeholders. */

/** One statement, ready for the wire. */
export interface DriverQuery {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly rowMode: 'object' | 'array';
}

/** One column of a result. */
export interface Field {
  readonly name: string;
  /** The database's name of the type (`int8`, `timestamptz`), or its number as text for types it does not know. */
  readonly type: string;
  /** The database's own number of the type (an OID in PostgreSQL). */
  readonly typeId: number;
}

export interface DriverResult {
  readonly rows: readonly unknown[];
  readonly fields: readonly Field[];
  /** Rows inserted, updated, deleted or merged; 0 for statements that only read. */
  readonly rowsAffected: number;
  readonly lastInsertId?: bigint | number | string;
  /** The verb the database confirms, in upper case: `SELECT`, `INSERT`, `ROLLBACK`. */
  readonly command: string;
  /** The server's name for the transaction that the statement committed, where it tells (MySQL's and MariaDB's GTIDs). */
  readonly gtid?: string;
  /** Of a procedure that brings several: all of them, the first of which is `rows` and `fields` as well. */
  readonly resultSets?: readonly ResultSet[];
  /** The OUT and INOUT parameters of a procedure by their names, where they were given as placeholders. */
  readonly outBinds?: Readonly<Record<string, unknown>>;
  /** It succeeded, but: in our own words, with the server's number. */
  readonly warning?: string;
}

/** One of several results of one statement. */
export interface ResultSet {
  readonly rows: readonly unknown[];
  readonly fields: readonly Field[];
}

/** Rows of a statement as they are asked for; see `DriverConnection.openCursor`. */
export interface DriverCursor {
  /** Empty until the first `read` has ended. */
  readonly fields: readonly Field[];
  /**
   * The next rows, `maxRows` at most. Outside a transaction the session stays `busy` between two reads, until `isDone`,
   * an error, or `close`; inside one it is ready after each read, and other statements may come in between.
   */
  read(maxRows: number): Promise<CursorPage>;
  /** Ended early, what is on its way has to be read first: more than a round trip. Default false. */
  readonly closesSlowly?: boolean;
  /** Ends it early. Resolves when the server is ready; does nothing when it has ended already. */
  close(): Promise<void>;
}

export interface CursorPage {
  readonly rows: readonly unknown[];
  /** Nothing comes after these. */
  readonly isDone: boolean;
  /** With the last page: rows inserted, updated, deleted or merged. 0 before that. */
  readonly rowsAffected: number;
}

/** How values come back; see `docs/reference/types.md`. */
export interface TypeOptions {
  /**
   * 64-bit integers.
   * @warning `'number'` raises an error on a value beyond 2^53.
   * @default `'bigint'`
   */
  readonly bigint?: 'bigint' | 'string' | 'number';
  /**
   * DECIMAL and NUMERIC.
   * @warning `'number'` raises an error on a value that would change.
   * @default `'string'`
   */
  readonly decimal?: 'string' | 'number';
  /**
   * DATE without a time: `'2024-02-29'`, or a `Date` at midnight UTC.
   * @default `'string'`
   */
  readonly date?: 'string' | 'Date';
  /**
   * JSON: parsed, with numbers that are exact up to 2^53, or the text that the server writes, with every digit.
   * @default `'parsed'`
   */
  readonly json?: 'parsed' | 'string';
}

export type TypeConfig = Required<TypeOptions>;
