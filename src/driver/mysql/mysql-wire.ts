/**
 * One `mysql2` connection and what is on it: the login, one command at a time, whether the server is ready, and how it ended. The
 * lower half of mysql-connection.ts.
 *
 * Invariants:
 * - `state` follows the server's status flags (mysql-status.ts). An error carries none, and some errors end the whole transaction
 *   (a deadlock, DDL that fails); so after an error that could have, the server is asked before the session is ready again;
 * - mysql2 answers nothing any more once it has seen the connection end, so nothing is handed to it after that;
 * - whoever waits is told of the end, and a loss is told once.
 */
import { isFluxorError } from '../../errors/fluxor-error.js';
import type { SessionState } from '../driver.js';
import type { Flavour } from '../mysql-server/mysql-flavour.js';
import { flavourOf } from '../mysql-server/mysql-flavour.js';
import { isNotBegun } from '../mysql-server/mysql-prepared.js';
import { serverErrorOf } from '../mysql-server/mysql-server-error.js';
import type { TextFacts } from '../mysql-server/mysql-texts.js';
import { TextBook } from '../mysql-server/mysql-texts.js';
import type { MysqlParameter } from '../mysql-server/mysql-values.js';
import { roomError } from './mysql-client-errors.js';
import type { Mysql2Command, Mysql2Connection, Mysql2Header, Mysql2Module } from './mysql-module.js';
import type { Protocol } from './mysql-readers.js';
import { ReaderMemory } from './mysql-readers.js';
import { MysqlStatements } from './mysql-statements.js';
import { SessionStatus } from './mysql-status.js';

/** Whoever waits for what is on the wire. */
export interface Running {
  /** It has failed, or the connection has ended. */
  fail(error: unknown): void;
}

/** Sees the command before anything of it has come back. */
export type Watch = (command: Mysql2Command, protocol: Protocol, readers: ReaderMemory) => void;

export interface WirePorts {
  /** Raised during the login when the server asks for what may not be sent. */
  readonly refusePassword: (() => Error) | undefined;
  /** Called once, for an end that nobody here asked for. */
  readonly onLost: (error: unknown) => void;
  /** Where the session begins, to know later whether it is still there. */
  readonly database: string | undefined;
  /** How many prepared statements are kept; 0 for none. */
  readonly preparedStatements: number;
}

interface ReadyWaiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class MysqlWire {
  readonly client: Mysql2Connection;
  readonly #ports: WirePorts;
  readonly #status: SessionStatus;
  readonly #statements: MysqlStatements;
  readonly #texts = new TextBook();
  /** Of statements without values, whichever came last. */
  readonly #textReaders = new ReaderMemory();
  #flavour: Flavour = flavourOf('');
  #isBusy = false;
  /** Until then, failures are the rejection of the login, not a loss. */
  #isOpen = false;
  #isClosing = false;
  /** Set once, by the first sign that the connection is gone. */
  #lostBecause: { readonly error: unknown } | undefined;
  /** The server's own word on why it hangs up comes before the end of the connection. */
  #lastWord: unknown;
  #running: Running | undefined;
  #database: string;
  readonly #readyWaiters: ReadyWaiter[] = [];

