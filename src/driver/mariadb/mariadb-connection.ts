/**
 * One session with a MariaDB or MySQL server over a single connection of the connector `mariadb` (never its pool). Made by
 * mariadb-driver.ts, lent by the pool.
 *
 * Invariants:
 * - `state` follows the server's status flags. An error carries none, the connector invents "in a transaction" for it, and some
 *   errors end the whole transaction (a deadlock, DDL that fails); so after an error that could have, the server is asked by
 *   COM_PING, whose answer has the flags, before the session is ready again;
 * - values go by the binary protocol, and are never written into the SQL;
 * - an error comes out when the session is ready.
 * Refuses to know: deadlines, retries, who is asking.
 *
 * Over 300 lines, because what is sent, what ends it, and what the server said last have to be seen together.
 */
import { isFluxorError } from '../../errors/fluxor-error.js';
import type { DriverBatch, DriverBatchResult } from '../batch.js';
import type { ConnectRequest, DriverConnection, SessionState } from '../driver.js';
import type { DriverCursor, DriverQuery, DriverResult } from '../query.js';
import { MysqlBatch } from '../mysql-server/mysql-batch.js';
import type { MysqlControl } from '../mysql-server/mysql-cancel.js';
import { UnansweredKill } from '../mysql-server/mysql-cancel.js';
import { commandOf, isPlain } from '../mysql-server/mysql-commands.js';
import type { Flavour } from '../mysql-server/mysql-flavour.js';
import { flavourOf, isAtLeast } from '../mysql-server/mysql-flavour.js';
import type { MysqlConfig } from '../mysql-server/mysql-options.js';
import { PreparedStatements, isNotBegun, kindsOf, wrongCountError } from '../mysql-server/mysql-prepared.js';
import { limitText, serverOf, setUpText, useText } from '../mysql-server/mysql-session.js';
import { sendStatements } from '../mysql-server/mysql-transactions.js';
import type { MysqlTypeConfig } from '../mysql-server/mysql-types.js';
import { MariadbCursor } from './mariadb-cursor.js';
import type { ClientColumn, MariadbClientOptions, MariadbModule } from './mariadb-module.js';
import { ResultReader, resultOf } from './mariadb-results.js';
import { KeptStatement } from './mariadb-statements.js';
import type { ClientValue } from './mariadb-values.js';
import { alignForBulk, clientValues } from './mariadb-values.js';
import type { ClientAnswer } from './mariadb-wire.js';
import { MariadbWire } from './mariadb-wire.js';

/** As many as the runtime keeps by default where it names them itself. */
const DEFAULT_STATEMENTS = 256;

interface ReadyWaiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class MariadbConnection implements DriverConnection {
  readonly #wire: MariadbWire;
  readonly #config: MysqlConfig;
  readonly #request: ConnectRequest;
  readonly #control: MysqlControl;
  readonly #types: MysqlTypeConfig;
  readonly #flavour: Flavour;
  readonly #statements: PreparedStatements<KeptStatement>;
  readonly #readyWaiters: ReadyWaiter[] = [];
  #isBusy = false;
  #isInTransaction = false;
  /** Which one it is at; see mysql-session.ts. */
  #server = '';
  #limitMs = 0;
  #batch: MysqlBatch | undefined;

  /** Connects, or rejects with the connector's own error; an aborted `request.signal` frees the socket at once. */
  static async open(
    module: MariadbModule,
    options: MariadbClientOptions,
    config: MysqlConfig,
    request: ConnectRequest,
    control: MysqlControl,
  ): Promise<MariadbConnection> {
    let connection: MariadbConnection | undefined;
    let isReady = false;
    const wire = await MariadbWire.open(module, options, request.signal, (error) => {
      if (connection !== undefined) connection.#tellWaiters(error);
      if (isReady) request.onLost(error);
    });
    const giveUp = () => wire.destroy();
    request.signal.addEventListener('abort', giveUp, { once: true });
    try {
      if (request.signal.aborted) giveUp();
      connection = new MariadbConnection(wire, config, request, control);
      await connection.#setUp();
      connection.#server = await serverOf(connection.#flavour, (text) => wire.valueOf(text));
      isReady = true;
      return connection;
    } catch (error) {
      wire.destroy();
      throw error;
    } finally {
      request.signal.removeEventListener('abort', giveUp);
    }
  }

