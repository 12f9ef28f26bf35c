/**
 * A TCP relay that hands the moment of COMMIT to the test: the request has come from the client and has not gone on. Used
 * by the outcome tests, which decide there who dies, in which order, and what still arrives; the fault proxy of
 * `fluxor-db/testing` breaks both sides of a connection, and here the server must often hear nothing of it.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** One COMMIT on its way. */
export interface HeldCommit {
  /** Hands the request on to the server. */
  forward(): void;
  /** Hands it on, and settles when the server has answered; the client hears nothing. */
  forwardAndLoseReply(): Promise<void>;
  /** The client sees its connection reset. The server's side stays open, and silent. */
  cutClient(): void;
  /** The server sees its client reset. */
  cutServer(): void;
}

export type OnCommit = (commit: HeldCommit) => void | Promise<void>;

export class CommitRelay implements AsyncDisposable {
  /** Called for the next COMMIT only. */
  onCommit: OnCommit | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(url: string): Promise<CommitRelay> {
    const { hostname, port } = new URL(url);
    const relay = new CommitRelay(hostname, Number(port));
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  private constructor(host: string, port: number) {
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
      const { onCommit } = this;
      if (onCommit === undefined || !chunk.includes('commit\0')) return void upstream.write(chunk);
      this.onCommit = undefined;
      isCut = true;
      const forward = () => void upstream.write(chunk);
      void onCommit({
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
