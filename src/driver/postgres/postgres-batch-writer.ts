/**
 * Messages of a batch in pieces of about 64 KiB: one buffer and one write for hundreds of rows, where a write for each
 * message costs more than the message. Used by postgres-batch.ts.
 * Invariant: a piece holds whole messages, and is not touched again once taken.
 */

/** As much as is gathered before it goes to the socket. */
export const PIECE_BYTES = 65_536;

const BIND = 0x42;
const COPY_DATA = 0x64;
/** Of the unnamed portal, all rows (PostgreSQL manual, 54.7). */
const EXECUTE = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0]);
/** A character of a JavaScript string is at most three bytes of UTF-8. */
const MAX_BYTES = 3;

export class BatchWriter {
  #buffer = Buffer.alloc(0);
  #size = 0;
  #lines = '';

  /** There is enough for a piece. */
  get isFull(): boolean {
    return this.#size + this.#lines.length >= PIECE_BYTES;
  }

  /** Lines of COPY's text; they become one message when the piece is taken. */
  addLine(line: string): void {
    this.#lines += line;
  }

  /** Bind of the unnamed statement, with results as text, and Execute. Bytes go binary, everything else as text. */
  addBindAndExecute(values: readonly (string | Buffer | null)[]): void {
    const start = this.#size;
    // Code, length, two empty names, three counts, one format for all results; four bytes for every format and length.
    this.#reserve(15 + values.length * 6);
    this.#byte(BIND);
    this.#size += 4;
    this.#byte(0);
    this.#byte(0);
    this.#addFormats(values);
    this.#int16(values.length);
    for (const value of values) this.#addValue(value);
    this.#reserve(4 + EXECUTE.length);
    this.#int16(1);
    this.#int16(0);
    this.#buffer.writeInt32BE(this.#size - start - 1, start + 1);
    this.#size += EXECUTE.copy(this.#buffer, this.#size);
  }

  /** What was gathered; empty when nothing was. */
  take(): Buffer {
    if (this.#lines !== '') return this.#takeLines();
    const piece = this.#buffer.subarray(0, this.#size);
    this.#buffer = Buffer.alloc(0);
    this.#size = 0;
    return piece;
  }

  /** Forgets what was gathered. */
  clear(): void {
    this.#lines = '';
    this.#size = 0;
  }

  #takeLines(): Buffer {
    const lines = this.#lines;
    this.#lines = '';
    const bytes = Buffer.byteLength(lines);
    const message = Buffer.allocUnsafeSlow(bytes + 5);
    message[0] = COPY_DATA;
    message.writeInt32BE(bytes + 4, 1);
    message.write(lines, 5);
    return message;
  }

  /** No formats at all say that all are text. */
  #addFormats(values: readonly (string | Buffer | null)[]): void {
    if (!values.some((value) => Buffer.isBuffer(value))) return this.#int16(0);
    this.#int16(values.length);
    for (const value of values) this.#int16(Buffer.isBuffer(value) ? 1 : 0);
  }

  #addValue(value: string | Buffer | null): void {
    if (value === null) {
      this.#reserve(4);
      this.#int32(-1);
      return;
    }
    this.#reserve(4 + (Buffer.isBuffer(value) ? value.length : value.length * MAX_BYTES));
    const at = this.#size + 4;
    const bytes = Buffer.isBuffer(value) ? value.copy(this.#buffer, at) : this.#buffer.write(value, at);
    this.#int32(bytes);
    this.#size += bytes;
  }

  #byte(value: number): void {
    this.#buffer[this.#size] = value;
    this.#size += 1;
  }

  /** A count, which has no sign: up to 65,535. */
  #int16(value: number): void {
    this.#size = this.#buffer.writeUInt16BE(value, this.#size);
  }

  #int32(value: number): void {
    this.#size = this.#buffer.writeInt32BE(value, this.#size);
  }

  #reserve(bytes: number): void {
    const needed = this.#size + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES * 2, needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#size);
    this.#buffer = larger;
  }
}
