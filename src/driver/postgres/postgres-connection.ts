/**
 * One session with a PostgreSQL server over `pg.Client` (never `pg.Pool`). Made by postgres-driver.ts, lent by the pool.
 *
 * Invariant: `state` follows the server's ReadyForQuery messages, not the settlement of promises: after an error `pg`
 * answers the caller *before* the server is ready again, and a connection lent in that moment answers the next caller
 * with the leftovers of the last.
 * Refuses to know: deadlines, retries, who is asking.
 *
 * Over 300 lines, because whatever is sent moves the state that is told here, and what is told decides what may be sent.
 */
import type { ConnectRequest, DriverConnection, SessionState } from '../driver.js';
import type { DriverBatch, DriverBatchResult } from '../batch.js';
import type { DriverCursor, DriverQuery, DriverResult } from '../query.js';
import { PostgresCopyBatch } from './postgres-copy-batch.js';
import { PostgresStatementBatch } from './postgres-statement-batch.js';
import { cancelOverTheWire } from './postgres-cancel.js';
import { PostgresCursor } from './postgres-cursor.js';
import type { PgClient, PgModule, PgSubmittable, PgWire } from './postgres-module.js';
import type { Decoders } from './postgres-rows.js';
import { PostgresScript } from './postgres-script.js';
import type { Run, SessionFacts, SessionStart } from './postgres-session.js';
import type { SessionEffects } from '../../sql/session-effects.js';
import {
  changeLimit,
  changeLocalLimit,
  ReportedSettings,
  resetScript,
  setUp,
  undoesSetUp,
} from './postgres-session.js';
import { isStaleStatement } from './postgres-stale.js';
import type { PreparedStatement, StatementSession } from './postgres-statement.js';
import { PostgresStatement } from './postgres-statement.js';

const STATES: Readonly<Record<string, SessionState>> = { I: 'idle', T: 'in-transaction', E: 'failed-transaction' };

interface ReadyWaiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** What the room knows about every one of its sessions. */
export interface PostgresSessionConfig extends SessionFacts {
  readonly ssl: unknown;
  readonly decoders: Decoders;
}

export class PostgresConnection implements DriverConnection {
  readonly #pg: PgModule;
  readonly #client: PgClient;
  readonly #config: PostgresSessionConfig;
  readonly #request: ConnectRequest;
  readonly #session: StatementSession;
  /** What the server last said; meaningless while `#isBusy`. */
  #status: SessionState = 'idle';
  #isBusy = false;
  /** What is on the wire has its parameters and its plan: from here on it is carried out, and an error is its own. */
  #isBound = false;
  /** Until connected, failures are the rejection of `open`, not a loss. */
  #isConnected = false;
  #isClosing = false;
  /** Set once, by the first sign that the connection is gone. */
  #lostBecause: { readonly error: unknown } | undefined;
  /** A crash of another backend is told as a *warning* before the socket closes (PostgreSQL manual, code 57P02). */
  #crashNotice: unknown;
  readonly #reported = new ReportedSettings();
  #start: SessionStart = { isPooled: false, limitMs: 0, setup: [] };
  /** What was set as the server's limit for the session, and for the transaction that is open; 0 also where it is the user's. */
  #limitMs = 0;
  #localLimitMs: number | undefined;
  /** All that was set for the transaction that is open: going back to a savepoint brings any of them back. */
  #localLimits: number[] = [];
  /** By name. What was forgotten is closed with whatever is sent next. */
  readonly #prepared = new Map<string, PreparedStatement>();
  #forgotten: string[] = [];
  /** Portals opened so far. */
  #portals = 0;
  readonly #readyWaiters: ReadyWaiter[] = [];
  readonly #cancelWires = new Set<PgWire>();
  /** Cancels asked for so far. */
  #cancels = 0;
  /** The batch sent last; does nothing more once it has ended. */
  #batch: { stop(): void } | undefined;

  /** Connects, or rejects with `pg`'s own error; an aborted `signal` frees the socket at once. */
  static async open(
    pg: PgModule,
    client: PgClient,
    config: PostgresSessionConfig,
    request: ConnectRequest,
  ): Promise<PostgresConnection> {
    const connection = new PostgresConnection(pg, client, config, request);
    const giveUp = () => connection.destroy();
    request.signal.addEventListener('abort', giveUp, { once: true });
    try {
      // Aborted while the client library was being loaded: the listener above would never hear of it.
      if (request.signal.aborted) throw new Error('Connection terminated: nobody waits for it any more');
      await client.connect();
      connection.#isConnected = true;
      await connection.#setUp();
      if (request.signal.aborted) throw new Error('Connection terminated: nobody waits for it any more');
      return connection;
    } catch (error) {
      connection.#isConnected = false;
      connection.destroy();
      throw error;
    } finally {
      request.signal.removeEventListener('abort', giveUp);
    }
  }

