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
import type { ConnectRequest, DriverConnection, InFlight, SessionState } from '../driver.js';
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
import { PostgresPipeline } from './postgres-pipeline.js';
import { isFatal, isServerError } from './postgres-server-error.js';
import type { PipelineSession, PreparedStatement } from './postgres-statement.js';
import { PostgresStatement } from './postgres-statement.js';

const STATES: Readonly<Record<string, SessionState>> = { I: 'idle', T: 'in-transaction', E: 'failed-transaction' };

const NOTHING: readonly string[] = [];

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
  readonly #session: PipelineSession;
  readonly #pipeline: PostgresPipeline;
  /** What the server last said; meaningless while anything is in flight. */
  #status: SessionState = 'idle';
  /** Until connected, failures are the rejection of `open`, not a loss. */
  #isConnected = false;
  #isClosing = false;
  /** Set once, by the first sign that the connection is gone. */
  #lostBecause: { readonly error: unknown } | undefined;
  /** A crash of another backend is told as a *warning* before the socket closes (PostgreSQL manual, code 57P02). */
  #crashNotice: unknown;
  /** A fatal error goes to the statement that it met. The session ends with it, and so do all that are behind. */
  #lastWords: unknown;
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
    this.#pipeline = new PostgresPipeline(client, request.quietly);
    this.#session = {
      decoders: config.decoders,
      takeForgotten: () => (this.#forgotten.length === 0 ? NOTHING : this.#forgotten.splice(0)),
      explain: (error) => this.#explain(error),
      countCancels: () => this.#cancels,
      resend: (statement) => this.#pipeline.send(statement),
      healed: () => request.onHealed?.(),
      isLastSent: () => !this.#pipeline.isAnybodyBehind,
      abandon: () => this.#abandon(),
    };
    client.on('error', (error) => this.#lose(error));
    client.on('end', () => this.#lose(new Error('Connection terminated unexpectedly')));
    client.on('notice', (notice) => {
      if (notice.code === '57P02') this.#crashNotice = notice;
    });
    client.on('notification', ({ channel, payload, processId }) =>
      request.onNotification?.({ channel, payload, processId }),
    );
    client.connection.on('readyForQuery', (message) => this.#becomeReady(message.status));
    client.connection.on('parameterStatus', (message) =>
      this.#reported.report(message.parameterName, message.parameterValue),
    );
  }

  get state(): SessionState {
    if (this.#lostBecause !== undefined || this.#isClosing) return 'closed';
    return this.#pipeline.isBusy ? 'busy' : this.#status;
  }

  get sessionId(): string {
    return String(this.#client.processID ?? '');
  }

  get bytesWritten(): number {
    return this.#pipeline.bytesWritten;
  }

  /** A pooler gives every transaction another server process, and each of ours is one. */
  get canPipeline(): boolean {
    return !this.#start.isPooled;
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

  execute(query: DriverQuery, statement?: string, inFlight?: InFlight): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      const done = this.#localLimitMs === undefined || statement !== undefined ? resolve : this.#watchingLimit(resolve);
      const prepared = statement === undefined ? undefined : this.#preparedAs(statement);
      this.#pipeline.send(new PostgresStatement(this.#session, query, prepared, done, reject, inFlight));
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
      submit: (statement: PgSubmittable) => this.#pipeline.sendAlone(statement),
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
      this.#pipeline.sendAlone(running);
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
    if (!this.#pipeline.isBusy) return Promise.resolve();
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

  /** What is still in flight may hang, and a goodbye behind it would hang with it: as in `pg`, it is ended at once. */
  close(): Promise<void> {
    if (this.#pipeline.isBusy) this.destroy();
    this.#isClosing = true;
    this.#pipeline.end();
    return this.#client.end();
  }

  destroy(): void {
    this.#isClosing = true;
    this.#pipeline.end();
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

  #preparedAs(name: string): PreparedStatement {
    const known = this.#prepared.get(name);
    if (known !== undefined) return known;
    const prepared = { name, preparation: undefined };
    this.#prepared.set(name, prepared);
    return prepared;
  }

  async #run(text: string, values: readonly unknown[] = []): Promise<readonly unknown[]> {
    const { rows } = await this.execute({ text, values, rowMode: 'array' });
    return rows;
  }

  async #runScript(text: string): Promise<void> {
    if (text === '') return;
    await new Promise<void>((resolve, reject) =>
      this.#pipeline.sendAlone(new PostgresScript(text, this.#session, resolve, reject)),
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
    this.#status = STATES[status] ?? 'idle';
    if (status === 'I' && this.#localLimitMs !== undefined) this.#endLocalLimits();
    this.#pipeline.advance(status === 'I');
    if (this.#readyWaiters.length === 0 || this.#pipeline.isBusy) return;
    for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve();
  }

  #lose(error: unknown): void {
    if (this.#lostBecause !== undefined) return;
    const best = this.#bestLossError(error);
    this.#lostBecause = { error: best };
    this.#pipeline.lose(best);
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(best);
    if (this.#isConnected && !this.#isClosing) this.#request.onLost(best);
  }

  #explain(error: unknown): unknown {
    if (this.#lostBecause !== undefined) return this.#bestLossError(error);
    if (isServerError(error) && isFatal(error)) this.#lastWords ??= error;
    return error;
  }

  /** The server's own word on why it hung up, where it gave one, tells more than "terminated unexpectedly". */
  #bestLossError(error: unknown): unknown {
    if (this.#lastWords !== undefined) return this.#lastWords;
    return typeof (error as { code?: unknown }).code === 'string' ? error : (this.#crashNotice ?? error);
  }

  /** Socket and all. `pg` raises the same when it gets an answer that nobody asked for. */
  #abandon(): void {
    const error = new Error('Received unexpected copyInResponse message, with statements in flight behind it.');
    this.#client.connection.stream.destroy(error);
  }
}
