/**
 * The MySQL and MariaDB driver over `mysql2`: loads it on the first connect, opens single connections, and says what errors
 * mean.
 * Invariant: nothing of `mysql2` is loaded, and no socket opened, before somebody asks for a connection.
 */
import type { FluxorError } from '../../errors/fluxor-error.js';
import type { Clock } from '../../kernel/clock.js';
import { systemClock } from '../../kernel/clock.js';
import { DeadlineTimer } from '../../kernel/deadline.js';
import type { Capabilities } from '../capabilities.js';
import type { IssuedCredentials } from '../credentials.js';
import { CredentialsCache } from '../credentials.js';
import type { ConnectRequest, Driver, DriverConnection, FailureSituation } from '../driver.js';
import { loadPeer } from '../load-peer.js';
import type { ControlSession } from '../mysql-server/mysql-cancel.js';
import { MysqlControl } from '../mysql-server/mysql-cancel.js';
import { classifyMysqlError, isLoginRefusal } from '../mysql-server/mysql-errors.js';
import type { MysqlConfig } from '../mysql-server/mysql-options.js';
import { passwordOf } from '../mysql-server/mysql-password.js';
import { serverErrorOf } from '../mysql-server/mysql-server-error.js';
import { mysqlTransactions } from '../mysql-server/mysql-transactions.js';
import { classifyMysql2Error, publicKeyError } from './mysql-client-errors.js';
import { MysqlConnection } from './mysql-connection.js';
import type { Mysql2Config, Mysql2Module } from './mysql-module.js';
import { useTls } from './mysql-tls.js';

/** Idle milliseconds before the first TCP keepalive probe: half of the 60 s after which common load balancers drop a flow. */
const TCP_KEEPALIVE_MS = 30_000;

/** Without a word from the runtime. */
const PREPARED_STATEMENTS = 100;

/**
 * Against mysql2's defaults. LOCAL_FILES lets a server ask for any file of the client's, and IGNORE_SPACE and ODBC change how
 * the server reads SQL.
 */
const FLAGS = ['-LOCAL_FILES', '-IGNORE_SPACE', '-ODBC'] as const;

/** The method whose first word to the server is a request for its key; any server may switch a login to it. */
const SHA256_PASSWORD = 'sha256_password';

/** ER_NO_SUCH_THREAD. */
const NO_SUCH_THREAD = 1094;

interface Login {
  readonly user: string | undefined;
  readonly password: string | undefined;
}

export class MysqlDriver implements Driver {
  readonly name = 'mysql';
  readonly dialect = 'mysql';
  readonly transactions = mysqlTransactions;
  readonly capabilities: Capabilities = {
    canCancel: true,
    maxSessions: Infinity,
    holdsProcess: true,
    hasSavepoints: true,
    pipelining: false,
    statements: 'driver',
  };
  readonly endpoint: string;
  readonly #config: MysqlConfig;
  readonly #credentials: CredentialsCache | undefined;
  readonly #timers: DeadlineTimer;
  readonly #control: MysqlControl;
  #module: Promise<Mysql2Module> | undefined;
  #opened = 0;

  /** `clock` tells when credentials expire, and when a KILL has waited long enough. */
  constructor(config: MysqlConfig, clock: Clock = systemClock) {
    const { endpoint, credentials } = config;
    this.#config = config;
    this.endpoint = endpoint;
    this.#credentials =
      credentials && new CredentialsCache(credentials, { endpoint, option: 'mysql.credentials', clock });
    this.#timers = new DeadlineTimer(clock);
    this.#control = new MysqlControl({
      clock,
      timers: this.#timers,
      open: (onGone, signal) => this.#openControl(onGone, signal),
      isNoSuchThread: (error) => serverErrorOf(error)?.errno === NO_SUCH_THREAD,
    });
  }

  async load(): Promise<void> {
    await this.#mysql();
  }

  async connect(request: ConnectRequest): Promise<DriverConnection> {
    const connection = await this.#connect(request);
    this.#opened += 1;
    // A server that is full by the time something has to be stopped has no place for the one who says so.
    if (this.#opened === 2) this.#control.prepare();
    return connection;
  }

  classify(error: unknown, situation: FailureSituation): FluxorError {
    return classifyMysqlError(error, situation, this.endpoint, classifyMysql2Error);
  }

  close(): Promise<void> {
    return this.#control.close();
  }

  async #connect(request: ConnectRequest): Promise<MysqlConnection> {
    const mysql = await this.#mysql();
    const { user } = this.#config;
    if (this.#credentials === undefined) {
      const password = await passwordOf(this.#config, request.signal, this.#timers);
      return this.#open(mysql, request, { user, password });
    }
    const open = (issued: IssuedCredentials): Promise<MysqlConnection> =>
      this.#open(mysql, request, { user: issued.user ?? user, password: issued.password });
    const { value, isRotated } = await this.#credentials.use(open, isLoginRefusal, request.signal);
    if (isRotated) request.onRotated?.();
    return value;
  }

  #open(mysql: Mysql2Module, request: ConnectRequest, login: Login): Promise<MysqlConnection> {
    const { tls, zeroDates, settings, database, host } = this.#config;
    const { preparedStatements = PREPARED_STATEMENTS } = request;
    const client = mysql.createConnection(this.#clientConfig(login));
    if (tls !== false) useTls(client, tls, host);
    const config = {
      types: { ...request.types, zeroDates },
      settings,
      database,
      preparedStatements,
      refusePassword: this.#mayAskForKey ? undefined : () => publicKeyError(this.endpoint),
      kill: (threadId: number) => this.#control.cancel(threadId),
      prepareKill: () => this.#control.prepare(),
    };
    return MysqlConnection.open(mysql, client, config, request);
  }

  /** Nobody stands between, or whoever does may have the password. */
  get #mayAskForKey(): boolean {
    const { tls, socketPath, allowPublicKeyRetrieval } = this.#config;
    return tls !== false || socketPath !== undefined || allowPublicKeyRetrieval;
  }

  #refuseKey(): never {
    throw publicKeyError(this.endpoint);
  }

  #clientConfig({ user, password }: Login): Mysql2Config {
    const { host, port, socketPath, database, tls, applicationName } = this.#config;
    return {
      host,
      port,
      socketPath,
      user,
      password,
      database,
      // What it says in particular is mysql-tls.ts's affair.
      ssl: tls === false ? undefined : {},
      connectAttributes: { program_name: applicationName },
      connectTimeout: 0,
      enableKeepAlive: true,
      keepAliveInitialDelay: TCP_KEEPALIVE_MS,
      flags: FLAGS,
      authPlugins: this.#mayAskForKey ? {} : { [SHA256_PASSWORD]: () => this.#refuseKey() },
      charset: 'UTF8MB4_GENERAL_CI',
      timezone: 'Z',
      rowsAsArray: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
      jsonStrings: true,
      queryFormat: (sql) => sql,
    };
  }

  async #openControl(onGone: () => void, signal: AbortSignal): Promise<ControlSession> {
    const connection = await this.#connect({
      signal,
      types: { bigint: 'bigint', decimal: 'string', date: 'string' },
      onLost: onGone,
      preparedStatements: 0,
    });
    return {
      run: async (text) => {
        await connection.execute({ text, values: [], rowMode: 'array' });
      },
      destroy: () => connection.destroy(),
    };
  }

  #mysql(): Promise<Mysql2Module> {
    this.#module ??= loadPeer<{ default: Mysql2Module }>('mysql2', () => import('mysql2')).then(
      (module) => module.default,
    );
    return this.#module;
  }
}
