/**
 * The smallest parts of the two-task (TTC) layer, both ways: universal integers (a length byte whose top bit is the sign,
 * then a big-endian magnitude without leading zeros) and length-prefixed bytes (one length byte up to 252; longer ones
 * as chunks behind the byte 254, ended by an empty chunk). It knows nothing of messages.
 */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** The largest length that is written in one byte. */
const SHORT_MAX = 252;
const CHUNKS_FOLLOW = 254;
const NULL_LENGTH = 255;
const CHUNK_BYTES = 32_767;
const NEGATIVE = 0x80;

export class Reader {
  readonly buffer: Buffer;
  #position = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  get position(): number {
    return this.#position;
  }

  get left(): number {
    return this.buffer.length - this.#position;
  }

  u8(): number {
    return this.buffer.readUInt8(this.#advance(1));
  }

  /** The next byte, left where it is; -1 at the end. */
  peek(): number {
    return this.buffer[this.#position] ?? -1;
  }

  u16(): number {
    return this.buffer.readUInt16BE(this.#advance(2));
  }

  u16le(): number {
    return this.buffer.readUInt16LE(this.#advance(2));
  }

  u32(): number {
    return this.buffer.readUInt32BE(this.#advance(4));
  }

  /** A view of the request, not a copy: whoever keeps it must copy it. */
  raw(length: number): Buffer {
    const start = this.#advance(length);
    return this.buffer.subarray(start, start + length);
  }

  skip(length: number): void {
    this.#advance(length);
  }

  ub2(): number {
    return this.#universal(2);
  }

  ub4(): number {
    return this.#universal(4);
  }

  ub8(): number {
    return this.#universal(8);
  }

  sb4(): number {
    return this.#universal(4);
  }

  /** Length-prefixed bytes; null for no bytes, which is how null is written. */
  bytes(): Buffer | null {
    const length = this.u8();
    if (length === 0 || length === NULL_LENGTH) return null;
    if (length !== CHUNKS_FOLLOW) return this.raw(length);
    const chunks: Buffer[] = [];
    for (let size = this.ub4(); size > 0; size = this.ub4()) chunks.push(this.raw(size));
    return Buffer.concat(chunks);
  }

  text(): string {
    return this.bytes()?.toString('utf8') ?? '';
  }

  /** Bytes up to a zero. */
  zeroEnded(): string {
    const end = this.buffer.indexOf(0, this.#position);
    if (end < 0) throw new WireError('A text without its closing zero.');
    const text = this.buffer.toString('latin1', this.#position, end);
    this.#position = end + 1;
    return text;
  }

  /** A pair of the logon messages and of the application context. */
  keyValue(): { key: string; value: string; flags: number } {
    this.ub4();
    const key = this.text();
    const value = this.ub4() > 0 ? this.text() : '';
    return { key, value, flags: this.ub4() };
  }

  #universal(maxBytes: number): number {
    const head = this.u8();
    const length = head & ~NEGATIVE;
    if (length > maxBytes) {
      throw new WireError(`An integer of ${length} bytes where ${maxBytes} are the most, at ${this.#position}.`);
    }
    let magnitude = 0;
    for (let index = 0; index < length; index++) magnitude = magnitude * 256 + this.u8();
    return head & NEGATIVE && magnitude > 0 ? -magnitude : magnitude;
  }

  #advance(length: number): number {
    if (length < 0 || this.left < length) {
      throw new WireError(`Read past the end: ${length} bytes wanted at ${this.#position}, ${this.left} there.`);
    }
    const start = this.#position;
    this.#position += length;
    return start;
  }
}

export class Writer {
  #buffer: Buffer;
  #length = 0;

  constructor(size = 512) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#length++] = value & 0xff;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#length = this.#buffer.writeUInt16BE(value, this.#length);
    return this;
  }

  u16le(value: number): this {
    this.#reserve(2);
    this.#length = this.#buffer.writeUInt16LE(value, this.#length);
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32BE(value >>> 0, this.#length);
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  ub2(value: number): this {
    return this.#universal(value, 0);
  }

  ub4(value: number): this {
    return this.#universal(value, 0);
  }

  ub8(value: number): this {
    return this.#universal(value, 0);
  }

  sb4(value: number): this {
    return this.#universal(Math.abs(value), value < 0 ? NEGATIVE : 0);
  }

  bytes(bytes: Uint8Array | null): this {
    if (bytes === null || bytes.length === 0) return this.u8(0);
    if (bytes.length <= SHORT_MAX) return this.u8(bytes.length).raw(bytes);
    this.u8(CHUNKS_FOLLOW);
    for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
      const chunk = bytes.subarray(start, start + CHUNK_BYTES);
      this.ub4(chunk.length).raw(chunk);
    }
    return this.ub4(0);
  }

  text(text: string): this {
    return this.bytes(Buffer.from(text, 'utf8'));
  }

  /** The length as a universal integer and, where it is not 0, the length-prefixed bytes. */
  sized(content: Uint8Array | string | null): this {
    const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
    if (bytes === null || bytes.length === 0) return this.ub4(0);
    return this.ub4(bytes.length).bytes(bytes);
  }

  keyValue(key: string, value: string, flags = 0): this {
    return this.sized(key).sized(value).ub4(flags);
  }

  /** Forgets what was written: the buffer is used again, and views of it change. */
  clear(): this {
    this.#length = 0;
    return this;
  }

  /** A view of what was written, good until the next write. */
  view(start = 0, end = this.#length): Buffer {
    return this.#buffer.subarray(start, end);
  }

  #universal(magnitude: number, sign: number): this {
    if (magnitude === 0) return this.u8(0);
    if (magnitude <= 0xff) return this.u8(1 | sign).u8(magnitude);
    if (magnitude <= 0xffff) return this.u8(2 | sign).u16(magnitude);
    if (magnitude <= 0xff_ffff)
      return this.u8(3 | sign)
        .u8(magnitude >>> 16)
        .u16(magnitude & 0xffff);
    if (magnitude <= 0xffff_ffff) return this.u8(4 | sign).u32(magnitude);
    return this.u8(8 | sign)
      .u32(Math.floor(magnitude / 2 ** 32))
      .u32(magnitude % 2 ** 32);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    let size = this.#buffer.length * 2;
    while (size < this.#length + more) size *= 2;
    const grown = Buffer.allocUnsafe(size);
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
