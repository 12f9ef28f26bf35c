/**
 * A road to a server that moves: connections made before the move end in a black hole, from which nothing comes, not even
 * a reset; those made after it pass. What clients see of a load balancer or a firewall that failed over.
 */
import type { TcpProxy } from 'fluxor-db/testing';
import { startTcpProxy } from 'fluxor-db/testing';
import { BalancedRoad } from './balanced-road.js';

export class SwitchedRoad implements AsyncDisposable {
  readonly host = '127.0.0.1';
  readonly #road: BalancedRoad;
  readonly #old: TcpProxy;
  readonly #new: TcpProxy;

  static async start(url: string): Promise<SwitchedRoad> {
    const { hostname, port } = new URL(url);
    const target = { host: hostname, port: Number(port) };
    const before = await startTcpProxy({ target });
    return new SwitchedRoad(await BalancedRoad.start(urlOf(before)), before, await startTcpProxy({ target }));
  }

  private constructor(road: BalancedRoad, before: TcpProxy, after: TcpProxy) {
    this.#road = road;
    this.#old = before;
    this.#new = after;
  }

  get port(): number {
    return this.#road.port;
  }

  /** From now on. */
  loseOldConnections(): void {
    this.#old.blackHole(true);
    this.#road.leadTo(urlOf(this.#new));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#road[Symbol.asyncDispose]();
    await Promise.all([this.#old.close(), this.#new.close()]);
  }
}

function urlOf({ host, port }: TcpProxy): string {
  return `tcp://${host}:${port}`;
}
