/**
 * A server that means no good: it greets like a MySQL or MariaDB server, takes part in TLS with a certificate that nobody has
 * signed, answers the login with what the test says, and remembers what it was told. It lets nobody in.
 */
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';

export interface FalseServerOptions {
  /** Default `'8.4.0'`. */
  readonly version?: string;
  /** Of the greeting; default `'mysql_native_password'`. */
  readonly method?: string;
  /** What it says to a login, from the type of the packet on. Default: access denied. */
  readonly answer?: Buffer;
  /** The answer comes with the greeting, before the client has said a word. */
  readonly isHasty?: boolean;
}

const pem = (name: string) => readFileSync(fileURLToPath(new URL(`./tls/${name}`, import.meta.url)), 'utf8');
export const FALSE_CERTIFICATE = pem('server.crt');

/** CLIENT_PROTOCOL_41, SSL, SECURE_CONNECTION, PLUGIN_AUTH, MULTI_FACTOR_AUTHENTICATION, CONNECT_WITH_DB, LONG_PASSWORD, … */
const CAPABILITIES = 0x1008_aa0f;
/** Error 1045. */
const ACCESS_DENIED = Buffer.from([0xff, 0x15, 0x04]);
const SSL_REQUEST_BYTES = 36;
const SCRAMBLE = Buffer.from('abcdefghijklmnopqrst');

/** AuthSwitchRequest (0xfe) or AuthNextFactor (0x02). */
export function switchTo(method: string, type = 0xfe): Buffer {
  return Buffer.concat([Buffer.from([type]), Buffer.from(`${method}\0`), SCRAMBLE, Buffer.from([0])]);
}

export class FalseMysqlServer implements AsyncDisposable {
  /** How many have come. */
  connections = 0;
  /** What came once the greeting was sent, chunk by chunk; of a TLS connection, what came through it, decrypted. */
  readonly heard: Buffer[] = [];
  readonly #options: FalseServerOptions;
  readonly #server: Server;
  readonly #tls: Server;
  readonly #sockets = new Set<Socket>();

  static async start(options: FalseServerOptions): Promise<FalseMysqlServer> {
    const server = new FalseMysqlServer(options);
    for (const listener of [server.#server, server.#tls])
      await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return server;
  }

  private constructor(options: FalseServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#greet(socket));
    this.#tls = createTlsServer({ cert: FALSE_CERTIFICATE, key: pem('server.key') }, (socket) => {
      this.#keep(socket);
      socket.once('data', (login: Buffer) => this.#hear(socket, login));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Every client has gone, so no more is heard of any. */
  get isAlone(): boolean {
    return this.#sockets.size === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const listener of [this.#server, this.#tls]) await new Promise((resolve) => listener.close(resolve));
  }

  #greet(socket: Socket): void {
    this.connections += 1;
    this.#keep(socket);
    socket.write(
      Buffer.concat([packet(0, this.#greeting()), this.#options.isHasty ? this.#answer(1) : Buffer.alloc(0)]),
    );
    socket.once('data', (chunk: Buffer) => {
      if (chunk.readUIntLE(0, 3) + 4 !== SSL_REQUEST_BYTES) return this.#hear(socket, chunk);
      // Through a socket of its own: the client may not have waited, and what was read cannot be given back.
      const inner = connect((this.#tls.address() as AddressInfo).port, '127.0.0.1');
      inner.on('error', () => undefined);
      inner.on('close', () => socket.destroy());
      socket.on('close', () => inner.destroy());
      inner.write(chunk.subarray(SSL_REQUEST_BYTES));
      socket.pipe(inner).pipe(socket);
    });
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  /** The login, and one answer to what it is told. */
  #hear(socket: Socket, login: Buffer): void {
    this.heard.push(login);
    socket.on('data', (chunk: Buffer) => {
      this.heard.push(chunk);
      socket.destroy();
    });
    socket.write(this.#answer((login[3] ?? 0) + 1));
  }

  #answer(sequence: number): Buffer {
    return packet(sequence, this.#options.answer ?? ACCESS_DENIED);
  }

  #greeting(): Buffer {
    const { version = '8.4.0', method = 'mysql_native_password' } = this.#options;
    const capabilities = Buffer.alloc(4);
    capabilities.writeUInt32LE(CAPABILITIES);
    return Buffer.concat([
      Buffer.from([10]),
      Buffer.from(`${version}\0`),
      Buffer.from([1, 0, 0, 0]),
      SCRAMBLE.subarray(0, 8),
      Buffer.from([0]),
      capabilities.subarray(0, 2),
      // utf8mb4_general_ci, and in autocommit.
      Buffer.from([45, 2, 0]),
      capabilities.subarray(2),
      Buffer.from([SCRAMBLE.length + 1]),
      Buffer.alloc(10),
      SCRAMBLE.subarray(8),
      Buffer.from([0]),
      Buffer.from(`${method}\0`),
    ]);
  }
}

function packet(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}
