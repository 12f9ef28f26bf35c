/**
 * The driver over `mysql2`: loads it, opens its single connections, and says what its errors mean. The rest is
 * mysql-server/mysql-family-driver.ts.
 */
import type { FluxorError } from '../../errors/fluxor-error.js';
import type { Clock } from '../../kernel/clock.js';
import type { ConnectRequest, FailureSituation } from '../driver.js';
import { loadPeer } from '../load-peer.js';
import type { ControlSession } from '../mysql-server/mysql-cancel.js';
import { classifyMysqlError } from '../mysql-server/mysql-errors.js';
import type { Login } from '../mysql-server/mysql-family-driver.js';
import { MysqlFamilyDriver } from '../mysql-server/mysql-family-driver.js';
import type { MysqlConfig } from '../mysql-server/mysql-options.js';
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
 * the server reads SQL. Without PS_MULTI_RESULTS a server keeps the OUT parameters of a prepared CALL to itself.
 */
const FLAGS = ['-LOCAL_FILES', '-IGNORE_SPACE', '-ODBC', 'PS_MULTI_RESULTS'] as const;

/** The method whose first word to the server is a request for its key; any server may switch a login to it. */
const SHA256_PASSWORD = 'sha256_password';

export class MysqlDriver extends MysqlFamilyDriver<Mysql2Module> {
  constructor(config: MysqlConfig, clock?: Clock) {
    super('mysql', config, clock);
  }

  classify(error: unknown, situation: FailureSituation): FluxorError {
    return classifyMysqlError(error, situation, this.endpoint, classifyMysql2Error);
  }

  protected async loadLibrary(): Promise<Mysql2Module> {
    const { default: mysql } = await loadPeer<{ default: Mysql2Module }>('mysql2', () => import('mysql2'));
    return mysql;
  }

  protected async openSession(request: ConnectRequest): Promise<MysqlConnection> {
    const mysql = await this.library();
    return this.logIn(request, (login) => this.#open(mysql, request, login));
  }

  protected async openControl(onGone: () => void, signal: AbortSignal): Promise<ControlSession> {
    const mysql = await this.library();
    const request: ConnectRequest = {
      signal,
      types: { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' },
      onLost: onGone,
      preparedStatements: 0,
    };
    // Nobody writes values into what is sent here, and mysql2 sends one text at a time.
    const multipleStatements = true;
    const connection = await this.logIn(request, (login) => this.#open(mysql, request, login, { multipleStatements }));
    connection.unref();
    return {
      server: connection.server,
      run: (texts) => connection.runEach(texts),
      destroy: () => connection.destroy(),
    };
  }

  #open(
    mysql: Mysql2Module,
    request: ConnectRequest,
    login: Login,
    more?: Pick<Mysql2Config, 'multipleStatements'>,
  ): Promise<MysqlConnection> {
    const { tls, zeroDates, settings, database, host } = this.config;
    const { preparedStatements = PREPARED_STATEMENTS } = request;
    const client = mysql.createConnection({ ...this.#clientConfig(login), ...more });
    if (tls !== false) useTls(client, tls, host);
    const config = {
      types: { ...request.types, zeroDates },
      settings,
      database,
      preparedStatements,
      refusePassword: this.#mayAskForKey ? undefined : () => publicKeyError(this.endpoint),
      control: this.control,
    };
    return MysqlConnection.open(mysql, client, config, request);
  }

  /** Nobody stands between, or whoever does may have the password. */
  get #mayAskForKey(): boolean {
    const { tls, socketPath, allowPublicKeyRetrieval } = this.config;
    return tls !== false || socketPath !== undefined || allowPublicKeyRetrieval;
  }

  #refuseKey(): never {
    throw publicKeyError(this.endpoint);
  }

  #clientConfig({ user, password }: Login): Mysql2Config {
    const { host, port, socketPath, database, tls, applicationName } = this.config;
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
      multipleStatements: false,
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
}
