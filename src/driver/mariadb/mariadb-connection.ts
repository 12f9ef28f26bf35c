/**
 * One session with a MariaDB or MySQL server over a single connection of the connector `mariadb` (never its pool). Made by
 * mariadb-driver.ts, lent by the pool.
 *
 * Invariants:
 * - `state` follows the server's status flags (mariadb-settlement.ts);
 * - single statements may be in flight together (mariadb-pipeline.ts); everything else has the session alone, and throws where
 *   it has not;
 * - values go by the binary protocol, and are never written into the SQL;
 * - an error comes out when the session is ready, or while others are in flight.
 * Refuses to know: deadlines, retries, who is asking.
 */
import { isFluxorError } from '../../errors/fluxor-error.js';
import type { DriverBatch, DriverBatchResult } from '../batch.js';
import type { ConnectRequest, DriverConnection, InFlight, SessionState } from '../driver.js';
import type { DriverCursor, DriverQuery, DriverResult } from '../query.js';
import { MysqlBatch } from '../mysql-server/mysql-batch.js';
import type { MysqlControl } from '../mysql-server/mysql-cancel.js';
import { UnansweredKill } from '../mysql-server/mysql-cancel.js';
import { isPlain } from '../mysql-server/mysql-commands.js';
import type { Flavour } from '../mysql-server/mysql-flavour.js';
import { flavourOf, isAtLeast } from '../mysql-server/mysql-flavour.js';
import type { MysqlConfig } from '../mysql-server/mysql-options.js';
import { limitText, serverOf, setUpText, useText } from '../mysql-server/mysql-session.js';
import { sendStatements, splitBegin } from '../mysql-server/mysql-transactions.js';
import { MariadbCursor } from './mariadb-cursor.js';
import type { ClientColumn, MariadbClientOptions, MariadbModule } from './mariadb-module.js';
import { MariadbPipeline } from './mariadb-pipeline.js';
import { MariadbSettlement } from './mariadb-settlement.js';
import type { KeptStatement } from './mariadb-statements.js';
import { alignForBulk, clientValues } from './mariadb-values.js';
import { MariadbWire } from './mariadb-wire.js';

/** As many as the runtime keeps by default where it names them itself. */
const DEFAULT_STATEMENTS = 256;

