/**
 * The driver's own call behind a stack of connections and a line of promises: nothing that could grow by itself. What it costs
 * more with more tasks is the memory of the machine, in which every call waits; nobody can have less.
 */
import type { FakeConnection } from '../guards/fake-server.js';
import { SQL } from '../guards/guarded.js';
import type { GrowthPeer } from './growth-peer.js';

type Row = { readonly id: number };

export const peer: GrowthPeer = {
  name: 'bare',
  version: '-',
  settings: 'none',
  lacks: 'everything',
  async open(server, connections) {
    const idle = Array.from({ length: connections }, () => server.connect());
    const line = new Line();
    return {
      async call(id) {
        const connection = idle.pop() ?? (await line.join());
        const { rows } = await connection.execute({ text: SQL, values: [id], rowMode: 'object' });
        const next = line.leave();
        if (next === undefined) idle.push(connection);
        else next(connection);
        return rows as unknown as readonly Row[];
      },
    };
  },
};

type Waiter = (connection: FakeConnection) => void;

class Line {
  readonly #waiters: (Waiter | undefined)[] = [];
  #head = 0;

  join(): Promise<FakeConnection> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  leave(): Waiter | undefined {
    const next = this.#waiters[this.#head];
    if (next === undefined) return undefined;
    this.#waiters[this.#head] = undefined;
    this.#head += 1;
    if (this.#head >= 32_768) {
      this.#waiters.splice(0, this.#head);
      this.#head = 0;
    }
    return next;
  }
}
