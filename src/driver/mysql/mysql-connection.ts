/**
 * One session with a MySQL or MariaDB server over a single `mysql2` connection (never its pool). Made by mysql-driver.ts, lent
 * by the pool; mysql-wire.ts knows what is on the connection.
 *
 * Invariant: values go by the binary protocol, and are never written into the SQL.
 * Refuses to know: deadlines, retries, who is asking.
 */
import type { DriverBatch, DriverBatchResult } from '../batch.js';
import type { ConnectRequest, DriverConnection, SessionState } from '../driver.js';
import { MysqlBatch } from '../mysql-server/mysql-batch.js';
import type { MysqlControl } from '../mysql-server/mysql-cancel.js';
import { UnansweredKill } from '../mysql-server/mysql-cancel.js';
import type { MysqlSettings } from '../mysql-server/mysql-session.js';
import { limitText, serverOf, setUpText, useText } from '../mysql-server/mysql-session.js';
import { sendStatements } from '../mysql-server/mysql-transactions.js';
import type { MysqlTypeConfig } from '../mysql-server/mysql-types.js';
import type { MysqlParameter } from '../mysql-server/mysql-values.js';
import { encodeParameter } from '../mysql-server/mysql-values.js';
import type { DriverCursor, DriverQuery, DriverResult } from '../query.js';
import { roomError } from './mysql-client-errors.js';
import { MysqlCursor } from './mysql-cursor.js';
import { runEach } from './mysql-each.js';
import type { Mysql2Connection, Mysql2Module } from './mysql-module.js';
import { ResultCollector, isHeader } from './mysql-result.js';
import type { Running, Watch } from './mysql-wire.js';
import { MysqlWire } from './mysql-wire.js';

/** What the room knows about every one of its sessions. */
export interface MysqlSessionConfig {
  readonly types: MysqlTypeConfig;
  readonly settings: MysqlSettings;
  readonly database: string | undefined;
  /** How many are kept; with 0 each is closed when it has run. */
  readonly preparedStatements: number;
  /** Raised during the login when the server asks for what may not be sent. */
  readonly refusePassword: (() => Error) | undefined;
  /** For KILL. */
  readonly control: Pick<MysqlControl, 'cancel' | 'prepare'>;
}

export class MysqlConnection implements DriverConnection {
  readonly #wire: MysqlWire;
  readonly #config: MysqlSessionConfig;
  readonly #request: ConnectRequest;
  #server = '';
  #limitMs = 0;
  /** A KILL was sent since the last harmless statement; it may be late. */
  #hasKilled = false;
  #batch: MysqlBatch | undefined;

