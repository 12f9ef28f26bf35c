/**
 * One connection, exclusively, for as long as its holder wants: for statements that depend on each other's session
 * (settings, temporary tables, advisory locks). After `release` the handle is dead.
 */
import type { Connection } from '../connection/connection.js';
import type { DriverResult } from '../driver/query.js';
import type { Lease } from '../pool/lease.js';
import { openTransaction } from './begin.js';
import type { Executor, Statement, StatementParams, TimedResult } from './executor.js';
import { StatementExecutor } from './executor.js';
import type { House } from './house.js';
import type { QueryOptions, TransactionOptions } from './query-options.js';
import { readTimeout } from './query-options.js';
import type { Transaction } from './transaction.js';
import { runInTransaction } from './transaction.js';

/** An exclusive connection. `await using` releases it. */
export interface Session extends Executor, AsyncDisposable {
  /** The connection's number in events and errors. */
  readonly id: number;
  /** The server's own name for the session: a process id in PostgreSQL, as in `pg_stat_activity`. */
  readonly serverId: string;
  begin(options?: TransactionOptions): Promise<Transaction>;
  transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Gives the connection back; a second call does nothing. An open transaction is rolled back, off the caller's path. */
  release(): void;
  /** Closes the connection instead of giving it back. */
  discard(reason?: string): void;
}

export class SessionHandle extends StatementExecutor implements Session {
  readonly #house: House;
  readonly #lease: Lease<Connection>;

  constructor(house: House, lease: Lease<Connection>) {
    super();
    this.#house = house;
    this.#lease = lease;
    lease.resource.markTouched();
  }

  get id(): number {
    return this.#lease.entry.id;
  }

  get serverId(): string {
    return this.#lease.resource.sessionId;
  }

  async begin(options: TransactionOptions = {}): Promise<Transaction> {
    return openTransaction(this.#house, options, { connection: this.#lease.resource, road: 'inner' });
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return runInTransaction(await this.begin(options), fn);
  }

  release(): void {
    this.#lease.release();
  }

  discard(_reason?: string): void {
    this.#lease.discard();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
  }

  protected override async send(
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: QueryOptions = {},
  ): Promise<TimedResult> {
    const connection = this.#lease.resource;
    const { compiler, config, innerRoad } = this.#house.parts;
    const query = { ...compiler.compile(sql, params), rowMode: options.rowMode ?? ('object' as const) };
    const call = this.#house.newCall({
      kind: 'statement',
      timeoutMs: readTimeout(options.timeout, config.query.timeoutMs),
      options,
      connectionId: connection.id,
      work: (self) => connection.execute(query, self.toStatementCall()),
    });
    const result = (await innerRoad(call)) as DriverResult;
    return { result, durationMs: config.clock.now() - call.startedAt };
  }
}
