/**
 * What the drivers of both client libraries have in common: the login, with credentials that may change, the control session that
 * stops statements, and all that follows from the server alone.
 * Invariant: nothing of a client library is loaded, and no socket opened, before somebody asks for a connection.
 * Refuses to know: client libraries, what runs.
 */
import type { FluxorError } from '../../errors/fluxor-error.js';
import type { Clock } from '../../kernel/clock.js';
import { systemClock } from '../../kernel/clock.js';
import { DeadlineTimer } from '../../kernel/deadline.js';
import type { Capabilities } from '../capabilities.js';
import type { IssuedCredentials } from '../credentials.js';
import { CredentialsCache } from '../credentials.js';
import type { ConnectRequest, Driver, DriverConnection, FailureSituation } from '../driver.js';
import type { ControlSession } from './mysql-cancel.js';
import { MysqlControl } from './mysql-cancel.js';
import { isLoginRefusal } from './mysql-errors.js';
import type { MysqlConfig } from './mysql-options.js';
import { passwordOf } from './mysql-password.js';
import { serverErrorOf } from './mysql-server-error.js';
import { mysqlTransactions } from './mysql-transactions.js';

/** ER_NO_SUCH_THREAD. */
const NO_SUCH_THREAD = 1094;

/** As whom a session is opened. */
export interface Login {
  readonly user: string | undefined;
  readonly password: string | undefined;
}

export const MYSQL_CAPABILITIES: Capabilities = {
  canCancel: true,
  maxSessions: Infinity,
  holdsProcess: true,
  hasSavepoints: true,
  pipelining: false,
  statements: 'driver',
};

/** `M`: the client library. */
export abstract class MysqlFamilyDriver<M> implements Driver {
  readonly name: 'mysql' | 'mariadb';
  readonly dialect = 'mysql';
  readonly transactions = mysqlTransactions;
  readonly capabilities: Capabilities = MYSQL_CAPABILITIES;
  readonly endpoint: string;
  protected readonly control: MysqlControl;
  /** Private to the language, because it holds the password and the key of TLS, and drivers are printed. */
  readonly #config: MysqlConfig;
  readonly #credentials: CredentialsCache | undefined;
  readonly #timers: DeadlineTimer;
  #library: Promise<M> | undefined;
  #opened = 0;

  /** `clock` tells when credentials expire, and when a KILL has waited long enough. */
  constructor(name: 'mysql' | 'mariadb', config: MysqlConfig, clock: Clock = systemClock) {
    const { endpoint, credentials } = config;
    this.name = name;
    this.#config = config;
    this.endpoint = endpoint;
    this.#credentials =
      credentials && new CredentialsCache(credentials, { endpoint, option: `${name}.credentials`, clock });
    this.#timers = new DeadlineTimer(clock);
    this.control = new MysqlControl({
      clock,
      timers: this.#timers,
      open: (onGone, signal) => this.openControl(onGone, signal),
      isNoSuchThread: (error) => serverErrorOf(error)?.errno === NO_SUCH_THREAD,
    });
  }

  protected get config(): MysqlConfig {
    return this.#config;
  }

  abstract classify(error: unknown, situation: FailureSituation): FluxorError;

  async load(): Promise<void> {
    await this.library();
  }

  async connect(request: ConnectRequest): Promise<DriverConnection> {
    const connection = await this.openSession(request);
    this.#opened += 1;
    // A second one means that there is a pool. A server that is full by the time something has to be stopped has no place for the
    // one who says so.
    if (this.#opened === 2) this.control.prepare();
    return connection;
  }

  close(): Promise<void> {
    return this.control.close();
  }

  /** Loads it; called once, and once more after each failure. */
  protected abstract loadLibrary(): Promise<M>;

  protected abstract openSession(request: ConnectRequest): Promise<DriverConnection>;

  /** As `ControlPorts.open`. */
  protected abstract openControl(onGone: () => void, signal: AbortSignal): Promise<ControlSession>;

  protected library(): Promise<M> {
    this.#library ??= this.loadLibrary().catch((error: unknown) => {
      // The next who connects tries again.
      this.#library = undefined;
      throw error;
    });
    return this.#library;
  }

  /** Opens what `open` opens, a second time with fresh credentials where the first are refused. */
  protected async logIn<T>(
    { signal, onRotated }: Pick<ConnectRequest, 'signal' | 'onRotated'>,
    open: (login: Login) => Promise<T>,
  ): Promise<T> {
    const { user: ownUser } = this.config;
    if (this.#credentials === undefined) {
      const password = await passwordOf(this.config, signal, this.#timers);
      return open({ user: ownUser, password });
    }
    const attempt = ({ user = ownUser, password }: IssuedCredentials): Promise<T> => open({ user, password });
    const { value, isRotated } = await this.#credentials.use(attempt, isLoginRefusal, signal);
    if (isRotated) onRotated?.();
    return value;
  }
}