  /** Connects, or rejects with the library's own error; an aborted `signal` frees the socket at once. */
  static async open(
    mysql: Mysql2Module,
    client: Mysql2Connection,
    config: MysqlSessionConfig,
    request: ConnectRequest,
  ): Promise<MysqlConnection> {
    const connection = new MysqlConnection(mysql, client, config, request);
    const wire = connection.#wire;
    const giveUp = () => wire.giveUp();
    request.signal.addEventListener('abort', giveUp, { once: true });
    try {
      if (request.signal.aborted) giveUp();
      await wire.logIn();
      await connection.#setUp();
      connection.#server = await serverOf(wire.flavour, (text) => connection.#valueOf(text));
      if (request.signal.aborted) throw roomError('FLUXOR_GIVEN_UP', 'nobody waits for the connection any more');
      wire.open();
      return connection;
    } catch (error) {
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
    this.#config = config;
    this.#request = request;
    this.#wire = new MysqlWire(mysql, client, { ...config, onLost: request.onLost });
  }

  get state(): SessionState {
    return this.#wire.state;
  }

  get sessionId(): string {
    return String(this.#wire.threadId ?? '');
  }

  /** Which one it is at; see mysql-session.ts. */
  get server(): string {
    return this.#server;
  }

  get bytesWritten(): number {
    return this.#wire.client.stream.bytesWritten;
  }

  get statementLimitMs(): number {
    return this.#limitMs;
  }

  execute(query: DriverQuery): Promise<DriverResult> {
    return sendStatements(query, (statement) => this.#send(statement));
  }

  /** See mysql-each.ts. */
  runEach(texts: readonly string[]): Promise<readonly unknown[]> {
    return runEach(this.#wire, texts);
  }

  openCursor(query: DriverQuery): DriverCursor {
    const wire = this.#wire;
    this.#config.control.prepare();
    const values = query.values.map(encodeParameter);
    const port = {
      wire,
      types: this.#config.types,
      open: (cursor: Running, watch: Watch) => wire.begin(query.text, values, cursor, watch),
      kill: () => this.cancel(),
      absorb: () => this.#absorb(),
      settle: (failure?: { readonly error: unknown }) => wire.settle(query.text, failure),
    };
    return new MysqlCursor(port, query);
  }

  runBatch(batch: DriverBatch): Promise<DriverBatchResult> {
    const port = {
      send: (query: DriverQuery) => this.#send(query),
      isInTransaction: () => this.#wire.isInTransaction,
      untilReady: () => this.#wire.untilReady(),
      ...(this.#wire.flavour.isMariaDb
        ? {}
        : {
            sendEncoded: (text: string, values: readonly MysqlParameter[]) =>
              this.#send({ text, values, rowMode: 'array' }, values),
          }),
    };
    this.#batch = new MysqlBatch(port, batch);
    return this.#batch.run();
  }

  async limitStatements(ms: number): Promise<void> {
    const text = limitText(this.#wire.flavour, this.#config.settings, ms);
    if (text === undefined) return;
    await this.#say(text);
    this.#limitMs = ms;
  }

  untilReady(): Promise<void> {
    return this.#wire.untilReady();
  }

  async cancel(): Promise<void> {
    this.#batch?.stop();
    const { threadId } = this.#wire;
    if (threadId === undefined) return;
    this.#hasKilled = true;
    try {
      await this.#config.control.cancel({ threadId, server: this.#server });
    } catch (error) {
      if (error instanceof UnansweredKill) this.destroy();
      throw error;
    }
  }

  async ping(query?: string): Promise<void> {
    if (this.#hasKilled) await this.#absorb();
    if (query !== undefined) return this.#say(query);
    await this.#wire.round((done) => this.#wire.client.ping(done));
  }

  /** All at once: COM_RESET_CONNECTION knows no parts, and takes the prepared statements with it. */
  async reset(): Promise<void> {
    await this.#wire.reset();
    await this.#setUp();
    if (this.#wire.hasMoved) await this.#say(useText(this.#config.database));
  }

  /** An open session that is for control only is no reason for the process to live on. */
  unref(): void {
    this.#wire.unref();
  }

  close(): Promise<void> {
    return this.#wire.close();
  }

  destroy(): void {
    this.#wire.destroy();
  }

  async #setUp(): Promise<void> {
    const { flavour } = this.#wire;
    const { settings } = this.#config;
    const { statementLimitMs: limitMs = 0 } = this.#request;
    await this.#say(setUpText(flavour, settings, limitMs));
    this.#limitMs = limitText(flavour, settings, limitMs) === undefined ? 0 : limitMs;
  }

  async #say(text: string): Promise<void> {
    await this.#valueOf(text);
  }

  /** The first one that a statement brings. */
  async #valueOf(text: string): Promise<unknown> {
    const { rows } = await this.#send({ text, values: [], rowMode: 'array' });
    return (rows[0] as readonly unknown[] | undefined)?.[0];
  }

  /** A KILL that comes after its statement marks the session, and the next statement meets the mark. This one may. */
  async #absorb(): Promise<void> {
    this.#hasKilled = false;
    await this.#say('do 0').catch(() => this.#wire.untilReady());
  }

  #send(query: DriverQuery, encoded?: readonly MysqlParameter[]): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      const values = encoded ?? query.values.map(encodeParameter);
      const healed = (result: DriverResult): void => {
        this.#request.onHealed?.();
        resolve(result);
      };
      const attempt = (isFirst: boolean): void =>
        this.#attempt(query, values, isFirst ? resolve : healed, (error) => {
          const isHealed = isFirst && values.length > 0 && this.#wire.heal(query.text, error);
          if (isHealed) attempt(false);
          else reject(error);
          return isHealed;
        });
      attempt(true);
    });
  }

  /** `failed` answers whether it goes on with the session, which is not ready then. */
  #attempt(
    { text, rowMode }: DriverQuery,
    values: readonly MysqlParameter[],
    resolve: (result: DriverResult) => void,
    failed: (error: unknown) => boolean,
  ): void {
    let hasEnded = false;
    const fail = (error: unknown) => {
      if (hasEnded) return;
      hasEnded = true;
      if (!failed(this.#wire.bestError(error))) this.#wire.settle(text, { error });
    };
    this.#wire.begin(text, values, { fail }, (command, protocol, readers) => {
      const collected = new ResultCollector(this.#config.types, protocol, readers, rowMode);
      command
        .on('fields', (fields) => collected.beginSet(fields))
        .on('result', (rowOrHeader) => {
          if (!isHeader(rowOrHeader)) return collected.addRow(rowOrHeader, this.#wire.bringsOutParameters);
          collected.endSet(rowOrHeader);
          this.#wire.take(rowOrHeader);
        })
        .on('error', fail)
        .on('end', () => {
          if (hasEnded) return;
          hasEnded = true;
          this.#wire.settle(text);
          if (collected.unreadable === undefined) resolve(collected.result(this.#wire.factsOf(text).command));
          else failed(collected.unreadable.error);
        });
    });
  }
}
