/**
 * Stops a running statement: `KILL QUERY n` on a control session of the driver, which is opened on the first cancel, or ahead of it,
 * and kept: a server with no place left for connections can still be told. Shared by the connections of one driver.
 *
 * Invariants: one KILL at a time, and `cancel` resolves when the server has answered it. A KILL that arrives after its
 * statement's end leaves a mark in the session, which the *next* statement may meet: whoever cancels sends a harmless one
 * before the session is used again (connection/stopper.ts pings, and drivers send `do 0` with it).
 * Refuses to know: client libraries.
 */

/** A session that is for control only. */
export interface ControlSession {
  /** Runs one statement without a result. */
  run(text: string): Promise<void>;
  /** Frees the socket at once. */
  destroy(): void;
}

export interface ControlPorts {
  /** Opens a control session, unless `signal` aborts it; `onGone` is told, once, that it is of no use any more. */
  open(onGone: () => void, signal: AbortSignal): Promise<ControlSession>;
  /** The number of "no such thread": the session has ended by itself. */
  isNoSuchThread(error: unknown): boolean;
}

export class MysqlControl {
  readonly #ports: ControlPorts;
  #session: Promise<ControlSession> | undefined;
  #turn: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(ports: ControlPorts) {
    this.#ports = ports;
  }

  /** Opens the control session if there is none, and says nothing of its failure: the first cancel will. */
  prepare(): void {
    if (!this.#closing.signal.aborted) this.#open().catch(() => undefined);
  }

  /** Stops what runs in the session with this number. @throws the client library's own error. */
  cancel(threadId: number): Promise<void> {
    const turn = this.#turn.then(() => this.#kill(threadId));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** The driver closes. */
  async close(): Promise<void> {
    // One that is not open yet may never be: a network that is gone says nothing.
    this.#closing.abort();
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    session?.destroy();
  }

  async #kill(threadId: number): Promise<void> {
    const hadOne = this.#session !== undefined;
    try {
      await this.#say(threadId);
    } catch (error) {
      if (this.#ports.isNoSuchThread(error)) return;
      this.#forget();
      // The one that was kept may have died of idleness; a fresh one says what is really wrong.
      if (!hadOne) throw error;
      await this.#say(threadId);
    }
  }

  async #say(threadId: number): Promise<void> {
    const session = await this.#open();
    await session.run(`kill query ${threadId}`);
  }

  #open(): Promise<ControlSession> {
    if (this.#session !== undefined) return this.#session;
    const opening: Promise<ControlSession> = this.#ports.open(() => {
      if (this.#session === opening) this.#session = undefined;
    }, this.#closing.signal);
    this.#session = opening;
    opening.catch(() => {
      if (this.#session === opening) this.#session = undefined;
    });
    return opening;
  }

  #forget(): void {
    const session = this.#session;
    this.#session = undefined;
    session?.then(
      (opened) => opened.destroy(),
      () => undefined,
    );
  }
}
