/**
 * The socket beneath a connection of `oracledb`: the one place of this room that looks behind the library. Used by oracle-driver.ts
 * to give up on a connect, and by oracle-wire.ts for the bytes that were sent, for the end of an idle connection, and to end one that
 * hangs.
 *
 * How it is found: Node tells of every socket that is made (diagnostics channel `net.client.socket`), and the asynchronous context
 * tells whose it is. So a connect that never answers can be ended, which the library itself cannot. Under TLS the library's own
 * stream, two fields deep, counts the bytes; where a version has it elsewhere, the plain socket does the rest.
 * Invariant: in thick mode, or where nothing was found, nothing is claimed: `isKnown` is false.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { OracleClientConnection } from './oracle-module.js';

const SOCKETS = 'net.client.socket';

/** What the room needs of a stream; a TLS stream is one, too. */
type Stream = Pick<Socket, 'bytesWritten' | 'closed' | 'destroyed' | 'destroy' | 'destroySoon' | 'on' | 'once'>;

/** Catches the sockets that are made by one connect. */
export class SocketTrap {
  readonly #sockets: Socket[] = [];
  #givenUp: Error | undefined;

  /** The last one is that of the connection: the others led to addresses that did not answer, or that redirected. */
  get socket(): Socket | undefined {
    return this.#sockets.at(-1);
  }

  async run<T>(open: () => Promise<T>): Promise<T> {
    // One for each connect, and out of use after it: its price is paid by every promise of the process.
    const context = new AsyncLocalStorage<this>();
    const onSocket = (message: unknown): void => {
      if (context.getStore() === this) this.#add((message as { readonly socket: Socket }).socket);
    };
    subscribe(SOCKETS, onSocket);
    try {
      return await context.run(this, open);
    } finally {
      unsubscribe(SOCKETS, onSocket);
      context.disable();
    }
  }

  /** Ends the sockets that are there, and each that the library makes yet, on its way through the addresses. */
  giveUp(error: Error): void {
    this.#givenUp = error;
    for (const socket of this.#sockets) end(socket, error);
  }

  #add(socket: Socket): void {
    this.#sockets.push(socket);
    const error = this.#givenUp;
    // Not at once: it is about to connect, which would bring it back to life.
    if (error !== undefined) process.nextTick(() => end(socket, error));
  }
}

/** With an error: without one the library would wait on for a connect that has not come about. */
function end(socket: Stream, error: Error): void {
  // The library takes its listeners off and puts others on while it connects; in between nobody would hear it.
  socket.on('error', ignore);
  socket.destroy(error);
}

export class OracleSocket {
  readonly #plain: Socket | undefined;
  readonly #stream: Stream | undefined;

  constructor(client: OracleClientConnection, plain: Socket | undefined) {
    this.#plain = plain;
    this.#stream = streamOf(client);
    this.#any?.on('error', ignore);
  }

  /** It can be ended at once, and its end is noticed. */
  get isKnown(): boolean {
    return this.#any !== undefined;
  }

  /** `undefined` where nobody counts: the plain socket beneath TLS sees nothing of what is written. */
  get bytesWritten(): number | undefined {
    return this.#stream?.bytesWritten;
  }

  get isDestroyed(): boolean {
    return this.#any?.destroyed === true;
  }

  /** `onData` is called after the library has seen what came. */
  watch(onClose: () => void, onData: () => void): void {
    this.#any?.once('close', onClose);
    this.#stream?.on('data', onData);
  }

  keepAlive(ms: number): void {
    this.#plain?.setKeepAlive(true, ms);
  }

  destroy(): void {
    this.#stream?.destroy();
    this.#plain?.destroy();
  }

  /** Ends it when what was written has left: the server need not answer. */
  finish(): Promise<void> {
    const socket = this.#any;
    if (socket === undefined || socket.closed) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.destroySoon();
    });
  }

  get #any(): Stream | undefined {
    return this.#stream ?? this.#plain;
  }
}

/** `undefined` where the version at hand keeps it elsewhere. */
function streamOf(client: OracleClientConnection): Stream | undefined {
  const stream = (client as Behind)._impl?.nscon?.ntAdapter?.stream;
  const isStream =
    typeof stream?.bytesWritten === 'number' &&
    typeof stream.destroy === 'function' &&
    typeof stream.destroySoon === 'function' &&
    typeof stream.once === 'function';
  return isStream ? (stream as Stream) : undefined;
}

/** What lies behind a connection of oracledb 26.0. */
type Behind = OracleClientConnection & {
  readonly _impl?: {
    readonly nscon?: { readonly ntAdapter?: { readonly stream?: Partial<Stream> | null } | null };
  };
};

function ignore(): void {
  // Whoever waits hears of it by another way.
}
