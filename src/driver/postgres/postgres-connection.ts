/**
 * One session with a PostgreSQL server over `pg.Client` (never `pg.Pool`). Made by postgres-driver.ts, lent by the pool.
 *
 * Invariant: `state` follows the server's ReadyForQuery messages, not the settlement of promises: after an error `pg`
 * answers the caller *before* the server is ready again, and a connection lent in that moment answers the next caller
 * with the leftovers of the last.
 * Refuses to know: deadlines, retries, who is asking.
 */
import type { ConnectRequest, DriverConnection, SessionState } from '../driver.js';
import type { DriverQuery, DriverResult } from '../query.js';
import type { PgClient, PgModule, PgResult, PgWire } from './postgres-module.js';
import { encodeValue, typeName } from './postgres-types.js';

/** The verbs whose row count says how many rows changed; `SELECT 5` counts rows read. */
const CHANGING_COMMANDS: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COPY']);

const UTC_NAMES: ReadonlySet<string> = new Set(['UTC', 'Etc/UTC', 'Etc/UCT', 'UCT', 'Zulu', 'GMT', 'Etc/GMT']);

const STATES: Readonly<Record<string, SessionState>> = { I: 'idle', T: 'in-transaction', E: 'failed-transaction' };

interface ReadyWaiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class PostgresConnection implements DriverConnection {
  readonly #pg: PgModule;
  readonly #client: PgClient;
  readonly #ssl: unknown;
  readonly #onLost: (error: unknown) => void;
  /** What the server last said; meaningless while `#isBusy`. */
  #status: SessionState = 'idle';
  #isBusy = false;
  #isClosing = false;
  /** Set once, by the first sign that the connection is gone. */
  #lostBecause: { readonly error: unknown } | undefined;
  /** A crash of another backend is told as a *warning* before the socket closes (PostgreSQL manual, code 57P02). */
  #crashNotice: unknown;
  /** What makes a fresh session one of ours; run again after `discard all` has undone it. */
  #setup: readonly string[] = [];
  readonly #readyWaiters: ReadyWaiter[] = [];
  readonly #cancelWires = new Set<PgWire>();

  /**
   * Connects, or rejects with `pg`'s own error; an aborted `signal` frees the socket at once.
   * `keepsTimeZone`: the user chose the session's time zone; otherwise it is UTC, so that `now()::timestamp` and every
   * other conversion at the server agrees with reading timestamps as UTC here.
   */
  static async open(
    pg: PgModule,
    client: PgClient,
    config: { readonly ssl: unknown; readonly keepsTimeZone: boolean },
    request: ConnectRequest,
  ): Promise<PostgresConnection> {
    const connection = new PostgresConnection(pg, client, config.ssl, request.onLost);
    const reported = new Map<string, string>();
    client.connection.on('parameterStatus', (message) => reported.set(message.parameterName, message.parameterValue));
    const giveUp = () => connection.destroy();
    request.signal.addEventListener('abort', giveUp, { once: true });
    try {
      // Aborted while the client library was being loaded: the listener above would never hear of it.
      if (request.signal.aborted) throw new Error('Connection terminated: nobody waits for it any more');
      await client.connect();
      connection.#isConnected = true;
      connection.#setup = setupFor(reported, config.keepsTimeZone);
      await connection.#runSetup();
      if (request.signal.aborted) throw new Error('Connection terminated: nobody waits for it any more');
      return connection;
    } catch (error) {
      connection.#isConnected = false;
      connection.destroy();
      throw error;
    } finally {
      request.signal.removeEventListener('abort', giveUp);
    }
  }

  /** Until connected, failures are the rejection of `open`, not a loss. */
  #isConnected = false;

