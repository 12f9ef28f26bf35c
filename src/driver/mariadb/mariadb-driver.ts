/**
 * The driver over the mariadb connector: loads it on the first connect, opens single connections, keeps one control session for
 * cancels, and says what errors mean.
 * Invariant: nothing of the connector is loaded, and no socket opened, before somebody asks for a connection.
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
import { classifyMariadbClient } from './mariadb-client-errors.js';
import type { Login } from './mariadb-client-options.js';
import { clientOptions } from './mariadb-client-options.js';
import { MariadbConnection } from './mariadb-connection.js';
import type { MariadbModule } from './mariadb-module.js';
import { MariadbWire } from './mariadb-wire.js';

const NO_SUCH_THREAD = 1094;

export class MariadbDriver implements Driver {
  readonly name = 'mariadb';
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
  #module: Promise<MariadbModule> | undefined;
  #connections = 0;

  /** `clock` tells when credentials expire, and when a KILL has waited long enough. */
  constructor(config: MysqlConfig, clock: Clock = systemClock) {
    const { endpoint, credentials } = config;
    this.#config = config;
    this.endpoint = endpoint;
    this.#credentials =
      credentials && new CredentialsCache(credentials, { endpoint, option: 'mariadb.credentials', clock });
    this.#timers = new DeadlineTimer(clock);
    this.#control = new MysqlControl({
      clock,
      timers: this.#timers,
      open: (onGone, signal) => this.#openControl(onGone, signal),
      isNoSuchThread: (error) => serverErrorOf(error)?.errno === NO_SUCH_THREAD,
    });
  }

  async load(): Promise<void> {
    await this.#mariadb();
  }

  async connect(request: ConnectRequest): Promise<DriverConnection> {
    const module = await this.#mariadb();
    const open = (login: Login): Promise<MariadbConnection> =>
      MariadbConnection.open(module, clientOptions(this.#config, login), this.#config, request, this.#control);
    const connection = await this.#logIn(open, request.signal, request.onRotated);
    this.#connections += 1;
    // A second one means that there is a pool. Opened now, because the server may be full when something has to be stopped.
    if (this.#connections === 2) this.#control.prepare();
    return connection;
  }

  classify(error: unknown, situation: FailureSituation): FluxorError {
    return classifyMysqlError(error, situation, this.endpoint, classifyMariadbClient);
  }

  async close(): Promise<void> {
    await this.#control.close();
  }

  async #logIn<T>(
    open: (login: Login) => Promise<T>,
    signal: AbortSignal,
    onRotated: (() => void) | undefined,
  ): Promise<T> {
    const { user: ownUser } = this.#config;
    if (this.#credentials === undefined) {
      const password = await passwordOf(this.#config, signal, this.#timers);
      return open({ user: ownUser, password });
    }
    const attempt = ({ user = ownUser, password }: IssuedCredentials): Promise<T> => open({ user, password });
    const { value, isRotated } = await this.#credentials.use(attempt, isLoginRefusal, signal);
    if (isRotated) onRotated?.();
    return value;
  }

  async #openControl(onGone: () => void, signal: AbortSignal): Promise<ControlSession> {
    const module = await this.#mariadb();
    const open = (login: Login) => MariadbWire.open(module, clientOptions(this.#config, login), signal, onGone);
    const wire = await this.#logIn(open, signal, undefined);
    wire.unref();
    return {
      run: async (text) => {
        await wire.query(text);
      },
      destroy: () => wire.destroy(),
    };
  }

  #mariadb(): Promise<MariadbModule> {
    this.#module ??= loadPeer<MariadbModule>('mariadb', () => import('mariadb/callback'));
    return this.#module;
  }
}
