/**
 * One address in front of several servers, as a balancer or a name that fails over has it: each connection stays with the server
 * that it was led to, and the next one may come to another.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export class BalancedRoad implements AsyncDisposable {
  readonly host = '127.0.0.1';
  readonly #sockets = new Set<Socket>();
  readonly #listener: Server;
  #target: string;

  static async start(url: string): Promise<BalancedRoad> {
    const road = new BalancedRoad(url);
    await new Promise<void>((resolve) => road.#listener.listen(0, road.host, resolve));
    return road;
  }

  private constructor(url: string) {
    this.#target = url;
    this.#listener = createServer((client) => this.#pass(client));
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Those that come from now on. */
  leadTo(url: string): void {
    this.#target = url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #pass(client: Socket): void {
    const { hostname, port } = new URL(this.#target);
    const upstream = connect({ host: hostname, port: Number(port) });
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
