/**
 * What the sessions of one backend know together: what the columns of tables are, how statements are translated, which tables
 * are temporary. A definition by anybody makes most of it void.
 */
import type { BindSpec } from '../backend.js';
import type { ParsedStatement } from '../sql-scan.js';
import type { DeclaredColumn } from './column-types.js';
import type { StoredProcedure } from './plsql-tree.js';
import type { OracleVersion, Translated } from './rewriter.js';
import { translate } from './translate.js';

/** What the backend does for a session, with the rights of its owner and outside of the session's transaction. */
export interface EngineOwner {
  query(text: string, params?: readonly (string | null)[]): Promise<{ readonly rows: readonly (string | null)[][] }>;
  /** Ends the statement that the process runs, if it runs one. */
  cancel(processId: number): Promise<void>;
  /** Of an Oracle user, who is there afterwards, with a schema. */
  roleOf(user: string): Promise<string>;
  hasRole(name: string): Promise<boolean>;
  dropUser(user: string): Promise<void>;
  createRole(name: string): Promise<void>;
  /** ALTER SYSTEM KILL SESSION, DISCONNECT SESSION (without a word to the client) and CANCEL SQL. */
  killSession(sid: number, isCut: boolean): Promise<boolean>;
  cancelSession(sid: number): Promise<boolean>;
}

/** Enough for a suite; what comes after is translated again. */
const CACHED_STATEMENTS = 1_000;

export class EngineShared {
  readonly version: OracleVersion;
  readonly owner: EngineOwner;
  /** By `table:column`, both as PostgreSQL numbers them. */
  readonly columns = new Map<string, DeclaredColumn>();
  /** By `schema.name` of PostgreSQL: what COMMIT does to the rows. */
  readonly temporaryTables = new Map<string, 'DELETE ROWS' | 'PRESERVE ROWS'>();
  /** By `SCHEMA.NAME` of Oracle. */
  readonly procedures = new Map<string, StoredProcedure>();
  /** In the names of prepared statements: one whose table has changed is another statement. */
  epoch = 0;
  readonly #translated = new Map<string, Translated>();

  constructor(version: OracleVersion, owner: EngineOwner) {
    this.version = version;
    this.owner = owner;
  }

  definitionChanged(): void {
    this.columns.clear();
    this.epoch += 1;
  }

  translate(statement: ParsedStatement, binds: readonly BindSpec[], castText: boolean): Translated {
    const key = `${castText}|${binds.map(({ type }) => type).join()}|${statement.sql}`;
    const known = this.#translated.get(key);
    if (known !== undefined) return known;
    const translated = translate(statement, { binds, castText, version: this.version });
    if (this.#translated.size >= CACHED_STATEMENTS) this.#translated.clear();
    this.#translated.set(key, translated);
    return translated;
  }
}
