/**
 * A TCP proxy that sits between a driver and its server and does what networks do: refuse, reset, hang, swallow, delay,
 * cut, and lose the reply of a request that the server has carried out. Tests start one per server, give its address
 * to the driver, and speak no protocol here: the proxy sees bytes only, so it serves every database alike.
 * Invariant: after `close()` no socket and no timer of the proxy is left. It knows nothing of TLS; over TLS everything
 * works but the choice of a request by its bytes (`dropReplies({ when })`).
 */
import { randomInt } from 'node:crypto';
import { createServer, connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { HungLink } from './tcp-hung-link.js';
import type { Weather } from './tcp-lane.js';
import { TcpLink, resetSocket } from './tcp-link.js';
import type { LostReplyEnd } from './tcp-link.js';
import { CutTrap, LostReplyTrap } from './tcp-traps.js';
import type { ProxyTrap } from './tcp-traps.js';

export interface TcpProxyOptions {
  /** The real server. */
  readonly target: { readonly host: string; readonly port: number };
  /** Where the proxy listens; default `127.0.0.1`. */
  readonly host?: string;
  /** Default: a free port below the range from which systems choose the ports of outgoing connections. */
  readonly port?: number;
}

/**
 * What happens to **new** connections; the living ones are not touched.
 * `pass` connects them to the server. `refuse` closes the listener, so that connecting fails with ECONNREFUSED.
 * `accept-and-hang` accepts and never says a word; the server hears nothing of it. `reset-on-connect` accepts and
 * resets at once.
 */
export type TcpProxyMode = 'pass' | 'refuse' | 'accept-and-hang' | 'reset-on-connect';

export interface DropRepliesOptions {
  /** Looks at each chunk of a client; the first that fits is the request whose reply is lost. Default: the next one. */
  readonly when?: (chunk: Buffer) => boolean;
  /** How the connection ends, after the server has begun to answer; `hang` leaves it open and silent for ever. */
  readonly then: LostReplyEnd;
  /** How many connections are caught; default 1. */
  readonly times?: number;
}

/** Ports that systems give to outgoing connections begin at 32768 on Linux and at 49152 elsewhere. */
const FREE_PORTS = { from: 10_240, below: 32_768 } as const;
const PORT_ATTEMPTS = 50;

/**
 * @example
 * const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: 5432 } });
 * const lost = proxy.dropReplies({ when: (chunk) => chunk.includes('COMMIT'), then: 'reset' });
 * // … run a transaction through proxy.port: it is committed, and nobody hears of it …
 * await lost.fired;
 * await proxy.close();
 */
export function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  return TcpProxy.start(options);
}

export class TcpProxy {
  readonly host: string;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #weather: Weather = { isBlackHole: false, delayMs: 0 };
  readonly #links = new Set<TcpLink | HungLink>();
  readonly #traps = new Set<CutTrap | LostReplyTrap>();
  #port: number;
  #mode: TcpProxyMode = 'pass';
  #listener: Server | undefined;
  #accepted = 0;
  /** The modes are switched one after the other, so that an unfinished listen can't outlive a later refuse. */
  #switching: Promise<void> = Promise.resolve();
  #isClosed = false;

  static async start(options: TcpProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(options);
    await proxy.#open();
    return proxy;
  }

  private constructor(options: TcpProxyOptions) {
    this.host = options.host ?? '127.0.0.1';
    this.#port = options.port ?? 0;
    this.#target = options.target;
  }

  /** Stays the same for the proxy's whole life. */
  get port(): number {
    return this.#port;
  }

  /** How many connections live now, hanging ones included. */
  get connections(): number {
    return this.#links.size;
  }

  /** How many connections have been accepted so far, whatever became of them. */
  get accepted(): number {
    return this.#accepted;
  }

  get mode(): TcpProxyMode {
    return this.#mode;
  }

  /** Chooses the fate of new connections; settles when it holds, which matters for the way into and out of `refuse`. */
  setMode(mode: TcpProxyMode): Promise<void> {
    const switched = this.#switching.then(() => this.#switchTo(mode));
    this.#switching = switched.catch(() => undefined);
    return switched;
  }

