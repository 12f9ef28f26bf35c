/** A database that is nothing but its connect time: the benches measure pools, not servers. */
import { setTimeout as sleep } from 'node:timers/promises';

export class StubConnection {
  isOpen = true;
}

export class StubServer {
  /** Connections open now. */
  open = 0;
  readonly #connectMs: number;

  constructor(connectMs = 0) {
    this.#connectMs = connectMs;
  }

  async connect(): Promise<StubConnection> {
    await this.waitToConnect();
    this.open += 1;
    return new StubConnection();
  }

  /** For those who make the connection object themselves. */
  async waitToConnect(): Promise<void> {
    if (this.#connectMs > 0) await sleep(this.#connectMs);
  }

  disconnect(connection: { isOpen: boolean }): void {
    if (!connection.isOpen) return;
    connection.isOpen = false;
    this.open -= 1;
  }
}
