/**
 * One connection of the connector, as promises: each settles, whatever the connector does with its callback. Used by
 * mariadb-connection.ts, and by itself as the control session of mariadb-driver.ts.
 *
 * Invariants:
 * - a loss is told once, with the server's own last word where it gave one, and never as an unhandled event;
 * - `destroy` frees the socket at once and opens no other (the connector's own `destroy()` connects anew, to send a KILL);
 * - no error carries the text of its statement, which may hold values.
 *
 * Over 300 lines, because every way to send ends in one list of those who wait, which a loss or `destroy` empties.
 */
import { atEndOfTick } from '../../kernel/next-turn.js';
import { findErrno } from '../mysql-server/mysql-errnos.js';
import { serverErrorOf } from '../mysql-server/mysql-server-error.js';
import { withoutStatement, closedHere } from './mariadb-client-errors.js';
import type {
  ClientCallback,
  ClientData,
  ClientExecution,
  ClientInfo,
  ClientMeta,
  ClientOk,
  ClientPrepared,
  ClientSocket,
  ClientStream,
  MariadbClient,
  MariadbClientOptions,
  MariadbModule,
} from './mariadb-module.js';
import { keepGeometryBytes } from './mariadb-results.js';
import type { KeptStatement } from './mariadb-statements.js';

/** Bits of the status in every OK packet (MySQL manual, "SERVER_STATUS_flags_enum"). */
const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;
/** Of what ends a result set: its only row was the OUT parameters of a procedure. */
const OUT_PARAMETERS = 0x1000;

/** Told once: by the answer, or by the loss of the connection. Must not throw. */
export interface Waiter {
  fail(error: unknown): void;
}

export interface AnswerWaiter extends Waiter {
  /** `hasOutParameters`: the last result set is the OUT parameters of a procedure, if nothing else was in flight. */
  succeed(data: ClientData, meta: ClientMeta, hasOutParameters: boolean): void;
}

export class MariadbWire {
  readonly #client: MariadbClient;
  readonly #onLost: (error: unknown) => void;
  readonly #pending = new Set<Waiter>();
  #socket: ClientSocket | undefined;
  #isConnected = false;
  #hasOutParameters = false;
  #isClosing = false;
  #isGathering = false;
  #lostBecause: { readonly error: unknown } | undefined;
  /** A server's error after which it hangs up. */
  #farewell: unknown;