  private constructor(wire: MariadbWire, config: MysqlConfig, request: ConnectRequest, control: MysqlControl) {
    this.#wire = wire;
    this.#config = config;
    this.#request = request;
    this.#control = control;
    this.#types = { ...request.types, zeroDates: config.zeroDates };
    this.#flavour = flavourOf(wire.info.serverVersion?.raw ?? '');
    this.#statements = new PreparedStatements(request.preparedStatements ?? DEFAULT_STATEMENTS);
  }

  get state(): SessionState {
    if (this.#wire.isClosed) return 'closed';
    if (this.#isBusy) return 'busy';
    return this.#isInTransaction ? 'in-transaction' : 'idle';
  }

  get sessionId(): string {
    return String(this.#wire.info.threadId);
  }

  get bytesWritten(): number {
    return this.#wire.bytesWritten;
  }

  get statementLimitMs(): number {
    return this.#limitMs;
  }

  execute(query: DriverQuery): Promise<DriverResult> {
    return sendStatements(query, (statement) => this.#send(statement));
  }

  openCursor(query: DriverQuery): DriverCursor {
    // One may be needed soon, and quickly.
    this.#control.prepare();
    const values = clientValues(query.values);
    const session = {
      wire: this.#wire,
      mode: query.rowMode,
      readerFor: (columns: readonly ClientColumn[]) => new ResultReader(columns, this.#types),
      prepare: () => (values.length === 0 ? undefined : this.#prepared(query.text, values)),
      release: (statement: KeptStatement) => this.#statements.release(statement),
      occupy: () => {
        this.#isBusy = true;
      },
      settle: (error?: unknown) => this.#settle(query.text, error),
      kill: () => this.cancel(),
      absorb: () => this.#absorb(),
    };
    return new MariadbCursor(session, query.text, values);
  }

  async runBatch(batch: DriverBatch): Promise<DriverBatchResult> {
    const { isMariaDb } = this.#flavour;
    const hasBulk = isMariaDb && isAtLeast(this.#flavour, 10, 2, 7);
    const port = {
      send: (query: DriverQuery) => this.#send(query),
      isInTransaction: () => this.#isInTransaction,
      untilReady: () => this.untilReady(),
      ...(hasBulk
        ? { sendBulk: (text: string, sets: readonly (readonly unknown[])[]) => this.#sendBulk(text, sets) }
        : {}),
    };
    this.#batch = new MysqlBatch(port, batch);
    return this.#batch.run();
  }

  async limitStatements(ms: number): Promise<void> {
    const text = limitText(this.#flavour, this.#config.settings, ms);
    if (text === undefined) return;
    await this.#say(text);
    this.#limitMs = ms;
  }

  untilReady(): Promise<void> {
    if (this.#wire.isLost) return Promise.reject(this.#wire.explain(undefined));
    if (!this.#isBusy) return Promise.resolve();
    return new Promise((resolve, reject) => this.#readyWaiters.push({ resolve, reject }));
  }

  async cancel(): Promise<void> {
    this.#batch?.stop();
    try {
      await this.#control.cancel({ threadId: this.#wire.info.threadId, server: this.#server });
    } catch (error) {
      if (error instanceof UnansweredKill) this.destroy();
      throw error;
    }
  }

  async ping(query?: string): Promise<void> {
    if (query !== undefined) return this.#say(query);
    await this.#occupied('', () => this.#wire.ping());
  }

  /** All at once: COM_RESET_CONNECTION knows no parts, and takes the prepared statements with it. */
  async reset(): Promise<void> {
    this.#statements.forgetAll();
    await this.#occupied('', () => this.#wire.reset());
    await this.#setUp();
    const { database } = this.#config;
    if (this.#wire.info.database !== database) await this.#say(useText(database));
  }

  close(): Promise<void> {
    return this.#wire.close();
  }

  destroy(): void {
    this.#wire.destroy();
    this.#tellWaiters(this.#wire.explain(undefined));
  }

  async #setUp(): Promise<void> {
    const { settings } = this.#config;
    const { statementLimitMs: limitMs = 0 } = this.#request;
    await this.#say(setUpText(this.#flavour, settings, limitMs, { tracksGtids: false, ignoresSpace: true }));
    this.#limitMs = limitText(this.#flavour, settings, limitMs) === undefined ? 0 : limitMs;
  }

  async #say(text: string): Promise<void> {
    await this.#send({ text, values: [], rowMode: 'array' });
  }

  async #send({ text, values, rowMode }: DriverQuery): Promise<DriverResult> {
    const sent = clientValues(values);
    let kept: KeptStatement | undefined;
    const answer = await this.#occupied(text, async (): Promise<ClientAnswer> => {
      if (sent.length === 0) return this.#wire.query(text);
      const ran = await this.#execute(text, sent);
      kept = ran.statement;
      return ran.answer;
    });
    const readerFor = (columns: readonly ClientColumn[]): ResultReader => this.#readerFor(columns, kept);
    return resultOf(answer, commandOf(text), rowMode, readerFor);
  }

  /** What is stale, or more than the server will hold, is prepared anew, once: nothing of it was carried out. */
  async #execute(
    text: string,
    values: readonly ClientValue[],
  ): Promise<{ readonly answer: ClientAnswer; readonly statement: KeptStatement }> {
    try {
      return await this.#executeOnce(text, values);
    } catch (error) {
      if (!isNotBegun(commandOf(text), error)) throw error;
      this.#statements.clearAfter(this.#keyOf(text), error);
      const ran = await this.#executeOnce(text, values);
      this.#request.onHealed?.();
      return ran;
    }
  }

  async #executeOnce(text: string, values: readonly ClientValue[]) {
    const statement = await this.#prepared(text, values);
    try {
      return { statement, answer: await this.#wire.execute(statement.prepared, values) };
    } finally {
      this.#statements.release(statement);
    }
  }

  async #prepared(text: string, values: readonly ClientValue[]): Promise<KeptStatement> {
    const key = this.#keyOf(text);
    const kinds = kindsOf(this.#flavour, text, values);
    let statement = this.#statements.get(key, kinds);
    if (statement === undefined) {
      statement = new KeptStatement(await this.#wire.prepare(text));
      this.#statements.add(key, statement, kinds);
    }
    const wanted = statement.prepared.parameterCount;
    if (values.length === wanted) return statement;
    this.#statements.release(statement);
    throw wrongCountError(values.length, wanted);
  }

  /** A KILL that comes after its statement marks the session, and the next statement meets the mark. This one may. */
  async #absorb(): Promise<void> {
    await this.#wire.query('do 0').catch(() => undefined);
  }

  #keyOf(text: string): string {
    return PreparedStatements.keyOf(this.#wire.info.database, text);
  }

  #sendBulk(text: string, sets: readonly (readonly unknown[])[]): Promise<number> {
    const rows = sets.map(clientValues);
    const aligned = alignForBulk(rows, rows[0]?.length ?? 0);
    return this.#occupied(text, async () => (await this.#wire.bulk(text, aligned)).affectedRows);
  }

  #readerFor(columns: readonly ClientColumn[], statement: KeptStatement | undefined): ResultReader {
    if (statement?.reader?.fits(columns) === true) return statement.reader;
    const reader = new ResultReader(columns, this.#types);
    if (statement !== undefined) statement.reader = reader;
    return reader;
  }

  /** One thing at a time on the wire: the caller waits for the settlement. */
  async #occupied<T>(text: string, work: () => Promise<T>): Promise<T> {
    this.#isBusy = true;
    let result: T;
    try {
      result = await work();
    } catch (error) {
      await this.#settle(text, error);
      throw error;
    }
    await this.#settle(text);
    return result;
  }

  /** What was on the wire has ended; after an error the session is ready when it is known where that has left it. */
  async #settle(text: string, error?: unknown): Promise<void> {
    if (error !== undefined) this.#statements.clearAfter(this.#keyOf(text), error);
    if (error === undefined) this.#isInTransaction = this.#wire.isInTransaction;
    else if (!isFluxorError(error) && !this.#isAsItWas(text)) await this.#askState();
    if (this.#wire.isClosed) return;
    this.#isBusy = false;
    for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve();
  }

  #isAsItWas(text: string): boolean {
    return !this.#isInTransaction && this.#wire.isAutocommitting && isPlain(text);
  }

  async #askState(): Promise<void> {
    if (this.#wire.isClosed) return;
    try {
      await this.#wire.ping();
      this.#isInTransaction = this.#wire.isInTransaction;
    } catch {
      // It is lost, and that is told elsewhere; a session that cannot say where it is, is of no use.
      this.#wire.destroy();
    }
  }

  #tellWaiters(error: unknown): void {
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(error);
  }
}
