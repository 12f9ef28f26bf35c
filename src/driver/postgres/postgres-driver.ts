/**
 * The PostgreSQL driver: loads `pg` on the first connect, opens single `pg.Client`s, and says what errors mean.
 * Invariant: nothing of `pg` is loaded, and no socket opened, before somebody asks for a connection.
 */
import type { FluxorError } from '../../errors/fluxor-error.js';
import type { Clock } from '../../kernel/clock.js';
import { systemClock } from '../../kernel/clock.js';
import type { Capabilities } from '../capabilities.js';
import type { IssuedCredentials } from '../credentials.js';
import { CredentialsCache } from '../credentials.js';
import type { ConnectRequest, Driver, DriverConnection, FailureSituation } from '../driver.js';
import { loadPeer } from '../load-peer.js';
import { PostgresConnection } from './postgres-connection.js';
import { classifyPostgresError } from './postgres-errors.js';
import type { PgClientConfig, PgModule, PgWire } from './postgres-module.js';
import type { PostgresConfig } from './postgres-options.js';
import { DEFAULT_APPLICATION_NAME } from './postgres-options.js';
import { postgresOutcomes } from './postgres-outcome.js';
import { postgresTransactions } from './postgres-transactions.js';
import { isLoginRefusal } from './postgres-server-error.js';
import { decodersFor } from './postgres-types.js';

/** Idle seconds before the first TCP keepalive probe: half of the 60 s after which common load balancers drop a flow. */
const TCP_KEEPALIVE_MS = 30_000;

/**
 * Sent with the connection request, a setting is the session's own default: it costs no round trip, no reset undoes it, and
 * poolers keep it for their client (pgjdbc sends its zone so to every server). `pg` has no option for it.
 */
function sendAtStart(wire: PgWire, settings: Readonly<Record<string, string>>): void {
  const startup = wire.startup.bind(wire);
  wire.startup = (parameters) => startup({ ...parameters, ...settings });
}

type Login = Pick<PgClientConfig, 'user' | 'password'>;

export class PostgresDriver implements Driver {
  readonly name = 'postgres';
  readonly dialect = 'postgres';
  readonly transactions = postgresTransactions;
  readonly outcomes = postgresOutcomes;
  readonly capabilities: Capabilities = {
    canCancel: true,
    maxSessions: Infinity,
    holdsProcess: true,
    hasNotifications: true,
    hasSavepoints: true,
    pipelining: true,
    statements: 'runtime',
  };
  readonly endpoint: string;
  readonly #config: PostgresConfig;
  readonly #credentials: CredentialsCache | undefined;
  #module: Promise<PgModule> | undefined;

  /** `clock` tells when credentials expire. */
  constructor(config: PostgresConfig, clock: Pick<Clock, 'wallNow'> = systemClock) {
    const { endpoint, credentials } = config;
    this.#config = config;
    this.endpoint = endpoint;
    this.#credentials =
      credentials && new CredentialsCache(credentials, { endpoint, option: 'postgres.credentials', clock });
  }

  async load(): Promise<void> {
    await this.#pg();
  }

  async connect(request: ConnectRequest): Promise<DriverConnection> {
    const pg = await this.#pg();
    if (this.#credentials === undefined) return this.#open(pg, request, this.#config);
    const open = ({ user = this.#config.user, password }: IssuedCredentials): Promise<PostgresConnection> =>
      this.#open(pg, request, { user, password });
    const { value, isRotated } = await this.#credentials.use(open, isLoginRefusal, request.signal);
    if (isRotated) request.onRotated?.();
    return value;
  }

  #open(pg: PgModule, request: ConnectRequest, login: Login): Promise<PostgresConnection> {
    const { host, port, database, ssl, applicationName, sessionOptions, pooler } = this.#config;
    const { user, password } = login;
    const client = new pg.Client({
      host,
      port,
      database,
      user,
      password,
      ssl,
      application_name: applicationName ?? request.sessionName ?? DEFAULT_APPLICATION_NAME,
      options: sessionOptions,
      keepAlive: true,
      keepAliveInitialDelayMillis: TCP_KEEPALIVE_MS,
    });
    // What `pg` sends: without options of ours, those of the environment. Either spelling is PostgreSQL's.
    const options = sessionOptions ?? process.env['PGOPTIONS'] ?? '';
    const keepsTimeZone = /\btimezone=/i.test(options);
    const config = {
      ssl,
      pooler,
      decoders: decodersFor(request.types),
      keepsTimeZone,
      keepsStatementTimeout: /\bstatement[-_]timeout=/i.test(options),
    };
    if (!keepsTimeZone) sendAtStart(client.connection, { TimeZone: 'UTC' });
    return PostgresConnection.open(pg, client, config, request);
  }

  classify(error: unknown, situation: FailureSituation): FluxorError {
    return classifyPostgresError(error, situation, this.endpoint);
  }

  async close(): Promise<void> {
    // Nothing is held beyond the connections.
  }

  #pg(): Promise<PgModule> {
    this.#module ??= loadPeer<{ default: PgModule }>('pg', () => import('pg')).then(
      (module) => module.default,
      (error: unknown) => {
        // The next who connects tries again.
        this.#module = undefined;
        throw error;
      },
    );
    return this.#module;
  }
}