  /** Ends every living connection with RST, on both sides. */
  resetAll(): void {
    for (const link of this.#links) link.reset();
  }

  /** Ends every living connection with FIN, on both sides, as a server that shuts down in order. */
  finAll(): void {
    for (const link of this.#links) link.fin();
  }

  /**
   * On: on every connection, also on those to come, nothing passes in either direction, not even an end or a reset;
   * sockets stay open. Off: what was held flows, in order. A client that leaves meanwhile is half-open, as in life:
   * the server learns of it when the hole is closed again.
   */
  blackHole(on: boolean): void {
    this.#weather.isBlackHole = on;
    this.#weatherChanged();
  }

  /** Holds every chunk that arrives from now on back by `ms`, in each direction, without changing the order. */
  delay(ms: number): void {
    if (!(ms >= 0 && ms < 2 ** 31)) throw new RangeError(`Can't delay by ${ms} ms.`);
    this.#weather.delayMs = ms;
    this.#weatherChanged();
  }

  /**
   * Resets the first connection whose server sends its n-th byte, counted from now or from the connection's birth; the
   * client gets n bytes at most. `times` (default 1) is how many connections meet this end; `Infinity` for all.
   */
  cutAfter(bytesFromServer: number, options: { readonly times?: number } = {}): ProxyTrap {
    return this.#setTrap(new CutTrap(bytesFromServer, options.times ?? 1));
  }

  /**
   * A request reaches the server, and its reply is lost: from the chunk that fits on, nothing the server says on that
   * connection gets through, and when it has begun to answer, the connection ends as told. Meant for a client that
   * waits for each reply: the answer to an earlier request that is still under way would be taken for the awaited one.
   */
  dropReplies(options: DropRepliesOptions): ProxyTrap {
    return this.#setTrap(new LostReplyTrap(options.when ?? (() => true), options.then, options.times ?? 1));
  }

  /** Takes all traps away and makes the weather fine again; the mode and broken connections stay as they are. */
  clearFaults(): void {
    for (const trap of this.#traps) trap.disarm();
    this.#traps.clear();
    this.#weather.delayMs = 0;
    this.blackHole(false);
  }

  /** Destroys everything; settles when the listener and all sockets are gone. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#switching;
    this.#stopListening();
    const closing = [...this.#links].map((link) => link.closed);
    for (const link of this.#links) link.destroy();
    await Promise.all(closing);
  }

  async #open(): Promise<void> {
    if (this.#port !== 0) return this.#listen(this.#port);
    for (let attempt = 1; ; attempt++) {
      const candidate = randomInt(FREE_PORTS.from, FREE_PORTS.below);
      try {
        return await this.#listen(candidate);
      } catch (error) {
        if (attempt === PORT_ATTEMPTS || !isPortTaken(error)) throw error;
      }
    }
  }

  async #switchTo(mode: TcpProxyMode): Promise<void> {
    if (this.#isClosed) throw new Error('The proxy is closed.');
    if (mode === 'refuse') this.#stopListening();
    else if (this.#listener === undefined) await this.#listen(this.#port);
    this.#mode = mode;
  }

  #listen(port: number): Promise<void> {
    const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    return new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen({ host: this.host, port }, () => {
        listener.off('error', reject);
        listener.on('connection', (client) => this.#accept(client));
        this.#listener = listener;
        this.#port = (listener.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  /** Gives the port back at once; connections that were accepted before live on. */
  #stopListening(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    if (this.#mode === 'reset-on-connect') {
      client.on('error', () => undefined);
      return resetSocket(client);
    }
    const link = this.#mode === 'accept-and-hang' ? new HungLink(client) : this.#connect(client);
    this.#links.add(link);
    void link.closed.then(() => this.#links.delete(link));
  }

  #connect(client: Socket): TcpLink {
    const upstream = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    return new TcpLink(client, upstream, this.#weather, this.#traps);
  }

  #setTrap<T extends CutTrap | LostReplyTrap>(trap: T): T {
    this.#traps.add(trap);
    return trap;
  }

  #weatherChanged(): void {
    for (const link of this.#links) link.weatherChanged();
  }
}

function isPortTaken(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'EADDRINUSE' || code === 'EACCES';
}
