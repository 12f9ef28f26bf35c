/**
 * Notifications of an embedded database. It has one session, which the pool lends; that session listens, and this is what
 * the rooms above take for the session that listens.
 * Invariants: LISTEN and UNLISTEN run between the borrowers' transactions, never inside one, whose rollback would undo them;
 * a reset of the session, which forgets all channels, is followed by listening again. Nothing is missed by that: whatever is
 * sent comes from this session itself.
 */
import type { DriverListener, DriverNotification } from '../driver.js';
import { DIALECTS, quoteIdentifier } from '../../sql/dialect.js';
import type { PgliteInstance } from './pglite-module.js';

/** The embedded database has no number for its one session. */
const NO_PROCESS = 0;

export class PgliteListener implements DriverListener {
  readonly sessionId = 'embedded';
  readonly isEmbedded = true;
  readonly #database: PgliteInstance;
  readonly #isBusy: () => boolean;
  readonly #stopHearing: () => void;
  readonly #channels = new Set<string>();
  #waiting: (() => void)[] = [];
  #isClosed = false;

  /** `isBusy`: a statement runs, or a transaction is open. */
  constructor(
    database: PgliteInstance,
    isBusy: () => boolean,
    onNotification: ((notification: DriverNotification) => void) | undefined,
  ) {
    this.#database = database;
    this.#isBusy = isBusy;
    this.#stopHearing = database.onNotification((channel, payload) =>
      onNotification?.({ channel, payload, processId: NO_PROCESS }),
    );
  }

  async listen(channel: string): Promise<void> {
    this.#channels.add(channel);
    await this.#runOutside(listenText(channel));
  }

  /** Is done when the session is free; nobody needs to wait for that. */
  async unlisten(channel: string): Promise<void> {
    this.#channels.delete(channel);
    this.#unlistenOutside(channel).catch(() => {
      // The database is closed, and what it listened to with it.
    });
  }

  /** The session was reset. */
  async restore(): Promise<void> {
    if (this.#isClosed) return;
    for (const channel of this.#channels) await this.#run(listenText(channel));
  }

  /** Whoever waits may find the session free now. */
  statementEnded(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async ping(): Promise<void> {
    // There is no network that could have gone silent.
  }

  async close(): Promise<void> {
    for (const channel of this.#channels) {
      this.#channels.delete(channel);
      await this.#unlistenOutside(channel);
    }
    this.destroy();
  }

  destroy(): void {
    this.#isClosed = true;
    this.#stopHearing();
    this.statementEnded();
  }

  async #runOutside(text: string): Promise<void> {
    await this.#untilFree();
    if (!this.#isClosed) await this.#run(text);
  }

  async #unlistenOutside(channel: string): Promise<void> {
    await this.#untilFree();
    // Somebody may listen to it anew meanwhile.
    if (!this.#isClosed && !this.#channels.has(channel)) await this.#run(`un${listenText(channel)}`);
  }

  /** PGlite takes statements in their order: what is handed over while the session is free runs before a later BEGIN. */
  async #untilFree(): Promise<void> {
    while (this.#isBusy() && !this.#isClosed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async #run(text: string): Promise<void> {
    await this.#database.query(text, [], { rowMode: 'array', parsers: {}, serializers: {} });
  }
}

function listenText(channel: string): string {
  return `listen ${quoteIdentifier(DIALECTS.postgres, channel)}`;
}
