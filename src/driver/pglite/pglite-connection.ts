/**
 * The one session of an embedded PGlite database. The database belongs to the driver and outlives this session: the
 * pool may retire a connection, and the data in memory must not go with it.
 *
 * PGlite runs PostgreSQL inside this process and blocks it while a statement runs, so a statement cannot be stopped
 * (`capabilities.canCancel` is false) and its timeout is noticed only when it has ended.
 */
import type { DriverConnection, SessionState } from '../driver.js';
import type { DriverQuery, DriverResult } from '../query.js';
import type { PgliteInstance, PgliteQueryOptions } from './pglite-module.js';
import { encodeValue, hexText, typeName } from '../postgres/postgres-types.js';

export class PgliteConnection implements DriverConnection {
  readonly sessionId = 'embedded';
  readonly #database: PgliteInstance;
  readonly #options: Omit<PgliteQueryOptions, 'rowMode'>;
  readonly #onEnd: () => void;
  #running: Promise<unknown> | undefined;
  #hasFailedInTransaction = false;
  #isClosed = false;
  /** Stands in for a socket's counter: it moves when a statement is handed to the database. */
  #handedOver = 0;

  constructor(database: PgliteInstance, options: Omit<PgliteQueryOptions, 'rowMode'>, onEnd: () => void) {
    this.#database = database;
    this.#options = options;
    this.#onEnd = onEnd;
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
    const values = query.values.map((value) => {
      const encoded = encodeValue(value);
      return Buffer.isBuffer(encoded) ? hexText(encoded) : encoded;
    });
    this.#handedOver += 1;
    const running = this.#database.query(query.text, values, { ...this.#options, rowMode: query.rowMode });
    this.#running = running;
    try {
      const result = await running;
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
    }
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
  }

  async close(): Promise<void> {
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
    this.#onEnd();
  }
}
