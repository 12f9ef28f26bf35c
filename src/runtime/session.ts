/**
 * One connection, exclusively, for as long as its holder wants: for statements that depend on each other's session
 * (settings, temporary tables, advisory locks). After `release` the handle is dead.
 */
import type { Connection } from '../connection/connection.js';
import type { ErrorContext } from '../errors/fluxor-error.js';
import { UsageError } from '../errors/usage-error.js';
import type { Pass } from '../gate/gate.js';
import type { Lease } from '../pool/lease.js';
import { RUN_BATCH } from '../connection/batch-work.js';
import type { BatchWay } from './batch-call.js';
import { batchOpenError } from './batch-call.js';
import { sendBatch } from './batch.js';
import type { BatchOptions, BatchResult, ParamSets } from './batch-options.js';
import type { TransactionPlace } from './begin.js';
import type { Executor, Row, Statement, StatementParams, Take } from './executor.js';
import { StatementExecutor } from './executor.js';
import type { House } from './house.js';
import type { QueryOptions, SessionTransactionOptions, StreamOptions } from './query-options.js';
import { assertFunction } from './query-options.js';
import type { RowSource } from './row-stream.js';
import type { StatementWay } from './send-statement.js';
import { sendStatement } from './send-statement.js';
import { StreamSource } from './stream-source.js';
import { tracedBegin, tracedTransact } from './traced-transactions.js';
import type { Transaction } from './transaction.js';

/** An exclusive connection. `await using` releases it. */
export interface Session extends Executor, AsyncDisposable {
  /** The connection's number in events and errors. */
  readonly id: number;
  /** The server's own name for the session: a process id in PostgreSQL, as in `pg_stat_activity`. */
  readonly serverId: string;
  /** As `db.begin()`, on this connection. */
  begin(options?: SessionTransactionOptions): Promise<Transaction>;
  /** As `db.transaction()`, on this connection. */
  transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: SessionTransactionOptions): Promise<T>;
  /**
   * Gives the connection back; an open transaction is rolled back, off the caller's path.
   * @throws UsageError `LEASE_RELEASED` when it has been given back already; the pool is not disturbed by that.
   */
  release(): void;
  /** Closes the connection instead of giving it back; `reason` is told with `lease:released`, and must not hold values. */
  discard(reason?: string): void;
}

export class SessionHandle extends StatementExecutor implements Session {
  readonly #house: House;
  readonly #lease: Lease<Connection>;
  readonly #pass: Pass;

  /** `pass` is what the gate gave for the session: its statements report to it. */
  constructor(house: House, lease: Lease<Connection>, pass: Pass) {
    super();
    this.#house = house;
    this.#lease = lease;
    this.#pass = pass;
    house.watchHandle(this, lease);
    lease.resource.markTouched();
  }

  get id(): number {
    return this.#lease.entry.id;
  }

  get serverId(): string {
    return this.#lease.resource.sessionId;
  }

  async begin(options: SessionTransactionOptions = {}): Promise<Transaction> {
    return tracedBegin(this.#house, options, this.#place());
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options: SessionTransactionOptions = {}): Promise<T> {
    assertFunction(fn, 'transaction');
    return tracedTransact(this.#house, fn, options, this.#place());
  }

  release(): void {
    this.#assertLent();
    this.#lease.release();
  }

  discard(reason?: string): void {
    this.#assertLent();
    this.#lease.discard(reason);
  }

  /** Unlike `release`, harmless after it: `await using` ends every scope, also one that has released by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lease.release();
  }

  protected override get whereabouts(): ErrorContext {
    return { runtime: this.#house.parts.config.name, connectionId: this.id };
  }

  /** Read at every statement: a released session refuses here, and one that waits for its own batch. */
  #free(): Connection {
    const connection = this.#lease.resource;
    if (this.#house.parts.scopes.isDrawnFor(connection)) throw batchOpenError(connection.id);
    return connection;
  }

  #place(): TransactionPlace {
    return { road: 'inner', lease: this.#lease, pass: this.#pass };
  }

  /** Whoever releases twice believes to hold a connection that may be somebody else's by now. */
  #assertLent(): void {
    if (!this.#lease.isReleased) return;
    const text =
      'The connection has been released already; release it once, or leave it to `await using` or `db.use()`';
    throw new UsageError('LEASE_RELEASED', text, { context: { connectionId: this.id } });
  }

  override async batch<R = Row>(sql: string, paramSets: ParamSets, options?: BatchOptions): Promise<BatchResult<R>> {
    const connection = this.#free();
    const { tenure } = connection;
    const way: BatchWay = {
      inside: { connectionId: connection.id, pass: this.#pass },
      held: connection,
      connection: () => connection,
      // Its values may come after the session was released: then the connection is somebody else's.
      run: (call, work) => connection.run(work, RUN_BATCH, { ...call.toStatementCall(), tenure }),
    };
    return sendBatch<R>(this.#house, way, sql, paramSets, options);
  }

  protected override send(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions | undefined,
    take: Take,
  ): Promise<unknown> {
    const connection = this.#free();
    const way: StatementWay = {
      inside: { connectionId: connection.id, pass: this.#pass },
      work: (call) => connection.execute(call.query, call),
    };
    return sendStatement(this.#house, way, sql, params, options, take);
  }

  protected override openStream(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: StreamOptions | undefined,
  ): RowSource {
    const inside = { connectionId: this.id, pass: this.#pass };
    return new StreamSource(this.#house, { inside, pagesOf: () => this.#free() }, sql, params, options);
  }
}
