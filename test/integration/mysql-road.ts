/**
 * The road to a MySQL or MariaDB server on which a test stands in the middle: it may take prepared statements away behind the
 * client's back, and be told of an answer before the client is.
 * Invariant: what it adds stands between whole requests of the client, which waits for an answer before it sends the next one.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

const COM_STMT_EXECUTE = 0x17;
const COM_STMT_CLOSE = 0x19;
/** Length and sequence number come before a packet's type. */
const TYPE_AT = 4;

export class MysqlRoad implements AsyncDisposable {
  readonly host = '127.0.0.1';
  /** Is awaited when an answer with this text has come from the server, and before it goes on. */
  beforeAnswer: { readonly text: string; readonly act: () => Promise<unknown> } | undefined;
  #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  /** With the numbers of the statements that were run there. */
  readonly #upstreams = new Map<Socket, Set<number>>();

  static async start(url: string): Promise<MysqlRoad> {
    const road = new MysqlRoad(url);
    await new Promise<void>((resolve) => road.#server.listen(0, road.host, resolve));
    return road;
  }

  private constructor(url: string) {
    this.#target = addressOf(url);
    this.#server = createServer((client) => this.#link(client));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** New connections go there; the old ones stay where they are. */
  moveTo(url: string): void {
    this.#target = addressOf(url);
  }

  /** COM_STMT_CLOSE, which no server answers: the sessions are as before, and know nothing of what was prepared. */
  forgetStatements(): void {
    for (const [upstream, statements] of this.#upstreams) {
      for (const number of statements) {
        const close = Buffer.from([5, 0, 0, 0, COM_STMT_CLOSE, 0, 0, 0, 0]);
        close.writeUInt32LE(number, TYPE_AT + 1);
        upstream.write(close);
      }
      statements.clear();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of [...this.#clients, ...this.#upstreams.keys()]) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #link(client: Socket): void {
    const upstream = connect(this.#target);
    this.#clients.add(client);
    const statements = new Set<number>();
    this.#upstreams.set(upstream, statements);
    for (const socket of [client, upstream]) socket.setNoDelay(true).on('error', () => undefined);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    client.on('data', (chunk: Buffer) => {
      if (chunk[TYPE_AT] === COM_STMT_EXECUTE) statements.add(chunk.readUInt32LE(TYPE_AT + 1));
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => void this.#pass(chunk, client));
  }

  async #pass(chunk: Buffer, client: Socket): Promise<void> {
    const hook = this.beforeAnswer;
    if (hook !== undefined && chunk.includes(hook.text)) {
      this.beforeAnswer = undefined;
      await hook.act();
    }
    client.write(chunk);
  }
}

function addressOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