export class MariadbConnection implements DriverConnection {
  readonly #wire: MariadbWire;
  readonly #config: MysqlConfig;
  readonly #request: ConnectRequest;
  readonly #control: MysqlControl;
  readonly #flavour: Flavour;
  readonly #settlement: MariadbSettlement;
  readonly #pipeline: MariadbPipeline;
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
      if (connection !== undefined) connection.#settlement.lose(error);
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
    this.#flavour = flavourOf(wire.info.serverVersion?.raw ?? '');
    this.#settlement = new MariadbSettlement(wire);
    this.#pipeline = new MariadbPipeline({
      wire,
      settlement: this.#settlement,
      flavour: this.#flavour,
      types: { ...request.types, zeroDates: config.zeroDates },
      maxPrepared: request.preparedStatements ?? DEFAULT_STATEMENTS,
      onHealed: request.onHealed,
    });
  }

  get state(): SessionState {
    if (this.#wire.isClosed) return 'closed';
    if (this.#settlement.isBusy) return 'busy';
    return this.#settlement.isInTransaction ? 'in-transaction' : 'idle';
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

  execute(query: DriverQuery, _statement?: string, inFlight?: InFlight): Promise<DriverResult> {
    if (splitBegin(query.text) === undefined) return this.#pipeline.send(query, inFlight);
    return sendStatements(query, (statement) => this.#pipeline.send(statement));
  }

  openCursor(query: DriverQuery): DriverCursor {
    // One may be needed soon, and quickly.
    this.#control.prepare();
    const values = clientValues(query.values);
    const session = {
      wire: this.#wire,
      mode: query.rowMode,
      readerFor: (columns: readonly ClientColumn[]) => this.#pipeline.readerFor(columns),
      prepare: () => (values.length === 0 ? undefined : this.#pipeline.prepared(query.text, values)),
      release: (statement: KeptStatement) => this.#pipeline.release(statement),
      occupy: () => this.#settlement.enterAlone(),
      settle: (error?: unknown) => this.#settle(query.text, error),
      kill: () => this.#killAlone(),
      absorb: () => this.#absorb(),
    };
    return new MariadbCursor(session, query.text, values);
  }

  async runBatch(batch: DriverBatch): Promise<DriverBatchResult> {
    this.#settlement.assertNobody();
    const { isMariaDb } = this.#flavour;
    const hasBulk = isMariaDb && isAtLeast(this.#flavour, 10, 2, 7);
    const port = {
      send: (query: DriverQuery) => this.#pipeline.send(query),
      isInTransaction: () => this.#settlement.isInTransaction,
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
    return this.#settlement.untilReady();
  }

  cancel(): Promise<void> {
    this.#batch?.stop();
    return this.#control.cancel({ threadId: this.#wire.info.threadId, server: this.#server });
  }

  /** COM_PING is enough behind a KILL that came too late: a server keeps none beyond the command that was running. */
  async ping(query?: string): Promise<void> {
    if (query === undefined) return this.#occupied('', () => this.#wire.ping());
    this.#settlement.assertNobody();
    await this.#say(query);
  }

  /** All at once: COM_RESET_CONNECTION knows no parts, and takes the prepared statements with it. */
  async reset(): Promise<void> {
    await this.#occupied('', () => {
      this.#pipeline.forgetAll();
      return this.#wire.reset();
    });
    await this.#setUp();
    const { database } = this.#config;
    if (this.#wire.info.database !== database) await this.#say(useText(database));
  }

  /** What is in flight is not waited for: it may take as long as it likes. */
  async close(): Promise<void> {
    if (this.#settlement.isBusy) this.destroy();
    else await this.#wire.close();
  }

  destroy(): void {
    this.#wire.destroy();
    this.#settlement.lose(this.#wire.explain(undefined));
  }

  async #setUp(): Promise<void> {
    const { settings } = this.#config;
    const { statementLimitMs: limitMs = 0 } = this.#request;
    await this.#say(setUpText(this.#flavour, settings, limitMs, { tracksGtids: false, ignoresSpace: true }));
    this.#limitMs = limitText(this.#flavour, settings, limitMs) === undefined ? 0 : limitMs;
  }

  async #say(text: string): Promise<void> {
    await this.#pipeline.send({ text, values: [], rowMode: 'array' });
  }

  /** A KILL that comes after its statement marks the session, and the next statement meets the mark. This one may. */
  async #absorb(): Promise<void> {
    await this.#wire.query('do 0').catch(() => undefined);
  }

  /** Of one that has the session to itself: a KILL that may still come is the end of it. */
  async #killAlone(): Promise<void> {
    try {
      await this.cancel();
    } catch (error) {
      if (error instanceof UnansweredKill) this.destroy();
      throw error;
    }
  }

  #sendBulk(text: string, sets: readonly (readonly unknown[])[]): Promise<number> {
    const rows = sets.map(clientValues);
    const aligned = alignForBulk(rows, rows[0]?.length ?? 0);
    return this.#occupied(text, async () => (await this.#wire.bulk(text, aligned)).affectedRows);
  }

  /** The caller waits for the settlement. */
  async #occupied<T>(text: string, work: () => Promise<T>): Promise<T> {
    this.#settlement.enterAlone();
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

  /** What had the session alone has ended; after an error the session is ready when it is known where that has left it. */
  async #settle(text: string, error?: unknown): Promise<void> {
    if (error === undefined) return this.#settlement.succeed(false);
    this.#pipeline.clearAfter(text, error);
    await (isFluxorError(error) ? this.#settlement.leave() : this.#settlement.fail(isPlain(text)));
  }
}
