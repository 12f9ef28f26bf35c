/**
 * Several statements of the room's own in one text and one round trip, by the simple protocol: their rows are of no
 * interest. Never for texts of users: this protocol takes no values, and more than one statement.
 */
import type { PgSubmittable, PgWire } from './postgres-module.js';
import type { StatementSession } from './postgres-statement.js';

export class PostgresScript implements PgSubmittable {
  readonly #text: string;
  readonly #session: Pick<StatementSession, 'explain'>;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    text: string,
    session: Pick<StatementSession, 'explain'>,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    this.#text = text;
    this.#session = session;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(wire: PgWire): undefined {
    wire.query(this.#text);
  }

  handleReadyForQuery(): void {
    this.#resolve();
  }

  handleError(error: unknown): void {
    this.#reject(this.#session.explain(error));
  }

  handleCopyInResponse(wire: PgWire): void {
    wire.sendCopyFail('no data');
  }

  handleRowDescription = ignore;
  handleDataRow = ignore;
  handleCommandComplete = ignore;
  handleEmptyQuery = ignore;
  handlePortalSuspended = ignore;
  handleCopyData = ignore;
}

function ignore(): void {
  // Nobody reads the rows.
}
