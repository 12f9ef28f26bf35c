/** The packets before a session is there: CONNECT and what a listener may answer (ACCEPT, REFUSE, REDIRECT). */
import type { Packet } from './tns.js';
import { HEADER_BYTES, PACKET, packetHeader } from './tns.js';

export interface ConnectRequest {
  readonly version: number;
  /** Session data unit: the largest packet that the client offers to take. */
  readonly sdu: number;
  /** `(DESCRIPTION=…)`; empty when it comes in a packet of its own. */
  readonly data: string;
  readonly dataLength: number;
  /** The connect data was too long for this packet. */
  readonly dataFollows: boolean;
}

/** Versions from here on have 32-bit packet lengths and sizes. */
const LARGE_SDU_VERSION = 315;
const LARGE_SDU_AT = 58;

export function parseConnect(packet: Packet): ConnectRequest {
  const bytes = packet.raw;
  const version = bytes.readUInt16BE(8);
  const dataLength = bytes.readUInt16BE(24);
  const dataAt = bytes.readUInt16BE(26);
  const dataFollows = dataAt + dataLength > bytes.length;
  const large = version >= LARGE_SDU_VERSION && bytes.length >= LARGE_SDU_AT + 8;
  return {
    version,
    sdu: large ? bytes.readUInt32BE(LARGE_SDU_AT) : bytes.readUInt16BE(14),
    data: dataFollows ? '' : bytes.toString('latin1', dataAt, dataAt + dataLength),
    dataLength,
    dataFollows,
  };
}

/** The value of the first `(NAME=value)` in connect data. */
export function descriptorValue(text: string, name: string): string | undefined {
  return new RegExp(`\\(\\s*${name}\\s*=\\s*([^()]*?)\\s*\\)`, 'i').exec(text)?.[1];
}

export function hasLargePackets(version: number): boolean {
  return version >= LARGE_SDU_VERSION;
}

export interface AcceptOptions {
  readonly version: number;
  readonly sdu: number;
  /** Answers end with a mark, so that the client need not understand them to know that they are whole. */
  readonly endOfRequest: boolean;
  /** Protocol, data types and logon may come as one request. */
  readonly fastAuth: boolean;
}

/** "No native services": anything else would make the client begin to negotiate encryption. */
const NO_NATIVE_SERVICES = 0x08;
const FLAG_END_OF_REQUEST = 0x0200_0000;
const FLAG_FAST_AUTH = 0x1000_0000;
const TRANSPORT_UNIT = 65_535;

export function buildAccept({ version, sdu, endOfRequest, fastAuth }: AcceptOptions): Buffer {
  const bytes = packetHeader(hasLargePackets(version) ? 45 : 32, PACKET.ACCEPT, false);
  bytes.writeUInt16BE(version, 8);
  bytes.writeUInt16BE(1, 10);
  bytes.writeUInt16BE(Math.min(sdu, 0xffff), 12);
  bytes.writeUInt16BE(TRANSPORT_UNIT, 14);
  bytes.writeUInt16BE(1, 16);
  bytes.writeUInt16BE(bytes.length, 20);
  bytes[22] = NO_NATIVE_SERVICES;
  bytes[23] = NO_NATIVE_SERVICES;
  if (!hasLargePackets(version)) return bytes;
  bytes.writeUInt32BE(sdu, 32);
  bytes.writeUInt32BE(TRANSPORT_UNIT, 36);
  const flags = (endOfRequest ? FLAG_END_OF_REQUEST : 0) | (fastAuth ? FLAG_FAST_AUTH : 0);
  bytes.writeUInt32BE(flags >>> 0, 41);
  return bytes;
}

export function buildRefuse(code: number): Buffer {
  const stack = `(ERROR_STACK=(ERROR=(CODE=${code})(EMFI=4)))`;
  const text = `(DESCRIPTION=(TMP=)(VSNNUM=386138112)(ERR=${code})${stack})`;
  const bytes = packetHeader(HEADER_BYTES + 4 + text.length, PACKET.REFUSE, false);
  bytes[8] = 4;
  bytes[9] = 34;
  bytes.writeUInt16BE(text.length, 10);
  bytes.write(text, 12, 'latin1');
  return bytes;
}

/** The other address and, behind a zero, the connect data to use there: flag 2 says that both are in it. */
export function buildRedirect(address: string, connectData: string): Buffer {
  const text = `${address}\0${connectData}`;
  const bytes = packetHeader(HEADER_BYTES + 2 + text.length, PACKET.REDIRECT, false, 0x02);
  bytes.writeUInt16BE(text.length, 8);
  bytes.write(text, 10, 'latin1');
  return bytes;
}
