/**
 * One TCP connection below its session: the connect phase, packets, requests made whole from DATA packets, and answers
 * cut into them. A request is whole at the packet flagged so, never at a short packet: the driver's middle packets need
 * not be full. Freezing stops both directions and keeps what comes and what was to go; only the end of the socket is seen.
 */
import type { Socket } from 'node:net';
import type { Writer } from './codec/wire.js';
import type { ConnectRequest } from './codec/connect-packets.js';
import { buildAccept, buildRedirect, buildRefuse, hasLargePackets, parseConnect } from './codec/connect-packets.js';
import type { Packet } from './codec/tns.js';
import { buildControlError, buildData, buildMarker, DATA_FLAG, MARKER, PACKET, PacketSplitter } from './codec/tns.js';
import type { Counters } from './observation.js';
import type { Profile } from './profiles.js';

export interface LinkPort {
  /** The client wants to connect: `accept`, `refuse` or `redirect` must follow, or nothing at all. */
  onConnect(connectData: string): void;
  onRequest(request: Buffer): void;
  onBreak(): void;
  onReset(): void;
  /** Data is void while a reset is awaited. */
  isVoid(): boolean;
  onClose(): void;
  onProtocolError(error: unknown): void;
}

const SMALLEST_SDU = 512;
const LARGEST_SDU = 65_535;
const END_OF_REQUEST_VERSION = 319;
const FAST_AUTH_VERSION = 318;

export class Link {
  /** Answers end with a mark: agreed in ACCEPT, and taken back for a client that does not announce it. */
  endsAnswers = false;
  readonly #socket: Socket;
  readonly #port: LinkPort;
  readonly #counters: Counters;
  readonly #splitter = new PacketSplitter();
  #connect: ConnectRequest | null = null;
  #connectData = '';
  #isAccepted = false;
  #sdu = 8192;
  #parts: Buffer[] = [];
  #isFrozen = false;
  readonly #unread: Buffer[] = [];
  readonly #unwritten: Buffer[] = [];

  constructor(socket: Socket, counters: Counters, port: LinkPort) {
    this.#socket = socket;
    this.#counters = counters;
    this.#port = port;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => port.onClose());
  }

  get connectData(): string {
    return this.#connectData;
  }

  accept(profile: Profile): void {
    const version = Math.min(profile.tnsVersion, this.#connect?.version ?? 0);
    this.endsAnswers = profile.endOfRequest && version >= END_OF_REQUEST_VERSION;
    const fastAuth = profile.fastAuth && version >= FAST_AUTH_VERSION;
    this.#write(buildAccept({ version, sdu: this.#sdu, endOfRequest: this.endsAnswers, fastAuth }));
    this.#isAccepted = true;
    this.#splitter.large = hasLargePackets(version);
  }

  refuse(code: number): void {
    this.#write(buildRefuse(code));
    this.end();
  }

  redirect(to: { readonly host: string; readonly port: number }): void {
    const address = `(ADDRESS=(PROTOCOL=TCP)(HOST=${to.host})(PORT=${to.port}))`;
    this.#write(buildRedirect(address, this.#connectData));
    this.end();
  }

  /** `endsAnswer` false: more of this answer follows after a word of the client, or none was agreed yet. */
  send(payload: Buffer, endsAnswer = this.endsAnswers): void {
    this.#write(buildData(payload, this.#sdu, this.#splitter.large, endsAnswer));
  }

  /** Half of the answer, then the end. */
  sendHalf(payload: Writer): void {
    const whole = buildData(payload.view(), this.#sdu, this.#splitter.large, this.endsAnswers);
    const half = whole.subarray(0, Math.max(9, whole.length >> 1));
    if (this.#isFrozen) return this.cut();
    this.#socket.write(half, () => this.cut());
  }

  sendMarkers(): void {
    const { large } = this.#splitter;
    this.#write(Buffer.concat([buildMarker(MARKER.BREAK, large), buildMarker(MARKER.RESET, large)]));
  }

  sendControl(code: number): void {
    this.#write(buildControlError(code, this.#splitter.large));
  }

  end(): void {
    if (this.#isFrozen) return;
    this.#socket.end();
  }

  cut(): void {
    // Beneath TLS there is nothing that could be reset.
    if ('encrypted' in this.#socket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const bytes of this.#unwritten.splice(0)) this.#write(bytes);
    for (const chunk of this.#unread.splice(0)) this.#read(chunk);
  }

  #write(bytes: Buffer): void {
    if (this.#socket.destroyed) return;
    if (this.#isFrozen) {
      this.#unwritten.push(bytes);
      return;
    }
    this.#counters.bytesOut += bytes.length;
    this.#socket.write(bytes);
  }

  #read(chunk: Buffer): void {
    if (this.#isFrozen) {
      this.#unread.push(chunk);
      return;
    }
    this.#counters.bytesIn += chunk.length;
    try {
      this.#splitter.push(chunk);
      for (let packet = this.#splitter.next(); packet !== null; packet = this.#splitter.next()) this.#take(packet);
    } catch (error) {
      this.#port.onProtocolError(error);
      this.cut();
    }
  }

  #take(packet: Packet): void {
    if (!this.#isAccepted) return this.#takeConnect(packet);
    if (packet.type === PACKET.MARKER) return this.#takeMarker(packet.body[2] ?? 0);
    if (packet.type !== PACKET.DATA) throw new Error(`A packet of type ${packet.type} within a session.`);
    const flags = packet.body.readUInt16BE(0);
    if ((flags & DATA_FLAG.END_OF_FILE) !== 0) return this.end();
    if (this.#port.isVoid()) return;
    this.#parts.push(Buffer.from(packet.body.subarray(2)));
    if ((flags & DATA_FLAG.END_OF_REQUEST) === 0) return;
    const [first = Buffer.alloc(0)] = this.#parts;
    const request = this.#parts.length === 1 ? first : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#port.onRequest(request);
  }

  #takeMarker(kind: number): void {
    if (kind === MARKER.RESET) return this.#port.onReset();
    this.#parts = [];
    this.#port.onBreak();
  }

  #takeConnect(packet: Packet): void {
    if (this.#connect === null) {
      if (packet.type !== PACKET.CONNECT) throw new Error(`A packet of type ${packet.type} instead of CONNECT.`);
      this.#connect = parseConnect(packet);
      this.#connectData = this.#connect.data;
      this.#sdu = Math.max(SMALLEST_SDU, Math.min(this.#connect.sdu, LARGEST_SDU));
    } else {
      this.#connectData += packet.body.subarray(2).toString('latin1');
    }
    if (this.#connectData.length >= this.#connect.dataLength) this.#port.onConnect(this.#connectData);
  }
}
