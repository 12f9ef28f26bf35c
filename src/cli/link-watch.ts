/**
 * Watches the sockets that a client library opens, for the phases of a connect and for what TLS agreed on. None of the four
 * libraries tells, so their way through Node is watched: `Socket.prototype.connect` and `tls.connect` are wrapped between `start` and
 * `stop`, and call through. Only for a process that is ours alone, which the command's is: it is never part of a runtime.
 * Invariants: what was not seen is not claimed; after `stop` Node is as it was.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../kernel/clock.js';

/** What a handshake agreed on, as this side sees it. */
export interface TlsFacts {
  /** `TLSv1.3` */
  readonly protocol: string;
  readonly cipher: string;
  /** The chain leads to an authority that is trusted, and the name is the host's where that was asked for. */
  readonly isVerified: boolean;
  /** Node's code: `DEPTH_ZERO_SELF_SIGNED_CERT`. */
  readonly unverifiedBecause?: string;
  readonly subject?: string;
  readonly issuer?: string;
  /** Epoch milliseconds. */
  readonly validTo?: number;
}

/** The phases in milliseconds; absent where there was none, or none was seen. */
export interface LinkFacts {
  readonly resolveMs?: number;
  readonly tcpMs?: number;
  readonly tlsMs?: number;
  /** Logging in and whatever a session begins with. */
  readonly logonMs?: number;
  readonly address?: string;
  readonly tls?: TlsFacts;
}

interface Link {
  readonly startAt: number;
  resolvedAt?: number;
  connectedAt?: number;
  securedAt?: number;
  address?: string;
  tls?: TlsFacts;
}

type Unknown = (this: unknown, ...given: unknown[]) => unknown;

export class LinkWatch {
  readonly #clock: Clock;
  readonly #links: Link[] = [];
  #restore: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(): void {
    const { Socket: NodeSocket } = process.getBuiltinModule('node:net');
    const tls = process.getBuiltinModule('node:tls') as unknown as { connect: Unknown };
    const sockets = NodeSocket.prototype as unknown as { connect: Unknown };
    const [open, secure] = [sockets.connect, tls.connect];
    const onSocket = (socket: Socket): void => this.#onSocket(socket);
    const onTls = (socket: TLSSocket): void => this.#onTls(socket);
    sockets.connect = function (...given) {
      onSocket(this as Socket);
      return open.apply(this, given);
    };
    tls.connect = function (...given) {
      const socket = secure.apply(this, given);
      onTls(socket as TLSSocket);
      return socket;
    };
    this.#restore = () => {
      sockets.connect = open;
      tls.connect = secure;
    };
  }

  stop(): void {
    this.#restore?.();
    this.#restore = undefined;
  }

  /** Of the link that the connection has, which was there `readyAt`: the last that came about; others led nowhere. */
  facts(readyAt: number): LinkFacts {
    const link = this.#links.findLast(({ connectedAt }) => connectedAt !== undefined);
    if (link?.connectedAt === undefined) return {};
    const { startAt, resolvedAt, connectedAt, securedAt, address, tls } = link;
    return {
      ...(resolvedAt === undefined ? {} : { resolveMs: resolvedAt - startAt }),
      tcpMs: connectedAt - (resolvedAt ?? startAt),
      ...(securedAt === undefined ? {} : { tlsMs: securedAt - connectedAt }),
      logonMs: Math.max(0, readyAt - (securedAt ?? connectedAt)),
      ...(address === undefined ? {} : { address }),
      ...(tls === undefined ? {} : { tls }),
    };
  }

  #onSocket(socket: Socket): void {
    const link: Link = { startAt: this.#clock.now() };
    this.#links.push(link);
    socket.once('lookup', () => (link.resolvedAt = this.#clock.now()));
    socket.once('connect', () => {
      link.connectedAt = this.#clock.now();
      if (socket.remoteAddress !== undefined) link.address = socket.remoteAddress;
    });
  }

  /** A handshake goes over the socket that was connected last: connects come one after the other. */
  #onTls(socket: TLSSocket): void {
    socket.once('secureConnect', () => {
      const link = this.#links.at(-1);
      if (link === undefined) return;
      link.securedAt = this.#clock.now();
      link.tls = tlsFacts(socket);
    });
  }
}

function tlsFacts(socket: TLSSocket): TlsFacts {
  const {
    subject,
    issuer,
    valid_to: validTo,
  } = socket.getPeerCertificate() as Partial<ReturnType<TLSSocket['getPeerCertificate']>>;
  const until = validTo === undefined ? NaN : Date.parse(validTo);
  const because = reasonOf(socket.authorizationError);
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    isVerified: socket.authorized,
    ...(socket.authorized || because === undefined ? {} : { unverifiedBecause: because }),
    ...nameIn('subject', subject),
    ...nameIn('issuer', issuer),
    ...(Number.isNaN(until) ? {} : { validTo: until }),
  };
}

/** A text in Node, an error by its types. */
function reasonOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : error;
  return typeof code === 'string' ? code : undefined;
}

function nameIn(
  field: 'subject' | 'issuer',
  name: { CN?: string | string[]; O?: string | string[] } | undefined,
): object {
  const text = name?.CN ?? name?.O;
  return text === undefined ? {} : { [field]: String(text) };
}
