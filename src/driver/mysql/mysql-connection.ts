/**
 * One session with a MySQL or MariaDB server over a single `mysql2` connection (never its pool). Made by mysql-driver.ts, lent
 * by the pool.
 *
 * Invariants:
 * - `state` follows the server's status flags (mysql-status.ts). An error carries none, and some errors end the whole transaction
 *   (a deadlock, DDL that fails); so after an error that could have, the server is asked, before the session is ready again;
 * - mysql2 answers nothing any more once it has seen the connection end, so nothing is handed to it after that;
 * - values go by the binary protocol, and are never written into the SQL.
 * Refuses to know: deadlines, retries, who is asking.
 *
 * Over 300 lines, because what is sent, what ends it, and what the server said last have to be seen together.
 */
import { isFluxorError } from '../../errors/fluxor-error.js';
import { firstWord } from '../../sql/first-words.js';
import type { DriverBatch, DriverBatchResult } from '../batch.js';
import type { ConnectRequest, DriverConnection, SessionState } from '../driver.js';
import type { DriverCursor, DriverQuery, DriverResult } from '../query.js';
import { MysqlBatch } from '../mysql-server/mysql-batch.js';
import { STALE_STATEMENT_ERRNOS, TOO_MANY_STATEMENTS_ERRNO } from '../mysql-server/mysql-errnos.js';
import type { Flavour } from '../mysql-server/mysql-flavour.js';
import { flavourOf } from '../mysql-server/mysql-flavour.js';
import { serverErrorOf } from '../mysql-server/mysql-server-error.js';
import type { MysqlSettings } from '../mysql-server/mysql-session.js';
import { keepsLimit, limitText, quoteName, setUpText } from '../mysql-server/mysql-session.js';
import { splitBegin } from '../mysql-server/mysql-transactions.js';
import type { MysqlTypeConfig } from '../mysql-server/mysql-types.js';
import type { MysqlParameter } from '../mysql-server/mysql-values.js';
import { MAX_INT64, encodeParameter } from '../mysql-server/mysql-values.js';
import { roomError, wrongCountError } from './mysql-client-errors.js';
import { MysqlCursor } from './mysql-cursor.js';
import type { Mysql2Command, Mysql2Connection, Mysql2Header, Mysql2Module } from './mysql-module.js';
import type { Protocol } from './mysql-result.js';
import { ResultCollector, isHeader } from './mysql-result.js';
import { SessionStatus } from './mysql-status.js';

/** What the room knows about every one of its sessions. */
export interface MysqlSessionConfig {
  readonly types: MysqlTypeConfig;
  readonly settings: MysqlSettings;
  readonly database: string | undefined;
  /** Prepared statements are kept; otherwise each is closed when it has run. */
  readonly keepsStatements: boolean;
  /** Raised during the login when the server asks for what may not be sent. */
  readonly refusePassword: (() => Error) | undefined;
  /** `KILL QUERY` for the session with this number, by way of the driver's control session. */
  readonly kill: (threadId: number) => Promise<void>;
}

/** Whoever waits for what is on the wire. */
export interface Running {
  /** The connection has ended, and mysql2 tells nobody. */
  fail(error: unknown): void;
}

interface ReadyWaiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** After an error of one of these, the session is as it was: it was in no transaction, and none has begun. */
const PLAIN_COMMANDS: ReadonlySet<string> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'SHOW', 'DO']);

export class MysqlConnection implements DriverConnection {
  readonly #mysql: Mysql2Module;
  readonly #client: Mysql2Connection;
  readonly #config: MysqlSessionConfig;
  readonly #request: ConnectRequest;
  readonly #status: SessionStatus;
  #flavour: Flavour = flavourOf('');
  #isBusy = false;
  /** Until connected, failures are the rejection of `open`, not a loss. */
  #isConnected = false;
  #isClosing = false;
  /** Set once, by the first sign that the connection is gone. */
  #lostBecause: { readonly error: unknown } | undefined;
  /** The server's own word on why it hangs up comes before the end of the connection. */
  #lastWord: unknown;
  #running: Running | undefined;
  #limitMs = 0;
  /** A KILL was sent since the last harmless statement; it may be late. */
  #hasKilled = false;
  /** The default database is another one than at the start. */
  #hasMoved = false;
  readonly #readyWaiters: ReadyWaiter[] = [];
  #batch: MysqlBatch | undefined;

