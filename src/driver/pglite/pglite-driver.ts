/**
 * The embedded PostgreSQL driver: owns one PGlite database, opened on the first connect and closed with the runtime,
 * and lends its single session. Types, errors and transaction words are PostgreSQL's own.
 */
import type { FluxorError } from '../../errors/fluxor-error.js';
import type { Capabilities } from '../capabilities.js';
import type { ConnectRequest, Driver, DriverConnection, DriverListener, FailureSituation } from '../driver.js';
import { loadPeer } from '../load-peer.js';
import { classifyPostgresError } from '../postgres/postgres-errors.js';
import { postgresTransactions } from '../postgres/postgres-transactions.js';
import { decodersFor } from '../postgres/postgres-types.js';
import { PgliteConnection } from './pglite-connection.js';
import { PgliteListener } from './pglite-listener.js';
import type { PgliteInstance, PgliteModule } from './pglite-module.js';
import type { PgliteConfig } from './pglite-options.js';

export class PgliteDriver implements Driver {
  readonly name = 'pglite';
  readonly dialect = 'postgres';
  readonly transactions = postgresTransactions;
  readonly capabilities: Capabilities = {
    canCancel: false,
    maxSessions: 1,
    hasNotifications: true,
    hasSavepoints: true,
    pipelining: false,
    statements: 'driver',
  };
  readonly endpoint: string;
  readonly #config: PgliteConfig;
  #database: Promise<PgliteInstance> | undefined;
  /** The one that is lent, until it has ended. */
  #session: PgliteConnection | undefined;
  /** The last one; it knows by itself whether it has ended. */
  #listener: PgliteListener | undefined;

  constructor(config: PgliteConfig) {
    this.#config = config;
    this.endpoint = config.endpoint;
  }

  async load(): Promise<void> {
    if (this.#config.instance === undefined) await loadPglite();
  }

  async connect(request: ConnectRequest): Promise<DriverConnection> {
    const database = await this.#open();
    if (request.signal.aborted) throw new Error('Connection terminated: nobody waits for it any more');
    // Two sessions would share one transaction without knowing it.
    await this.#session?.closing;
    if (this.#session !== undefined) throw new Error('bug: PGlite has one session, and it is lent');
    // A session destroyed in the middle of a transaction leaves it to the database, which has no other session to end it.
    if (database.isInTransaction?.() === true)
      await database.query('rollback', [], { rowMode: 'array', parsers: {}, serializers: {} });
    const decoders = decodersFor(request.types);
    // PGlite would turn values into JavaScript types of its own choice, both ways; these tables leave text as text.
    const serializers = Object.fromEntries([...decoders.keys()].map((oid) => [oid, (value: string) => value]));
    const options = { parsers: Object.fromEntries(decoders), serializers };
    const connection = new PgliteConnection(database, options, {
      onEnd: () => (this.#session = undefined),
      onStatementEnd: () => this.#listener?.statementEnded(),
      onReset: async () => this.#listener?.restore(),
    });
    this.#session = connection;
    // As on servers: conversions inside the database agree with reading timestamps as UTC.
    await connection.execute({ text: "set timezone to 'UTC'", values: [], rowMode: 'array' });
    return connection;
  }

  /** There is no second session: the one there is listens, between the statements of the pool's borrowers. */
  async listen(request: ConnectRequest): Promise<DriverListener> {
    const database = await this.#open();
    const isBusy = () => this.#session?.state === 'busy' || database.isInTransaction?.() === true;
    this.#listener = new PgliteListener(database, isBusy, request.onNotification);
    return this.#listener;
  }

  classify(error: unknown, situation: FailureSituation): FluxorError {
    return classifyPostgresError(error, { ...situation, hasSiblings: false }, this.endpoint);
  }

  async close(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    if (database === undefined || this.#config.instance !== undefined) return;
    await (await database).close();
  }

  #open(): Promise<PgliteInstance> {
    if (this.#config.instance !== undefined) return Promise.resolve(this.#config.instance);
    this.#database ??= this.#create().catch((error: unknown) => {
      this.#database = undefined;
      throw error;
    });
    return this.#database;
  }

  async #create(): Promise<PgliteInstance> {
    const { PGlite } = await loadPglite();
    return PGlite.create(this.#config.dataDir === undefined ? {} : { dataDir: this.#config.dataDir });
  }
}

function loadPglite(): Promise<PgliteModule> {
  return loadPeer<PgliteModule>('@electric-sql/pglite', () => import('@electric-sql/pglite'));
}
