/**
 * Statements that define something: they commit what was open, wait for nothing, and make void what was known about tables.
 * Users, roles and grants are PostgreSQL's roles; procedures are kept by the backend, functions by PostgreSQL.
 */
import { OraError } from '../backend.js';
import type { SqlResult } from '../backend.js';
import type { ParsedStatement, Token } from '../sql-scan.js';
import type { EngineSession } from './engine-session.js';
import type { EngineShared } from './engine-shared.js';
import { nameOf, swapCase } from './names.js';
import type { PgLink } from './pg-link.js';
import { parseProcedure } from './plsql-syntax.js';
import { functionDefinition } from './stored-functions.js';
import { TokenReader } from './token-reader.js';

/** Oracle's DDL does not wait for locks. Long enough for whoever is about to let go. */
const LOCK_TIMEOUT_MS = 300;
const LOCK_TIMED_OUT = 30_006;
const DONE: SqlResult = { rowCounts: [0] };
/** Privileges on tables that PostgreSQL has as well. */
const PRIVILEGES: Readonly<Record<string, string>> = {
  SELECT: 'SELECT',
  READ: 'SELECT',
  INSERT: 'INSERT',
  UPDATE: 'UPDATE',
  DELETE: 'DELETE',
  REFERENCES: 'REFERENCES',
  ALL: 'ALL',
};
/** Who may make users and roles. */
const ADMINISTRATORS = new Set(['SYS', 'SYSTEM', 'ADMIN']);
const NO_EFFECT = new Set(['ANALYZE', 'AUDIT', 'NOAUDIT', 'PURGE', 'FLASHBACK', 'ASSOCIATE']);

export class EngineDefinitions {
  readonly #session: EngineSession;
  readonly #shared: EngineShared;
  readonly #link: PgLink;

  constructor(session: EngineSession, link: PgLink) {
    this.#session = session;
    this.#shared = session.shared;
    this.#link = link;
  }

  async run(statement: ParsedStatement): Promise<SqlResult> {
    const reader = new TokenReader(statement.tokens);
    const verb = reader.solid(0);
    const kind = this.#kindOf(reader, verb);
    if (statement.verb === 'ALTER' && kind === 'SYSTEM') return this.#alterSystem(statement.sql);
    const isPrivate = /^\s*(create\s+private\s+temporary|drop\s+table\s+(if\s+exists\s+)?ora\$ptt_)/i.test(
      statement.sql,
    );
    if (!isPrivate) await this.#session.commit();
    if (NO_EFFECT.has(statement.verb)) return DONE;
    this.#session.throwIfReadOnly();
    if (statement.verb === 'GRANT' || statement.verb === 'REVOKE') return this.#grant(reader, statement);
    if (kind === 'USER' || kind === 'ROLE') return this.#user(reader, statement, kind);
    if (kind === 'PROCEDURE' || kind === 'FUNCTION') return this.#subprogram(reader, statement, kind);
    if (kind === 'TABLESPACE' || kind === 'DIRECTORY' || kind === 'PROFILE') return DONE;
    return this.#define(reader, statement, isPrivate);
  }

