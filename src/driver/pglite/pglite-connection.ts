/**
 * The one session of an embedded PGlite database. The database belongs to the driver and outlives this session: the
 * pool may retire a connection, and the data in memory must not go with it.
 *
 * PGlite runs PostgreSQL inside this process and blocks it while a statement runs, so a statement cannot be stopped
 * (`capabilities.canCancel` is false) and its timeout is noticed only when it has ended.
 */
import type { DriverConnection, SessionState } from '../driver.js';
import type { DriverCursor, DriverQuery, DriverResult } from '../query.js';
import { PgliteCursor } from './pglite-cursor.js';
import type { PgliteInstance, PgliteQueryOptions } from './pglite-module.js';
import { encodeValue, hexText, typeName } from '../postgres/postgres-types.js';

/** What the driver hears of its session. */
export interface PgliteSessionHooks {
  readonly onEnd: () => void;
  /** No statement runs any more. */
  readonly onStatementEnd: () => void;
  /** Everything that the session was told has been undone. */
  readonly onReset: () => Promise<void>;
}

export class PgliteConnection implements DriverConnection {
  readonly sessionId = 'embedded';
  readonly #database: PgliteInstance;
  readonly #options: Omit<PgliteQueryOptions, 'rowMode'>;
  readonly #hooks: PgliteSessionHooks;
  #running: Promise<unknown> | undefined;
  #hasFailedInTransaction = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  /** Stands in for a socket's counter: it moves when a statement is handed to the database. */
  #handedOver = 0;

  constructor(database: PgliteInstance, options: Omit<PgliteQueryOptions, 'rowMode'>, hooks: PgliteSessionHooks) {
    this.#database = database;
    this.#options = options;
    this.#hooks = hooks;
  }

  get state(): SessionState {
    if (this.#isClosed || this.#database.closed) return 'closed';
    if (this.#running !== undefined) return 'busy';
    if (this.#database.isInTransaction?.() !== true) return 'idle';
    return this.#hasFailedInTransaction ? 'failed-transaction' : 'in-transaction';
  }

  get bytesWritten(): number {
    return this.#handedOver;
  }

  async execute(query: DriverQuery): Promise<DriverResult> {
    // The database lives on, and is another session's by now: its transaction must not get our statements, or our ROLLBACK.
    if (this.#isClosed) throw new Error('Connection terminated');
    const values = query.values.map((value) => {
      const encoded = encodeValue(value);
      return Buffer.isBuffer(encoded) ? hexText(encoded) : encoded;
    });
    this.#handedOver += 1;
    const running = this.#database.query(query.text, values, { ...this.#options, rowMode: query.rowMode });
    this.#running = running;
    try {
      const result = await running;
      // Nothing but going back to a savepoint succeeds in a failed transaction.
      this.#hasFailedInTransaction = false;
      return {
        rows: result.rows,
        fields: result.fields.map(({ name, dataTypeID }) => ({ name, type: typeName(dataTypeID), typeId: dataTypeID })),
        rowsAffected: result.affectedRows ?? 0,
        command: result.command ?? '',
      };
    } catch (error) {
      this.#hasFailedInTransaction = this.#database.isInTransaction?.() === true;
      throw error;
    } finally {
      this.#running = undefined;
      if (this.#database.isInTransaction?.() !== true) this.#hasFailedInTransaction = false;
      this.#hooks.onStatementEnd();
    }
  }

  openCursor(query: DriverQuery): DriverCursor {
    return new PgliteCursor(() => this.execute(query));
  }

  async untilReady(): Promise<void> {
    await this.#running?.catch(() => {
      // The statement's own caller hears of it; here only the end matters.
    });
  }

  cancel(): Promise<void> {
    return Promise.reject(new Error('PGlite cannot stop a running statement'));
  }

  async ping(query = 'select 1'): Promise<void> {
    await this.execute({ text: query, values: [], rowMode: 'array' });
  }

  async reset(): Promise<void> {
    await this.execute({ text: 'discard all', values: [], rowMode: 'array' });
    await this.execute({ text: "set timezone to 'UTC'", values: [], rowMode: 'array' });
    await this.#hooks.onReset();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** Pending while it closes; whoever wants the database next waits for it. */
  get closing(): Promise<void> | undefined {
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    await this.untilReady();
    if (this.state !== 'closed' && this.state !== 'idle') {
      await this.execute({ text: 'rollback', values: [], rowMode: 'array' });
    }
    this.destroy();
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#hooks.onEnd();
  }
}