  /** Connects, or rejects with the connector's own error; an aborted `signal` frees the socket at once. */
  static async open(
    module: MariadbModule,
    options: MariadbClientOptions,
    signal: AbortSignal | undefined,
    onLost: (error: unknown) => void,
  ): Promise<MariadbWire> {
    if (signal?.aborted === true) throw closedHere();
    const wire = new MariadbWire(module.createConnection(options), onLost);
    const giveUp = () => wire.destroy();
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      await wire.#answer<[]>((callback) => wire.#client.connect(callback));
      wire.#isConnected = true;
      wire.#watchStatus();
      wire.#holdSocket();
      return wire;
    } catch (error) {
      wire.destroy();
      throw error;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  private constructor(client: MariadbClient, onLost: (error: unknown) => void) {
    this.#client = client;
    this.#onLost = onLost;
    this.#holdSocket();
    client.on('error', (error) => this.#lose(error));
    client.on('end', () => this.#lose(new Error('the connection has ended')));
  }

  get info(): ClientInfo {
    return this.#client.info;
  }

  get isInTransaction(): boolean {
    return (this.info.status & IN_TRANSACTION) !== 0;
  }

  get isAutocommitting(): boolean {
    return (this.info.status & AUTOCOMMIT) !== 0;
  }

  /** Of the prepared statement that was sent last. */
  get hasOutParameters(): boolean {
    return this.#hasOutParameters;
  }

  get isLost(): boolean {
    return this.#lostBecause !== undefined;
  }

  get isClosed(): boolean {
    return this.isLost || this.#isClosing;
  }

  get bytesWritten(): number {
    // Not a number where nobody can tell: then nothing is proved.
    return this.#socket?.bytesWritten ?? Number.NaN;
  }

  /** What is sent from here on leaves in one piece, before the event loop goes on: with others in flight, nothing is idle. */
  gather(): void {
    if (this.#isGathering || this.isClosed) return;
    this.#isGathering = true;
    this.#socket?.cork();
    atEndOfTick(this.#sendGathered);
  }

  readonly #sendGathered = (): void => {
    this.#isGathering = false;
    this.#socket?.uncork();
  };

  /** By the text protocol. */
  sendText(sql: string, waiter: AnswerWaiter): void {
    if (this.#refuses(waiter)) return;
    // An empty text the connector refuses by itself; the server has an error of its own for it.
    const statement = { sql: sql === '' ? ' ' : sql, rowsAsArray: true as const };
    const command = this.#client.query(statement, undefined, (error, data, meta) => {
      if (this.#hear(waiter, error)) waiter.succeed(data, meta, false);
    });
    keepGeometryBytes(command);
  }

  /** By the binary protocol. */
  sendPrepared(
    prepared: ClientPrepared,
    values: readonly unknown[],
    execution: ClientExecution | undefined,
    waiter: AnswerWaiter,
  ): void {
    if (this.#refuses(waiter)) return;
    this.#hasOutParameters = false;
    prepared.execute(values, execution, (error, answer) => {
      if (this.#hear(waiter, error)) waiter.succeed(answer[0], answer[1], this.#hasOutParameters);
    });
  }

  query(sql: string): Promise<ClientData> {
    return new Promise((succeed, fail) => this.sendText(sql, { succeed, fail }));
  }

  /** The first one that a text brings. */
  async valueOf(sql: string): Promise<unknown> {
    const data = await this.query(sql);
    return Array.isArray(data) ? data[0]?.[0] : undefined;
  }

  prepare(sql: string): Promise<ClientPrepared> {
    return this.#answer<[ClientPrepared]>((callback) => this.#client.prepare(sql, callback)).then(
      ([prepared]) => prepared,
    );
  }

  /** `kept`: for a statement with values. */
  stream(sql: string, kept: KeptStatement | undefined, values: readonly unknown[]): ClientStream {
    this.#hasOutParameters = false;
    if (kept !== undefined) return kept.prepared.executeStream(values, kept.execution);
    const command = this.#client.query({ sql: sql === '' ? ' ' : sql, rowsAsArray: true });
    keepGeometryBytes(command);
    return command.stream();
  }

  /** One packet, or a few, with many sets of values for one statement. MariaDB only. */
  bulk(sql: string, sets: readonly unknown[][]): Promise<ClientOk> {
    return this.#answer<[ClientOk]>((callback) =>
      this.#client.batch({ sql, rowsAsArray: true, fullResult: false, metaAsArray: false }, sets, callback),
    ).then(([ok]) => ok);
  }

  async ping(): Promise<void> {
    await this.#answer<[]>((callback) => this.#client.ping(callback));
  }

  /** COM_RESET_CONNECTION: everything of the session but its login is as new, and what was prepared is gone. */
  async reset(): Promise<void> {
    await this.#answer<[]>((callback) => this.#client.reset(callback));
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.#isClosing = true;
    await this.#answer<[]>((callback) => this.#client.end(callback)).catch(() => undefined);
  }

  destroy(): void {
    this.#isClosing = true;
    this.#holdSocket();
    // Whoever asks later is told at once: the connector says no more of a socket that was destroyed while it waited.
    const { error } = (this.#lostBecause ??= { error: closedHere() });
    this.#socket?.destroy(closedHere());
    this.#rejectPending(error);
  }

  /** Goes on reading where a full buffer made the connector stop. */
  resume(): void {
    if (!this.isLost) this.#socket?.resume();
  }

  /** An open control session is no reason for the process to live on. */
  unref(): void {
    this.#socket?.unref();
  }

  /** Tells, once, that the connection is lost or destroyed, unless what it answers is called before. For streams, which have no callback. */
  watch(onEnd: (error: unknown) => void): () => void {
    const lost = this.#lostBecause;
    if (lost !== undefined) queueMicrotask(() => onEnd(lost.error));
    const waiter: Waiter = { fail: onEnd };
    this.#pending.add(waiter);
    return () => this.#pending.delete(waiter);
  }

  /** What is really behind an error of a statement. */
  explain(error: unknown): unknown {
    const known = withoutStatement(error);
    const row = serverErrorOf(known);
    if (row !== undefined && findErrno(row.errno, row.sqlState)?.is.kind === 'connection') this.#farewell ??= known;
    return this.#lostBecause?.error ?? known;
  }

  #answer<T extends readonly unknown[]>(send: (callback: ClientCallback<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { fail: reject };
      if (this.#refuses(waiter)) return;
      send((error, ...answer) => {
        if (this.#hear(waiter, error)) resolve(answer);
      });
    });
  }

  /** Takes it down as one who waits, unless the connection is lost. */
  #refuses(waiter: Waiter): boolean {
    if (this.#lostBecause === undefined) {
      this.#pending.add(waiter);
      return false;
    }
    waiter.fail(this.#lostBecause.error);
    return true;
  }

  /** Whether an answer has come that is still waited for; an error is told here. */
  #hear(waiter: Waiter, error: unknown): boolean {
    if (!this.#pending.delete(waiter)) return false;
    if (error !== undefined && error !== null) {
      waiter.fail(this.explain(error));
      return false;
    }
    // Whatever it said before, it has not hung up.
    this.#farewell = undefined;
    return true;
  }

  /** The connector keeps the last status of a statement only, and says nothing of those between its result sets. */
  #watchStatus(): void {
    const { info } = this;
    let { status } = info;
    Object.defineProperty(info, 'status', {
      get: () => status,
      set: (flags: number) => {
        status = flags;
        if ((flags & OUT_PARAMETERS) !== 0) this.#hasOutParameters = true;
      },
    });
  }

  /** TLS puts another socket in the place of the first; the last one is kept, for its count. */
  #holdSocket(): void {
    const socket = this.#client.__tests.getSocket();
    if (socket === undefined || socket === this.#socket) return;
    this.#socket = socket;
    // The connector takes its listeners off a socket that it gives up.
    socket.on('error', ignore);
  }

  #lose(error: unknown): void {
    if (this.#lostBecause !== undefined) return;
    const best = this.#farewell ?? withoutStatement(error);
    this.#lostBecause = { error: best };
    this.#socket?.destroy();
    this.#rejectPending(best);
    if (this.#isConnected && !this.#isClosing) this.#onLost(best);
  }

  #rejectPending(error: unknown): void {
    const waiting = [...this.#pending];
    this.#pending.clear();
    for (const waiter of waiting) waiter.fail(error);
  }
}

function ignore(): void {
  // Heard through the connector's own events.
}