  /** Connects, or rejects with the library's own error; an aborted `signal` frees the socket at once. */
  static async open(
    mysql: Mysql2Module,
    client: Mysql2Connection,
    config: MysqlSessionConfig,
    request: ConnectRequest,
  ): Promise<MysqlConnection> {
    const connection = new MysqlConnection(mysql, client, config, request);
    const giveUp = () => connection.#giveUp();
    request.signal.addEventListener('abort', giveUp, { once: true });
    try {
      if (request.signal.aborted) giveUp();
      await connection.#logIn();
      connection.#isConnected = true;
      await connection.#setUp();
      if (request.signal.aborted) throw roomError('FLUXOR_GIVEN_UP', 'nobody waits for the connection any more');
      return connection;
    } catch (error) {
      connection.#isConnected = false;
      connection.destroy();
      throw error;
    } finally {
      request.signal.removeEventListener('abort', giveUp);
    }
  }

  private constructor(
    mysql: Mysql2Module,
    client: Mysql2Connection,
    config: MysqlSessionConfig,
    request: ConnectRequest,
  ) {
    this.#mysql = mysql;
    this.#client = client;
    this.#config = config;
    this.#request = request;
    this.#status = new SessionStatus(client, () => {
      const refusal = config.refusePassword?.();
      if (refusal === undefined) return;
      this.#lose(refusal);
      client.stream.destroy();
    });
    client.on('error', (error) => this.#lose(error));
    client.stream.once('close', () =>
      this.#lose(roomError('PROTOCOL_CONNECTION_LOST', 'Connection lost: The server closed the connection.')),
    );
  }

  get state(): SessionState {
    if (this.#lostBecause !== undefined || this.#isClosing) return 'closed';
    if (this.#isBusy) return 'busy';
    return this.#status.isInTransaction ? 'in-transaction' : 'idle';
  }

  get sessionId(): string {
    return String(this.#client.threadId ?? '');
  }

  get bytesWritten(): number {
    return this.#client.stream.bytesWritten;
  }

  get flavour(): Flavour {
    return this.#flavour;
  }

  get statementLimitMs(): number {
    return this.#limitMs;
  }

  async execute(query: DriverQuery): Promise<DriverResult> {
    const begin = splitBegin(query.text);
    if (begin === undefined) return this.#send(query);
    await this.#send({ ...query, text: begin[0] });
    return this.#send({ ...query, text: begin[1] });
  }

  openCursor(query: DriverQuery): DriverCursor {
    const values = query.values.map(encodeParameter);
    const port = {
      types: this.#config.types,
      open: (cursor: Running, watch: (command: Mysql2Command, protocol: Protocol) => void) =>
        this.#begin(query.text, values, cursor, watch),
      pause: () => this.#client.pause(),
      resume: () => this.#client.resume(),
      kill: () => this.cancel(),
      take: (header: Mysql2Header) => this.#take(header),
      settle: (failure?: { readonly error: unknown }) => this.#settle(query.text, failure),
      untilReady: () => this.untilReady(),
      absorb: () => this.#absorb(),
    };
    return new MysqlCursor(port, query);
  }

  async runBatch(batch: DriverBatch): Promise<DriverBatchResult> {
    const running = new MysqlBatch(
      {
        send: (query) => this.#send(query),
        isInTransaction: () => this.#status.isInTransaction,
        untilReady: () => this.untilReady(),
      },
      batch,
    );
    this.#batch = running;
    return running.run();
  }

  async limitStatements(ms: number): Promise<void> {
    if (keepsLimit(this.#flavour, this.#config.settings)) return;
    const text = limitText(this.#flavour, ms);
    if (text === undefined) return;
    await this.#say(text);
    this.#limitMs = ms;
  }

  untilReady(): Promise<void> {
    if (this.#lostBecause !== undefined) return Promise.reject(this.#lostBecause.error);
    if (!this.#isBusy) return Promise.resolve();
    return new Promise((resolve, reject) => this.#readyWaiters.push({ resolve, reject }));
  }

  async cancel(): Promise<void> {
    this.#batch?.stop();
    this.#hasKilled = true;
    await this.#config.kill(this.#client.threadId ?? 0);
  }

  async ping(query?: string): Promise<void> {
    if (this.#hasKilled) await this.#absorb();
    if (query !== undefined) return this.#say(query);
    await this.#round((done) => this.#client.ping(done));
  }

  /** All at once: COM_RESET_CONNECTION knows no parts, and takes the prepared statements with it. */
  async reset(): Promise<void> {
    await this.#round((done) => this.#client.reset(done));
    await this.#setUp();
    if (!this.#hasMoved) return;
    // The reset leaves the default database as it is, and none is a database that cannot be gone back to.
    const { database } = this.#config;
    if (database === undefined) throw new Error('the session cannot be brought back to having no default database');
    await this.#say(`use ${quoteName(database)}`);
    this.#hasMoved = false;
  }

  close(): Promise<void> {
    this.#isClosing = true;
    if (this.#client.stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#client.stream.once('close', resolve);
      this.#client.end();
    });
  }

  /** mysql2's own `destroy` waits for the other side. */
  destroy(): void {
    this.#isClosing = true;
    this.#client.stream.destroy();
    this.#failRunning(roomError('PROTOCOL_CONNECTION_LOST', 'the connection was destroyed'));
  }

  #giveUp(): void {
    this.#lose(roomError('FLUXOR_GIVEN_UP', 'nobody waits for the connection any more'));
    this.destroy();
  }

  #logIn(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#lostBecause !== undefined) return reject(this.#lostBecause.error as Error);
      this.#running = { fail: reject };
      this.#client.connect((error) => {
        this.#running = undefined;
        if (error !== null && error !== undefined) return reject(error as Error);
        this.#status.beginSession();
        this.#flavour = flavourOf(this.#client._handshakePacket?.serverVersion ?? '');
        resolve();
      });
    });
  }

  async #setUp(): Promise<void> {
    const { settings } = this.#config;
    const { statementLimitMs: limitMs = 0 } = this.#request;
    await this.#say(setUpText(this.#flavour, settings, limitMs));
    this.#limitMs =
      keepsLimit(this.#flavour, settings) || limitText(this.#flavour, limitMs) === undefined ? 0 : limitMs;
  }

  async #say(text: string): Promise<void> {
    await this.#send({ text, values: [], rowMode: 'array' });
  }

  /** A KILL that comes after its statement marks the session, and the next statement meets the mark. This one may. */
  async #absorb(): Promise<void> {
    this.#hasKilled = false;
    await this.#say('do 0').catch(() => this.untilReady());
  }

  #send(query: DriverQuery): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      const values = query.values.map(encodeParameter);
      const command = commandOf(query.text);
      const fail = (error: unknown) => {
        reject(this.#bestError(error) as Error);
        this.#settle(query.text, { error });
      };
      const retry = (error: unknown): boolean => this.#heal(query.text, error);
      const attempt = (isFirst: boolean): void => {
        let hasEnded = false;
        const collected = new ResultCollector(
          this.#config.types,
          values.length === 0 ? 'text' : 'binary',
          query.rowMode,
        );
        const failOnce = (error: unknown) => {
          if (hasEnded) return;
          hasEnded = true;
          if (isFirst && retry(error)) attempt(false);
          else fail(error);
        };
        this.#begin(query.text, values, { fail: failOnce }, (running) => {
          running
            .on('fields', (fields) => collected.beginSet(fields))
            .on('result', (rowOrHeader) => {
              if (!isHeader(rowOrHeader)) return collected.addRow(rowOrHeader);
              collected.endSet(rowOrHeader);
              this.#take(rowOrHeader);
            })
            .on('error', failOnce)
            .on('end', () => {
              if (hasEnded) return;
              hasEnded = true;
              this.#settle(query.text);
              if (collected.unreadable === undefined) resolve(collected.result(command));
              else reject(collected.unreadable.error as Error);
            });
        });
      };
      attempt(true);
    });
  }

  /** Sends, and lets `watch` see the command; whatever keeps it from being one goes to `running`. */
  #begin(
    sql: string,
    values: readonly MysqlParameter[],
    running: Running,
    watch: (command: Mysql2Command, protocol: Protocol) => void,
  ): void {
    if (this.#lostBecause !== undefined) return running.fail(this.#lostBecause.error);
    this.#isBusy = true;
    this.#running = running;
    if (values.length === 0) return watch(this.#client.query({ sql }), 'text');
    this.#client.prepare({ sql }, (error, statement) => {
      if (error !== null && error !== undefined) return running.fail(error);
      const wanted = statement.parameters.length;
      if (wanted !== values.length) return running.fail(wrongCountError(values.length, wanted));
      watch(statement.execute(values.map((value) => this.#typed(value))), 'binary');
    });
  }

  /** mysql2 would send a bigint as text, which the server computes with as DOUBLE. */
  #typed(value: MysqlParameter): unknown {
    if (typeof value !== 'bigint') return value;
    const { LONGLONG } = this.#mysql.TypedParameter;
    return value > MAX_INT64 ? LONGLONG.unsigned(value) : LONGLONG(value);
  }

  /** Whether the statement is worth sending again: nothing of it was carried out, and nothing undone by its error. */
  #heal(sql: string, error: unknown): boolean {
    const errno = serverErrorOf(error)?.errno ?? 0;
    if (STALE_STATEMENT_ERRNOS.has(errno)) this.#client.unprepare(sql);
    else if (errno === TOO_MANY_STATEMENTS_ERRNO) this.#client._statements?.clear();
    else return false;
    this.#request.onHealed?.();
    return true;
  }

  #take({ serverStatus, stateChanges }: Mysql2Header): void {
    this.#status.take(serverStatus);
    const schema = stateChanges?.schema;
    if (this.#isConnected && typeof schema === 'string') this.#hasMoved = schema !== this.#config.database;
  }

  /** What is on the wire has ended. After an error the session is ready when it is known where that has left it. */
  #settle(text: string, failure?: { readonly error: unknown }): void {
    this.#running = undefined;
    if (!this.#config.keepsStatements) this.#client.unprepare(text);
    if (failure === undefined) return this.#becomeReady();
    const { error } = failure;
    if (serverErrorOf(error) !== undefined) this.#lastWord = error;
    // Neither the server's nor ours: after it mysql2 is of no use.
    else if (!isFluxorError(error)) return this.#lose(error);
    if (this.#lostBecause !== undefined || this.#isClosing) return;
    const isAsItWas = !this.#status.isInTransaction && this.#status.isAutocommit;
    if (isAsItWas && PLAIN_COMMANDS.has(commandOf(text))) return this.#becomeReady();
    this.#round((done) => this.#client.ping(done)).catch((lost: unknown) => this.#lose(lost));
  }

  /** One round trip without rows, of mysql2's own making. */
  #round(send: (done: (error?: unknown) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        this.#running = undefined;
        reject(this.#bestError(error) as Error);
      };
      if (this.#lostBecause !== undefined) return fail(this.#lostBecause.error);
      this.#isBusy = true;
      this.#running = { fail };
      this.#status.expectOk();
      send((error) => {
        if (this.#running === undefined) return;
        this.#running = undefined;
        if (error !== null && error !== undefined) {
          if (serverErrorOf(error) === undefined) this.#lose(error);
          else this.#becomeReady();
          return reject(this.#bestError(error) as Error);
        }
        this.#becomeReady();
        resolve();
      });
    });
  }

  #becomeReady(): void {
    this.#isBusy = false;
    for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve();
  }

  #lose(error: unknown): void {
    if (this.#lostBecause !== undefined) return;
    const best = this.#bestError(error);
    this.#lostBecause = { error: best };
    this.#client.stream.destroy();
    this.#failRunning(best);
    if (this.#isConnected && !this.#isClosing) this.#request.onLost(best);
  }

  #failRunning(error: unknown): void {
    const running = this.#running;
    this.#running = undefined;
    running?.fail(error);
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(error);
  }

  /** "Connection lost" says less than what the server said just before it. */
  #bestError(error: unknown): unknown {
    const isMute = (error as { readonly code?: unknown } | undefined)?.code === 'PROTOCOL_CONNECTION_LOST';
    return isMute && isFarewell(this.#lastWord) ? this.#lastWord : error;
  }
}

/** The server's reasons for ending a session. */
const FAREWELLS: ReadonlySet<number> = new Set([1053, 1153, 1927, 3032, 3168, 3169, 4031]);

function isFarewell(error: unknown): boolean {
  return FAREWELLS.has(serverErrorOf(error)?.errno ?? 0);
}

/** `  SELECT …` → `SELECT`. Most texts begin with their verb; for comments and parentheses the lexer is asked. */
function commandOf(text: string): string {
  const verb = /^\s*([a-z]+)\b/i.exec(text)?.[1] ?? firstWord('mysql', text);
  return verb.toUpperCase();
}