  private constructor(pg: PgModule, client: PgClient, config: PostgresSessionConfig, request: ConnectRequest) {
    this.#pg = pg;
    this.#client = client;
    this.#config = config;
    this.#request = request;
    this.#session = {
      decoders: config.decoders,
      takeForgotten: () => (this.#forgotten.length === 0 ? [] : this.#forgotten.splice(0)),
      explain: (error) => (this.#lostBecause === undefined ? error : this.#bestLossError(error)),
    };
    client.on('error', (error) => this.#lose(error));
    client.on('end', () => this.#lose(new Error('Connection terminated unexpectedly')));
    client.on('notice', (notice) => {
      if (notice.code === '57P02') this.#crashNotice = notice;
    });
    client.on('notification', ({ channel, payload, processId }) =>
      request.onNotification?.({ channel, payload, processId }),
    );
    client.connection.on('bindComplete', () => (this.#isBound = true));
    client.connection.on('readyForQuery', (message) => this.#becomeReady(message.status));
    client.connection.on('parameterStatus', (message) =>
      this.#reported.report(message.parameterName, message.parameterValue),
    );
  }

  get state(): SessionState {
    if (this.#lostBecause !== undefined || this.#isClosing) return 'closed';
    return this.#isBusy ? 'busy' : this.#status;
  }

  get sessionId(): string {
    return String(this.#client.processID ?? '');
  }

  get bytesWritten(): number {
    return this.#client.connection.stream.bytesWritten;
  }

  get isPooled(): boolean {
    return this.#start.isPooled;
  }

  get hasChangedSettings(): boolean {
    return this.#reported.haveChanged;
  }

  get statementLimitMs(): number {
    return this.#localLimitMs ?? this.#limitMs;
  }

  execute(query: DriverQuery, statement?: string): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      if (statement === undefined) {
        const done = this.#localLimitMs === undefined ? resolve : this.#watchingLimit(resolve);
        this.#submit(new PostgresStatement(this.#session, query, undefined, done, reject));
      } else this.#executePrepared(query, statement, resolve, reject);
    });
  }

  forget(statement: string): void {
    if (this.#prepared.delete(statement)) this.#forgotten.push(statement);
  }

  openCursor(query: DriverQuery): DriverCursor {
    const session = {
      ...this.#session,
      isInTransaction: () => this.#status !== 'idle',
      nextPortal: () => `fluxor_${(this.#portals += 1)}`,
      submit: (statement: PgSubmittable) => this.#submit(statement),
      untilReady: () => this.untilReady(),
    };
    return new PostgresCursor(session, query);
  }

  runBatch(batch: DriverBatch): Promise<DriverBatchResult> {
    return new Promise((resolve, reject) => {
      const { bulk } = batch;
      const running =
        bulk === undefined
          ? new PostgresStatementBatch(this.#session, batch, resolve, reject)
          : new PostgresCopyBatch(this.#session, { ...batch, bulk }, resolve, reject);
      this.#batch = running;
      this.#submit(running);
    });
  }

  async limitStatements(ms: number): Promise<void> {
    if (this.isPooled || this.#config.keepsStatementTimeout || this.#status === 'failed-transaction') return;
    const isInside = this.#status === 'in-transaction';
    const run: Run = (text, values) => this.#run(text, values);
    if (!isInside) {
      this.#limitMs = (await changeLimit(run, ms, this.#limitMs)) ? ms : 0;
      return;
    }
    const isOurs = await changeLocalLimit(run, ms, [this.#limitMs, ...this.#localLimits]);
    this.#localLimitMs = isOurs ? ms : 0;
    if (isOurs && !this.#localLimits.includes(ms)) this.#localLimits.push(ms);
  }

  untilReady(): Promise<void> {
    if (this.#lostBecause !== undefined) return Promise.reject(this.#lostBecause.error);
    if (!this.#isBusy) return Promise.resolve();
    return new Promise((resolve, reject) => this.#readyWaiters.push({ resolve, reject }));
  }

  cancel(): Promise<void> {
    this.#cancels += 1;
    this.#batch?.stop();
    return cancelOverTheWire(this.#pg, this.#client, this.#config.ssl, this.#cancelWires);
  }

  async ping(query = ''): Promise<void> {
    await this.execute({ text: query, values: [], rowMode: 'array' });
  }

  async reset(left: SessionEffects): Promise<void> {
    // What was said through a pooler was said to a process that serves somebody else now, but for what the pooler keeps.
    if (this.isPooled) return this.#runScript(this.#reported.undoScript());
    if (undoesSetUp(left)) this.#limitMs = this.#start.limitMs;
    await this.#runScript(resetScript(left, this.#start));
    this.#reported.settle();
  }

  close(): Promise<void> {
    this.#isClosing = true;
    return this.#client.end();
  }

  destroy(): void {
    this.#isClosing = true;
    this.#client.connection.stream.destroy();
    for (const wire of this.#cancelWires) wire.stream.destroy();
  }

  /** Going back to a savepoint, or ending the transaction and beginning the next in one, changes the limit of the transaction. */
  #watchingLimit(resolve: (result: DriverResult) => void): (result: DriverResult) => void {
    return (result) => {
      if (result.command === 'ROLLBACK' || result.command === 'COMMIT') this.#localLimitMs = undefined;
      resolve(result);
    };
  }

  #endLocalLimits(): void {
    this.#localLimitMs = undefined;
    this.#localLimits = [];
  }

  /**
   * A stale statement is prepared anew, once, where its error has undone nothing: nothing of it was carried out, and nobody
   * has asked to stop it. In a transaction the error has ended that, and only the next run finds a new one.
   */
  #executePrepared(
    query: DriverQuery,
    name: string,
    resolve: (result: DriverResult) => void,
    reject: (error: unknown) => void,
  ): void {
    const prepared: PreparedStatement = this.#prepared.get(name) ?? { name, reader: undefined };
    this.#prepared.set(name, prepared);
    const wasPrepared = prepared.reader !== undefined;
    const isAlone = this.#status === 'idle';
    const cancels = this.#cancels;
    const heal = (error: unknown) => {
      if (this.#isBound || !isStaleStatement(error, wasPrepared)) return reject(error);
      prepared.reader = undefined;
      if (!isAlone) return reject(error);
      const healed = (result: DriverResult) => {
        this.#request.onHealed?.();
        resolve(result);
      };
      this.untilReady().then(() => {
        if (this.#cancels !== cancels) reject(error);
        else this.#submit(new PostgresStatement(this.#session, query, prepared, healed, reject));
      }, reject);
    };
    this.#submit(new PostgresStatement(this.#session, query, prepared, resolve, heal));
  }

  #submit(submittable: PgSubmittable): void {
    this.#isBusy = true;
    this.#isBound = false;
    this.#client.query(submittable);
  }

  async #run(text: string, values: readonly unknown[] = []): Promise<readonly unknown[]> {
    const { rows } = await this.execute({ text, values, rowMode: 'array' });
    return rows;
  }

  async #runScript(text: string): Promise<void> {
    if (text === '') return;
    await new Promise<void>((resolve, reject) =>
      this.#submit(new PostgresScript(text, this.#session, resolve, reject)),
    );
  }

  async #setUp(): Promise<void> {
    const { statementLimitMs: limitMs = 0 } = this.#request;
    const wanted = { processId: this.#client.processID ?? 0, limitMs, reported: this.#reported };
    this.#start = await setUp((text, values) => this.#run(text, values), this.#config, wanted);
    this.#limitMs = this.#start.limitMs;
    if (this.isPooled) this.#reported.watchPooled();
    this.#reported.settle();
  }

  #becomeReady(status: string): void {
    this.#isBusy = false;
    this.#status = STATES[status] ?? 'idle';
    if (status === 'I' && this.#localLimitMs !== undefined) this.#endLocalLimits();
    for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve();
  }

  #lose(error: unknown): void {
    if (this.#lostBecause !== undefined) return;
    const best = this.#bestLossError(error);
    this.#lostBecause = { error: best };
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(best);
    if (this.#isConnected && !this.#isClosing) this.#request.onLost(best);
  }

  /** The server's own word on why it hung up, where it gave one, tells more than "terminated unexpectedly". */
  #bestLossError(error: unknown): unknown {
    return typeof (error as { code?: unknown }).code === 'string' ? error : (this.#crashNotice ?? error);
  }
}
