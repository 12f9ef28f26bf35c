/**
 * The rows of a statement page by page. Opened by mariadb-connection.ts.
 *
 * The protocol has no pages: the server sends all it has, and the socket is paused while enough rows wait here; so the session is
 * busy until the last row has come, inside a transaction too, and nothing else can run on it.
 * Invariants: at most one page and one piece off the socket (64 KiB) wait in memory; an early end lets the server stop (KILL
 * QUERY) where the statement only reads, and drops what is still on its way.
 */
import { nextTurn } from '../../kernel/next-turn.js';
import { firstWord } from '../../sql/first-words.js';
import type { CursorPage, DriverCursor, Field } from '../query.js';
import { changedBy } from '../mysql-server/mysql-commands.js';
import { isKillable } from '../mysql-server/mysql-killable.js';
import type { ClientColumn, ClientOk, ClientStream } from './mariadb-module.js';
import type { ReaderSource, ResultReader } from './mariadb-results.js';
import type { KeptStatement } from './mariadb-statements.js';
import type { ClientValue } from './mariadb-values.js';
import type { MariadbWire } from './mariadb-wire.js';

/** The session that a cursor reads from. */
export interface CursorSession extends ReaderSource {
  readonly wire: MariadbWire;
  readonly mode: 'object' | 'array';
  /** `undefined` for a statement without values. */
  prepare(): Promise<KeptStatement> | undefined;
  release(statement: KeptStatement): void;
  /** @throws an Error where others are in flight. */
  occupy(): void;
  /** Resolves when the session is ready. */
  settle(error?: unknown): Promise<void>;
  kill(): Promise<void>;
  /** Takes a KILL that came too late for its statement. */
  absorb(): Promise<void>;
}

export class MariadbCursor implements DriverCursor {
  readonly #session: CursorSession;
  readonly #text: string;
  readonly #values: readonly ClientValue[];
  /** In upper case. */
  readonly #command: string;
  #state: 'new' | 'open' | 'ended' = 'new';
  #reader: ResultReader | undefined;
  #rows: unknown[][] = [];
  /** Result sets that have begun; of a CALL only the first one is read. */
  #sets = 0;
  #wanted = 0;
  #read = 0;
  #rowsAffected = 0;
  #isDropping = false;
  /** Why the statement failed; `undefined` as well when it has not. */
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  /** Resolves when the statement has left the wire. */
  #onWire: Promise<void> | undefined;
  #isHeld = false;

  constructor(session: CursorSession, text: string, values: readonly ClientValue[]) {
    this.#session = session;
    this.#text = text;
    this.#values = values;
    this.#command = firstWord('mysql', text).toUpperCase();
  }

  get fields(): readonly Field[] {
    return this.#reader?.fields ?? [];
  }

  async read(maxRows: number): Promise<CursorPage> {
    this.#wanted = maxRows;
    if (this.#state === 'new') await this.#open();
    else if (this.#rows.length < this.#enough) this.#session.wire.resume();
    await this.#untilEnough();
    this.#dropOutParameters();
    // Of a page that is not whole nothing comes: it failed.
    if (this.#failure !== undefined && this.#rows.length < maxRows) {
      this.#rows = [];
      await this.#letGo();
      throw this.#failure.error;
    }
    const raw = this.#rows.splice(0, maxRows);
    const isDone = this.#isOver && this.#rows.length === 0 && this.#failure === undefined;
    if (isDone) await this.#letGo();
    return { rows: await this.#readRows(raw), isDone, rowsAffected: isDone ? this.#rowsAffected : 0 };
  }

  async close(): Promise<void> {
    const isOpen = this.#state === 'open';
    if (this.#state === 'new') this.#state = 'ended';
    this.#rows = [];
    if (!isOpen) return this.#letGo();
    this.#isDropping = true;
    this.#session.wire.resume();
    // What little was left may have been here already.
    await nextTurn();
    const isKilled = !this.#isOver && isKillable(this.#text);
    // A server that cannot be told goes on to the last row.
    if (isKilled) await this.#session.kill().catch(() => undefined);
    await this.#onWire;
    if (isKilled) await this.#session.absorb();
    await this.#letGo();
  }

  /** The session is ready, now that nobody waits for these rows any more. */
  async #letGo(): Promise<void> {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    await this.#session.settle(this.#failure?.error);
  }

  get #isOver(): boolean {
    return this.#state === 'ended';
  }

  async #open(): Promise<void> {
    const { wire } = this.#session;
    this.#session.occupy();
    this.#isHeld = true;
    this.#state = 'open';
    let statement: KeptStatement | undefined;
    try {
      statement = await this.#session.prepare();
      this.#onWire = this.#follow(wire.stream(this.#text, statement, this.#values), statement);
    } catch (error) {
      this.#state = 'ended';
      this.#failure = { error };
      await this.#letGo();
      throw error;
    }
  }

  /** The connector's Readable is told nothing: its `push` is the place where rows come by in the order of the wire. */
  #follow(stream: ClientStream, statement: KeptStatement | undefined): Promise<void> {
    return new Promise((resolve) => {
      let isEnded = false;
      const end = (failure: { readonly error: unknown } | undefined): void => {
        if (isEnded) return;
        isEnded = true;
        unwatch();
        this.#failure = failure;
        this.#state = 'ended';
        // What is sent from inside the connector's own event would be taken off its queue in the place of this command.
        queueMicrotask(() => {
          if (statement !== undefined) this.#session.release(statement);
          this.#wakeReader();
          resolve();
        });
      };
      const unwatch = this.#session.wire.watch((error) => end({ error }));
      stream.on('fields', (columns) => this.#beginSet(columns));
      stream.on('error', (error) => end({ error: this.#session.wire.explain(error) }));
      stream.push = (row) => {
        if (row === null) end(undefined);
        else if (Array.isArray(row)) this.#addRow(row);
        else this.#addOk(row as ClientOk);
        return this.#isDropping || this.#rows.length < this.#enough;
      };
    });
  }

  #beginSet(columns: readonly ClientColumn[]): void {
    this.#sets += 1;
    if (this.#sets === 1) this.#reader = this.#session.readerFor(columns);
  }

  #addRow(row: unknown[]): void {
    if (this.#isDropping || this.#sets > 1) return;
    this.#rows.push(row);
    this.#read += 1;
    this.#rowsAffected = changedBy(this.#command, this.#read);
    if (this.#rows.length >= this.#enough) this.#wakeReader();
  }

  #addOk({ affectedRows }: ClientOk): void {
    this.#rowsAffected = affectedRows;
  }

  /** What comes first of a CALL may be its OUT parameters, which is known when their only row is over. */
  get #enough(): number {
    return this.#command === 'CALL' ? this.#wanted + 1 : this.#wanted;
  }

  /** They are no rows of the statement. */
  #dropOutParameters(): void {
    if (this.#command !== 'CALL' || !this.#isOver || this.#sets !== 1 || !this.#session.wire.hasOutParameters) return;
    this.#rows = [];
    this.#reader = undefined;
  }

  async #untilEnough(): Promise<void> {
    while (!this.#isOver && this.#rows.length < this.#enough)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Nobody can go on after a value that cannot be read. */
  async #readRows(raw: readonly unknown[][]): Promise<unknown[]> {
    const reader = this.#reader;
    if (reader === undefined) return [];
    try {
      return raw.map((row) => reader.read(row, this.#session.mode));
    } catch (error) {
      await this.close();
      // And not the KILL that has stopped the rest.
      this.#failure = { error };
      throw error;
    }
  }
}