  private constructor(pg: PgModule, client: PgClient, ssl: unknown, onLost: (error: unknown) => void) {
    this.#pg = pg;
    this.#client = client;
    this.#ssl = ssl;
    this.#onLost = onLost;
    client.on('error', (error) => this.#lose(error));
    client.on('end', () => this.#lose(new Error('Connection terminated unexpectedly')));
    client.on('notice', (notice) => {
      if (notice.code === '57P02') this.#crashNotice = notice;
    });
    client.connection.on('readyForQuery', (message) => this.#becomeReady(message.status));
  }

  get state(): SessionState {
    if (this.#lostBecause !== undefined || this.#isClosing) return 'closed';
    return this.#isBusy ? 'busy' : this.#status;
  }

  get sessionId(): string {
    return String(this.#client.processID ?? '');
  }

  get bytesWritten(): number {
    return this.#client.connection.stream.bytesWritten;
  }

  execute(query: DriverQuery): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      const values = query.values.map(encodeValue);
      const config = { text: query.text, values, queryMode: 'extended' as const };
      this.#isBusy = true;
      this.#client.query(query.rowMode === 'array' ? { ...config, rowMode: 'array' } : config, (error, result) => {
        if (error === null || error === undefined) resolve(toDriverResult(result));
        else reject(this.#lostBecause === undefined ? error : this.#bestLossError(error));
      });
    });
  }

  untilReady(): Promise<void> {
    if (this.#lostBecause !== undefined) return Promise.reject(this.#lostBecause.error);
    if (!this.#isBusy) return Promise.resolve();
    return new Promise((resolve, reject) => this.#readyWaiters.push({ resolve, reject }));
  }

  /**
   * A CancelRequest on a socket of its own (PostgreSQL manual, 54.2.8). The server signals the backend before it closes
   * that socket, so "closed" means that the cancel has been delivered and cannot hit a later statement.
   */
  cancel(): Promise<void> {
    const { processID, secretKey } = this.#client;
    return new Promise((resolve, reject) => {
      const wire = new this.#pg.Connection({ ssl: this.#ssl });
      this.#cancelWires.add(wire);
      const send = () => wire.cancel(processID ?? 0, secretKey);
      wire.on('error', (error) => {
        wire.stream.destroy();
        reject(error);
      });
      wire.on('end', () => {
        this.#cancelWires.delete(wire);
        resolve();
      });
      wire.on('connect', () => (this.#ssl === undefined || this.#ssl === false ? send() : wire.requestSsl()));
      wire.on('sslconnect', send);
      const { host, port } = this.#client;
      if (host.startsWith('/')) wire.connect(`${host}/.s.PGSQL.${port}`);
      else wire.connect(port, host);
    });
  }

  async ping(query = ''): Promise<void> {
    await this.execute({ text: query, values: [], rowMode: 'array' });
  }

  async reset(): Promise<void> {
    await this.execute({ text: 'discard all', values: [], rowMode: 'array' });
    await this.#runSetup();
  }

  close(): Promise<void> {
    this.#isClosing = true;
    return this.#client.end();
  }

  destroy(): void {
    this.#isClosing = true;
    this.#client.connection.stream.destroy();
    for (const wire of this.#cancelWires) wire.stream.destroy();
  }

  async #runSetup(): Promise<void> {
    for (const text of this.#setup) await this.execute({ text, values: [], rowMode: 'array' });
  }

  #becomeReady(status: string): void {
    this.#isBusy = false;
    this.#status = STATES[status] ?? 'idle';
    for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve();
  }

  #lose(error: unknown): void {
    if (this.#lostBecause !== undefined) return;
    const best = this.#bestLossError(error);
    this.#lostBecause = { error: best };
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(best);
    if (this.#isConnected && !this.#isClosing) this.#onLost(best);
  }

  /** The server's own word on why it hung up, where it gave one, tells more than "terminated unexpectedly". */
  #bestLossError(error: unknown): unknown {
    return typeof (error as { code?: unknown }).code === 'string' ? error : (this.#crashNotice ?? error);
  }
}

/** A server that is in the right style and zone already, as most are, costs no round trip. */
function setupFor(reported: ReadonlyMap<string, string>, keepsTimeZone: boolean): string[] {
  const setup: string[] = [];
  // Timestamps are read in ISO form; another style would be read wrongly.
  if (reported.get('DateStyle')?.startsWith('ISO') === false) setup.push('set datestyle to iso');
  const zone = reported.get('TimeZone');
  if (!keepsTimeZone && zone !== undefined && !UTC_NAMES.has(zone)) setup.push("set timezone to 'UTC'");
  return setup;
}

function toDriverResult(result: PgResult): DriverResult {
  const command = result.command ?? '';
  return {
    rows: result.rows,
    fields: result.fields.map((field) => ({
      name: field.name,
      type: typeName(field.dataTypeID),
      typeId: field.dataTypeID,
    })),
    rowsAffected: CHANGING_COMMANDS.has(command) ? (result.rowCount ?? 0) : 0,
    command,
  };
}
