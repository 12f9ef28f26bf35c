/**
 * A statement whose rows are read page by page, on its way through connection.ts: every page is one run of its own, with its
 * own deadline. Made by the runtime for one stream on one connection.
 *
 * Outside a transaction it keeps the session to itself from its first page to its end; connection.ts refuses whatever else
 * is sent meanwhile, and ends the cursor before the session goes to somebody else.
 */
import type { DriverConnection } from '../driver/driver.js';
import type { CursorPage, DriverCursor, DriverQuery, Field } from '../driver/query.js';
import { ConfigError } from '../errors/config-error.js';
import { UsageError } from '../errors/usage-error.js';
import type { Dialect } from '../sql/dialect.js';
import { fingerprint } from '../sql/fingerprint.js';
import { ANSWER_GRACE_MS, CANCEL_GRACE_MS } from './connection-options.js';
import type { StatementCall } from './statement-call.js';

const NO_FIELDS: readonly Field[] = [];

export class StatementCursor {
  readonly text: string;
  readonly #query: DriverQuery;
  readonly #maxRows: number;
  #native: DriverCursor | undefined;

  /** `maxRows` at most come with each page. */
  constructor(query: DriverQuery, maxRows: number) {
    this.text = query.text;
    this.#query = query;
    this.#maxRows = maxRows;
  }

  /** A page of it has been asked for. */
  get isOpen(): boolean {
    return this.#native !== undefined;
  }

  /** Empty until the first page has come. */
  get fields(): readonly Field[] {
    return this.#native?.fields ?? NO_FIELDS;
  }

  /** How long its early end may take before its caller is told that it is not known how it ended. */
  get closeGraceMs(): number {
    return this.#native?.closesSlowly === true ? CANCEL_GRACE_MS : ANSWER_GRACE_MS;
  }

  /** @throws ConfigError where the driver has no cursors; whatever the driver says of a value that cannot be sent. */
  read(native: DriverConnection): Promise<CursorPage> {
    if (native.openCursor === undefined) throw noCursorsError();
    this.#native ??= native.openCursor(this.#query);
    return this.#native.read(this.#maxRows);
  }

  /** Resolves when the server is ready; does nothing when it has ended, or never begun. */
  async close(): Promise<void> {
    await this.#native?.close();
  }
}

/** `cursorText` may hold values: its fingerprint is shown. */
export function streamOpenError(dialect: Dialect, cursorText: string, call: StatementCall): UsageError {
  const { inTransaction, context } = call;
  // Where it is in one already, the database can do nothing else meanwhile.
  const [where, other] = inTransaction ? ['', ''] : [' outside a transaction', ' read it in a transaction,'];
  const text =
    `A stream of this session is open, and${where} nothing else can run until it ends: ${fingerprint(dialect, cursorText)}; ` +
    `finish it or leave its loop,${other} or use another connection`;
  return new UsageError('STREAM_OPEN', text, { context });
}

function noCursorsError(): ConfigError {
  const expected = 'a driver that can read rows as they are asked for; use query() with this one';
  return ConfigError.fromIssues([{ path: 'stream', got: 'a driver without openCursor()', expected }]);
}
