/**
 * A server that sends back what it hears, and a client that remembers what it got and how its connection ended: the two
 * sides between which the tests of the fault proxy stand.
 */
import { createServer, connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** What a socket's end looked like: in order, or the code of its error. */
export type Ending = string;

export interface Client {
  readonly socket: Socket;
  readonly received: string;
  readonly hasEnded: boolean;
  readonly ending: Promise<Ending>;
  /** Takes the next `length` bytes out of what was received. */
  receives(length: number): Promise<string>;
}

export function clientOn(socket: Socket, ending: Promise<Ending>): Client {
  const state = { received: '', hasEnded: false };
  let wake = (): void => undefined;
  socket.on('data', (chunk: Buffer) => {
    state.received += chunk.toString('latin1');
    wake();
  });
  void ending.then(() => {
    state.hasEnded = true;
    wake();
  });
  return {
    socket,
    ending,
    get received() {
      return state.received;
    },
    get hasEnded() {
      return state.hasEnded;
    },
    async receives(length) {
      while (state.received.length < length && !state.hasEnded) await new Promise<void>((resolve) => (wake = resolve));
      const taken = state.received.slice(0, length);
      state.received = state.received.slice(length);
      return taken;
    },
  };
}

export function endingOf(socket: Socket): Promise<Ending> {
  let ending = 'fin';
  socket.on('error', (error: NodeJS.ErrnoException) => (ending = error.code ?? error.message));
  return new Promise((resolve) => socket.once('close', () => resolve(ending)));
}

export class EchoServer {
  readonly sockets: Socket[] = [];
  readonly #received: string[] = [];
  readonly #endings: Promise<Ending>[] = [];
  readonly #server: Server;
  #onChange: () => void = () => undefined;

  static async start(): Promise<EchoServer> {
    const server = new EchoServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get accepted(): number {
    return this.sockets.length;
  }

  receivedBy(index: number): string | undefined {
    return this.#received[index];
  }

  endingOf(index: number): Promise<Ending> | undefined {
    return this.#endings[index];
  }

  whenReceived(index: number, text: string): Promise<void> {
    return this.#until(() => this.#received[index] === text);
  }

  whenConnections(count: number): Promise<void> {
    return this.#until(() => this.sockets.filter((socket) => !socket.destroyed).length === count);
  }

  /**
   * Twenty echoes past the proxy: whatever could pass through the proxy in the meantime has passed, which is how these
   * tests see that something does not come without sleeping.
   */
  async roundTrip(): Promise<void> {
    const socket = connect({ host: '127.0.0.1', port: this.port, noDelay: true });
    const client = clientOn(socket, endingOf(socket));
    for (let count = 0; count < 20; count++) {
      socket.write('.');
      await client.receives(1);
    }
    socket.destroy();
    await client.ending;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    const index = this.sockets.push(socket) - 1;
    this.#received[index] = '';
    const ending = endingOf(socket);
    this.#endings[index] = ending;
    void ending.then(() => this.#onChange());
    socket.on('data', (chunk: Buffer) => {
      this.#received[index] += chunk.toString('latin1');
      socket.write(chunk);
      this.#onChange();
    });
    socket.on('end', () => socket.end());
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => (this.#onChange = resolve));
  }
}
