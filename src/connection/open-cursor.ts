/**
 * The cursor that was read last on one connection. Outside a transaction its session is busy until its end, and what is sent
 * behind it would wait for that. Used by connection.ts, one for each connection.
 */
import type { DriverConnection } from '../driver/driver.js';
import type { CursorPage } from '../driver/query.js';
import type { Dialect } from '../sql/dialect.js';
import type { StatementCall } from './statement-call.js';
import type { StatementCursor } from './statement-cursor.js';
import { streamOpenError } from './statement-cursor.js';
import type { Begin, Work } from './work.js';

export class OpenCursor {
  readonly #native: DriverConnection;
  readonly #dialect: Dialect;
  #cursor: StatementCursor | undefined;

  constructor(native: DriverConnection, dialect: Dialect) {
    this.#native = native;
    this.#dialect = dialect;
  }

  /** Its next page; it is opened by the first one. */
  readonly read: Begin<StatementCursor, CursorPage> = (native, cursor) => {
    this.#cursor = cursor;
    return cursor.read(native);
  };

  /** Ends one early. */
  readonly close: Begin<StatementCursor, void> = (_native, cursor) => cursor.close();

  /** The one that `work` would wait for. Inside a transaction the session is ready between its pages. */
  before(work: Work): StatementCursor | undefined {
    if (this.#cursor === undefined || this.#cursor === work) return undefined;
    if (this.#native.state !== 'busy') this.#cursor = undefined;
    return this.#cursor;
  }

  /** Whoever waited for it may be the one who reads it. */
  assertNone(work: Work, call: StatementCall): void {
    const open = this.before(work);
    if (open !== undefined) throw streamOpenError(this.#dialect, open.text, call);
  }

  /** Its session is known to be free of it. */
  forget(): void {
    this.#cursor = undefined;
  }

  /** Ends it, if it keeps the session. */
  async end(): Promise<void> {
    if (this.#cursor !== undefined && this.#native.state === 'busy') await this.#cursor.close();
    this.#cursor = undefined;
  }
}