  constructor(mysql: Mysql2Module, client: Mysql2Connection, ports: WirePorts) {
    this.client = client;
    this.#ports = ports;
    this.#database = ports.database ?? '';
    this.#statements = new MysqlStatements(client, mysql, ports.preparedStatements);
    this.#status = new SessionStatus(client, () => {
      const refusal = ports.refusePassword?.();
      if (refusal !== undefined) this.#lose(refusal);
    });
    client.on('error', (error) => this.#lose(error));
    client.stream.once('close', () =>
      this.#lose(roomError('PROTOCOL_CONNECTION_LOST', 'Connection lost: The server closed the connection.')),
    );
  }

  get state(): SessionState {
    if (this.#isOver) return 'closed';
    if (this.#isBusy) return 'busy';
    return this.#status.isInTransaction ? 'in-transaction' : 'idle';
  }

  /** As the server said last, also while something runs. */
  get isInTransaction(): boolean {
    return this.#status.isInTransaction;
  }

  /** The row that comes now is the OUT parameters of a procedure. */
  get bringsOutParameters(): boolean {
    return this.#status.bringsOutParameters;
  }

  get threadId(): number | undefined {
    return this.client.threadId ?? undefined;
  }

  get flavour(): Flavour {
    return this.#flavour;
  }

  /** The default database is another one than at the start. */
  get hasMoved(): boolean {
    return this.#database !== (this.#ports.database ?? '');
  }

  logIn(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#lostBecause !== undefined) return reject(this.#lostBecause.error);
      this.#running = { fail: reject };
      this.client.connect((error) => {
        this.#running = undefined;
        if (error !== null && error !== undefined) return reject(error);
        this.#status.beginSession();
        this.#flavour = flavourOf(this.client._handshakePacket?.serverVersion ?? '');
        resolve();
      });
    });
  }

  /** It is set up: from here on its end is a loss. */
  open(): void {
    this.#isOpen = true;
  }

  giveUp(): void {
    this.#lose(roomError('FLUXOR_GIVEN_UP', 'nobody waits for the connection any more'));
  }

  /** Sends, and lets `watch` see the command; whatever keeps it from being one goes to `running`. */
  begin(text: string, values: readonly MysqlParameter[], running: Running, watch: Watch): void {
    if (this.#lostBecause !== undefined) return running.fail(this.#lostBecause.error);
    this.#isBusy = true;
    this.#running = running;
    if (values.length === 0) return watch(this.client.query({ sql: text }), 'text', this.#textReaders);
    const { key } = this.factsOf(text);
    this.#statements.run(
      { text, key, values },
      this.#flavour,
      (command, readers) => watch(command, 'binary', readers),
      (error) => running.fail(error),
    );
  }

  /** A run with values has failed. Whether it is worth sending again: nothing of it was carried out, nor undone by its error. */
  heal(text: string, error: unknown): boolean {
    const { key, command } = this.factsOf(text);
    if (this.#isOver || !isNotBegun(command, error)) return false;
    this.#statements.endRun();
    this.#statements.clearAfter(key, error);
    return true;
  }

  factsOf(text: string): TextFacts {
    return this.#texts.look(this.#database, text);
  }

  /** COM_RESET_CONNECTION: everything of the session but its default database is as new, and what was prepared is gone. */
  async reset(): Promise<void> {
    await this.round((done) => this.client.reset(done));
    this.#statements.forgetAll();
  }

  /** One round trip without rows, of mysql2's own making. */
  round(send: (done: (error?: unknown) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#lostBecause !== undefined) return reject(this.#lostBecause.error);
      const running: Running = { fail: (error) => reject(this.bestError(error)) };
      this.#isBusy = true;
      this.#running = running;
      this.#status.expectOk();
      send((error) => {
        if (this.#running !== running) return;
        this.#running = undefined;
        if (error === null || error === undefined) {
          this.#becomeReady();
          return resolve();
        }
        if (serverErrorOf(error) === undefined) this.#lose(error);
        else this.#becomeReady();
        reject(this.bestError(error));
      });
    });
  }

  /** Of an OK packet. */
  take({ serverStatus, stateChanges }: Mysql2Header): void {
    this.#status.take(serverStatus);
    const schema = stateChanges?.schema;
    if (typeof schema === 'string') this.#database = schema;
  }

  /** What was begun has ended. After an error the session is ready when it is known where that has left it. */
  settle(text: string, failure?: { readonly error: unknown }): void {
    this.#running = undefined;
    if (!this.#isOver) this.#statements.endRun();
    if (failure === undefined) return this.#becomeReady();
    const { error } = failure;
    const { key, isPlain } = this.factsOf(text);
    if (!this.#isOver) this.#statements.clearAfter(key, error);
    if (serverErrorOf(error) !== undefined) this.#lastWord = error;
    // Neither the server's nor ours: after it mysql2 is of no use.
    else if (!isFluxorError(error)) return this.#lose(error);
    if (this.#isOver) return;
    const isAsItWas = !this.#status.isInTransaction && this.#status.isAutocommit;
    if (isAsItWas && isPlain) return this.#becomeReady();
    this.round((done) => this.client.ping(done)).catch((lost: unknown) => this.#lose(lost));
  }

  /** What is left of the rows on their way is dropped, up to the end of their result. Called when one of them has come. */
  dropRows(onDropped: () => void): void {
    this.#status.dropRows(onDropped);
  }

  /** It is no reason for the process to live on. */
  unref(): void {
    this.client.stream.unref();
  }

  untilReady(): Promise<void> {
    if (this.#lostBecause !== undefined) return Promise.reject(this.#lostBecause.error);
    if (!this.#isBusy) return Promise.resolve();
    return new Promise((resolve, reject) => this.#readyWaiters.push({ resolve, reject }));
  }

  /** "Connection lost" says less than what the server said just before it. */
  bestError(error: unknown): unknown {
    const isMute = (error as { readonly code?: unknown } | undefined)?.code === 'PROTOCOL_CONNECTION_LOST';
    return isMute && isFarewell(this.#lastWord) ? this.#lastWord : error;
  }

  close(): Promise<void> {
    this.#isClosing = true;
    if (this.client.stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.client.stream.once('close', resolve);
      this.client.end();
    });
  }

  /** mysql2's own `destroy` waits for the other side. */
  destroy(): void {
    this.#isClosing = true;
    // Whoever asks later is told at once.
    const { error } = (this.#lostBecause ??= {
      error: roomError('PROTOCOL_CONNECTION_LOST', 'the connection was destroyed'),
    });
    this.client.stream.destroy();
    this.#failAll(error);
  }

  get #isOver(): boolean {
    return this.#lostBecause !== undefined || this.#isClosing;
  }

  #becomeReady(): void {
    this.#isBusy = false;
    for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve();
  }

  #lose(error: unknown): void {
    if (this.#lostBecause !== undefined) return;
    const best = this.bestError(error);
    this.#lostBecause = { error: best };
    this.client.stream.destroy();
    this.#failAll(best);
    if (this.#isOpen && !this.#isClosing) this.#ports.onLost(best);
  }

  #failAll(error: unknown): void {
    const running = this.#running;
    this.#running = undefined;
    running?.fail(error);
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(error);
  }
}

/** The server's reasons for ending a session. */
const FAREWELLS: ReadonlySet<number> = new Set([1053, 1153, 1927, 3032, 3168, 3169, 4031]);

function isFarewell(error: unknown): boolean {
  return FAREWELLS.has(serverErrorOf(error)?.errno ?? 0);
}
