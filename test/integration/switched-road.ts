/**
 * A road to a server that moves: connections made before the move end in a black hole, from which nothing comes, not even
 * a reset; those made after it pass. What clients see of a load balancer or a firewall that failed over.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TcpProxy } from 'fluxor-db/testing';
import { startTcpProxy } from 'fluxor-db/testing';

export class SwitchedRoad implements AsyncDisposable {
  readonly host = '127.0.0.1';
  readonly #old: TcpProxy;
  readonly #new: TcpProxy;
  readonly #sockets = new Set<Socket>();
  readonly #listener: Server;
  #current: TcpProxy;

  static async start(url: string): Promise<SwitchedRoad> {
    const { hostname, port } = new URL(url);
    const target = { host: hostname, port: Number(port) };
    const road = new SwitchedRoad(await startTcpProxy({ target }), await startTcpProxy({ target }));
    await new Promise<void>((resolve) => road.#listener.listen({ host: road.host, port: 0 }, resolve));
    return road;
  }

  private constructor(before: TcpProxy, after: TcpProxy) {
    this.#old = before;
    this.#new = after;
    this.#current = before;
    this.#listener = createServer((client) => this.#pass(client));
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** From now on. */
  loseOldConnections(): void {
    this.#old.blackHole(true);
    this.#current = this.#new;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([this.#old.close(), this.#new.close()]);
  }

  #pass(client: Socket): void {
    const { host, port } = this.#current;
    const upstream = connect({ host, port });
    client.pipe(upstream).pipe(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
    }
  }
}
