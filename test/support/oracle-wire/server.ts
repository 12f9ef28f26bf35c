/**
 * A test server that speaks Oracle's wire (TNS and TTC) well enough for the real `oracledb` driver in thin mode. Never part
 * of the package, never reachable from outside this machine.
 *
 * Limits, told in full in README.md: it proves what the driver and our code do with a peer that answers like this, not that
 * a real database would. No object types, XMLType, BFILE, XA, sessionless transactions, CQN, AQ, direct path, external or
 * token logon, native encryption or compression. DRCP is accepted, and is a session like any other. Its SQL is as good as
 * its backend.
 */
import { randomBytes } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { SqlBackend } from './backend.js';
import type { Verifier, VerifierKind } from './codec/o5logon.js';
import { makeVerifier } from './codec/o5logon.js';
import { Faults } from './faults.js';
import { Observation } from './observation.js';
import type { ProfileName } from './profiles.js';
import { PROFILES } from './profiles.js';
import { Session } from './session.js';
import type { SessionContext } from './session-context.js';
import { TransactionGuard } from './transaction-guard.js';

export interface OracleServerOptions {
  /** Who answers SQL. It is closed with the server. */
  readonly backend: SqlBackend;
  /** Default `23ai`. */
  readonly profile?: ProfileName;
  /** Default: any free one. */
  readonly port?: number;
  /** Account → password. The first one is in `url`. Default `scott` with `tiger`. */
  readonly users?: Readonly<Record<string, string>>;
  /** The only services there are; others are refused with ORA-12514. Default: all. */
  readonly services?: readonly string[];
  /** Default `12c`. */
  readonly verifier?: VerifierKind;
  /** BREAK and RESET ahead of every error, as real servers do; false for those that write the error at once. */
  readonly errorMarkers?: boolean;
  /** Rows leave out what is as in the row before. Default true. */
  readonly compressRows?: boolean;
  /** The client is asked to flush before it is sent what RETURNING returned. Default false. */
  readonly flushOutBinds?: boolean;
  /** Connections beyond it are refused with ORA-12516. Default: none. */
  readonly maxSessions?: number;
  /** Default 300. */
  readonly maxOpenCursors?: number;
  /** Sessions have logical transaction ids (Transaction Guard). Default false. */
  readonly transactionGuard?: boolean;
  /** TCPS, with this certificate. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface OracleServer {
  readonly port: number;
  /** `oracle://scott:tiger@127.0.0.1:PORT/FREEPDB1` */
  readonly url: string;
  /** What the driver takes: `127.0.0.1:PORT/FREEPDB1`. */
  readonly connectString: string;
  readonly user: string;
  readonly password: string;
  readonly faults: Faults;
  /** Those that are logged on, by their sid. */
  readonly sessions: ReadonlyMap<number, Session>;
  /** Open sockets, those that never logged on too. */
  readonly connections: number;
  /** Calls, counters and errors of the protocol. */
  readonly observed: Observation;
  /** Ends every socket, session and timer, and the backend. */
  stop(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const DEFAULT_SERVICE = 'FREEPDB1';
const DEFAULT_MAX_CURSORS = 300;

export async function startOracleServer(options: OracleServerOptions): Promise<OracleServer> {
  const server = new Listener(options);
  await server.listen();
  return server;
}

class Listener implements OracleServer {
  readonly observed = new Observation();
  readonly faults: Faults;
  readonly user: string;
  readonly password: string;
  readonly #options: OracleServerOptions;
  readonly #context: SessionContext;
  readonly #verifierKind: VerifierKind;
  readonly #accounts = new Map<string, { password: string; verifier: Verifier }>();
  readonly #listener;
  readonly #sockets = new Map<Socket, Session>();
  #port: number;
  #lastSid = 99;
  #scn = 2_000_000;

  constructor(options: OracleServerOptions) {
    const users = Object.entries(options.users ?? { scott: 'tiger' });
    const [user, password] = users[0] ?? ['scott', 'tiger'];
    this.user = user;
    this.password = password;
    this.#options = options;
    this.#port = options.port ?? 0;
    this.#verifierKind = options.verifier ?? '12c';
    for (const [name, secret] of users) this.#setPassword(name.toUpperCase(), secret);
    this.faults = new Faults({
      session: (sid) => this.#all().find((session) => session.sid === sid),
      allSessions: () => this.#all(),
      setListening: (on) => (on ? this.listen() : this.#stopListening()),
    });
    options.backend.attach?.({ cut: (sid) => this.faults.cut(sid) });
    this.#context = this.#contextOf(options);
    const take = (socket: Socket): void => this.#take(socket);
    this.#listener =
      options.tls === undefined ? createServer({ noDelay: true }, take) : createTlsServer(options.tls, take);
  }

  get port(): number {
    return this.#port;
  }

  get connectString(): string {
    return `${LOOPBACK}:${this.#port}/${this.#options.services?.[0] ?? DEFAULT_SERVICE}`;
  }

  get url(): string {
    return `oracle://${encodeURIComponent(this.user)}:${encodeURIComponent(this.password)}@${this.connectString}`;
  }

  get sessions(): ReadonlyMap<number, Session> {
    return new Map(
      this.#all()
        .filter((session) => session.isLoggedOn)
        .map((session) => [session.sid, session]),
    );
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** The port stays the same once it was found. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#listener.once('error', reject);
      this.#listener.listen(this.#port, LOOPBACK, () => {
        this.#listener.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#listener.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    await this.#stopListening();
    const sessions = this.#all();
    for (const socket of [...this.#sockets.keys()]) socket.destroy();
    await Promise.all(sessions.map((session) => session.ended));
    await this.#options.backend.close();
  }

  /** Sessions stay, so that nobody waits here for the listener to be closed in full. */
  async #stopListening(): Promise<void> {
    if (this.#listener.listening) this.#listener.close();
  }

  #take(socket: Socket): void {
    socket.setNoDelay(true);
    this.observed.counters.connects += 1;
    this.#lastSid += 1;
    const session = new Session(this.#context, socket, this.#lastSid);
    this.#sockets.set(socket, session);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #all(): Session[] {
    return [...this.#sockets.values()];
  }

  #contextOf(options: OracleServerOptions): SessionContext {
    const limit = options.maxSessions ?? Infinity;
    return {
      backend: options.backend,
      profile: PROFILES[options.profile ?? '23ai'],
      faults: this.faults,
      observation: this.observed,
      guard: options.transactionGuard === true ? new TransactionGuard() : null,
      errorMarkers: options.errorMarkers ?? true,
      leavesOutEqual: options.compressRows ?? true,
      flushesOutBinds: options.flushOutBinds ?? false,
      maxOpenCursors: options.maxOpenCursors ?? DEFAULT_MAX_CURSORS,
      services: options.services ?? null,
      isFull: () => this.#sockets.size > limit,
      verifierOf: (user) => this.#verifierOf(user),
      isPassword: (user, password) => password !== null && this.#accounts.get(user)?.password === password,
      setPassword: (user, password) => this.#setPassword(user, password),
      nextScn: () => (this.#scn += 1),
    };
  }

  #setPassword(user: string, password: string): void {
    this.#accounts.set(user, { password, verifier: makeVerifier(password, this.#verifierKind) });
  }

  #verifierOf(user: string): { verifier: Verifier; exists: boolean } {
    const account = this.#accounts.get(user);
    if (account !== undefined) return { verifier: account.verifier, exists: true };
    return { verifier: makeVerifier(randomBytes(12).toString('hex'), this.#verifierKind), exists: false };
  }
}
