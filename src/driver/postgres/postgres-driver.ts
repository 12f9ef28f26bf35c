/**
 * The PostgreSQL driver: loads `pg` on the first connect, opens single `pg.Client`s, and says what errors mean.
 * Invariant: nothing of `pg` is loaded, and no socket opened, before somebody asks for a connection.
 */
import type { FluxorError } from '../../errors/fluxor-error.js';
import type { Capabilities } from '../capabilities.js';
import type { ConnectRequest, Driver, DriverConnection, FailureSituation } from '../driver.js';
import { loadPeer } from '../load-peer.js';
import type { TypeConfig } from '../query.js';
import { PostgresConnection } from './postgres-connection.js';
import { classifyPostgresError } from './postgres-errors.js';
import type { PgModule } from './postgres-module.js';
import type { PostgresConfig } from './postgres-options.js';
import { postgresTransactions } from './postgres-transactions.js';
import type { Decode } from './postgres-types.js';
import { decodersFor } from './postgres-types.js';

/** Idle seconds before the first TCP keepalive probe: half of the 60 s after which common load balancers drop a flow. */
const TCP_KEEPALIVE_MS = 30_000;

export class PostgresDriver implements Driver {
  readonly name = 'postgres';
  readonly dialect = 'postgres';
  readonly transactions = postgresTransactions;
  readonly capabilities: Capabilities = {
    canCancel: true,
    maxSessions: Infinity,
    hasSavepoints: true,
    pipelining: false,
    statements: 'runtime',
  };
  readonly endpoint: string;
  readonly #config: PostgresConfig;
  #module: Promise<PgModule> | undefined;

  constructor(config: PostgresConfig) {
    this.#config = config;
    this.endpoint = config.endpoint;
  }

  async load(): Promise<void> {
    await this.#pg();
  }

  async connect(request: ConnectRequest): Promise<DriverConnection> {
    const pg = await this.#pg();
    const { host, port, database, user, password, ssl, applicationName, sessionOptions } = this.#config;
    const client = new pg.Client({
      host,
      port,
      database,
      user,
      password,
      ssl,
      application_name: applicationName,
      options: sessionOptions,
      keepAlive: true,
      keepAliveInitialDelayMillis: TCP_KEEPALIVE_MS,
      types: typeParsers(request.types),
    });
    const keepsTimeZone = /\btimezone=/i.test(sessionOptions ?? '');
    return PostgresConnection.open(pg, client, { ssl, keepsTimeZone }, request);
  }

  classify(error: unknown, situation: FailureSituation): FluxorError {
    return classifyPostgresError(error, situation, this.endpoint);
  }

  async close(): Promise<void> {
    // Nothing is held beyond the connections.
  }

  #pg(): Promise<PgModule> {
    this.#module ??= loadPeer<{ default: PgModule }>('pg', () => import('pg')).then((module) => module.default);
    return this.#module;
  }
}

function typeParsers(types: TypeConfig): { getTypeParser(oid: number): Decode } {
  const decoders = decodersFor(types);
  const asText: Decode = (text) => text;
  return { getTypeParser: (oid) => decoders.get(oid) ?? asText };
}
