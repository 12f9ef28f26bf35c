/**
 * Who is on the wire of a session, and where the server has left the session when the last of them has ended. Used by
 * mariadb-connection.ts and mariadb-pipeline.ts.
 *
 * The server's status flags come with each answer, but the connector keeps the last ones only, and gives each answer to its
 * caller when others may have come behind it. So they are looked at when nothing is in flight any more. An error carries none,
 * the connector invents "in a transaction" for it, and some errors end the whole transaction (a deadlock, DDL that fails); so
 * after an error that could have, the server is asked by COM_PING, whose answer has the flags.
 * Invariants: whoever has the session alone joins nobody, and is joined by nobody; the session is ready when it is known where
 * it is, and not before.
 * Refuses to know: statements, and what they brought.
 */
import type { MariadbWire } from './mariadb-wire.js';

interface ReadyWaiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class MariadbSettlement {
  readonly #wire: MariadbWire;
  readonly #readyWaiters: ReadyWaiter[] = [];
  #inFlight = 0;
  #isAlone = false;
  #isInTransaction = false;
  /** What has ended since the last look may have left the session elsewhere. */
  #isUnsure = false;

  constructor(wire: MariadbWire) {
    this.#wire = wire;
  }

  get isBusy(): boolean {
    return this.#inFlight > 0;
  }

  get isInTransaction(): boolean {
    return this.#isInTransaction;
  }

  /** One more that may travel with others. @throws an Error where somebody has the session alone. */
  enter(): void {
    if (this.#isAlone) throw new Error('bug: a statement while somebody has the session alone');
    this.#inFlight += 1;
  }

  /** @throws an Error where others are in flight. */
  enterAlone(): void {
    this.assertNobody();
    this.#inFlight = 1;
    this.#isAlone = true;
  }

  assertNobody(): void {
    if (this.#inFlight > 0) throw new Error('bug: others are in flight, and this needs the session alone');
  }

  /** One has ended. `isPlain`: it cannot have begun a transaction. */
  succeed(isPlain: boolean): void {
    if (this.#inFlight > 1) {
      if (!isPlain) this.#isUnsure = true;
      this.#inFlight -= 1;
      return;
    }
    this.#isInTransaction = this.#wire.isInTransaction;
    this.#becomeReady();
  }

  /** One has failed. What it answers, if anything, resolves when it is known where that has left the session. */
  fail(isPlain: boolean): Promise<void> | undefined {
    if (this.#wire.isClosed) return undefined;
    const isAsItWas = isPlain && !this.#isInTransaction && this.#wire.isAutocommitting;
    if (!isAsItWas) this.#isUnsure = true;
    if (this.#inFlight > 1) {
      this.#inFlight -= 1;
      return undefined;
    }
    if (this.#isUnsure) return this.#ask();
    this.#becomeReady();
    return undefined;
  }

  /** One has ended without a word to the server. */
  leave(): Promise<void> | undefined {
    if (this.#wire.isClosed) return undefined;
    if (this.#inFlight === 1 && this.#isUnsure) return this.#ask();
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#becomeReady();
    return undefined;
  }

  untilReady(): Promise<void> {
    if (this.#wire.isLost) return Promise.reject(this.#wire.explain(undefined));
    if (!this.isBusy) return Promise.resolve();
    return new Promise((resolve, reject) => this.#readyWaiters.push({ resolve, reject }));
  }

  /** The connection is gone. */
  lose(error: unknown): void {
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(error);
  }

  /** Others may be sent behind the question; then the last of them knows better. */
  async #ask(): Promise<void> {
    try {
      await this.#wire.ping();
    } catch {
      // It is lost, and that is told elsewhere; a session that cannot say where it is, is of no use.
      this.#wire.destroy();
      return;
    }
    this.succeed(true);
  }

  #becomeReady(): void {
    this.#inFlight = 0;
    this.#isAlone = false;
    this.#isUnsure = false;
    if (this.#readyWaiters.length === 0 || this.#wire.isClosed) return;
    for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve();
  }
}