  /** TABLE, INDEX, USER …: the first word that says what is defined. */
  #kindOf(reader: TokenReader, verb: number): string {
    const kinds =
      'SYSTEM TABLE VIEW INDEX SEQUENCE USER ROLE PROCEDURE FUNCTION PACKAGE TRIGGER TYPE SYNONYM TABLESPACE DIRECTORY PROFILE'.split(
        ' ',
      );
    const found = reader.find(verb + 1, reader.length, ...kinds);
    return reader.at(found)?.value ?? '';
  }

  async #define(reader: TokenReader, statement: ParsedStatement, isPrivate: boolean): Promise<SqlResult> {
    const { shared, schema } = { shared: this.#shared, schema: this.#session.schema };
    const translated = shared.translate(statement, [], false);
    const table = nameBehind(reader, 'TABLE');
    if (statement.verb === 'DROP' && table !== undefined) await this.#session.temporary.drop(swapCase(table), schema);
    try {
      if (isPrivate) await this.#session.transaction.run(translated.text, [], { changes: true });
      else await this.#withoutWaiting(translated.text);
    } catch (raised) {
      const error = this.#session.toError(raised, statement, translated);
      if (error.code === 942 && /sequence/i.test(errorText(raised)))
        throw new OraError(2289, 'sequence does not exist');
      if (error.code === 942 && /\bindex\b/i.test(statement.sql) && statement.verb === 'DROP')
        throw new OraError(1418, 'specified index does not exist');
      if (error.code === 942 && /constraint/i.test(errorText(raised)))
        throw new OraError(2443, 'Cannot drop constraint  - nonexistent constraint');
      throw error.code === LOCK_TIMED_OUT
        ? new OraError(54, 'resource busy and acquire with NOWAIT specified or timeout expired')
        : error;
    }
    if (/^\s*create\s+global\s+temporary/i.test(statement.sql) && table !== undefined) {
      const onCommit = /on\s+commit\s+preserve/i.test(statement.sql) ? 'PRESERVE ROWS' : 'DELETE ROWS';
      shared.temporaryTables.set(`${schema}.${swapCase(table)}`, onCommit);
      await shared.owner.query('INSERT INTO ora.temporary_tables VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
        schema,
        swapCase(table),
        onCommit,
      ]);
    }
    shared.definitionChanged();
    return DONE;
  }

  async #withoutWaiting(text: string): Promise<void> {
    const before = this.#link.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    const [, outcome] = await Promise.allSettled([
      before,
      this.#link.query(text),
      this.#link.query('SET lock_timeout = 0'),
    ]);
    if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** 'sid,serial#': whatever that session runs ends, and with KILL the session too. */
  async #alterSystem(sql: string): Promise<SqlResult> {
    const found = /alter\s+system\s+(kill|disconnect|cancel)\s+(?:session|sql)\s+'\s*(\d+)\s*,\s*(\d+)/i.exec(sql);
    if (found === null) return DONE;
    const sid = Number(found[2]);
    if (sid === this.#session.info.sid) throw new OraError(27, 'cannot kill current session');
    const { owner } = this.#shared;
    const how = found[1]?.toLowerCase();
    const isThere =
      how === 'cancel' ? await owner.cancelSession(sid) : await owner.killSession(sid, how === 'disconnect');
    if (!isThere) throw new OraError(30, 'User session ID does not exist.');
    return DONE;
  }

  async #grant(reader: TokenReader, { verb }: ParsedStatement): Promise<SqlResult> {
    const { owner } = this.#shared;
    const start = reader.next(reader.solid(0));
    const on = reader.find(start, reader.length, 'ON');
    const to = reader.find(start, reader.length, verb === 'GRANT' ? 'TO' : 'FROM');
    const words = reader.tokens.slice(start, on < 0 ? to : on).filter(({ kind }) => kind === 'word');
    const ends = reader.find(to, reader.length, 'WITH', 'IDENTIFIED', 'CASCADE', ';');
    const grantees: string[] = [];
    for (const { value } of reader.tokens
      .slice(to + 1, ends < 0 ? reader.length : ends)
      .filter(({ kind }) => kind === 'word' || kind === 'quoted')) {
      if (value !== 'PUBLIC' && !(await owner.hasRole(value)))
        throw new OraError(1917, `user or role '${value}' does not exist`);
      grantees.push(value === 'PUBLIC' ? 'PUBLIC' : `"${await owner.roleOf(value)}"`);
    }
    const direction = verb === 'GRANT' ? 'TO' : 'FROM';
    if (on >= 0) {
      const privileges = [...new Set(words.flatMap(({ value }) => PRIVILEGES[value] ?? []))];
      const object = reader.chain(reader.next(on)).flatMap((index) => reader.at(index) ?? []);
      if (privileges.length === 0) return DONE;
      const text = `${verb} ${privileges.join(', ')} ON ${object.map(nameOf).join('.')} ${direction} ${grantees.join(', ')}`;
      await this.#link.query(text).catch((error: unknown) => {
        throw this.#session.toError(error, { verb, sql: text } as ParsedStatement);
      });
      return DONE;
    }
    // System privileges are everybody's here; a role is one of PostgreSQL's.
    for (const { value } of words) {
      if (!(await owner.hasRole(value))) continue;
      await owner.query(`${verb} "${await owner.roleOf(value)}" ${direction} ${grantees.join(', ')}`);
    }
    return DONE;
  }

  async #user(reader: TokenReader, { verb }: ParsedStatement, kind: string): Promise<SqlResult> {
    const { owner } = this.#shared;
    if (!ADMINISTRATORS.has(this.#session.info.user.toUpperCase())) throw new OraError(1031, 'insufficient privileges');
    const name = nameBehind(reader, kind) ?? '';
    const isThere = await owner.hasRole(name);
    if (verb === 'CREATE') {
      if (isThere)
        throw kind === 'USER'
          ? new OraError(1920, `user name '${name}' conflicts with another user or role name`)
          : new OraError(1921, `role name '${name}' conflicts with another user or role name`);
      if (kind === 'USER') await owner.roleOf(name);
      else await owner.createRole(name);
    } else if (!isThere)
      throw kind === 'USER'
        ? new OraError(1918, `user '${name}' does not exist`)
        : new OraError(1919, `role '${name}' does not exist`);
    else if (verb === 'DROP') await owner.dropUser(name);
    this.#shared.definitionChanged();
    return DONE;
  }

  async #subprogram(reader: TokenReader, statement: ParsedStatement, kind: string): Promise<SqlResult> {
    const { procedures, version } = this.#shared;
    const schema = this.#session.schema.toUpperCase();
    const name = nameBehind(reader, kind) ?? '';
    const key = name.includes('.') ? name : `${schema}.${name}`;
    if (statement.verb === 'CREATE' && kind === 'PROCEDURE') {
      if (procedures.has(key) && !/or\s+replace/i.test(statement.sql))
        throw new OraError(955, 'name is already used by an existing object');
      procedures.set(key, parseProcedure(statement.sql));
    } else if (statement.verb === 'CREATE')
      await this.#functionOf(statement, functionDefinition(statement.sql, version));
    else if (statement.verb === 'DROP') {
      if (kind === 'PROCEDURE' && !procedures.delete(key)) throw new OraError(4043, `object ${name} does not exist`);
      if (kind === 'FUNCTION') await this.#functionOf(statement, `DROP FUNCTION ${name.toLowerCase()}`, name);
    }
    return DONE;
  }

  async #functionOf(statement: ParsedStatement, text: string, dropped?: string): Promise<void> {
    try {
      await this.#link.query(text);
    } catch (raised) {
      const error = this.#session.toError(raised, statement);
      throw dropped !== undefined && error.code === 904
        ? new OraError(4043, `object ${dropped} does not exist`)
        : error;
    }
    this.#shared.definitionChanged();
  }
}

const errorText = (error: unknown): string => (error instanceof Error ? error.message : '');

/** The name behind the word, as the dictionary has it, without IF [NOT] EXISTS. */
function nameBehind(reader: TokenReader, word: string): string | undefined {
  const at = reader.find(0, reader.length, word);
  if (at < 0) return undefined;
  let name = reader.next(at);
  while (reader.is(name, 'IF', 'NOT', 'EXISTS')) name = reader.next(name);
  const dictionary = ({ kind, value }: Token): string => (kind === 'quoted' ? value : value.toUpperCase());
  return reader
    .chain(name)
    .flatMap((index) => reader.at(index) ?? [])
    .map(dictionary)
    .join('.');
}
