/**
 * A TCP relay that hands one moment to the test: a request, such as a COMMIT, has come from the client and has not gone on.
 * Used by tests that decide there who dies, in which order, and what still arrives; the fault proxy of `fluxor-db/testing`
 * breaks both sides of a connection, and here the server must often hear nothing of it.
 * Invariant: all but the one request that is held passes as it comes.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** One request on its way. */
export interface HeldRequest {
  /** Hands the request on to the server. */
  forward(): void;
  /** Hands it on, and settles when the server has answered; the client hears nothing. */
  forwardAndLoseReply(): Promise<void>;
  /** The client sees its connection reset. The server's side stays open, and silent. */
  cutClient(): void;
  /** The server sees its client reset. */
  cutServer(): void;
}

export type OnRequest = (request: HeldRequest) => void | Promise<void>;

/** A COMMIT of PostgreSQL, as the runtime sends it. */
const isCommit = (chunk: Buffer): boolean => chunk.includes('commit\0');

export class RequestRelay implements AsyncDisposable {
  /** Called for the next request of the kind only. */
  onRequest: OnRequest | undefined;
  readonly #isHeld: (chunk: Buffer) => boolean;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** `isHeld` knows the requests to hold by their bytes; by default they are COMMITs. */
  static async start(url: string, isHeld = isCommit): Promise<RequestRelay> {
    const { hostname, port } = new URL(url);
    const relay = new RequestRelay(hostname, Number(port), isHeld);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  private constructor(host: string, port: number, isHeld: (chunk: Buffer) => boolean) {
    this.#isHeld = isHeld;
    this.#server = createServer((client) => this.#link(client, connect(port, host)));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #link(client: Socket, upstream: Socket): void {
    let onReply: (() => void) | undefined;
    let isCut = false;
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    client.on('close', () => isCut || upstream.destroy());
    upstream.on('close', () => isCut || client.destroy());
    upstream.on('data', (chunk) => (onReply === undefined ? client.write(chunk) : onReply()));
    client.on('data', (chunk) => {
      const { onRequest } = this;
      if (onRequest === undefined || !this.#isHeld(chunk)) return void upstream.write(chunk);
      this.onRequest = undefined;
      isCut = true;
      const forward = () => void upstream.write(chunk);
      void onRequest({
        forward,
        forwardAndLoseReply: () =>
          new Promise((resolve) => {
            onReply = resolve;
            forward();
          }),
        cutClient: () => client.resetAndDestroy(),
        cutServer: () => upstream.resetAndDestroy(),
      });
    });
  }
}
