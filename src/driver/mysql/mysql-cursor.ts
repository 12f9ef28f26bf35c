/**
 * The rows of a statement page by page: the server sends all of them, and the socket is left unread between two pages, so that
 * it stops sending. Opened by mysql-connection.ts.
 *
 * A MySQL session can do nothing else meanwhile, inside a transaction or not: it stays busy until the last row, an error, or
 * `close`.
 * Invariants: memory holds one page and what the socket had brought with it; ended early, the rows on their way are dropped, and
 * more than a few of a statement that only reads are stopped at the server.
 */
import type { Deferred } from '../../kernel/deferred.js';
import { createDeferred } from '../../kernel/deferred.js';
import type { CursorPage, DriverCursor, DriverQuery, Field } from '../query.js';
import { changedBy, commandOf } from '../mysql-server/mysql-commands.js';
import { isKillable } from '../mysql-server/mysql-killable.js';
import type { MysqlRowReader } from '../mysql-server/mysql-rows.js';
import type { MysqlTypeConfig } from '../mysql-server/mysql-types.js';
import type { Mysql2Command, Mysql2Field, Mysql2Header } from './mysql-module.js';
import type { Protocol, ReaderMemory } from './mysql-readers.js';
import { isHeader } from './mysql-result.js';
import type { MysqlWire, Running, Watch } from './mysql-wire.js';

/** The session that a cursor reads from. */
export interface CursorPort {
  readonly wire: Pick<MysqlWire, 'client' | 'take' | 'untilReady' | 'dropRows' | 'bringsOutParameters'>;
  readonly types: MysqlTypeConfig;
  open(cursor: Running, watch: Watch): void;
  /** It has ended, with an error or without. */
  settle(failure?: { readonly error: unknown }): void;
  kill(): Promise<void>;
  /** Takes a KILL that came too late for its statement. */
  absorb(): Promise<void>;
}

/** Rows that are dropped before the server is told to stop: a KILL costs a round trip, and as many rows cost no more. */
const DROPPED_ROWS = 1_000;

const NO_ROWS: CursorPage = { rows: [], isDone: true, rowsAffected: 0 };

export class MysqlCursor implements DriverCursor, Running {
  readonly closesSlowly = true;
  readonly #port: CursorPort;
  readonly #text: string;
  readonly #isArray: boolean;
  #state: 'new' | 'open' | 'ended' = 'new';
  #reader: MysqlRowReader | undefined;
  /** Of several result sets only the first is read. */
  #sets = 0;
  #rows: unknown[] = [];
  #maxRows = 0;
  #waiter: Deferred<CursorPage> | undefined;
  /** Rows that have come so far, and what the server has counted. */
  #read = 0;
  #counted: number | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Ended early: whatever still comes is dropped. */
  #isDropping = false;
  #dropped = 0;
  #killing: Promise<void> | undefined;
  readonly #over = createDeferred<undefined>();

  constructor(port: CursorPort, { text, rowMode }: DriverQuery) {
    this.#port = port;
    this.#text = text;
    this.#isArray = rowMode === 'array';
  }

  get fields(): readonly Field[] {
    return this.#reader?.fields ?? [];
  }

  read(maxRows: number): Promise<CursorPage> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (this.#state === 'ended') return Promise.resolve(NO_ROWS);
    const waiter = (this.#waiter = createDeferred<CursorPage>());
    this.#maxRows = maxRows;
    this.#rows = [];
    if (this.#state === 'open') this.#port.wire.client.resume();
    else {
      this.#state = 'open';
      this.#port.open(this, (command, protocol, readers) => this.#watch(command, protocol, readers));
    }
    return waiter.promise;
  }

  async close(): Promise<void> {
    const isOpen = this.#state === 'open';
    if (!isOpen) this.#state = 'ended';
    else {
      this.#isDropping = true;
      // Whoever waits for rows does not know how long; between two pages the rest may be short.
      if (this.#waiter !== undefined) this.#kill();
      this.#port.wire.client.resume();
      await this.#over.promise;
    }
    if (this.#killing !== undefined) {
      await this.#killing;
      this.#killing = undefined;
      await this.#port.absorb();
    }
    if (isOpen) await this.#port.wire.untilReady();
  }

  fail(error: unknown): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    // What was stopped on purpose has not failed; or it had before, by a value that cannot be read.
    if (!this.#isDropping) this.#failure = { error };
    this.#port.settle({ error });
    this.#over.resolve(undefined);
    this.#waiter?.reject(this.#failure === undefined ? error : this.#failure.error);
    this.#waiter = undefined;
  }

  #watch(command: Mysql2Command, protocol: Protocol, readers: ReaderMemory): void {
    command
      .on('fields', (fields) => this.#beginSet(fields, protocol, readers))
      .on('result', (rowOrHeader) => {
        if (isHeader(rowOrHeader)) this.#endSet(rowOrHeader);
        else if (this.#port.wire.bringsOutParameters) this.#dropOutParameters();
        else if (this.#sets === 1) this.#addRow(rowOrHeader);
      })
      .on('error', (error) => this.fail(error))
      .on('end', () => this.#end());
  }

  #beginSet(fields: readonly Mysql2Field[] | undefined, protocol: Protocol, readers: ReaderMemory): void {
    if (fields === undefined) return;
    this.#sets += 1;
    const reader = readers.readerOf(fields, protocol, this.#port.types);
    this.#reader ??= reader;
  }

  /** They are no rows of the statement. */
  #dropOutParameters(): void {
    if (this.#sets === 1) this.#reader = undefined;
  }

  #endSet(header: Mysql2Header): void {
    this.#port.wire.take(header);
    this.#counted = Number(header.affectedRows);
  }

  #addRow(raw: unknown[]): void {
    this.#read += 1;
    if (this.#isDropping) {
      // Only now: what came before the first row may have been what says how to read them.
      if (this.#dropped === 0) this.#port.wire.dropRows(() => this.#drop());
      return this.#drop();
    }
    const reader = this.#reader;
    if (reader === undefined) return;
    try {
      this.#rows.push(this.#isArray ? reader.toArray(raw) : reader.toObject(raw));
    } catch (error) {
      // Nobody can go on after a value that cannot be read.
      this.#isDropping = true;
      this.#failure = { error };
      return;
    }
    if (this.#rows.length < this.#maxRows) return;
    this.#port.wire.client.pause();
    this.#answer(false);
  }

  #drop(): void {
    this.#dropped += 1;
    if (this.#dropped === DROPPED_ROWS) this.#kill();
  }

  #kill(): void {
    if (this.#killing !== undefined || !isKillable(this.#text)) return;
    // A server that cannot be told goes on to the last row, and these are dropped.
    this.#killing = this.#port.kill().catch(() => undefined);
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#port.settle();
    this.#over.resolve(undefined);
    if (this.#failure !== undefined) this.#waiter?.reject(this.#failure.error);
    else this.#answer(true);
    this.#waiter = undefined;
  }

  #answer(isDone: boolean): void {
    const rows = this.#rows;
    this.#rows = [];
    const rowsAffected = isDone ? (this.#counted ?? changedBy(commandOf(this.#text), this.#read)) : 0;
    this.#waiter?.resolve({ rows, isDone, rowsAffected });
    this.#waiter = undefined;
  }
}
