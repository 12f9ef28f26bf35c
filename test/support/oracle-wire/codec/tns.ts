/**
 * TNS, the packet layer. A packet is an 8-byte header (length, type at byte 4, flags at byte 5) and a body. Lengths have
 * 16 bits up to and with ACCEPT, 32 bits afterwards (from version 315 on); too long connect data comes in a DATA packet
 * of its own, still with a 16-bit length. Packets of the connect phase are in connect-packets.ts.
 */
export const PACKET = {
  CONNECT: 1,
  ACCEPT: 2,
  REFUSE: 4,
  REDIRECT: 5,
  DATA: 6,
  RESEND: 11,
  MARKER: 12,
  CONTROL: 14,
} as const;

export const MARKER = { BREAK: 1, RESET: 2, INTERRUPT: 3 } as const;

/** The two bytes in front of every DATA body. */
export const DATA_FLAG = {
  MORE_DATA: 0x20,
  END_OF_FILE: 0x40,
  END_OF_REQUEST: 0x800,
  END_OF_RESPONSE: 0x2000,
} as const;

export const HEADER_BYTES = 8;
const DATA_HEADER_BYTES = HEADER_BYTES + 2;
/** Far above what a client may ask for: a length beyond it is a stream out of step. */
const MAX_PACKET_BYTES = 4 * 1024 * 1024;
const ORA_FACILITY = 22;

export interface Packet {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
  /** The whole packet, its header too. */
  readonly raw: Buffer;
}

/** Cuts a stream of bytes into packets. */
export class PacketSplitter {
  /** Lengths have 32 bits: true from ACCEPT on. */
  large = false;
  #pending: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
  }

  /** Null when the next packet is not there as a whole. Throws for a length that cannot be. */
  next(): Packet | null {
    const pending = this.#pending;
    if (pending.length < HEADER_BYTES) return null;
    const length = this.large ? pending.readUInt32BE(0) : pending.readUInt16BE(0);
    if (length < HEADER_BYTES || length > MAX_PACKET_BYTES) throw new Error(`A TNS packet of ${length} bytes.`);
    if (pending.length < length) return null;
    this.#pending = pending.subarray(length);
    const raw = pending.subarray(0, length);
    return { type: raw.readUInt8(4), flags: raw.readUInt8(5), body: raw.subarray(HEADER_BYTES), raw };
  }
}

export function packetHeader(length: number, type: number, large: boolean, flags = 0): Buffer {
  const bytes = Buffer.alloc(length);
  writeLength(bytes, length, large);
  bytes[4] = type;
  bytes[5] = flags;
  return bytes;
}

export function buildMarker(kind: number, large: boolean): Buffer {
  const bytes = packetHeader(HEADER_BYTES + 3, PACKET.MARKER, large);
  bytes[8] = 1;
  bytes[10] = kind;
  return bytes;
}

/** In-band notification: what a dying instance tells a session that waits for nothing. */
export function buildControlError(code: number, large: boolean): Buffer {
  const bytes = packetHeader(HEADER_BYTES + 14, PACKET.CONTROL, large);
  bytes.writeUInt16BE(8, 8);
  bytes.writeUInt32BE(ORA_FACILITY, 10);
  bytes.writeUInt32BE(code, 14);
  return bytes;
}

/** A payload as DATA packets of at most `sdu` bytes; the last one says that the answer ends, where that was agreed. */
export function buildData(payload: Buffer, sdu: number, large: boolean, endOfResponse: boolean): Buffer {
  const room = sdu - DATA_HEADER_BYTES;
  const parts: Buffer[] = [];
  let start = 0;
  do {
    const part = payload.subarray(start, start + room);
    start += room;
    const header = Buffer.alloc(DATA_HEADER_BYTES);
    writeLength(header, DATA_HEADER_BYTES + part.length, large);
    header[4] = PACKET.DATA;
    if (start >= payload.length && endOfResponse) header.writeUInt16BE(DATA_FLAG.END_OF_RESPONSE, HEADER_BYTES);
    parts.push(header, part);
  } while (start < payload.length);
  return Buffer.concat(parts);
}

function writeLength(bytes: Buffer, length: number, large: boolean): void {
  if (large) bytes.writeUInt32BE(length, 0);
  else bytes.writeUInt16BE(length, 0);
}
