/**
 * The SQL of the wire server, answered by PostgreSQL: an own database on a server that is there already, one PostgreSQL
 * session for each Oracle session, so that isolation, locks, waiting and deadlocks are real. An Oracle user is a role with a
 * schema. The url is a superuser's. Invariant: after `close` neither the database nor a role of it is left.
 */
import { randomBytes } from 'node:crypto';
import type { SessionInfo, SqlBackend, SqlSession } from '../backend.js';
import { OraError } from '../backend.js';
import { bootstrapFunctions } from './bootstrap-functions.js';
import { dictionaryViews } from './dictionary-views.js';
import { EngineSession } from './engine-session.js';
import { EngineShared } from './engine-shared.js';
import type { EngineOwner } from './engine-shared.js';
import { literal, swapCase } from './names.js';
import { PgLink } from './pg-link.js';
import type { EngineResult } from './pg-link.js';
import type { OracleVersion } from './rewriter.js';
import { toOraError } from './sqlstates.js';

export interface PostgresBackendOptions {
  /** Of a superuser, on PostgreSQL 15 or later. */
  readonly url: string;
  /** What 23ai has brought is refused by 19. Default: 23. */
  readonly version?: OracleVersion;
}

/** Tests wait for deadlocks. */
const DEADLOCK_TIMEOUT_MS = 100;

export class PostgresBackend implements SqlBackend, EngineOwner {
  readonly shared: EngineShared;
  readonly #url: string;
  readonly #serverUrl: string;
  readonly #database: string;
  readonly #owner: PgLink;
  readonly #sessions = new Map<number, EngineSession>();
  readonly #roles = new Map<string, Promise<string>>();
  #cut: (sid: number) => void = () => undefined;

  private constructor(serverUrl: string, url: string, database: string, owner: PgLink, version: OracleVersion) {
    this.#serverUrl = serverUrl;
    this.#url = url;
    this.#database = database;
    this.#owner = owner;
    this.shared = new EngineShared(version, this);
  }

  /** Makes the database; about 200 ms. */
  static async open({ url, version = 23 }: PostgresBackendOptions): Promise<PostgresBackend> {
    const database = `ora_${randomBytes(5).toString('hex')}`;
    await onServer(url, `CREATE DATABASE ${database} TEMPLATE template0`);
    const own = new URL(url);
    own.pathname = `/${database}`;
    const owner = await PgLink.connect(own.href, 'oracle-wire owner');
    const bootstrap = [
      'SET check_function_bodies = off',
      bootstrapFunctions(),
      dictionaryViews(),
      `REVOKE CREATE ON SCHEMA public FROM PUBLIC`,
    ];
    await owner.query(bootstrap.join(';\n')).catch(async (error: unknown) => {
      await owner.close();
      await onServer(url, `DROP DATABASE ${database}`);
      throw error;
    });
    return new PostgresBackend(url, own.href, database, owner, version);
  }

  async openSession(info: SessionInfo): Promise<SqlSession> {
    try {
      const role = await this.roleOf(info.user);
      const link = await PgLink.connect(this.#url, `oracle-wire ${info.sid}`);
      const session: EngineSession = new EngineSession(link, this.shared, info, () => this.#closed(session));
      const { processId } = link;
      // Whoever has had the number before is gone.
      await this.query('DELETE FROM ora.sessions WHERE pid = $1 OR sid = $2', [String(processId), String(info.sid)]);
      const row = [String(processId), String(info.sid), String(info.serial), info.user, info.service];
      await this.query(
        'INSERT INTO ora.sessions (pid, sid, serial, username, service) VALUES ($1, $2, $3, $4, $5)',
        row,
      );
      await link.query(`SET deadlock_timeout = ${DEADLOCK_TIMEOUT_MS}; SET ROLE "${role}"`);
      await session.settings.start(info, swapCase(info.user.toUpperCase()));
      this.#sessions.set(info.sid, session);
      return session;
    } catch (error) {
      throw toOraError(error, { verb: '', version: this.shared.version });
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.close()));
    await this.#owner.close();
    await onServer(this.#serverUrl, `DROP DATABASE IF EXISTS ${this.#database} WITH (FORCE)`);
    for (const role of this.#roles.values()) await onServer(this.#serverUrl, `DROP ROLE IF EXISTS "${await role}"`);
  }

  query(text: string, params: readonly (string | null)[] = []): Promise<EngineResult> {
    return this.#owner.query(text, params);
  }

  async cancel(processId: number): Promise<void> {
    await this.query('SELECT pg_cancel_backend($1)', [String(processId)]);
  }

  async hasRole(name: string): Promise<boolean> {
    return this.#roles.has(name.toUpperCase());
  }

  /** The user's role, made with its schema when it is named for the first time. */
  roleOf(user: string): Promise<string> {
    const name = user.toUpperCase();
    return this.#remembered(name, async (role) => {
      const schema = `"${swapCase(name)}"`;
      await this.query(
        `CREATE ROLE "${role}"; CREATE SCHEMA ${schema} AUTHORIZATION "${role}"; GRANT USAGE ON SCHEMA ${schema} TO PUBLIC`,
      );
    });
  }

  async createRole(name: string): Promise<void> {
    await this.#remembered(name.toUpperCase(), async (role) => {
      await this.query(`CREATE ROLE "${role}"`);
    });
  }

  async dropUser(user: string): Promise<void> {
    const name = user.toUpperCase();
    const role = await this.#roles.get(name);
    if (role === undefined) return;
    if ([...this.#sessions.values()].some(({ info }) => info.user.toUpperCase() === name))
      throw new OraError(1940, 'cannot drop a user that is currently connected');
    await this.query(`DROP SCHEMA IF EXISTS "${swapCase(name)}" CASCADE`);
    await this.query(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
    this.#roles.delete(name);
  }

  attach(server: { cut(sid: number): void }): void {
    this.#cut = (sid) => server.cut(sid);
  }

  async killSession(sid: number, isCut: boolean): Promise<boolean> {
    const session = this.#sessions.get(sid);
    if (session === undefined) return false;
    session.kill();
    if (isCut) this.#cut(sid);
    this.#sessions.delete(sid);
    await this.query(`DELETE FROM ora.sessions WHERE sid = ${literal(String(sid))}`);
    await this.query('SELECT pg_terminate_backend($1)', [String(session.processId)]);
    return true;
  }

  async cancelSession(sid: number): Promise<boolean> {
    const session = this.#sessions.get(sid);
    await session?.cancel();
    return session !== undefined;
  }

  #remembered(name: string, make: (role: string) => Promise<void>): Promise<string> {
    const known = this.#roles.get(name);
    if (known !== undefined) return known;
    const role = `${this.#database}_${name.toLowerCase()}`;
    const made = make(role).then(() => role);
    this.#roles.set(name, made);
    return made;
  }

  async #closed({ info: { sid }, processId }: EngineSession): Promise<void> {
    this.#sessions.delete(sid);
    await this.query('DELETE FROM ora.sessions WHERE pid = $1', [String(processId)]).catch(() => undefined);
  }
}

async function onServer(url: string, text: string): Promise<void> {
  const link = await PgLink.connect(url, 'oracle-wire owner');
  try {
    await link.query(text);
  } finally {
    await link.close();
  }
}
