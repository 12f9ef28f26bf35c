/**
 * One connection through the fault proxy: two sockets and the two lanes between them. tcp-proxy.ts makes a link for
 * every client it accepts; the traps of tcp-traps.ts watch its traffic and spoil it.
 * Invariant: without a fault a link is a wire. Bytes stay in order, a half-close is passed on as a half-close, a reset
 * as a reset, and a slow reader slows the writer down instead of filling the memory here.
 */
import type { Socket } from 'node:net';
import { TcpLane } from './tcp-lane.js';
import type { Weather } from './tcp-lane.js';

/** How the client's side ends after a lost reply. */
export type LostReplyEnd = 'reset' | 'fin' | 'hang';

/** What watches the bytes just before they are handed on. */
export interface LinkWatcher {
  /** A chunk of the client goes to the server now. */
  onRequest(link: TcpLink, chunk: Buffer): void;
  /** A chunk of the server wants to go to the client; answers true when the watcher has disposed of it. */
  onReply(link: TcpLink, chunk: Buffer): boolean;
}

/** libuv reports data and a RST that arrive together as data and an orderly end; 20 ms keep them apart. */
const RESET_AFTER_BYTES_MS = 20;

export class TcpLink {
  /** Settles when both sockets are gone. */
  readonly closed: Promise<void>;
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #toServer: TcpLane;
  readonly #toClient: TcpLane;
  readonly #weather: Weather;
  readonly #watchers: Iterable<LinkWatcher>;
  #cutTimer: NodeJS.Timeout | undefined;
  /** Resets that wait for the end of a black hole. */
  readonly #resetsToPassOn = new Set<Socket>();
  /** Set: the client hears nothing any more, and the next chunk of the server ends the link this way. */
  #lostReply: LostReplyEnd | undefined;

  /** Both sockets must allow half-open, or Node would answer a FIN before the other side has seen it. */
  constructor(client: Socket, upstream: Socket, weather: Weather, watchers: Iterable<LinkWatcher>) {
    this.#client = client;
    this.#upstream = upstream;
    this.#weather = weather;
    this.#watchers = watchers;
    this.#toServer = new TcpLane(client, upstream, weather, {
      onDue: (chunk) => this.#request(chunk),
      onEnd: () => this.#requestsEnded(),
    });
    this.#toClient = new TcpLane(upstream, client, weather, {
      onDue: (chunk) => this.#reply(chunk),
      onEnd: () => this.#repliesEnded(),
    });
    this.closed = Promise.all([this.#watchClose(client), this.#watchClose(upstream)]).then(() => undefined);
  }

  /** Ends both sides with RST; bytes under way are lost. */
  reset(): void {
    this.#stop();
    resetSocket(this.#client);
    resetSocket(this.#upstream);
  }

  /** Ends both sides with FIN; bytes under way, and what the peers still send, are lost. */
  fin(): void {
    this.#toServer.discard();
    this.#toClient.discard();
    this.#client.end();
    this.#upstream.end();
  }

  /** Frees both sockets without a thought for the peers. */
  destroy(): void {
    this.#stop();
    this.#client.destroy();
    this.#upstream.destroy();
  }

  /** Hands `chunk` to the client as its last bytes, then resets both sides. */
  resetAfter(chunk: Buffer): void {
    this.#stop();
    if (chunk.length === 0 || !this.#client.writable) return this.reset();
    // RST throws away what the kernel has not sent yet, so the bytes must have left first.
    this.#client.write(chunk, () => {
      this.#cutTimer = setTimeout(() => this.reset(), RESET_AFTER_BYTES_MS);
    });
  }

  /** From now on replies are swallowed; the first one swallowed ends the link as `end` says. */
  loseReplies(end: LostReplyEnd): void {
    this.#lostReply = end;
  }

  /** To be called when the weather has changed. */
  weatherChanged(): void {
    if (!this.#weather.isBlackHole) {
      for (const socket of this.#resetsToPassOn) resetSocket(socket);
      this.#resetsToPassOn.clear();
    }
    this.#toServer.pump();
    this.#toClient.pump();
  }

  #stop(): void {
    clearTimeout(this.#cutTimer);
    this.#toServer.stop();
    this.#toClient.stop();
  }

  #request(chunk: Buffer): void {
    for (const watcher of this.#watchers) watcher.onRequest(this, chunk);
    this.#toServer.handOn(chunk);
  }

  #reply(chunk: Buffer): void {
    if (this.#lostReply !== undefined) return this.#swallow(this.#lostReply);
    for (const watcher of this.#watchers) {
      if (watcher.onReply(this, chunk)) return;
    }
    this.#toClient.handOn(chunk);
  }

  #requestsEnded(): void {
    this.#upstream.end();
    // Nobody is left to hang: a client that has gone altogether can't be told from one that has ended its side.
    if (this.#lostReply === 'hang') this.#client.destroy();
  }

  #repliesEnded(): void {
    if (this.#lostReply !== 'hang') this.#client.end();
  }

  #swallow(end: LostReplyEnd): void {
    if (end === 'reset') this.reset();
    if (end === 'fin') this.fin();
  }

  #watchClose(socket: Socket): Promise<void> {
    // The error itself says nothing that `hadError` doesn't; without a listener it would end the process.
    socket.on('error', () => undefined);
    return new Promise((resolve) => {
      socket.once('close', (hadError: boolean) => {
        resolve();
        if (hadError) this.#passResetOn(socket === this.#client ? this.#upstream : this.#client);
      });
    });
  }

  #passResetOn(socket: Socket): void {
    if (socket === this.#client && this.#lostReply === 'hang') return;
    // Node sees a reset even on a paused socket, so a black hole has to be told to hold it.
    if (this.#weather.isBlackHole) this.#resetsToPassOn.add(socket);
    else resetSocket(socket);
  }
}

/** Ends a socket with RST where that is possible, and destroys it where not. */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  // A socket that is connecting has nobody to reset; libuv refuses to reset one whose FIN is under way (EINVAL), and
  // Node then never emits 'close'.
  const isFinUnderWay = socket.writableEnded && !socket.writableFinished;
  if (socket.connecting || isFinUnderWay) socket.destroy();
  else socket.resetAndDestroy();
}
