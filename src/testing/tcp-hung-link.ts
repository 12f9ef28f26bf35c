/**
 * A connection that the fault proxy has accepted and never speaks on: what a client sees of a host whose kernel still
 * accepts while its server is stuck. tcp-proxy.ts makes one for each client in mode `accept-and-hang`.
 * Invariant: it takes what the client sends, so that the client's writes succeed, and goes when the client goes.
 */
import type { Socket } from 'node:net';
import { resetSocket } from './tcp-link.js';

export class HungLink {
  /** Settles when the socket is gone. */
  readonly closed: Promise<void>;
  readonly #client: Socket;

  constructor(client: Socket) {
    this.#client = client;
    client.on('error', () => undefined);
    // A FIN can't be told from a client that is gone altogether, and links of such clients would pile up.
    client.once('end', () => client.destroy());
    this.closed = new Promise((resolve) => client.once('close', () => resolve()));
    client.resume();
  }

  reset(): void {
    resetSocket(this.#client);
  }

  fin(): void {
    this.#client.end();
  }

  destroy(): void {
    this.#client.destroy();
  }

  weatherChanged(): void {
    // It is silent in any weather.
  }
}
