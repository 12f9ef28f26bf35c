/**
 * The driver over `oracledb`: loads it, logs in, and says what its errors mean.
 * Invariants:
 * - nothing of the library is loaded, and no socket opened, before somebody asks for a connection;
 * - no setting of the library is changed, but for thick mode where it was asked for;
 * - a connect that nobody waits for any more has no socket, also where the listener never answers.
 */
import type { FluxorError } from '../../errors/fluxor-error.js';
import { CancelledError } from '../../errors/timeout-error.js';
import type { Clock } from '../../kernel/clock.js';
import { systemClock } from '../../kernel/clock.js';
import { DeadlineTimer } from '../../kernel/deadline.js';
import { within } from '../../kernel/within.js';
import type { Capabilities } from '../capabilities.js';
import type { IssuedCredentials } from '../credentials.js';
import { CredentialsCache } from '../credentials.js';
import type { ConnectRequest, Driver, DriverConnection, FailureSituation } from '../driver.js';
import { loadPeer } from '../load-peer.js';
import type { AttachedReadMeans } from './oracle-attached-reads.js';
import { connectAttributes } from './oracle-attributes.js';
import type { Login } from './oracle-attributes.js';
import { OracleConnection } from './oracle-connection.js';
import { classifyOracleError, isLoginRefusal } from './oracle-errors.js';
import { chooseMode } from './oracle-mode.js';
import type { OracleModule } from './oracle-module.js';
import type { OracleConfig } from './oracle-config.js';
import { oracleOutcomes } from './oracle-outcome.js';
import { OracleSocket, SocketTrap } from './oracle-socket.js';
import { oracleTransactions } from './oracle-transactions.js';

const CAPABILITIES: Capabilities = {
  canCancel: true,
  maxSessions: Infinity,
  holdsProcess: true,
  hasSavepoints: true,
  pipelining: false,
  statements: 'driver',
};

export class OracleDriver implements Driver {
  readonly name = 'oracle';
  readonly dialect = 'oracle';
  readonly transactions = oracleTransactions;
  readonly outcomes = oracleOutcomes;
  readonly capabilities: Capabilities = CAPABILITIES;
  readonly endpoint: string;
  readonly #config: OracleConfig;
  readonly #credentials: CredentialsCache | undefined;
  readonly #clock: Clock;
  readonly #timers: DeadlineTimer;
  #library: Promise<OracleModule> | undefined;

  /** `clock` tells when credentials expire, and when a read that the runtime does not see has taken too long. */
  constructor(config: OracleConfig, clock: Clock = systemClock) {
    const { endpoint, credentials } = config;
    this.endpoint = endpoint;
    this.#config = config;
    this.#credentials =
      credentials && new CredentialsCache(credentials, { endpoint, option: 'oracle.credentials', clock });
    this.#clock = clock;
    this.#timers = new DeadlineTimer(clock);
  }

  async load(): Promise<void> {
    await this.#load();
  }

  async connect(request: ConnectRequest): Promise<DriverConnection> {
    const module = await this.#load();
    if (this.#credentials === undefined) {
      const password = await this.#password(request.signal);
      return this.#open(module, request, { user: this.#config.user, password });
    }
    const attempt = ({ user = this.#config.user, password }: IssuedCredentials): Promise<DriverConnection> =>
      this.#open(module, request, { user, password });
    const { value, isRotated } = await this.#credentials.use(attempt, isLoginRefusal, request.signal);
    if (isRotated) request.onRotated?.();
    return value;
  }

  classify(error: unknown, situation: FailureSituation): FluxorError {
    return classifyOracleError(error, situation, this.endpoint);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #load(): Promise<OracleModule> {
    this.#library ??= loadPeer<{ default: OracleModule }>('oracledb', () => import('oracledb')).then(
      ({ default: module }) => {
        chooseMode(module, this.#config);
        return module;
      },
    );
    return this.#library;
  }

  async #open(module: OracleModule, request: ConnectRequest, login: Login): Promise<DriverConnection> {
    const { signal, types } = request;
    const trap = new SocketTrap();
    const attributes = connectAttributes(module, this.#config, login, request.preparedStatements);
    const opening = trap.run(() => module.getConnection(attributes));
    try {
      const client = await within(opening, { deadlineAt: Infinity, signal }, this.#timers, () => {
        // Opened after all, it belongs to nobody.
        opening.then((late) => late.close({ drop: true })).catch(ignore);
        throw this.#givenUp('while it was being made');
      });
      const socket = new OracleSocket(client, trap.socket);
      const config = { ...this.#config, types: { ...types, ...this.#config.ownTypes } };
      const reads: AttachedReadMeans = {
        clock: this.#clock,
        timers: this.#timers,
        classify: (error, situation) => this.classify(error, situation),
      };
      return await OracleConnection.open(module, client, socket, { ...config, reads }, request);
    } catch (error) {
      // The library says goodbye and leaves it to the other side to hang up.
      trap.giveUp(new Error('the connection was given up'));
      throw signal.aborted ? this.#givenUp('while it was being made') : error;
    }
  }

  async #password(signal: AbortSignal): Promise<string | undefined> {
    const { password } = this.#config;
    if (typeof password !== 'function') return password;
    const asked = Promise.resolve().then(password);
    return within(asked, { deadlineAt: Infinity, signal }, this.#timers, () => {
      throw this.#givenUp('while its password was asked for');
    });
  }

  #givenUp(when: string): CancelledError {
    const text = `${this.endpoint}: the connection was given up ${when}`;
    return new CancelledError('runtime', text, { decision: 'new-connection', isConnectionFatal: true });
  }
}

function ignore(): void {
  // Nobody waits for it any more.
}
